"""By how much a sum grew, asked of Prometheus' own engine (promtool): a correction is no restart."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from deploy.grafana.promql import CHOSEN, growth
from tests.deploy.grafana.test_rules import needs_promtool

SERIES = 'wachtpost_calls_missed{site="lier", queue="a", outcome="abandoned"}'


@needs_promtool
@pytest.mark.parametrize(
    ("story", "values", "grown"),
    [
        ("nothing happens", "38096x60", 0),
        ("three hang up", "38096x20 38097 38098 38099x37", 3),
        ("four hang up, and one of them turns out to have been helped", "38096x20 38100x9 38099x29", 3),
        ("one of yesterday turns out to have been helped", "38096x20 38095x39", 0),
        ("the owner is gone for ten minutes, and three hang up meanwhile", "38096x20 _x10 38099x29", 3),
    ],
)
def test_a_sum_grows_by_what_happened(story: str, values: str, grown: int, tmp_path: Path) -> None:
    asked = growth(f"wachtpost_calls_missed{{{CHOSEN}}}", "outcome", "1h")
    expr = f"round({asked.replace('$site', 'lier').replace('$queue', 'a')}, 0.1)"
    told = {"labels": '{outcome="abandoned"}', "value": grown}
    test = {
        "interval": "1m",
        "input_series": [{"series": SERIES, "values": values}],
        "promql_expr_test": [{"expr": expr, "eval_time": "60m", "exp_samples": [told]}],
    }
    (tmp_path / "growth.yml").write_text(yaml.safe_dump({"tests": [test]}))
    command = ["promtool", "test", "rules", str(tmp_path / "growth.yml")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{story}\n{ran.stdout}{ran.stderr}"

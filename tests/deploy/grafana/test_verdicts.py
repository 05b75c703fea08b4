"""What a tile says when there is no figure, asked of Prometheus' own engine (promtool)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from deploy.grafana.kpis import MISSED
from deploy.grafana.promql import CHOSEN
from tests.deploy.grafana.test_builder import ENGLISH

AT = 'site="lier", queue="a"'
FIGURE = f'wachtpost_missed_ratio{{{AT}, window="15m"}}'
SAMPLES = f'wachtpost_kpi_samples{{{AT}, kpi="missed_ratio", window="15m"}}'
OPEN = f'wachtpost_queue_open{{{AT}, kind="phone"}}'
COUNTER_OPEN = f'wachtpost_queue_open{{{AT}, kind="counter"}}'
NAMES = f'wachtpost_queue_info{{{AT}, kind="phone", name="A"}}'


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (apt install prometheus)"
)
@pytest.mark.parametrize(
    ("story", "page", "value", "verdict"),
    [
        ("nobody called, by day", {SAMPLES: 0, OPEN: 1}, 0, "too few to judge"),
        ("a few called, by day", {SAMPLES: 3, OPEN: 1}, 0, "too few to judge"),
        ("nobody could call", {SAMPLES: 0, OPEN: 0}, 0, "closed"),
        ("a few called before it closed", {SAMPLES: 3, OPEN: 0}, 0, "closed"),
        ("the last quarter of the day", {SAMPLES: 12, FIGURE: 0.25, OPEN: 0}, 0.25, "no target"),
        ("only the counters are shut", {SAMPLES: 0, OPEN: 1, COUNTER_OPEN: 0}, 0, "too few to judge"),
        ("an evaluator that does not tell yet", {SAMPLES: 0}, 0, "too few to judge"),
    ],
)
def test_a_tile_without_a_figure_says_whether_the_desk_is_shut(
    story: str, page: dict[str, float], value: float, verdict: str, tmp_path: Path
) -> None:
    query = MISSED.verdict(ENGLISH, CHOSEN, "15m")
    told = f'{{site="lier", queue="a", name="A", verdict="{verdict}", samples="{page[SAMPLES]}"}}'
    test = {
        "input_series": [{"series": name, "values": str(one)} for name, one in {NAMES: 1, **page}.items()],
        "promql_expr_test": [
            {
                "expr": query.replace("$site", "lier").replace("$queue", "a"),
                "eval_time": "0m",
                "exp_samples": [{"labels": told, "value": value}],
            }
        ],
    }
    (tmp_path / "verdict.yml").write_text(yaml.safe_dump({"tests": [test]}))
    command = ["promtool", "test", "rules", str(tmp_path / "verdict.yml")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{story}\n{ran.stdout}{ran.stderr}"

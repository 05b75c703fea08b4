"""What a figure's name says of it, asked of Prometheus' own engine (promtool)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from deploy.grafana.kpis import CALL_WAIT, LEAD_TIME, MISSED, SERVICE_LEVEL, VISIT_WAIT
from deploy.grafana.periods import MONTH, RunningKpi
from deploy.grafana.promql import CHOSEN, TOTAL, KpiQuery, counted_speeds
from tests.deploy.grafana.test_builder import ENGLISH

AT = 'site="lier", queue="a"'
NAMES = f'wachtpost_queue_info{{{AT}, kind="phone", name="A"}}'
OPEN = f'wachtpost_queue_open{{{AT}, kind="phone"}}'
COUNTER_OPEN = f'wachtpost_queue_open{{{AT}, kind="counter"}}'

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (apt install prometheus)"
)


def told(kpi: KpiQuery, window: str, **what: float) -> dict[str, float]:
    """What the evaluator tells of queue a: ``samples``, ``part``, ``verdict`` … and the ``figure``."""
    series = {
        f'wachtpost_kpi_{name}{{{AT}, kpi="{kpi.name}", window="{window}"}}': value
        for name, value in what.items()
        if name not in {"figure", "target"}
    }
    if "figure" in what:
        series[f'{kpi.series}{{{AT}, window="{window}"}}'] = what["figure"]
    if "target" in what:
        series[f'wachtpost_kpi_target{{{AT}, kpi="{kpi.name}"}}'] = what["target"]
    return {NAMES: 1, **series}


def answers(query: str, page: Mapping[str, float], expected: Mapping[str, float], folder: Path) -> str:
    """Ask for what a page says; return what is not as expected (value by labels), or nothing."""
    told = [{"labels": labels, "value": value} for labels, value in expected.items()]
    expr = f"sum without (target) ({query.replace('$site', 'lier').replace('$queue', 'a')})"
    test = {
        "input_series": [{"series": name, "values": str(one)} for name, one in page.items()],
        "promql_expr_test": [{"expr": expr, "eval_time": "0m", "exp_samples": told}],
    }
    (folder / "asked.yml").write_text(yaml.safe_dump({"tests": [test]}))
    command = ["promtool", "test", "rules", str(folder / "asked.yml")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if ran.returncode == 0 else ran.stdout + ran.stderr


def reading(verdict: str, counts: str) -> str:
    return f'{{site="lier", queue="a", name="A", verdict="{verdict}", counts="{counts}"}}'


@needs_promtool
@pytest.mark.parametrize(
    ("story", "page", "verdict", "counts"),
    [
        ("nobody called, by day", {**told(MISSED, "15m", samples=0), OPEN: 1}, "not yet to say", "calls: 0"),
        ("nobody could call", {**told(MISSED, "15m", samples=0), OPEN: 0}, "closed", "calls: 0"),
        (
            "fewer than the city wants",
            {**told(MISSED, "15m", samples=3, part=1), OPEN: 1},
            "not yet to say",
            "1 of 3",
        ),
        (
            "a few called before it closed",
            {**told(MISSED, "15m", samples=3, part=0), OPEN: 0},
            "closed",
            "0 of 3",
        ),
        (
            "only the counters are shut",
            {**told(MISSED, "15m", samples=0), OPEN: 1, COUNTER_OPEN: 0},
            "not yet to say",
            "calls: 0",
        ),
        (
            "an evaluator that does not tell yet",
            told(MISSED, "15m", samples=0),
            "not yet to say",
            "calls: 0",
        ),
    ],
)
def test_a_tile_without_a_figure_says_whether_the_desk_is_shut(
    story: str, page: dict[str, float], verdict: str, counts: str, tmp_path: Path
) -> None:
    query = MISSED.verdict(ENGLISH, CHOSEN, "15m")
    assert answers(query, page, {reading(verdict, counts): 0}, tmp_path) == "", story


FEW = {"samples": 20, "part": 6, "figure": 0.3, "low": 0.1455, "high": 0.519}


@needs_promtool
@pytest.mark.parametrize(
    ("kpi", "page", "verdict", "counts"),
    [
        (MISSED, FEW | {"target": 0.2, "verdict": 1}, "not yet to say (20 %)", "6 of 20 (15–52 %)"),
        (MISSED, FEW | {"target": 0.1, "verdict": 2}, "above target (10 %)", "6 of 20 (15–52 %)"),
        (MISSED, FEW | {"target": 0.6, "verdict": 0}, "on target (60 %)", "6 of 20 (15–52 %)"),
        (MISSED, FEW, "no target", "6 of 20 (15–52 %)"),
        (
            MISSED,
            {"samples": 60, "part": 18, "figure": 0.3, "target": 0.2, "verdict": 2},
            "above target (20 %)",
            "18 of 60",
        ),
        (SERVICE_LEVEL, FEW | {"target": 0.8, "verdict": 2}, "below target (80 %)", "6 of 20 (15–52 %)"),
        (
            CALL_WAIT,
            {"samples": 12, "figure": 48.4, "low": 30.2, "high": 66.6, "target": 45, "verdict": 1},
            "not yet to say (45 s)",
            "answered: 12 (30–67 s)",
        ),
        (
            CALL_WAIT,
            {"samples": 2, "figure": 48.4, "target": 45, "verdict": 1},
            "not yet to say (45 s)",
            "answered: 2",
        ),
    ],
)
def test_a_figure_carries_its_counts_its_range_and_the_evaluators_verdict(
    kpi: KpiQuery, page: dict[str, float], verdict: str, counts: str, tmp_path: Path
) -> None:
    query = kpi.verdict(ENGLISH, CHOSEN, "15m", ranged=True)
    shown = 100 * page["figure"] if kpi.is_share else page["figure"]
    expected = {reading(verdict, counts): shown}
    assert answers(query, told(kpi, "15m", **page), expected, tmp_path) == ""


@needs_promtool
def test_a_range_does_not_repeat_a_unit_that_is_a_word(tmp_path: Path) -> None:
    page = told(LEAD_TIME, "today", samples=8, figure=1.1, low=0, high=3.1, target=5, verdict=0)
    query = LEAD_TIME.verdict(ENGLISH, CHOSEN, "today", ranged=True)
    named = reading("on target (5 working days)", "appointments: 8 (0.0–3.1)")
    assert answers(query, page, {named: 1.1}, tmp_path) == ""


@needs_promtool
def test_minutes_have_a_range_in_minutes(tmp_path: Path) -> None:
    page = told(VISIT_WAIT, "today", samples=7, figure=90, low=33, high=147, target=60, verdict=1)
    query = VISIT_WAIT.verdict(ENGLISH, CHOSEN, "today", ranged=True)
    assert (
        answers(query, page, {reading("not yet to say (1 min)", "visits: 7 (0.6–2.5 min)"): 1.5}, tmp_path)
        == ""
    )


@needs_promtool
@pytest.mark.parametrize(
    ("story", "page", "counts"),
    [
        (
            "they took 37 minutes to come",
            {"samples": 20, "window_start_timestamp_seconds": -2220},
            "6 of 20 in 37 min",
        ),
        ("when is not known", {"samples": 20}, "6 of 20"),
        (
            "so few came since opening",
            {"samples": 9, "window_start_timestamp_seconds": -3600},
            "6 of 9 in 60 min",
        ),
    ],
)
def test_a_window_of_contacts_says_how_long_they_took_to_come(
    story: str, page: dict[str, float], counts: str, tmp_path: Path
) -> None:
    query = MISSED.verdict(ENGLISH, CHOSEN, "last 20", ranged=True)
    page = told(MISSED, "last 20", figure=0.3, part=6, **page)
    assert answers(query, page, {reading("no target", counts): 30}, tmp_path) == "", story


@needs_promtool
def test_nobody_took_no_time_to_come(tmp_path: Path) -> None:
    page = {**told(MISSED, "last 20", samples=0, window_start_timestamp_seconds=-3600), OPEN: 1}
    query = MISSED.verdict(ENGLISH, CHOSEN, "last 20", ranged=True)
    assert answers(query, page, {reading("not yet to say", "calls: 0"): 0}, tmp_path) == ""


@needs_promtool
def test_a_queue_without_a_target_shows_that_of_the_site(tmp_path: Path) -> None:
    page = {
        **told(MISSED, "15m", **FEW, verdict=1),
        'wachtpost_kpi_target{site="lier", queue="all", kpi="missed_ratio"}': 0.2,
    }
    query = MISSED.verdict(ENGLISH, CHOSEN, "15m")
    assert answers(query, page, {reading("not yet to say (20 %)", "6 of 20"): 30}, tmp_path) == ""


@needs_promtool
def test_a_month_has_its_counts_the_reports_verdict_and_no_range(tmp_path: Path) -> None:
    period = 'site="lier", period="2026-11"'
    page = {
        'wachtpost_queue_info{site="lier", queue="all", kind="site", name="Lier"}': 1,
        f'wachtpost_indicator_period{{{period}, span="month", state="running"}}': 1,
        f'wachtpost_indicator_missed_ratio{{{period}, queue="all", origin="counted"}}': 7 / 60,
        f'wachtpost_indicator_samples{{{period}, queue="all", origin="counted", kpi="missed_ratio"}}': 60,
        'wachtpost_indicator_target{site="lier", queue="all", kpi="missed_ratio", period="month"}': 0.2,
        f'wachtpost_indicator_verdict{{{period}, queue="all", kpi="missed_ratio"}}': 1,
    }
    query = RunningKpi.of(MISSED, MONTH).verdict(ENGLISH, TOTAL, "", ranged=True)
    month = '{site="lier", queue="all", name="Lier", verdict="not yet to say (20 %)", counts="7 of 60"}'
    assert answers(query, page, {month: 100 * (7 / 60)}, tmp_path) == ""


@needs_promtool
def test_every_range_of_waits_says_how_many_calls_it_holds(tmp_path: Path) -> None:
    shares = {"0-20": 13 / 18, "20-45": 5 / 18, ">45": 0}
    page = {
        f'wachtpost_speed_category_ratio{{{AT}, window="1h", category="{one}"}}': share
        for one, share in shares.items()
    }
    page[f'wachtpost_kpi_samples{{{AT}, kpi="call_wait_mean", window="1h"}}'] = 18
    expected = {
        '{order="00000", category="0-20 · 13 of 18"}': 13 / 18,
        '{order="00020", category="20-45 · 5 of 18"}': 5 / 18,
        '{order="00045", category="45+ · 0 of 18"}': 0.0,
    }
    assert answers(counted_speeds(ENGLISH, CALL_WAIT, CHOSEN, "1h"), page, expected, tmp_path) == ""

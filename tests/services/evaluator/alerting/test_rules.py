"""Rules: every limit that a city file may have can be passed, and can be come back from."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.evaluator.alerting.rules import Rule, rules_of
from shared.config.model import WEEKDAYS, CityFile, WeekHours
from shared.config.references import meeting_mistakes
from shared.config.types import longest_opening
from shared.contract.breach_events import Level
from shared.contract.kpis import KPIS, Kpi

QUEUES = [{"id": "a", "kind": "phone"}, {"id": "b", "kind": "phone"}, {"id": "c", "kind": "counter"}]

RATIOS = st.sampled_from([0.0, 0.05, 0.1, 0.15, 0.2, 0.8, 0.9, 0.95, 0.99, 1.0]) | st.floats(0, 1)
AMOUNTS = st.sampled_from([0, 1, 45, 60.5, 604_800, 604_801, 84_180]) | st.floats(0, 1e6)


def document(**sections: object) -> dict[str, object]:
    return {"city": {"name": "Lier"}, "sites": [{"id": "lier", "queues": QUEUES}], **sections}


def judged_rules(rules: dict[str, object]) -> list[Rule]:
    city = CityFile.model_validate(rules)
    return rules_of(city, city.sites)


def can_fire_and_clear(judged: Rule, highest: float) -> None:
    limits = judged.first.limits
    worst, best = (0.0, highest) if limits.more_is_better else (highest, 0.0)
    assert limits.over(worst), (judged.key.level, limits)
    assert limits.back(best), (judged.key.level, limits)
    for value in (limits.limit, limits.clear_at):
        assert 0 <= value <= highest
        assert not (limits.over(value) and limits.back(value)), (judged.key.level, limits)


@st.composite
def rules(draw: st.DrawFn) -> tuple[Kpi, dict[str, object]]:
    kpi = draw(st.sampled_from(list(Kpi)))
    numbers = RATIOS if KPIS[kpi].highest == 1 else AMOUNTS
    rule: dict[str, object] = {"id": "x", "kpi": kpi.value, "queue": draw(st.sampled_from(["all", "*"]))}
    three = [draw(numbers) for _ in range(3)]
    if draw(st.booleans()):  # most that are drawn at will do not fit: draw them in order
        three = sorted(three, reverse=kpi is not Kpi.SERVICE_LEVEL)
    keys = ("limit", "clear_at", "warn_at")
    rule |= {key: number for key, number in zip(keys, three, strict=True) if draw(st.integers(0, 3))}
    targets = [
        {"kpi": kpi.value, "queue": queue, "limit": draw(numbers)}
        for queue in ("all", *(q["id"] for q in QUEUES if q["kind"] == KPIS[kpi].kind))
    ]
    return kpi, document(rules=[rule], targets=targets)


@given(rules())
def test_every_level_of_every_accepted_rule_can_fire_and_clear(drawn: tuple[Kpi, dict[str, object]]) -> None:
    kpi, file = drawn
    assume(not meeting_mistakes(file))
    for judged in judged_rules(file):
        can_fire_and_clear(judged, KPIS[kpi].highest)


@given(st.sampled_from(["missed_ratio", "call_wait_mean"]), RATIOS, st.floats(0.01, 20))
def test_every_accepted_budget_rule_can_fire_and_clear(kpi: str, share: float, burn_rate: float) -> None:
    target = share * KPIS[kpi].highest
    rule = {"id": "x", "kpi": kpi, "long_window": "1h", "short_window": "5m", "burn_rate": burn_rate}
    promise = {"kpi": kpi, "limit": target}
    file = document(budget_rules=[rule], targets=[promise])
    assume(not meeting_mistakes(file))
    (judged,) = judged_rules(file)
    can_fire_and_clear(judged, KPIS[kpi].highest / target)


@pytest.mark.parametrize(
    ("kpi", "limit", "clear_at", "warn_at", "warning_clears_at"),
    [
        ("service_level", 0.80, 0.90, 0.95, 1.0),  # 1.05 is never reached
        ("service_level", 0.80, 0.85, 0.90, 0.95),
        ("service_level", 0.80, None, 1.0, 1.0),
        ("missed_ratio", 0.20, 0.15, 0.10, 0.05),  # exactly
        ("missed_ratio", 0.20, 0.05, 0.10, 0.0),
        ("call_wait_mean", 45, 10, 30, 0.0),
        ("visit_wait_mean", 60, 50.5, 40, 30.5),
        ("lead_time_mean", 5, 4.8, 4.5, 4.3),
    ],
)
def test_a_warning_clears_as_far_from_it_as_the_limit_does_while_the_kpi_goes_that_far(
    kpi: str, limit: float, clear_at: float | None, warn_at: float, warning_clears_at: float
) -> None:
    thresholds = {"limit": limit, "warn_at": warn_at} | ({} if clear_at is None else {"clear_at": clear_at})
    rule = {"id": "x", "kpi": kpi, **thresholds}
    (warning,) = [
        judged for judged in judged_rules(document(rules=[rule])) if judged.key.level is Level.WARNING
    ]
    assert (warning.first.limits.limit, warning.first.limits.clear_at) == (warn_at, warning_clears_at)


@pytest.mark.parametrize(
    ("week", "longest"),
    [
        ({"monday": ["08:00-12:00", "13:00-17:30"]}, timedelta(hours=4, minutes=30)),
        ({"monday": ["12:00-17:30", "08:00-12:00"]}, timedelta(hours=9, minutes=30)),
        ({"sunday": ["20:00-24:00"], "monday": ["00:00-06:00"]}, timedelta(hours=10)),
        ({}, timedelta(0)),
    ],
)
def test_the_longest_opening_goes_on_where_spans_touch(week: dict[str, object], longest: timedelta) -> None:
    assert longest_opening([WeekHours.model_validate(week)]) == longest
    around = WeekHours.model_validate({day: ["00:00-24:00"] for day in WEEKDAYS})
    assert longest_opening([around]) is None

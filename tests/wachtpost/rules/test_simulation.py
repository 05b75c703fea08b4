"""Simulated time says what a judge says that looks at every second: each step, then, with its figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregator import StreamEvent
from domain.counts import ms_of
from services.ingest.admission import AdmissionRules
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.breach_events import BreachChanged, BreachEvent, Cause
from shared.contract.events import (
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    SourceHeartbeat,
    SourceRestarted,
    StaffChanged,
    VisitArrived,
    VisitCalled,
    VisitLeft,
)
from tests.support.dense_judge import dense
from tests.support.thorough import examples
from wachtpost.analyse.files import ReadingStats, arrivals, file_events
from wachtpost.rules.simulation import Simulation

DATA = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded logs are not here (shared/data)")

MONDAY: Final = datetime(2026, 3, 2, tzinfo=UTC)


def simulated(city: CityFile, facts: Sequence[StreamEvent], until: int | None = None) -> list[BreachEvent]:
    return list(Simulation(city, Calendar(city), city.sites).breaches(facts, until))


def city(*rules: dict[str, object], **sections: object) -> CityFile:
    """A town with two phone queues and a counter, open on Monday morning."""
    document: dict[str, object] = {
        "city": {"name": "Test", "time_zone": "UTC"},
        "calendar": {"public_holidays": ""},
        "hours": {"office": {"monday": ["09:00-09:20", "09:25-12:00"]}},
        "pipeline": {"open_timeout": "5m", "visit_timeout": "12m"},
        "live": {"min_samples": 3},
        "sites": [
            {
                "id": "town",
                "queues": [
                    {"id": "a", "kind": "phone", "hours": "office"},
                    {"id": "b", "kind": "phone"},
                    {"id": "desk", "kind": "counter", "hours": "office"},
                ],
            }
        ],
        "targets": [{"kpi": "missed_ratio", "limit": 0.2, "period": "year"}],
        "sources": [{"kind": "queue_log", "id": "pbx", "site": "town", "path": "queue_log"}],
        "rules": [{"severity": "warning", **rule} for rule in rules],
    }
    return CityFile.model_validate(document | sections)


EVERY_KIND: Final = city(
    {"id": "missed", "kpi": "missed_ratio", "window": "3m", "limit": 0.3, "clear_at": 0.2, "hold": "25s"},
    {"id": "wait", "kpi": "call_wait_mean", "queue": "*", "window": "5m", "limit": 30, "keep_firing": "45s"},
    {"id": "day", "kpi": "call_wait_mean", "window": "today", "limit": 20, "open_only": False},
    {"id": "month", "kpi": "missed_ratio", "window": "month", "limit": 0.5, "warn_at": 0.4, "min_samples": 1},
    {"id": "visits", "kpi": "visit_wait_mean", "queue": "desk", "window": "5m", "limit": 60},
    {"id": "line", "kpi": "waiting", "limit": 1, "warn_at": 0, "hold": "17s"},
    {"id": "long", "kpi": "longest_wait", "queue": "*", "limit": 75.5, "clear_at": 30, "hold": "11s"},
    {"id": "nobody", "kpi": "nobody_available", "queue": "*", "hold": "20s", "keep_firing": "30s"},
    {"id": "hall", "kpi": "longest_wait", "contacts": "visits", "limit": 90, "warn_at": 45},
    {
        "id": "both",
        "all": [{"kpi": "waiting", "limit": 0}, {"kpi": "nobody_available"}],
        "queue": "a",
        "hold": "9s",
    },
    {
        "id": "three",
        "all": [
            {"kpi": "missed_ratio", "window": "last 5", "limit": 0.3, "min_samples": 2},
            {"kpi": "call_wait_mean", "window": "4m", "limit": 15, "min_samples": 1},
            {"kpi": "longest_wait", "limit": 20, "clear_at": 5},
        ],
        "stale_after": "3m",
    },
    {"id": "last", "kpi": "missed_ratio", "queue": "*", "window": "last 4", "limit": 0.3, "min_samples": 2},
    {"id": "sure", "kpi": "missed_ratio", "window": "last 8", "limit": 0.1, "stale_after": "2m"},
    {"id": "visitors", "kpi": "visit_wait_mean", "window": "last 3", "limit": 50, "min_samples": 1},
    {
        "id": "shift",
        "kind": "shift",
        "kpi": "missed_ratio",
        "usual": 0.1,
        "bad": 0.5,
        "false_alarm_every": 100,
        "stale_after": "4m",
        "keep_firing": "20s",
    },
    {
        "id": "late",
        "kind": "shift",
        "kpi": "late_ratio",
        "queue": "b",
        "usual": 0.1,
        "bad": 0.5,
        "within": "20s",
        "false_alarm_every": 100,
    },
    no_data_rules=[{"id": "quiet", "source": "pbx", "after": "4m"}],
    budget_rules=[
        {
            "id": "burn",
            "kpi": "missed_ratio",
            "long_window": "10m",
            "short_window": "2m",
            "burn_rate": 1.5,
            "severity": "critical",
        }
    ],
)
"""A rule of every kind, impatient enough for an hour to be long."""

PHONES: Final = st.sampled_from(["a", "b"])
STARTS: Final = st.integers(-300_000, 1_500_000).map(lambda ms: MONDAY + timedelta(hours=9, milliseconds=ms))
SECONDS: Final = st.integers(0, 240)


@st.composite
def call(draw: st.DrawFn) -> list[Event]:
    """A call, its entry and what became of it, or not: some never get an outcome."""
    name = f"c{draw(st.integers(0, 10**9))}"
    queue, entered, wait = draw(PHONES), draw(STARTS), timedelta(seconds=draw(SECONDS))
    common = {"source": "pbx", "site": "town", "queue": queue, "contact": name}
    told: list[Event] = [CallQueued(id=f"{name}q", at=entered, **common)]
    ends = {"at": entered + wait, "wait_ms": wait // timedelta(milliseconds=1), **common}
    match draw(st.sampled_from(["answered", "answered", "missed", "open"])):
        case "answered":
            talked = timedelta(seconds=draw(SECONDS))
            told.append(CallAnswered(id=f"{name}a", **ends))
            talk_ms = talked // timedelta(milliseconds=1)
            told.append(CallEnded(id=f"{name}e", talk_ms=talk_ms, **common | {"at": entered + wait + talked}))
        case "missed":
            told.append(CallMissed(id=f"{name}m", outcome=draw(st.sampled_from(Outcome)), **ends))
    return told


@st.composite
def visit(draw: st.DrawFn) -> list[Event]:
    name = f"v{draw(st.integers(0, 10**9))}"
    arrived, wait = draw(STARTS), timedelta(seconds=draw(SECONDS))
    common = {"source": "cev", "site": "town", "queue": "desk", "contact": name}
    told: list[Event] = [VisitArrived(id=f"{name}a", at=arrived, **common)]
    match draw(st.sampled_from(["called", "left", "open"])):
        case "called":
            called = {"arrived_at": arrived, "appointment_at": arrived}
            told.append(VisitCalled(id=f"{name}c", at=arrived + wait, **called, **common))
        case "left":
            told.append(VisitLeft(id=f"{name}l", at=arrived + wait, **common))
    return told


@st.composite
def other(draw: st.DrawFn) -> list[Event]:
    at, number = draw(STARTS), draw(st.integers(0, 10**9))
    common = {"source": "pbx", "site": "town", "at": at}
    free, busy = draw(st.integers(0, 1)), draw(st.integers(0, 1))
    told: list[Event] = [
        StaffChanged(id=f"s{number}", queue="a", available=free, busy=busy, **common),
        SourceHeartbeat(id=f"h{number}", **common),
        SourceRestarted(id=f"r{number}", **common),
    ]
    return [draw(st.sampled_from(told))]


LOGS: Final = st.lists(st.one_of(call(), call(), visit(), other()), min_size=1, max_size=25).map(
    lambda told: list(arrivals(("", one) for one in sorted(chain(*told), key=lambda one: one.at)))
)


@settings(max_examples=examples(40))
@given(LOGS)
def test_a_small_log_of_anything_is_judged_as_at_every_second(facts: list[StreamEvent]) -> None:
    until = facts[-1].arrived + 420_000
    assert simulated(EVERY_KIND, facts, until) == list(dense(EVERY_KIND, facts, until))


def log(path: Path, rules: CityFile) -> list[StreamEvent]:
    door = AdmissionRules.of_files(rules, any_queue=False)
    now = ms_of(datetime(2030, 1, 1, tzinfo=UTC))
    return list(arrivals(file_events([path], rules, door, now, None, ReadingStats())))


def of_log(queues: Sequence[str]) -> CityFile:
    """A city whose queues are those of a log, with rules that such a log breaches."""
    rules: list[dict[str, object]] = [
        {"id": "missed", "kpi": "missed_ratio", "window": "15m", "limit": 0.3, "warn_at": 0.2, "hold": "2m"},
        {"id": "each", "kpi": "missed_ratio", "queue": "*", "window": "5m", "keep_firing": "3m"},
        {"id": "level", "kpi": "service_level", "window": "1h", "limit": 0.8, "clear_at": 0.85},
        {"id": "wait", "kpi": "call_wait_mean", "window": "3h", "limit": 60, "min_samples": 20},
        {"id": "day", "kpi": "call_wait_mean", "window": "today", "limit": 45, "hold": "10m"},
        {"id": "line", "kpi": "waiting", "limit": 5, "clear_at": 2, "hold": "30s"},
        {"id": "long", "kpi": "longest_wait", "queue": "*", "limit": 90, "clear_at": 20, "hold": "45s"},
        {"id": "last", "kpi": "missed_ratio", "queue": "*", "window": "last 20", "limit": 0.3, "hold": "1m"},
        {"id": "shift", "kind": "shift", "kpi": "missed_ratio", "queue": "*", "usual": 0.12},
        {"id": "late", "kind": "shift", "kpi": "late_ratio", "usual": 0.2, "bad": 0.5, "within": "30s"},
        {
            "id": "both",
            "all": [
                {"kpi": "waiting", "limit": 3},
                {"kpi": "missed_ratio", "window": "last 10", "limit": 0.2},
            ],
        },
    ]
    return city(
        *rules,
        hours={"office": {"tuesday": ["08:00-12:00", "12:30-18:00"]}},
        sites=[
            {
                "id": "town",
                "queues": [
                    {"id": name, "kind": "phone"} | ({"hours": "office"} if number % 2 else {})
                    for number, name in enumerate(queues)
                ],
            }
        ],
        no_data_rules=[{"id": "quiet", "source": "pbx", "after": "5m"}],
    )


@needs_data
@pytest.mark.parametrize(
    ("path", "queues"),
    [
        ("asterisk/run-light-a/log/queue_log", ["burgerzaken", "technisch", "onthaal"]),
        ("asterisk/run-a/log/queue_log", ["burgerzaken", "technisch", "onthaal"]),
        pytest.param(
            "bank-day/queue_log",
            ["callback", "internet", "priority", "prospective", "regular", "stock"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_real_log_is_judged_as_at_every_second(path: str, queues: Sequence[str]) -> None:
    rules = of_log(queues)
    facts = log(DATA / path, rules)
    # Of bank-day the morning and its lunch: every second is looked at, and the evening is more of the same.
    facts = [fact for fact in facts if fact.arrived < facts[0].arrived + 7 * 3_600_000]
    expected = list(dense(rules, facts))
    assert simulated(rules, facts) == expected
    assert sum(isinstance(event, BreachChanged) for event in expected) > 20


def calls(outcomes: str, first: str, every_s: int) -> list[Event]:
    """Calls at queue b that came so far apart: ``-`` missed, ``+`` answered, after a second each."""
    at = MONDAY.replace(hour=int(first[:2]), minute=int(first[3:]))
    common = {"source": "pbx", "site": "town", "queue": "b", "wait_ms": 1_000}
    return [
        CallMissed(id=f"{first}{number}", at=ended, outcome=Outcome.ABANDONED, **common)
        if outcome == "-"
        else CallAnswered(id=f"{first}{number}", at=ended, **common)
        for number, outcome in enumerate(outcomes)
        for ended in (at + timedelta(seconds=every_s * number),)
    ]


def alone(rule: str) -> CityFile:
    """The same town with one rule."""
    rules = ("rules", "no_data_rules", "budget_rules")
    kept = {name: tuple(one for one in getattr(EVERY_KIND, name) if one.id == rule) for name in rules}
    return EVERY_KIND.model_copy(update=kept)


def told_of(rules: CityFile, events: Sequence[Event], until: int | None = None) -> list[BreachChanged]:
    """What rules say, one way and the other."""
    facts = list(arrivals(("", event) for event in events))
    told = simulated(rules, facts, until)
    assert told == list(dense(rules, facts, until))
    return [one for one in told if isinstance(one, BreachChanged)]


def test_a_source_that_speaks_later_than_another_is_waited_for_from_then_on() -> None:
    common = {"site": "town", "source": "cev", "queue": "desk"}
    at = MONDAY + timedelta(hours=9, minutes=30)
    first = VisitArrived(id="v", at=at, contact="v", **common)
    heartbeat = SourceHeartbeat(id="h", at=at + timedelta(minutes=1), source="pbx", site="town")
    (opened, fired) = told_of(alone("quiet"), [first, heartbeat], ms_of(at + timedelta(minutes=9)))
    assert opened.at == fired.at == at + timedelta(minutes=5, seconds=1)


def test_a_breach_without_a_reading_is_over_when_whoever_waited_is_gone_by_a_restart() -> None:
    common = {"site": "town", "source": "cev", "queue": "desk"}
    ten = MONDAY + timedelta(hours=10)
    came = {"arrived_at": ten - timedelta(seconds=100), "appointment_at": ten - timedelta(seconds=100)}
    told: list[Event] = [VisitCalled(id=f"c{n}", at=ten, contact=f"c{n}", **came, **common) for n in range(3)]
    told.append(VisitArrived(id="w", at=ten + timedelta(minutes=3), contact="w", **common))
    restarted = ten + timedelta(minutes=12, seconds=31)
    told.append(SourceRestarted(id="r", at=restarted, source="cev", site="town"))
    told.append(SourceHeartbeat(id="h", at=restarted + timedelta(minutes=3), source="cev", site="town"))
    over = told_of(alone("visits"), told)[-1]
    assert (over.cause, over.at) == (Cause.NO_READING, restarted)


@pytest.mark.parametrize("rule", ["shift", "sure"])
def test_who_counts_back_has_no_reading_so_long_after_the_newest_contact_to_the_second(rule: str) -> None:
    """The last call is missed at 10:00:54, and its ten seconds end at 10:01:00; then patience runs."""
    facts = [*calls("----------", "10:00", every_s=6), *calls("-", "11:00", every_s=1)]
    (over,) = [one for one in told_of(alone(rule), facts) if one.cause is Cause.NO_READING]
    patience = {"shift": timedelta(minutes=4), "sure": timedelta(minutes=2)}[rule]
    assert over.at == MONDAY + timedelta(hours=10, minutes=1) + patience


def test_patience_runs_out_between_two_seconds_where_something_happens_elsewhere() -> None:
    """Whoever looks at every batch sees it then."""
    at, common = MONDAY + timedelta(hours=9), {"source": "pbx", "site": "town"}
    told: list[Event] = [
        CallQueued(id="q", at=at + timedelta(milliseconds=400), contact="c", queue="a", **common),
        VisitArrived(id="v", at=at + timedelta(milliseconds=10_500), contact="v", queue="desk", **common),
    ]
    facts = list(arrivals(("", one) for one in told))
    impatient = city({"id": "line", "kpi": "waiting", "queue": "a", "limit": 0, "hold": "10s"})
    until = facts[-1].arrived + 60_000
    assert simulated(impatient, facts, until) == list(dense(impatient, facts, until))

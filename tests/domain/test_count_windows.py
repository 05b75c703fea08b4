"""Windows by count against plain arithmetic: in any order, after any kill, over midnight, on any day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from domain.aggregator import Aggregator
from domain.counts import ms_of
from domain.queue_ref import QueueRef
from domain.windows import Windows
from shared.config.model import CityFile
from shared.config.types import LastContacts
from shared.contract.events import CallAnswered, CallMissed, CallQueued, Event, Outcome, encode
from shared.contract.kpis import KPIS, Kpi
from tests.domain.test_aggregator import cuts, lived_through
from tests.support import alerting_oracle as oracle
from tests.support.durable import Entries
from tests.support.rule_story import OFFICE, SITE, city
from tests.support.thorough import examples

BRUSSELS = ZoneInfo("Europe/Brussels")
A_MONDAY = datetime(2026, 3, 2, tzinfo=BRUSSELS)
CLOCKS_FORWARD = datetime(2026, 3, 29, tzinfo=BRUSSELS)
CLOCKS_BACK = datetime(2026, 10, 25, tzinfo=BRUSSELS)
HOUR = timedelta(hours=1)

RULE = {"id": "few", "kpi": "missed_ratio", "window": "last 5", "limit": 0.5}
"""So that the city counts contacts."""

HOURS: dict[str, Sequence[str]] = {
    "office": OFFICE,
    "night": ("00:00-02:00", "20:00-24:00"),
    "around the clock": ("00:00-24:00",),
    "from midnight": ("00:00-06:00",),
}
CITIES = {name: city(RULE, hours=hours) for name, hours in HOURS.items()} | {
    "no hours": city(
        RULE, sites=[{"id": SITE, "queues": [{"id": "a", "kind": "phone"}, {"id": "b", "kind": "phone"}]}]
    ),
    "entries": city(
        RULE,
        missed_definitions=[
            {"id": "lier-1", "outcomes": ["abandoned"], "short_abandon": "10s", "count": "entries"}
        ],
    ),
}

calls = st.lists(
    st.tuples(
        st.integers(-5 * 3600, 30 * 3600) | st.integers(7 * 3600, 9 * 3600),
        st.sampled_from("ab"),
        st.booleans(),
        st.sampled_from((0, 5, 9, 10, 45, 300)),
    ),
    max_size=25,
)
"""When it ended, in seconds since a midnight; where; whether it was missed; after how long a wait."""


def events_of(calls: Sequence[tuple[int, str, bool, int]], midnight: datetime) -> list[Event]:
    found: list[Event] = []
    for number, (second, queue, missed, wait) in enumerate(calls):
        at = midnight.astimezone(UTC) + timedelta(seconds=second)
        who = {"source": "pbx", "site": SITE, "queue": queue, "contact": f"c{number}"}
        found.append(CallQueued(id=f"q{number}", at=at - timedelta(seconds=wait), **who))
        ends = {"at": at, "wait_ms": wait * 1000, **who}
        if missed:
            found.append(CallMissed(id=f"m{number}", outcome=Outcome.ABANDONED, **ends))
        else:
            found.append(CallAnswered(id=f"a{number}", **ends))
    return found


def as_it_happens(events: Sequence[Event]) -> Entries:
    facts = sorted(events, key=lambda event: event.at)
    return [(f"{ms_of(event.at)}-{n}", encode(event)) for n, event in enumerate(facts)]


def all_at_once(events: Sequence[Event], now: int, random: Random) -> Entries:
    """In any order, each of them twice."""
    facts = random.sample([*events, *events], 2 * len(events))
    return [(f"{now}-{n}", encode(event)) for n, event in enumerate(facts)]


def seen(file: CityFile, aggregator: Aggregator, queue: str, kpi: Kpi, count: int, now: int) -> oracle.Figure:
    """What the product makes of it."""
    refs = [QueueRef(*place) for place in oracle.queues_of(file, SITE, queue, KPIS[kpi].kind)]
    windows, window = Windows(file, aggregator, now), LastContacts(count)
    found, since_s = windows.kpi(kpi, queue, refs, window), windows.counted(kpi, queue, refs, window).since_s
    assert since_s is not None
    return oracle.Figure(found.value, found.samples, found.part, since_s * 1000)


def expected(
    file: CityFile, events: Sequence[Event], queue: str, kpi: Kpi, count: int, now: int
) -> oracle.Figure:
    """What plain arithmetic makes of it."""
    places = oracle.queues_of(file, SITE, queue, KPIS[kpi].kind)
    told = oracle.told_of(events, file, SITE, queue, kpi, now)
    return oracle.figure(kpi, *oracle.last(count, told, oracle.opening(file, places, now), now))


@pytest.mark.parametrize("name", CITIES)
@settings(max_examples=examples(100), deadline=None)
@given(
    calls,
    st.sampled_from((A_MONDAY, CLOCKS_FORWARD, CLOCKS_BACK)),
    st.integers(0, 29 * 3600),
    st.integers(2, 8),
    cuts,
    st.randoms(),
    st.booleans(),
)
def test_a_window_by_count_is_the_smallest_that_holds_so_many(
    name: str,
    calls: list[tuple[int, str, bool, int]],
    midnight: datetime,
    second: int,
    count: int,
    cut: list[tuple[int, str]],
    random: Random,
    shuffled: bool,
) -> None:
    file = CITIES[name]
    now = ms_of(midnight) + second * 1000 + 999
    events = [event for event in events_of(calls, midnight) if ms_of(event.at) <= now]
    entries = all_at_once(events, now, random) if shuffled else as_it_happens(events)
    aggregator = lived_through(entries, cut, now, file).take_over()
    for queue in ("a", "all"):
        for kpi in (Kpi.MISSED_RATIO, Kpi.CALL_WAIT_MEAN, Kpi.SERVICE_LEVEL):
            note(f"{queue} {kpi}")
            figure = seen(file, aggregator, queue, kpi, count, now)
            assert figure == expected(file, events, queue, kpi, count, now)

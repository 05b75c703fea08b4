"""What the door lets in, the evaluator counts: nobody is told yes and dropped behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.aggregator import ON_ITS_WAY, Aggregator
from domain.counts import ms_of
from services.evaluator.decoder import parse
from services.ingest.admission import FOLLOWED, AdmissionRules, RefusedItem, admit
from services.ingest.pseudonyms import without_persons
from services.ingest.sources.queue_log.door import read_line
from services.ingest.sources.queue_log.translate import (
    FACTS,
    QueueLogTranslator,
    SkippedLine,
    TranslatorRules,
)
from shared.calendar import Calendar
from shared.config.model import CityFile, HttpSource, QueueLogSource
from shared.contract.dead_letters import DeadLetter
from shared.contract.events import EVENT, Event, Outcome, encode
from shared.redis.stream_entries import Batch
from tests.support.ingest_desk import NOW, PSEUDONYMS, city

A_MOMENT = timedelta(milliseconds=1)
KINDS: Final = [model.model_fields["kind"].default for model in get_args(get_args(Event)[0])]
CITIES: Final = {
    dedup: city(queue_log=None).model_copy(
        update={
            "sources": (
                *city().sources,
                QueueLogSource.model_validate(
                    {"id": "asterisk", "site": "lier", "path": "queue_log", "queues": {"600": "onthaal"}}
                ),
            ),
            "pipeline": city().pipeline.model_copy(update={"dedup": dedup}),
        }
    )
    for dedup in (timedelta(minutes=10), timedelta(hours=24))
}

ages: Final = st.sampled_from(
    [
        limit + apart
        for limit in (
            timedelta(minutes=-2),
            timedelta(0),
            timedelta(minutes=10),
            timedelta(hours=24),
            timedelta(days=2),
            FOLLOWED,
        )
        for apart in (-A_MOMENT, timedelta(0), A_MOMENT)
    ]
)
"""How old a fact is at the door: at the edge of what may come in."""

instants: Final = st.sampled_from(
    [
        NOW + timedelta(days=days, minutes=minutes)
        for days in (-40, -31, -1, 0, 1, 730)
        for minutes in (-2, 0, 3)
    ]
)
_MOST_MS: Final = ON_ITS_WAY // A_MOMENT
on_its_way: Final = st.integers(-_MOST_MS, _MOST_MS)
"""How much later than the door's clock the stream says that it arrived (ms): the two may be two clocks."""


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any fact that the contract takes, of any site and queue, about as old as may come in."""
    said: dict[str, object] = {
        "kind": draw(st.sampled_from(KINDS)),
        "id": "e1",
        "at": NOW - draw(ages),
        "source": draw(st.sampled_from(["pbx", "kiosk"])),
        "site": draw(st.sampled_from(["lier", "lier", "lier", "elders", "nergens"])),
        "queue": draw(st.sampled_from(["onthaal", "wonen", "onthaal", "wonen", "balie", "sales"])),
        "contact": draw(st.sampled_from(["1772445600.1", "A-17"])),
        "appointment": "A-17",
        "wait_ms": draw(st.sampled_from([0, 12_000, 7 * 86_400_000])),
        "talk_ms": draw(st.sampled_from([None, 0, 7 * 86_400_000])),
        "service_ms": 1,
        "outcome": draw(st.sampled_from(Outcome)),
        "position": draw(st.sampled_from([None, 1, 100_000])),
        "available": 1,
        **{
            name: draw(instants)
            for name in ("arrived_at", "appointment_at", "booked_at", "starts_at", "first_free_at")
        },
    }
    return EVENT.validate_python(said)


def counted(event: Event, of: CityFile, late_ms: int) -> tuple[Sequence[DeadLetter], int]:
    """What the evaluator refuses of a fact that is sent twice, and how many duplicates it knows."""
    aggregator = Aggregator(of, Calendar(of), of.sites)
    arrived = ms_of(NOW) + late_ms
    body = encode(without_persons(event, PSEUDONYMS))
    for number in range(2):
        aggregator.record(parse(Batch([f"{arrived}-{number}"], [body])))
    aggregator.advance(arrived + 40 * 86_400_000)
    return aggregator.take_changes().dead, aggregator.counts.duplicates


@pytest.mark.parametrize("dedup", CITIES)
@given(event=events(), late_ms=on_its_way)
def test_what_a_sender_is_told_yes_about_is_counted(dedup: timedelta, event: Event, late_ms: int):
    of = CITIES[dedup]
    source = next(one for one in of.sources if one.id == event.source and isinstance(one, HttpSource))
    if admit(event, AdmissionRules.of(of, source), NOW) is None:
        assert counted(event, of, late_ms) == ([], 1)


@pytest.mark.parametrize("dedup", CITIES)
@given(
    age=ages,
    verb=st.sampled_from([*sorted(FACTS), b"NOSTAFF"]),
    queue=st.sampled_from([b"600", b"onthaal", b"wonen", b"balie", b"Sales Team", b"NONE"]),
    late_ms=on_its_way,
)
def test_a_line_that_is_let_in_is_counted(
    dedup: timedelta, age: timedelta, verb: bytes, queue: bytes, late_ms: int
):
    of = CITIES[dedup]
    source = next(one for one in of.sources if isinstance(one, QueueLogSource))
    at_s = f"{(NOW - age).timestamp():.3f}".encode()
    line = b"|".join([at_s, b"1772445600.1", queue, b"NONE", verb, b"1", b"1", b"34"])
    said = read_line(
        line, QueueLogTranslator(TranslatorRules.of(source), PSEUDONYMS), AdmissionRules.of(of, source), NOW
    )
    if not isinstance(said, SkippedLine | RefusedItem):
        assert counted(said, of, late_ms) == ([], 1)


@pytest.mark.parametrize("dedup", CITIES)
@pytest.mark.parametrize("late_ms", [-_MOST_MS, 0, _MOST_MS])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_let_in_at_the_last_moment_is_counted_though_it_takes_its_time(
    dedup: timedelta, late_ms: int, kind: str
):
    of = CITIES[dedup]
    source = next(one for one in of.sources if one.id == "pbx" and isinstance(one, HttpSource))
    rules = AdmissionRules.of(of, source)
    for age in (-of.pipeline.future_tolerance, dedup):
        events = [_usual(kind, queue).model_copy(update={"at": NOW - age}) for queue in _QUEUES]
        let_in = [event for event in events if admit(event, rules, NOW) is None]
        assert let_in or kind in {"visit.called", "appointment.booked", "appointment.offer"}
        assert [counted(event, of, late_ms) for event in let_in] == [([], 1)] * len(let_in)


def test_an_event_of_every_kind_can_come_in():
    """Else the properties above would hold of nothing."""
    of = CITIES[timedelta(hours=24)]
    source = next(one for one in of.sources if one.id == "pbx" and isinstance(one, HttpSource))
    rules = AdmissionRules.of(of, source)
    let_in = {kind for kind in KINDS for queue in _QUEUES if admit(_usual(kind, queue), rules, NOW) is None}
    assert let_in == {*KINDS}


_QUEUES: Final = ("onthaal", "wonen")
"""A phone queue and a counter."""


def _usual(kind: str, queue: str) -> Event:
    moments: dict[str, datetime] = dict.fromkeys(
        ("arrived_at", "booked_at", "starts_at", "first_free_at"), NOW
    )
    said = {"kind": kind, "id": "e1", "at": NOW, "source": "pbx", "site": "lier", "queue": queue}
    numbers = {"wait_ms": 0, "service_ms": 0, "outcome": "abandoned", "available": 1}
    return EVENT.validate_python({**said, **moments, **numbers, "contact": "1"})

"""The desk against the oracle: any order, any duplication, any split and any kill give the same buckets."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.aggregator import ON_ITS_WAY, Aggregator, StreamEvent
from domain.bucket import Bucket, Resolution, decode
from domain.bucket_store import Slot
from domain.counts import ms_of
from domain.last_reports import Offer, Staff
from domain.queue_ref import QueueRef
from domain.windows import window_bucket
from services.evaluator.decoder import parse
from services.ingest.sources.queue_log.reader import read_lines
from services.ingest.sources.queue_log.translate import QueueLogTranslator, SkippedLine, TranslatorRules
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.events import (
    AppointmentBooked,
    AppointmentOffer,
    CallAnswered,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    SourceHeartbeat,
    SourceRestarted,
    StaffChanged,
    VisitArrived,
    VisitCalled,
    encode,
)
from tests.chaos import load
from tests.support import evaluator_oracle as oracle
from tests.support.durable import Durable, Entries, arrived, batch, reachable
from tests.support.evaluator_oracle import Cell, Entry, Figures
from tests.support.ingest_desk import PSEUDONYMS
from tests.support.thorough import examples

BANK_DAY = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "bank-day"
CITY = load.city()
CALENDAR = Calendar(CITY)
END = ms_of(load.END)
MINUTE = 60_000
DAY = timedelta(days=1)
NOON = datetime(2026, 10, 26, 11, tzinfo=UTC)
"""A Monday, 12:00 local: the desk is open."""

CALL = {"source": "pbx", "site": "lier", "queue": "burgerzaken"}
VISIT = {"source": "desk", "site": "mol", "queue": "loket-wonen"}


def expected(entries: Iterable[Entry], city: CityFile, now: int) -> dict[Cell, Figures]:
    """The oracle's buckets, of the rings only what a window can reach."""
    entries = list(entries)
    newest = max((entry.arrived for entry in entries), default=0) // 1000
    counted = oracle.judge(entries, city).counted
    return {c: f for c, f in oracle.buckets(counted, city, now).items() if reachable(c, newest)}


def told(*facts: Event, late: timedelta = timedelta(0)) -> list[tuple[str, bytes | None]]:
    """Entries of facts that arrive as they happen, or so much later."""
    return [(f"{ms_of(event.at + late)}-0", encode(event)) for event in facts]


def recorded(entries: Entries, city: CityFile = CITY, now: int | None = None) -> Durable:
    """What one desk makes of all entries in one batch, committed."""
    durable = Durable(entries, city)
    aggregator = durable.take_over()
    aggregator.record(parse(batch(entries)))
    if now is not None:
        aggregator.advance(now)
    durable.commit(aggregator, len(entries))
    return durable


# Any split, any kill ---------------------------------------------------------------------------------

cuts = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(["commit", "commit", "kill", "kill uncommitted", "tick"])),
    max_size=30,
)
"""So many entries further on, this happens. What is left over comes as one last batch."""


def lived_through(
    entries: Entries, events: Iterable[tuple[int, str]], now: int, city: CityFile = CITY
) -> Durable:
    """The same stream over kills, ticks and batches of any size; a kill forgets what was not committed."""
    durable = Durable(entries, city)
    aggregator = durable.take_over()
    for further, what in events:
        to = min(durable.offset + further, len(entries))
        aggregator.record(parse(batch(entries[durable.offset : to])))
        match what:
            case "kill uncommitted":
                aggregator = durable.take_over()
            case "kill":
                durable.commit(aggregator, to)
                aggregator = durable.take_over()
            case "tick":
                # The clock of a process may be ahead of the stream (it lags) or behind it.
                aggregator.advance(arrived(entries[to - 1]) + further * MINUTE if to else now)
                durable.commit(aggregator, to)
            case _:
                durable.commit(aggregator, to)
    aggregator.record(parse(batch(entries[durable.offset :])))
    aggregator.advance(now)
    durable.commit(aggregator, len(entries))
    return durable


@settings(max_examples=examples(60), deadline=None)
@example(134524, 36, [(7, "commit"), (12, "kill")])  # poison, too, says how late it is
@given(st.integers(0, 10**6), st.integers(0, 400), cuts)
def test_any_split_and_any_kill_equal_the_oracle(seed: int, size: int, events):
    written = load.stream(seed, size)
    durable = lived_through([(w.entry, w.body) for w in written], events, END)
    verdict = oracle.judge([w.seen for w in written], CITY)
    assert durable.figures() == expected([w.seen for w in written], CITY, END)
    assert durable.counts == (len(written), verdict.duplicates, verdict.refused)
    assert len(durable.dead) == verdict.refused.total()


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 300), cuts)
def test_who_waits_in_the_middle_of_it_equals_the_oracle(seed: int, size: int, events):
    written = load.stream(seed, size)
    now = written[-1].seen.arrived
    durable = lived_through([(w.entry, w.body) for w in written], events, now)
    waiting = sorted((*queue_ref, at) for queue_ref, at in durable.take_over().contacts.waiting(now))
    counted = oracle.judge([w.seen for w in written], CITY).counted
    assert waiting == oracle.waiting(counted, CITY, now)


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 80), st.randoms())
def test_any_order_and_any_duplication_equal_the_oracle(seed: int, size: int, random: Random):
    counted = oracle.judge([w.seen for w in load.stream(seed, size)], CITY).counted
    start = ms_of(load.BURSTS[0])
    first = [event for event in counted if ms_of(event.at) < start + 8 * MINUTE]
    arrivals = sorted(start + random.randrange(8 * MINUTE, 9 * MINUTE) for _ in range(2 * len(first)))
    facts = random.sample(first * 2, 2 * len(first))
    durable = recorded(
        [(f"{at}-{n}", encode(event)) for n, (at, event) in enumerate(zip(arrivals, facts, strict=True))],
        now=END,
    )
    assert durable.figures() == oracle.buckets(first, CITY, END)
    assert durable.counts == (2 * len(first), len(first), {})


moments = st.integers(0, 60)
crossing = st.lists(
    st.tuples(st.sampled_from("qqaaz"), st.integers(0, 3), moments, st.integers(0, 14)), max_size=25
)
"""What, of which contact, at which minute, so many minutes late: entries are forgotten under way."""


@settings(max_examples=examples(150), deadline=None)
@given(crossing, cuts)
def test_kills_and_splits_do_not_show_where_outcomes_come_after_the_horizon_either(history, events):
    facts: list[tuple[timedelta, Event]] = []
    for number, (kind, contact, minute, late) in enumerate(history):
        at = NOON + timedelta(minutes=minute)
        who = {"id": f"{kind}{number}", "at": at, "contact": f"c{contact}", **CALL}
        match kind:
            case "q":
                event: Event = CallQueued(**who)
            case "a":
                event = CallAnswered(wait_ms=0, **who)
            case _:
                event = SourceRestarted(id=f"z{number}", at=at, source="pbx", site="lier")
        facts.append((timedelta(minutes=late), event))
    facts.sort(key=lambda told: told[1].at + told[0])
    entries = [(f"{ms_of(f.at + late)}-{n}", encode(f)) for n, (late, f) in enumerate(facts)]
    now = ms_of(NOON + timedelta(hours=3))
    one_by_one = lived_through(entries, [(1, "commit")] * len(entries), now)
    other = lived_through(entries, events, now)
    assert other.figures() == one_by_one.figures()
    assert other.counts == one_by_one.counts


def test_an_entry_that_nobody_ended_is_unfinished_even_when_its_outcome_comes_in_the_samebatch():
    """An outcome that began when the entry was long given up is another's, in one batch or in two."""
    queued = CallQueued(id="q", at=NOON, contact="c", **CALL)
    after = CallAnswered(id="a", at=NOON + timedelta(minutes=3), contact="c", wait_ms=0, **CALL)
    total = recorded(told(queued, after)).buckets[
        Slot(QueueRef("lier", "burgerzaken"), Resolution.TOTAL, "all")
    ]
    assert decode(total).unfinished == 1


# What is refused ---------------------------------------------------------------------------------------

answered = CallAnswered(id="a", at=NOON, contact=load.NUMBER, wait_ms=1, **CALL)
HORIZON = timedelta(minutes=10) + ON_ITS_WAY
AHEAD = timedelta(seconds=30) + ON_ITS_WAY
A_MOMENT = timedelta(milliseconds=1)
AT_ONCE, UNKNOWN = timedelta(0), DeadLetterReason.UNKNOWN_QUEUE


def at_another(**of: str) -> Event:
    return answered.model_copy(update=of)


@pytest.mark.parametrize(
    ("story", "event", "late", "reason"),
    [
        ("exactly at the horizon", answered, HORIZON, None),
        ("older than the horizon", answered, HORIZON + A_MOMENT, DeadLetterReason.LATE),
        ("a clock a little ahead", answered, -AHEAD, None),
        ("a clock too far ahead", answered, -AHEAD - A_MOMENT, DeadLetterReason.FUTURE),
        ("a clock 3 years ahead", answered, -3 * 365 * DAY, DeadLetterReason.FUTURE),
        ("a clock 3 years behind", answered, 3 * 365 * DAY, DeadLetterReason.LATE),
        ("no such queue", at_another(queue="nowhere"), AT_ONCE, UNKNOWN),
        ("no such site", at_another(site="gent"), AT_ONCE, UNKNOWN),
        ("a queue of the other site", at_another(site="mol"), AT_ONCE, UNKNOWN),
        ("a call at a counter", at_another(queue="loket"), AT_ONCE, DeadLetterReason.WRONG_KIND),
        (
            "a visit on the phone",
            VisitArrived(id="v", at=NOON, contact="v", **CALL),
            AT_ONCE,
            DeadLetterReason.WRONG_KIND,
        ),
        (
            "a site-wide fact of nobody's site",
            SourceRestarted(id="r", at=NOON, source="pbx", site="gent"),
            AT_ONCE,
            UNKNOWN,
        ),
        (
            "staff of any queue",
            StaffChanged(id="s", at=NOON, available=1, **CALL | {"queue": "loket"}),
            AT_ONCE,
            None,
        ),
    ],
)
def test_what_is_refused_is_told_once_with_its_reason_and_changes_nothing(
    story: str, event: Event, late: timedelta, reason: DeadLetterReason | None
):
    durable = recorded(told(event, late=late))
    assert [letter.reason for letter in durable.dead] == ([] if reason is None else [reason]), story
    assert durable.counts == (1, 0, {} if reason is None else {reason.value: 1})
    if reason is not None:
        (letter,) = durable.dead
        assert not durable.buckets
        assert (letter.where, letter.source, letter.item["id"]) == (
            durable.entries[0][0],
            event.source,
            event.id,
        )
        assert load.NUMBER.encode() not in letter.encode()


def test_poison_is_buried_once_however_often_the_desk_is_killed():
    entries = [(f"{ms_of(NOON)}-{n}", body) for n, (body, _) in enumerate(load.POISON)]
    durable = lived_through(entries, [(2, "kill"), (3, "kill uncommitted"), (3, "kill")], ms_of(NOON))
    assert [letter.reason.value for letter in durable.dead] == [reason for _, reason in load.POISON]
    assert durable.counts[0] == len(entries)
    assert not any(load.NUMBER.encode() in letter.encode() for letter in durable.dead)


def test_a_duplicate_is_known_across_a_kill_until_the_end_of_the_horizon():
    again = HORIZON
    entries = told(answered) + told(answered, late=again)
    durable = lived_through(entries, [(1, "kill")], ms_of(NOON))
    assert durable.counts == (2, 1, {})
    later = told(answered) + told(answered, late=again + A_MOMENT)
    assert lived_through(later, [(1, "kill")], ms_of(NOON)).counts == (2, 0, {"late": 1})


# Hours -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "local", "inside"),
    [
        ("a moment before opening", "2026-10-26T08:29:59.999+01:00", False),
        ("opening", "2026-10-26T08:30+01:00", True),
        ("closing", "2026-10-26T12:30+01:00", False),
        ("a day without hours", "2026-10-27T10:00+01:00", False),
    ],
)
def test_contacts_outside_opening_hours_are_counted_apart(story: str, local: str, inside: bool):
    at = datetime.fromisoformat(local)
    queue_ref = QueueRef("lier", "onthaal")
    event = CallAnswered(id="a", at=at, wait_ms=0, source="pbx", site="lier", queue="onthaal")
    found = {slot.resolution for slot in recorded(told(event)).buckets if slot.queue_ref == queue_ref}
    within = {Resolution.FINE, Resolution.COARSE, Resolution.DAY, Resolution.MONTH, Resolution.TOTAL}
    without = {Resolution.DAY_OUTSIDE, Resolution.MONTH_OUTSIDE, Resolution.TOTAL_OUTSIDE}
    assert found == (within if inside else without), story


@pytest.mark.parametrize(
    ("hours_by", "outside"), [("entry", 0), ("outcome", 1)], ids=["by its entry", "by its outcome"]
)
def test_who_waited_at_closing_time_and_hung_up_after_it_counts(hours_by: str, outside: int):
    """Who came at 12:29 and hung up at 12:31 vanished, always in the desk's favour."""
    city = CITY.model_copy(update={"pipeline": CITY.pipeline.model_copy(update={"hours_by": hours_by})})
    event = CallMissed(
        id="m",
        at=datetime.fromisoformat("2026-10-26T12:31+01:00"),
        wait_ms=120_000,
        outcome=Outcome.ABANDONED,
        source="pbx",
        site="lier",
        queue="onthaal",
    )
    aggregator = Aggregator(city, CALENDAR, city.sites)
    aggregator.record(parse(batch(told(event))))
    store, queue_ref = aggregator.bucket_store, QueueRef("lier", "onthaal")
    assert store.total(queue_ref, Resolution.TOTAL_OUTSIDE).abandoned == outside
    assert store.total(queue_ref).abandoned == 1 - outside


def test_an_appointment_is_made_at_any_hour():
    night = datetime(2026, 10, 27, 1, tzinfo=UTC)
    booked = AppointmentBooked(
        id="b", at=night, booked_at=night, starts_at=night + DAY, source="web", site="lier", queue="loket"
    )
    resolutions = {slot.resolution for slot in recorded(told(booked)).buckets}
    assert Resolution.TOTAL in resolutions
    assert Resolution.TOTAL_OUTSIDE not in resolutions


# Long gaps ---------------------------------------------------------------------------------------------


def _quiet(days: int) -> list[Event]:
    return [CallAnswered(id=f"{n}", at=NOON + n * DAY, wait_ms=1, **CALL) for n in range(days)]


def test_quiet_days_may_come_in_onebatch():
    durable = recorded(told(*_quiet(9)))
    days = [slot for slot in durable.buckets if slot.resolution is Resolution.DAY]
    assert len(days) == 9


def test_who_waited_before_a_long_silence_is_unfinished_on_that_day_which_keeps_its_calls():
    queued = CallQueued(id="q", at=NOON + timedelta(seconds=1), contact="c", **CALL)
    first, *rest = _quiet(9)
    entries = told(first, queued, *rest)
    day = Slot(QueueRef("lier", "burgerzaken"), Resolution.DAY, "2026-10-26")
    for events in ([], [(2, "kill")], [(2, "kill"), (0, "tick")], [(3, "kill"), (3, "tick")]):
        bucket = decode(lived_through(entries, events, ms_of(NOON + 9 * DAY)).buckets[day])
        assert (bucket.answered, bucket.unfinished) == (1, 1)


MONTHLY = {Resolution.MONTH, Resolution.MONTH_OUTSIDE}


def test_memory_does_not_grow_with_the_stream():
    """Only the horizon is in memory, buckets that windows reach, and days that a fact may still be about."""
    aggregator = Aggregator(CITY, CALENDAR, CITY.sites)

    def after_days(first: int, last: int) -> tuple[int, ...]:
        for hour in range(first * 24, last * 24, 6):
            at = NOON + timedelta(hours=hour)
            facts: list[Event] = [
                CallQueued(id=f"q{hour}", at=at, contact=f"c{hour}", **CALL),
                CallAnswered(id=f"a{hour}", at=at, contact=f"c{hour}", wait_ms=0, **CALL),
            ]
            aggregator.record(parse(batch(told(*facts))))
            aggregator.take_changes()
        slots = [slot for slot, _ in aggregator.bucket_store.slots() if slot.resolution not in MONTHLY]
        return len(slots), len(aggregator._seen), aggregator.contacts.remembered, len(aggregator._days)

    slots, seen, contacts, days = after_days(0, 70)
    assert after_days(70, 90) == (slots, seen, contacts, days)
    assert (slots < 100, seen, contacts) == (True, 2, 1)


# What holds right now ------------------------------------------------------------------------------------


@given(st.permutations(range(5)))
def test_of_several_reports_the_latest_holds_whichever_came_last(order: list[int]):
    reports: list[Event] = []
    for n in order:
        at = NOON + timedelta(seconds=n)
        reports += [
            StaffChanged(id=f"s{n}", at=at, available=n, busy=1, **VISIT),
            AppointmentOffer(id=f"o{n}", at=at, first_free_at=at + DAY, **VISIT),
            SourceHeartbeat(id=f"h{n}", at=at, source="pbx", site="lier"),
        ]
    entries = [(f"{ms_of(NOON)}-{n}", encode(report)) for n, report in enumerate(reports)]
    aggregator = lived_through(entries, [(7, "kill")], ms_of(NOON)).take_over()
    queue_ref, last = QueueRef("mol", "loket-wonen"), ms_of(NOON) + 4000
    assert aggregator.last_reports.staffs() == {queue_ref: Staff(last, 4, 0, 1)}
    assert aggregator.last_reports.offers() == {queue_ref: Offer(last, last + 86_400_000)}
    assert aggregator.last_reports.facts()["desk"] == last
    assert aggregator.last_reports.heartbeats() == {"pbx": last}


def test_without_a_city_any_queue_is_taken_as_it_comes():
    aggregator = Aggregator(CITY, CALENDAR, None, rings=False)
    night = datetime(2026, 10, 27, 1, tzinfo=UTC)
    facts: list[Event] = [
        CallAnswered(id="a", at=night, wait_ms=1, source="x", site="any", queue="thing"),
        VisitCalled(id="v", at=night, arrived_at=night, source="x", site="any", queue="thing"),
        CallMissed(
            id="m", at=night, outcome=Outcome.CLOSED, wait_ms=0, source="x", site="any", queue="other"
        ),
    ]
    aggregator.record(parse(batch(told(*facts))))
    assert {slot.resolution for slot, _ in aggregator.bucket_store.slots()} == {
        Resolution.DAY,
        Resolution.TOTAL,
    }
    assert aggregator.bucket_store.total(QueueRef("any", "thing")) == Bucket(
        answered=1, wait_ms=1, waits={1: 1}, walk_ins=1, walk_in_waits={0: 1}
    )


# A real day --------------------------------------------------------------------------------------------


@pytest.mark.skipif(not BANK_DAY.is_dir(), reason="the recorded bank day is not here (shared/data/bank-day)")
def test_the_windows_of_a_real_day_equal_its_truth():
    """Its figures as a whole: ``tests/acceptance/test_truth``."""
    truth = json.loads((BANK_DAY / "truth.json").read_text())
    queues = [{"id": queue, "kind": "phone"} for queue in truth["queues"]]
    city = CityFile.model_validate({"city": {"name": "Bank"}, "sites": [{"id": "bank", "queues": queues}]})
    aggregator = Aggregator(city, Calendar(city), city.sites)
    translator = QueueLogTranslator(TranslatorRules("pbx", "bank", {}, Outcome.LEFT_BY_KEY), PSEUDONYMS)
    said = map(translator.translate, read_lines(BANK_DAY / "queue_log"))
    facts = deque(event for event in said if not isinstance(event, SkippedLine))
    for quarter in truth["quarter_hours_outcome_in_half_open_window"]:
        at = datetime.fromisoformat(quarter.pop("at"))
        while facts and facts[0].at <= at:
            event = facts.popleft()
            aggregator.record([StreamEvent(f"{ms_of(event.at)}-0", ms_of(event.at), event)])
        assert _quarter(aggregator, ms_of(at)) == quarter, at


def _quarter(aggregator: Aggregator, now: int) -> dict[str, int]:
    entered = [at for _, at in aggregator.contacts.waiting(now)]
    window = timedelta(minutes=15)
    bucket = Bucket()
    for queue_ref in aggregator.queue_refs:
        bucket.add(window_bucket(aggregator.bucket_store, queue_ref, window, now // 1000))
    return {
        "waiting": len(entered),
        "longest_wait_s": (now - min(entered)) // 1000 if entered else 0,
        "answered_15m": bucket.answered,
        "missed_15m": bucket.abandoned,
        "wait_sum_15m_s": bucket.wait_ms // 1000,
    }

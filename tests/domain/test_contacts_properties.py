"""Contacts that are told of in odd ways: counted as an oracle counts them, in whatever order they come in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from domain.bucket_store import Slot
from shared.calendar import Calendar
from shared.config.model import QueueLogSource
from shared.contract.events import EVENT, Event, encode
from tests.chaos import load
from tests.domain.test_aggregator import cuts, expected, lived_through, recorded
from tests.support import contact_oracle as contacts
from tests.support import evaluator_oracle as oracle
from tests.support import nasty_contacts as nasty
from tests.support.durable import Durable, Entries, arrived
from tests.support.evaluator_oracle import Cell, Entry, Figures
from tests.support.thorough import examples
from wachtpost.history.recount import recount

CITY = load.city()
FOLLOWED = CITY.model_copy(
    update={"sources": (QueueLogSource(id="pbx", site="lier", path=Path("/var/log/asterisk/queue_log")),)}
)
"""The same city, which knows that its exchange keeps a log."""

SOON = 60_000
"""Within which everything arrives, once it is over."""


def arriving(events: Sequence[Event], random: Random, times: int = 1) -> Entries:
    """Entries of all that happened, in any order and so many times, after the last of it."""
    begin = min(oracle.at_ms(event.at) for event in events) // 1000 * 1000
    after = begin + nasty.LONGEST // timedelta(milliseconds=1) + 2_000
    facts = random.sample([*events] * times, len(events) * times)
    arrivals = sorted(after + random.randrange(SOON) for _ in facts)
    return [(f"{at}-{n}", encode(event)) for n, (at, event) in enumerate(zip(arrivals, facts, strict=True))]


def as_it_happens(events: Sequence[Event]) -> Entries:
    """Entries of all that happened, at the moment it did."""
    facts = sorted(events, key=lambda event: event.at)
    return [(f"{oracle.at_ms(event.at)}-{n}", encode(event)) for n, event in enumerate(facts)]


def seen(entries: Entries) -> list[Entry]:
    """The entries as the oracle reads them."""
    return [Entry(arrived(entry), EVENT.validate_json(entry[1] or b"")) for entry in entries]


def right(entries: Entries, events: Sequence[Event]) -> dict[Cell, Figures]:
    """What the oracle makes of it in the end."""
    return expected(seen(entries), CITY, over(events))


def cell_of(slot: Slot) -> Cell:
    return Cell(*slot.queue_ref, slot.resolution.value, slot.start)


def repeated(durable: Durable) -> Counter[str]:
    """What the state says of outcomes that changed nothing, by source."""
    prefix = "repeated:"
    said = {name: int(count) for name, count in durable.state.items() if name.startswith(prefix)}
    return +Counter({name.removeprefix(prefix): count for name, count in said.items()})


def over(events: Sequence[Event]) -> int:
    """When nobody has anything to wait for any more."""
    return max(oracle.at_ms(event.at) for event in events) + 12 * 3_600_000


stories = nasty.stories().filter(bool)


@settings(max_examples=examples(400), deadline=None)
@given(stories)
def test_what_is_told_as_it_happens_equals_the_oracle(events: list[Event]) -> None:
    note(nasty.told(events))
    entries = as_it_happens(events)
    durable = recorded(entries, now=over(events))
    assert durable.figures() == right(entries, events)


@settings(max_examples=examples(400), deadline=None)
@given(stories, st.randoms(), st.integers(1, 3))
def test_any_order_and_any_duplication_equal_the_oracle(
    events: list[Event], random: Random, times: int
) -> None:
    note(nasty.told(events))
    entries = arriving(events, random, times)
    durable = recorded(entries, now=over(events))
    assert durable.figures() == right(entries, events)
    assert durable.counts == (len(entries), len(entries) - len(events), {})
    assert repeated(durable) == contacts.repeated(events, CITY)


@settings(max_examples=examples(400), deadline=None)
@given(stories, st.randoms(), cuts, st.booleans())
def test_any_split_and_any_kill_equal_the_oracle(
    events: list[Event], random: Random, cut: list[tuple[int, str]], shuffled: bool
) -> None:
    note(nasty.told(events))
    entries = arriving(events, random) if shuffled else as_it_happens(events)
    durable = lived_through(entries, cut, over(events))
    assert durable.figures() == right(entries, events)
    assert repeated(durable) == contacts.repeated(events, CITY)


@settings(max_examples=examples(100), deadline=None)
@given(stories)
def test_a_file_of_it_has_the_days_that_the_oracle_says(events: list[Event]) -> None:
    note(nasty.told(events))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "told.ndjson"
        file.write_bytes(b"\n".join(body or b"" for _, body in as_it_happens(events)))
        done = recount([file], CITY, Calendar(CITY), None, over(events))
    days = {cell_of(slot): oracle.not_empty(asdict(bucket)) for slot, bucket in done.buckets.items()}
    whole = right(as_it_happens(events), events)
    in_days = {cell: figures for cell, figures in whole.items() if cell.resolution.startswith("day")}
    assert {cell: figures for cell, figures in days.items() if figures} == in_days


@settings(max_examples=examples(400), deadline=None)
@given(stories, st.integers(0, nasty.STEPS), st.randoms())
def test_who_waits_in_the_middle_of_it_equals_the_oracle(
    events: list[Event], step: int, random: Random
) -> None:
    """Of what is known by then: the rest of the story has not been told."""
    now = min(event.at for event in events) + step * nasty.STEP
    known = random.sample([event for event in events if event.at <= now], sum(e.at <= now for e in events))
    note(f"at {now}\n{nasty.told(known)}")
    entries = [(f"{oracle.at_ms(now)}-{n}", encode(event)) for n, event in enumerate(known)]
    waits = recorded(entries, now=oracle.at_ms(now)).take_over().contacts.waiting(oracle.at_ms(now))
    assert sorted((*place, at) for place, at in waits) == oracle.waiting(known, CITY, oracle.at_ms(now))


@st.composite
def days_long(draw: st.DrawFn) -> list[Event]:
    """Several stories of the same contacts, so far apart that the first is forgotten in the last."""
    told: list[Event] = []
    for number in range(draw(st.integers(2, 4))):
        start = nasty.SHUT + number * draw(st.sampled_from((4, 8, 10, 12))) * timedelta(minutes=1)
        story = draw(nasty.stories(start))
        told += [event.model_copy(update={"id": f"{number}.{event.id}"}) for event in story]
    return told


without_ticks = cuts.map(lambda cut: [(further, what) for further, what in cut if what != "tick"])
"""A clock ahead of the stream judges waits before all of the contact came: what is forgotten meanwhile stays
as it was judged then."""


@settings(max_examples=examples(300), deadline=None)
@given(days_long().filter(bool), st.randoms(), without_ticks)
def test_kills_do_not_show_where_contacts_are_forgotten_under_way(
    events: list[Event], random: Random, cut: list[tuple[int, str]]
) -> None:
    """What came too late to be put right stays as it was: with a kill, without one, in any batches."""
    note(nasty.told(events))
    came = sorted(
        (oracle.at_ms(event.at) + random.randrange(0, 590_000), n) for n, event in enumerate(events)
    )
    entries = [(f"{at}-{n}", encode(events[number])) for n, (at, number) in enumerate(came)]
    one_by_one = lived_through(entries, [(1, "commit")] * len(entries), over(events))
    other = lived_through(entries, cut, over(events))
    assert other.figures() == one_by_one.figures()
    assert other.counts == one_by_one.counts
    assert repeated(other) == repeated(one_by_one)


@st.composite
def read_late(draw: st.DrawFn) -> list[Event]:
    """Some days of a log, the oldest first."""
    told: list[Event] = []
    for ago in draw(st.lists(st.sampled_from((0, 1, 2, 7, 29, 30)), min_size=1, max_size=3, unique=True)):
        story = draw(nasty.stories(nasty.OPENING - ago * timedelta(days=1)))
        told += [event.model_copy(update={"id": f"{ago}.{event.id}"}) for event in story]
    return sorted(told, key=lambda event: event.at)


@settings(max_examples=examples(200), deadline=None)
@given(read_late().filter(bool), cuts)
def test_a_log_that_was_not_followed_for_days_is_counted_as_if_it_had_been(
    events: list[Event], cut: list[tuple[int, str]]
) -> None:
    """The counters' events of then are late; the exchange's are not, for they stand in its log."""
    note(nasty.told(events))
    came = oracle.at_ms(nasty.OPENING + nasty.LONGEST)
    entries = [(f"{came + n}-0", encode(event)) for n, event in enumerate(events)]
    durable = lived_through(entries, cut, came + 12 * 3_600_000, FOLLOWED)
    verdict = oracle.judge(seen(entries), FOLLOWED)
    assert durable.counts == (len(entries), 0, verdict.refused)
    assert durable.figures() == expected(seen(entries), FOLLOWED, came + 12 * 3_600_000)


def call(kind: str, number: int, minute: int, **more: object) -> Event:
    """A fact about one call."""
    said = {"id": f"{number}", "source": "pbx", "site": "lier", "queue": "onthaal", "contact": "c", **more}
    return EVENT.validate_python(
        {"kind": f"call.{kind}", "at": nasty.SHUT + minute * timedelta(minutes=1), **said}
    )


def test_one_batch_or_a_batch_each_count_the_same_where_a_fact_is_forgotten_under_way() -> None:
    """The answer came before the entry, and is forgotten first; waits are judged by the stream's time."""
    answered, queued = call("answered", 1, 8, wait_ms=0), call("queued", 2, 8)
    later = call("missed", 3, 20, wait_ms=0, outcome="abandoned")
    start = oracle.at_ms(nasty.SHUT)
    entries = [
        (f"{start + minute * 60_000}-0", encode(event))
        for minute, event in ((8, answered), (10, queued), (20, later))
    ]
    now = start + 12 * 3_600_000
    together, apart = lived_through(entries, [], now), lived_through(entries, [(1, "commit")] * 3, now)
    assert together.figures() == apart.figures()


@pytest.mark.parametrize("apart", [-150, 150])
def test_an_outcome_of_a_wait_that_is_told_from_elsewhere_is_not_the_entrys_in_any_order(apart: int) -> None:
    """It began longer before the entry, or after it, than anybody is waited for: neither is the other's."""
    queued = call("queued", 1, 3)
    ended = queued.at + timedelta(seconds=30)
    wait_ms = 180_000 if apart < 0 else 0
    missed = call("missed", 2, 3, outcome="abandoned", wait_ms=wait_ms)
    missed = missed.model_copy(update={"at": ended if apart < 0 else queued.at + timedelta(seconds=apart)})
    for order in ((queued, missed), (missed, queued)):
        entries = [(f"{oracle.at_ms(ended) + 200_000}-{n}", encode(event)) for n, event in enumerate(order)]
        assert recorded(entries, now=over(order)).figures() == right(entries, order)

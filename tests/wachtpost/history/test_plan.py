"""What an import replaces, what it leaves alone, and what speaks against it."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bucket import Bucket, decode
from domain.bucket_store import BucketStore, Slot
from domain.corrections import BucketChange, Hours, SettledDays, UnsettledReason, day_slot
from domain.counts import ms_of
from domain.queue_ref import QueueRef
from shared.calendar import Calendar
from shared.config.model import CityFile
from wachtpost.history.command import REPLACED
from wachtpost.history.plan import FIELDS, ContactGroup, Covered, ReplacementPlan, plan_import, plan_restore
from wachtpost.history.replacing import GROUPS, UNSETTLED
from wachtpost.history.rows import COLUMNS, KEYS
from wachtpost.history.tables import as_values, shifts, table

CITY = CityFile.model_validate(
    tomllib.loads(
        """
        [city]
        name = "Test"
        [[sites]]
        id = "huis"
        queues = [{ id = "onthaal", kind = "phone" }, { id = "loket", kind = "counter" }]
        """
    )
)
PHONE, COUNTER = QueueRef("huis", "onthaal"), QueueRef("huis", "loket")
DAY = date(2026, 3, 12)
LONG_AGO = SettledDays(date(2026, 6, 1), UnsettledReason.RECENT)

IN, OUT = day_slot(PHONE, DAY, Hours.INSIDE), day_slot(PHONE, DAY, Hours.OUTSIDE)
AT_COUNTER = day_slot(COUNTER, DAY, Hours.INSIDE)
CALLS, VISITS, BOOKINGS = (
    Covered(PHONE, DAY, ContactGroup.CALLS),
    Covered(COUNTER, DAY, ContactGroup.VISITS),
    Covered(COUNTER, DAY, ContactGroup.APPOINTMENTS),
)


def calls(answered: int = 0, abandoned: int = 0, unfinished: int = 0) -> Bucket:
    return Bucket(
        answered=answered,
        wait_ms=1000 * answered,
        waits={1: answered} if answered else {},
        abandoned=abandoned,
        abandon_waits={3: abandoned} if abandoned else {},
        unfinished=unfinished,
    )


def visits(called: int = 0, booked: int = 0) -> Bucket:
    return Bucket(
        visits=called,
        visit_waits={2: called} if called else {},
        booked=booked,
        leads={1: booked} if booked else {},
    )


def written(there: dict[Slot, Bucket]) -> dict[Slot, bytes]:
    return {slot: bucket.encode() for slot, bucket in there.items()}


def planned(
    covered: set[Covered], new: dict[Slot, Bucket], there: dict[Slot, Bucket], settled: SettledDays = LONG_AGO
) -> ReplacementPlan:
    return plan_import(covered, new, written(there), lambda _slot: settled)


def after(plan: ReplacementPlan) -> dict[Slot, Bucket | None]:
    return {one.slot: None if one.after is None else decode(one.after) for one in plan.changes}


@pytest.mark.parametrize(
    ("story", "covered", "there", "new", "becomes"),
    [
        ("a day nobody had", {CALLS}, {}, {IN: calls(3)}, {IN: calls(3)}),
        ("a day as it is", {CALLS}, {IN: calls(3)}, {IN: calls(3)}, {}),
        ("more calls", {CALLS}, {IN: calls(3)}, {IN: calls(3, 1)}, {IN: calls(3, 1)}),
        ("not covered", {CALLS}, {AT_COUNTER: visits(2)}, {IN: calls(3)}, {IN: calls(3)}),
        (
            "visits only",
            {VISITS},
            {AT_COUNTER: visits(2, 5)},
            {AT_COUNTER: visits(4)},
            {AT_COUNTER: visits(4, 5)},
        ),
        (
            "bookings",
            {BOOKINGS},
            {AT_COUNTER: visits(2, 5)},
            {AT_COUNTER: visits(0, 6)},
            {AT_COUNTER: visits(2, 6)},
        ),
        (
            "hours changed",
            {CALLS},
            {IN: calls(3)},
            {IN: calls(1), OUT: calls(2)},
            {IN: calls(1), OUT: calls(2)},
        ),
        ("all outside now", {CALLS}, {IN: calls(3)}, {OUT: calls(3)}, {IN: None, OUT: calls(3)}),
        ("an empty bucket is none", {CALLS}, {OUT: Bucket()}, {IN: calls(3)}, {IN: calls(3)}),
        ("an outcome was found", {CALLS}, {IN: calls(3, 0, 1)}, {IN: calls(4)}, {IN: calls(4)}),
    ],
)
def test_only_what_the_files_are_about_is_replaced(story, covered, there, new, becomes) -> None:
    plan = planned(covered, new, there)
    assert after(plan) == becomes, story
    assert (plan.fewer, plan.unsettled) == ((), ())
    assert plan.unchanged == (0 if becomes else 1)


@pytest.mark.parametrize(
    ("story", "covered", "there", "new", "fewer"),
    [
        ("half a file", {CALLS}, {IN: calls(3, 2)}, {IN: calls(2, 2)}, [(5, 4)]),
        ("moved outside hours", {CALLS}, {IN: calls(3)}, {OUT: calls(3)}, []),
        (
            "unfinished ones are no contacts with an outcome",
            {CALLS},
            {IN: calls(3, 0, 2)},
            {IN: calls(3)},
            [],
        ),
        ("only queued in the file", {CALLS}, {IN: calls(3)}, {}, [(3, 0)]),
        (
            "more visits do not make up for bookings",
            {VISITS, BOOKINGS},
            {AT_COUNTER: visits(1, 5)},
            {AT_COUNTER: visits(9, 4)},
            [(5, 4)],
        ),
        ("bookings the file is not about", {VISITS}, {AT_COUNTER: visits(1, 5)}, {AT_COUNTER: visits(9)}, []),
    ],
)
def test_fewer_contacts_are_noticed_per_group(story, covered, there, new, fewer) -> None:
    assert [(one.before, one.after) for one in planned(covered, new, there).fewer] == fewer, story


def test_a_day_that_may_still_change_is_noticed_only_if_it_would_be_replaced() -> None:
    open_from = SettledDays(DAY, UnsettledReason.BACKLOG)
    (one,) = planned({CALLS}, {IN: calls(3)}, {}, open_from).unsettled
    assert (one.day, one.before, one.why) == (DAY, DAY, UnsettledReason.BACKLOG)
    assert planned({CALLS}, {IN: calls(3)}, {IN: calls(3)}, open_from).unsettled == ()
    day_later = SettledDays(DAY + timedelta(days=1), UnsettledReason.RECENT)
    assert planned({CALLS}, {IN: calls(3)}, {}, day_later).unsettled == ()


@pytest.mark.parametrize(
    ("story", "there", "restored", "becomes", "differing"),
    [
        ("into nothing", {}, {IN: calls(3), OUT: calls(1)}, {IN: calls(3), OUT: calls(1)}, 0),
        ("as it is", {IN: calls(3)}, {IN: calls(3)}, {}, 0),
        ("other figures", {IN: calls(3)}, {IN: calls(2)}, {IN: calls(2)}, 1),
        ("what the export did not have", {IN: calls(3), OUT: calls(1)}, {IN: calls(3)}, {OUT: None}, 1),
        ("another queue", {AT_COUNTER: visits(1)}, {IN: calls(3)}, {IN: calls(3)}, 0),
    ],
)
def test_a_restored_day_is_as_in_the_file(story, there, restored, becomes, differing) -> None:
    plan = plan_restore(restored, written(there), lambda _slot: LONG_AGO)
    assert after(plan) == becomes, story
    assert len(plan.differing) == differing


def at(text: str) -> int:
    return ms_of(datetime.fromisoformat(text))


RECENT, BACKLOG, BEHIND = UnsettledReason.RECENT, UnsettledReason.BACKLOG, UnsettledReason.BEHIND
NOON = "2026-03-12T12:00+01:00"


@pytest.mark.parametrize(
    ("story", "now", "unread", "cursor", "before", "why"),
    [
        ("the day before yesterday", NOON, None, None, "2026-03-11", RECENT),
        ("clocks may differ", "2026-03-12T00:05+01:00", None, None, "2026-03-10", RECENT),
        ("just after that", "2026-03-12T00:10+01:00", None, None, "2026-03-11", RECENT),
        ("a backlog of days", NOON, "2026-03-05T08:00+01:00", NOON, "2026-03-04", BACKLOG),
        ("an evaluator that stood still", NOON, None, "2026-03-02T08:00+01:00", "2026-03-02", BEHIND),
        ("one that runs", NOON, NOON, "2026-03-12T11:59+01:00", "2026-03-11", RECENT),
        ("the day the clock went forward", "2026-03-30T23:59+02:00", None, None, "2026-03-29", RECENT),
    ],
)
def test_a_day_is_settled_when_nothing_can_change_it_by_itself(
    story, now, unread, cursor, before, why
) -> None:
    found = SettledDays.at(
        Calendar(CITY), at(now), timedelta(hours=24), unread and at(unread), cursor and at(cursor)
    )
    assert (found.before.isoformat(), found.why) == (before, why), story


def test_every_field_of_a_bucket_belongs_to_a_group() -> None:
    in_groups = {name for names in FIELDS.values() for name in names}
    assert in_groups == set(COLUMNS) - set(KEYS)


@given(st.dictionaries(st.integers(0, 700_000), st.integers(1, 1000), max_size=30), st.randoms())
def test_equal_buckets_have_equal_bytes_however_they_came_about(
    cells: dict[int, int], random: Random
) -> None:
    shuffled = list(cells.items())
    random.shuffle(shuffled)
    piecemeal = Bucket()
    for cell, count in shuffled:
        piecemeal.add(Bucket(waits={cell: count}, leads={cell: 1}))
    whole = Bucket(waits=dict(cells), leads=dict.fromkeys(cells, 1))
    assert piecemeal.encode() == whole.encode()
    assert decode(whole.encode()) == whole


def test_a_bucket_of_zeros_that_stood_there_counts_as_none() -> None:
    assert BucketChange.to(IN, b"{}", Bucket()) is None
    assert BucketChange.to(IN, b'{"answered":1}', Bucket()) == BucketChange(IN, b'{"answered":1}', None)


def test_what_was_taken_back_is_written_down_as_if_it_never_was() -> None:
    """Else a late outcome would leave an empty bucket live, and none in an import."""
    bucket_store = BucketStore()
    bucket_store.add(IN, Bucket(unfinished=1))
    assert bucket_store.take_changes() == ([(IN, Bucket(unfinished=1))], [])
    bucket_store.add(IN, Bucket(unfinished=-1))
    assert bucket_store.take_changes() == ([], [IN])
    bucket_store.add(IN, Bucket(closed=1))
    assert bucket_store.take_changes() == ([(IN, Bucket(closed=1))], [])


def test_what_was_written_with_its_cells_in_another_order_is_the_same() -> None:
    there = b'{"answered":2,"waits":{"5":1,"3":1}}'
    assert BucketChange.to(IN, there, decode(there)) is None


def test_people_see_before_and_after_and_machines_see_all() -> None:
    changes = planned({CALLS}, {IN: calls(1200, 34)}, {IN: calls(1000, 40)}).changes
    row = [column._cells for column in table(shifts(changes), CITY).columns]
    assert row[:6] == [
        ["2026-03-12"], ["onthaal"], ["1.040 → 1.234"], ["1.000 → 1.200"], ["40 → 34"], ["0:01"]
    ]  # fmt: skip
    (value,) = as_values(changes)
    assert value["before"] == {"answered": 1000, "wait_ms": 1_000_000, "abandoned": 40,
                               "waits": {"1": 1000}, "abandon_waits": {"3": 40}}  # fmt: skip


def test_many_days_are_shown_by_month() -> None:
    days = [DAY + timedelta(days=number) for number in range(61)]
    new = {day_slot(PHONE, day, Hours.INSIDE): calls(10) for day in days}
    shown = table(
        shifts(planned({Covered(PHONE, day, ContactGroup.CALLS) for day in days}, new, {}).changes), CITY
    )
    assert list(shown.columns[0].cells) == ["2026-03", "2026-04", "2026-05"]
    assert list(shown.columns[2].cells) == ["0 → 200", "0 → 300", "0 → 110"]


def test_every_group_reason_and_way_has_its_words() -> None:
    assert set(GROUPS) == set(ContactGroup)
    assert set(UNSETTLED) == set(UnsettledReason)
    assert set(REPLACED) == {"import", "restore"}

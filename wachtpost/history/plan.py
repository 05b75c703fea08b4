"""What an import or a restore would change, and what speaks against it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from domain.bucket import Bucket, decode
from domain.bucket_store import Slot
from domain.corrections import BucketChange, Hours, SettledDays, UnsettledReason, day_of, day_slot
from domain.queue_ref import QueueRef
from shared.config.model import CityFile
from shared.contract.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentMoved,
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    VisitArrived,
    VisitCalled,
    VisitLeft,
    VisitNoShow,
    VisitServed,
)
from shared.contract.kpis import QueueKind


class ContactGroup(StrEnum):
    """What a file may be about: others' figures of the same day stay as they are."""

    CALLS = "calls"
    VISITS = "visits"
    APPOINTMENTS = "appointments"


GROUP_OF: Final[Mapping[type[Event], ContactGroup]] = {
    CallQueued: ContactGroup.CALLS,
    CallAnswered: ContactGroup.CALLS,
    CallMissed: ContactGroup.CALLS,
    CallEnded: ContactGroup.CALLS,
    VisitArrived: ContactGroup.VISITS,
    VisitCalled: ContactGroup.VISITS,
    VisitLeft: ContactGroup.VISITS,
    VisitNoShow: ContactGroup.VISITS,
    VisitServed: ContactGroup.VISITS,
    AppointmentBooked: ContactGroup.APPOINTMENTS,
    AppointmentMoved: ContactGroup.APPOINTMENTS,
    AppointmentCancelled: ContactGroup.APPOINTMENTS,
}

FIELDS: Final[Mapping[ContactGroup, tuple[str, ...]]] = {
    ContactGroup.CALLS: (
        "answered",
        "wait_ms",
        "abandoned",
        "timed_out",
        "no_agents",
        "left_by_key",
        "closed",
        "blocked",
        "cut_off",
        "unfinished",
        "ended",
        "talk_ms",
        "waits",
        "abandon_waits",
        "callers",
    ),
    ContactGroup.VISITS: (
        "visits",
        "visit_wait_ms",
        "walk_ins",
        "walk_in_wait_ms",
        "early",
        "left",
        "no_shows",
        "served",
        "service_ms",
        "unfinished",
        "visit_waits",
        "walk_in_waits",
    ),
    ContactGroup.APPOINTMENTS: ("booked", "lead_days", "moved", "cancelled", "leads"),
}
"""The fields of a bucket. ``unfinished`` are calls at a phone queue and visits at a counter."""


class Covered(NamedTuple):
    """A queue, a local day, and what of it files are about."""

    queue_ref: QueueRef
    day: date
    group: ContactGroup


@dataclass(frozen=True, slots=True)
class Fewer:
    """A day that would have fewer contacts than it has: perhaps a file that holds half of it."""

    covered: Covered
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A day that may still change by itself, and from which day on that is so."""

    day: date
    before: date
    why: UnsettledReason


@dataclass(frozen=True, slots=True)
class ReplacementPlan:
    """What is to be replaced, and what speaks against it."""

    changes: tuple[BucketChange, ...]
    unchanged: int
    """Days per queue that are already as they should be."""
    fewer: tuple[Fewer, ...]
    unsettled: tuple[Unsettled, ...]
    differing: tuple[BucketChange, ...] = ()
    """A restore: changes of what is there, rather than of nothing."""


def group_of_waiting(city: CityFile, queue_ref: QueueRef) -> ContactGroup:
    """Return what those are who wait in a queue."""
    kinds = {queue.id: queue.kind for queue in city.site(queue_ref.site).queues}
    return ContactGroup.CALLS if kinds[queue_ref.queue] is QueueKind.PHONE else ContactGroup.VISITS


def queue_title(city: CityFile, queue_ref: QueueRef) -> str:
    """Return a queue's id, with its site's where there are several."""
    return queue_ref.queue if len(city.sites) == 1 else f"{queue_ref.site}/{queue_ref.queue}"


def contacts(bucket: Bucket, group: ContactGroup) -> int:
    """Return the contacts that have an outcome, or the appointments."""
    match group:
        case ContactGroup.CALLS:
            return bucket.answered + bucket.unanswered
        case ContactGroup.VISITS:
            return bucket.visitors
        case ContactGroup.APPOINTMENTS:
            return bucket.booked


def plan_import(
    covered: AbstractSet[Covered],
    recounted: Mapping[Slot, Bucket],
    written: Mapping[Slot, bytes],
    settled: Callable[[Slot], SettledDays],
) -> ReplacementPlan:
    """Return what would change when days are replaced, as far as the files are about them.

    ``written`` holds what is there for every covered day. ``settled`` says which days may be replaced.
    """
    groups: dict[tuple[date, QueueRef], set[ContactGroup]] = {}
    for queue_ref, day, group in covered:
        groups.setdefault((day, queue_ref), set()).add(group)
    changes: list[BucketChange] = []
    fewer: list[Fewer] = []
    unchanged = 0
    for (day, queue_ref), wanted in sorted(groups.items()):
        slots = [day_slot(queue_ref, day, hours) for hours in Hours]
        before = [_there(written, slot) for slot in slots]
        new = [recounted.get(slot, Bucket()) for slot in slots]
        for group in sorted(wanted):
            had, has = (sum(contacts(bucket, group) for bucket in side) for side in (before, new))
            if has < had:
                fewer.append(Fewer(Covered(queue_ref, day, group), had, has))
        after = [_replaced(*pair, wanted) for pair in zip(before, new, strict=True)]
        found = list(_changes(zip(slots, after, strict=True), written))
        changes += found
        unchanged += not found
    return ReplacementPlan(tuple(changes), unchanged, tuple(fewer), _unsettled(changes, settled))


def plan_restore(
    restored: Mapping[Slot, Bucket], written: Mapping[Slot, bytes], settled: Callable[[Slot], SettledDays]
) -> ReplacementPlan:
    """Return what would change when every day and queue in ``restored`` becomes as it says there.

    What a day has outside opening hours belongs to it: absent there, it is to be absent here.
    """
    days = sorted({(day_of(slot), slot.queue_ref) for slot in restored})
    changes: list[BucketChange] = []
    unchanged = 0
    for day, queue_ref in days:
        slots = [day_slot(queue_ref, day, hours) for hours in Hours]
        found = list(_changes(((slot, restored.get(slot, Bucket())) for slot in slots), written))
        changes += found
        unchanged += not found
    differing = tuple(change for change in changes if change.before is not None)
    return ReplacementPlan(tuple(changes), unchanged, (), _unsettled(changes, settled), differing)


def _there(written: Mapping[Slot, bytes], slot: Slot) -> Bucket:
    text = written.get(slot)
    return Bucket() if text is None else decode(text)


def _replaced(before: Bucket, new: Bucket, groups: AbstractSet[ContactGroup]) -> Bucket:
    """Return ``before`` with the fields of some groups from ``new``."""
    after = Bucket()
    after.add(before)
    for group in groups:
        for name in FIELDS[group]:
            setattr(after, name, getattr(new, name))
    return after


def _changes(wanted: Iterable[tuple[Slot, Bucket]], written: Mapping[Slot, bytes]) -> Iterator[BucketChange]:
    for slot, bucket in wanted:
        change = BucketChange.to(slot, written.get(slot), bucket)
        if change is not None:
            yield change


def _unsettled(
    changes: Iterable[BucketChange], settled: Callable[[Slot], SettledDays]
) -> tuple[Unsettled, ...]:
    found = {
        day: Unsettled(day, limit.before, limit.why)
        for change in changes
        if (day := day_of(change.slot)) >= (limit := settled(change.slot)).before
    }
    return tuple(found[day] for day in sorted(found))

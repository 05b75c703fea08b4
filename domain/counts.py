"""What is counted of a contact, each to its moment and queue, and how it goes into a bucket.

A count can be taken back: ``tally(..., -1)`` undoes ``tally(..., 1)`` to the last cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Final, NamedTuple

from domain.bucket import Bucket, Histogram, cell_from, cell_up_to
from shared.contract.events import Outcome

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)


def ms_of(instant: datetime) -> int:
    """Return an instant as whole UTC milliseconds since 1970, rounded down."""
    return (instant - EPOCH) // MILLISECOND


class What(Enum):
    """What is counted, beside the outcomes of calls that nobody answered; behind it its amount."""

    ANSWERED = auto()
    """Wait, ms."""
    UNFINISHED = auto()
    TALK = auto()
    """Length of the conversation, ms."""
    VISIT = auto()
    """Wait of a visitor with an appointment, ms."""
    WALK_IN = auto()
    """Wait of one without, ms."""
    EARLY = auto()
    LEFT = auto()
    NO_SHOW = auto()
    SERVED = auto()
    """Service time, ms."""
    BOOKED = auto()
    """Lead time, working days."""
    MOVED = auto()
    CANCELLED = auto()
    REPEATED = auto()
    """An outcome of what has its outcome already: in no bucket."""


class View(Enum):
    """As what a call is counted."""

    BOTH = auto()
    ENTRY = auto()
    """One stay in one queue."""
    CALLER = auto()
    """One caller, however many queues he passed."""


class Count(NamedTuple):
    """One thing that happened, at ``at`` (UTC ms)."""

    queue: str
    at: int
    began: int | None
    """The moment that must lie in opening hours, if those of the entry count; ``None``: any hour will do."""
    what: What | Outcome
    amount: int = 0
    view: View = View.BOTH


def tally(count: Count, bucket: Bucket, times: int) -> None:
    """Add a count to the bucket of its queue and moment, or take it back (``times`` 1 or -1)."""
    add = _ADD[count.what]
    if count.view is View.BOTH:
        add(bucket, count.amount, times)
        return
    one = Bucket()
    add(one, count.amount, times)
    if count.view is View.CALLER:
        bucket.differ(one, 1)
    else:
        bucket.add(one)
        bucket.differ(one, -1)


def _answered(bucket: Bucket, wait: int, times: int) -> None:
    bucket.answered += times
    bucket.wait_ms += times * wait
    _cell(bucket.waits, cell_up_to(wait), times)


def _abandoned(bucket: Bucket, wait: int, times: int) -> None:
    bucket.abandoned += times
    _cell(bucket.abandon_waits, cell_from(wait), times)


def _visit(bucket: Bucket, wait: int, times: int) -> None:
    bucket.visits += times
    bucket.visit_wait_ms += times * wait
    _cell(bucket.visit_waits, cell_up_to(wait), times)


def _walk_in(bucket: Bucket, wait: int, times: int) -> None:
    bucket.walk_ins += times
    bucket.walk_in_wait_ms += times * wait
    _cell(bucket.walk_in_waits, cell_up_to(wait), times)


def _talk(bucket: Bucket, talk: int, times: int) -> None:
    bucket.ended += times
    bucket.talk_ms += times * talk


def _served(bucket: Bucket, service: int, times: int) -> None:
    bucket.served += times
    bucket.service_ms += times * service


def _booked(bucket: Bucket, days: int, times: int) -> None:
    bucket.booked += times
    bucket.lead_days += times * days
    _cell(bucket.leads, days, times)


def _number(field: str) -> Callable[[Bucket, int, int], None]:
    def add(bucket: Bucket, _amount: int, times: int) -> None:
        setattr(bucket, field, getattr(bucket, field) + times)

    return add


def _cell(histogram: Histogram, cell: int, times: int) -> None:
    count = histogram.get(cell, 0) + times
    if count:
        histogram[cell] = count
    else:
        del histogram[cell]


_ADD: Final[Mapping[What | Outcome, Callable[[Bucket, int, int], None]]] = {
    What.ANSWERED: _answered,
    What.UNFINISHED: _number("unfinished"),
    What.TALK: _talk,
    What.VISIT: _visit,
    What.WALK_IN: _walk_in,
    What.EARLY: _number("early"),
    What.LEFT: _number("left"),
    What.NO_SHOW: _number("no_shows"),
    What.SERVED: _served,
    What.BOOKED: _booked,
    What.MOVED: _number("moved"),
    What.CANCELLED: _number("cancelled"),
    **{outcome: _number(outcome.value) for outcome in Outcome},
    Outcome.ABANDONED: _abandoned,
}

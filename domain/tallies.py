"""What one fact adds to the bucket of its queue and moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.bucket import Bucket, cell_from, cell_up_to
from shared.calendar import Calendar
from shared.contract.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentMoved,
    CallAnswered,
    CallEnded,
    CallMissed,
    Event,
    Outcome,
    VisitCalled,
    VisitLeft,
    VisitNoShow,
    VisitServed,
)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)


def ms_of(instant: datetime) -> int:
    """Return an instant as whole UTC milliseconds since 1970, rounded down."""
    return (instant - EPOCH) // MILLISECOND


def _answered(event: CallAnswered, bucket: Bucket, _calendar: Calendar) -> None:
    wait = event.wait_ms
    bucket.answered += 1
    bucket.wait_ms += wait
    cell = cell_up_to(wait)
    bucket.waits[cell] = bucket.waits.get(cell, 0) + 1


def _missed(event: CallMissed, bucket: Bucket, _calendar: Calendar) -> None:
    match event.outcome:
        case Outcome.ABANDONED:
            bucket.abandoned += 1
            cell = cell_from(event.wait_ms)
            bucket.abandon_waits[cell] = bucket.abandon_waits.get(cell, 0) + 1
        case Outcome.TIMED_OUT:
            bucket.timed_out += 1
        case Outcome.NO_AGENTS:
            bucket.no_agents += 1
        case Outcome.LEFT_BY_KEY:
            bucket.left_by_key += 1
        case Outcome.CLOSED:
            bucket.closed += 1
        case Outcome.BLOCKED:
            bucket.blocked += 1
        case Outcome.CUT_OFF:
            bucket.cut_off += 1


def _ended(event: CallEnded, bucket: Bucket, _calendar: Calendar) -> None:
    if event.talk_ms is not None:
        bucket.ended += 1
        bucket.talk_ms += event.talk_ms


def _left(_fact: VisitLeft, bucket: Bucket, _calendar: Calendar) -> None:
    bucket.left += 1


def _no_show(_fact: VisitNoShow, bucket: Bucket, _calendar: Calendar) -> None:
    bucket.no_shows += 1


def _served(event: VisitServed, bucket: Bucket, _calendar: Calendar) -> None:
    bucket.served += 1
    bucket.service_ms += event.service_ms


def _moved(_fact: AppointmentMoved, bucket: Bucket, _calendar: Calendar) -> None:
    bucket.moved += 1


def _cancelled(_fact: AppointmentCancelled, bucket: Bucket, _calendar: Calendar) -> None:
    bucket.cancelled += 1


def _booked(event: AppointmentBooked, bucket: Bucket, calendar: Calendar) -> None:
    days = calendar.lead_days(event.booked_at, event.starts_at)
    bucket.booked += 1
    bucket.lead_days += days
    bucket.leads[days] = bucket.leads.get(days, 0) + 1


def _visit(event: VisitCalled, bucket: Bucket, _calendar: Calendar) -> None:
    """Counter wait: from the later of arrival and appointment until the call (design §2)."""
    called, appointment = event.at, event.appointment_at
    if appointment is None:
        wait = max(0, (called - event.arrived_at) // MILLISECOND)
        bucket.walk_ins += 1
        bucket.walk_in_wait_ms += wait
        cell = cell_up_to(wait)
        bucket.walk_in_waits[cell] = bucket.walk_in_waits.get(cell, 0) + 1
    elif called < appointment:
        bucket.early += 1
    else:
        wait = max(0, (called - max(event.arrived_at, appointment)) // MILLISECOND)
        bucket.visits += 1
        bucket.visit_wait_ms += wait
        cell = cell_up_to(wait)
        bucket.visit_waits[cell] = bucket.visit_waits.get(cell, 0) + 1


TALLIES: Final[Mapping[type[Event], Callable[..., None]]] = {
    CallAnswered: _answered,
    CallMissed: _missed,
    CallEnded: _ended,
    VisitCalled: _visit,
    VisitLeft: _left,
    VisitNoShow: _no_show,
    VisitServed: _served,
    AppointmentBooked: _booked,
    AppointmentMoved: _moved,
    AppointmentCancelled: _cancelled,
}
"""What a counted fact, by its type, adds to a bucket: called with the fact, the bucket and the calendar.

A table and no ``match``: pydantic models answer ``isinstance`` slowly, and this is asked for every event.
"""

"""What one fact adds to the bucket of its queue and moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from services.evaluator.buckets import Bucket, cell_from, cell_up_to
from shared.calendar import Calendar
from shared.events import (
    AppointmentBooked,
    CallAnswered,
    CallEnded,
    CallMissed,
    Outcome,
    VisitCalled,
    VisitLeft,
)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)

Counted = CallAnswered | CallMissed | CallEnded | VisitCalled | VisitLeft | AppointmentBooked
"""The facts that buckets count. The others say who waits, or what holds right now."""


def ms_of(instant: datetime) -> int:
    """Return an instant as whole UTC milliseconds since 1970, rounded down."""
    return (instant - EPOCH) // MILLISECOND


def tally(fact: Counted, bucket: Bucket, calendar: Calendar) -> None:
    """Add a fact to a bucket. ``calendar`` says which days are working days."""
    match fact:
        case CallAnswered():
            _answered(fact, bucket)
        case CallMissed():
            _missed(fact, bucket)
        case CallEnded():
            bucket.ended += 1
            bucket.talk_ms += fact.talk_ms
        case VisitCalled():
            _visit(fact, bucket)
        case VisitLeft():
            bucket.left += 1
        case AppointmentBooked():
            days = calendar.lead_days(fact.booked_at, fact.starts_at)
            bucket.booked += 1
            bucket.lead_days += days
            bucket.leads[days] = bucket.leads.get(days, 0) + 1


def _answered(fact: CallAnswered, bucket: Bucket) -> None:
    wait = fact.wait_ms
    bucket.answered += 1
    bucket.wait_ms += wait
    bucket.wait_max_ms = max(bucket.wait_max_ms, wait)
    cell = cell_up_to(wait)
    bucket.waits[cell] = bucket.waits.get(cell, 0) + 1


def _missed(fact: CallMissed, bucket: Bucket) -> None:
    match fact.outcome:
        case Outcome.ABANDONED:
            bucket.abandoned += 1
            cell = cell_from(fact.wait_ms)
            bucket.abandon_waits[cell] = bucket.abandon_waits.get(cell, 0) + 1
        case Outcome.TIMED_OUT:
            bucket.timed_out += 1
        case Outcome.NO_AGENTS:
            bucket.no_agents += 1
        case Outcome.LEFT_BY_KEY:
            bucket.left_by_key += 1
        case Outcome.CLOSED:
            bucket.closed += 1


def _visit(fact: VisitCalled, bucket: Bucket) -> None:
    """Counter wait: from the later of arrival and appointment until the call (design §2)."""
    called, appointment = fact.at, fact.appointment_at
    if appointment is None:
        wait = max(0, (called - fact.arrived_at) // MILLISECOND)
        bucket.walk_ins += 1
        bucket.walk_in_wait_ms += wait
        bucket.walk_in_wait_max_ms = max(bucket.walk_in_wait_max_ms, wait)
        cell = cell_up_to(wait)
        bucket.walk_in_waits[cell] = bucket.walk_in_waits.get(cell, 0) + 1
    elif called < appointment:
        bucket.early += 1
    else:
        wait = max(0, (called - max(fact.arrived_at, appointment)) // MILLISECOND)
        bucket.visits += 1
        bucket.visit_wait_ms += wait
        bucket.visit_wait_max_ms = max(bucket.visit_wait_max_ms, wait)
        cell = cell_up_to(wait)
        bucket.visit_waits[cell] = bucket.visit_waits.get(cell, 0) + 1

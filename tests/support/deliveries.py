"""Deliveries for the tests of the channels: a breach of a made-up city, on its way to a receiver."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.notifier.messages.message import Message
from services.notifier.model import Breach, Delivery, Notification, NotificationKind
from shared.contract.breach_events import BreachReading, BreachState, Hour
from shared.contract.kpis import Measure
from tests.support import samples

NOW = datetime(2026, 3, 2, 9, 12, 30, tzinfo=UTC)
"""A Monday morning, a quarter of an hour after the first calls went unanswered."""

WORDS = Message(
    subject="Oproepen gemist: 34 % – doel 20 %",
    text="Klantencontactcentrum: 34 % van de oproepen gemist.\nSinds 10.10 uur.\n",
    html="<p>Klantencontactcentrum: 34 % van de oproepen gemist.</p>",
)

MISSED = samples.breach(
    NOW,
    id="missed-live:limit:lier:all:20260302T091000Z",
    rule="missed-live",
    site="lier",
    queue="all",
    clear_at=0.15,
    opened_at=NOW - timedelta(minutes=2, seconds=30),
    fired_at=NOW - timedelta(seconds=30),
    reading=BreachReading(
        value=0.34,
        samples=50,
        part=17,
        low=0.224,
        high=0.479,
        before=0.22,
        before_part=10,
        before_samples=45,
        waiting=7,
        longest_wait_s=184.0,
        hour=Hour(
            started_at=NOW.replace(minute=0, second=0), offered=41, offered_before=28, staff=4, staff_before=6
        ),
    ),
    worst=0.36,
    worst_part=18,
    worst_samples=50,
)

SERVICE_LEVEL = MISSED.model_copy(
    update={
        "id": "level-live:limit:lier:algemeen:20260302T091000Z",
        "rule": "level-live",
        "measure": Measure.SERVICE_LEVEL,
        "queue": "algemeen",
        "limit": 0.8,
        "clear_at": 0.8,
        "reading": BreachReading(value=None, samples=0),
        "worst": None,
        "worst_part": None,
        "worst_samples": None,
    }
)
"""More is better, and it has no reading at the moment."""

OVER = MISSED.model_copy(
    update={
        "state": BreachState.OK,
        "at": NOW + timedelta(minutes=20),
        "closed_at": NOW + timedelta(minutes=20),
        "reading": BreachReading(value=0.14, samples=36, before=0.17, waiting=0, longest_wait_s=0.0),
    }
)


def delivery(
    *breaches: Breach,
    kind: NotificationKind = NotificationKind.FIRING,
    number: int = 1,
    address: str | None = None,
    at: datetime = NOW,
) -> Delivery:
    """A delivery for the receiver ``supervisors``, with the key that the outbox gives it."""
    first = breaches[0].id if breaches else "none"
    notification_id = f"{first}/{kind.value}/{number}/supervisors"
    return Delivery(
        key=f"{notification_id}/0" if address is None else f"{notification_id}/0/{address}",
        notification=Notification(
            id=notification_id,
            kind=kind,
            receiver="supervisors",
            breaches=breaches,
            at=at,
            number=number,
        ),
        channel=0,
        address=address,
        next_try=at,
    )

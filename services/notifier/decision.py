"""What a decision consists of: the state after it, what to send, and why (not)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from services.notifier.model import Breach, Notification, NotificationKind
from services.notifier.reasons import DecisionReason
from services.notifier.state import NotifierState, changes
from shared.contract.breach_events import Severity


@dataclass(frozen=True)
class DeliveryDecision:
    """What was decided about one breach and one receiver, for the delivery log."""

    at: datetime
    breach: str
    """Of a report: its id."""
    receiver: str
    """Empty when it is about no receiver in particular."""
    reason: DecisionReason
    notification: str | None = None
    """The id of the notification that tells it."""
    until: datetime | None = None
    """When it is looked at again, if time alone may change it."""
    because: str = ""
    """The silence, or the breach that inhibits."""


@dataclass(frozen=True)
class Decision:
    """The state to store, the notifications to send, and a reason for everything that was or was not told.

    ``before`` is the state that was decided on: what to write is ``changed``.
    """

    before: NotifierState
    state: NotifierState
    notifications: tuple[Notification, ...] = ()
    delivery_decisions: tuple[DeliveryDecision, ...] = ()
    document: str | None = None
    """Of a report: the document that came with the word, to be kept as long as a delivery brings it."""

    @property
    def changed(self) -> dict[str, bytes | None]:
        """The records to write: key → JSON, or ``None`` when it is to be deleted."""
        return changes(self.before, self.state)


@dataclass(frozen=True)
class NotificationItem:
    """A breach in a message that is being put together."""

    breach: Breach
    reason: DecisionReason
    message: int
    """How many messages to that receiver it was in before: makes the notification's id another each time."""
    number: int = 1


URGENCY = tuple(reversed(Severity))
"""Most urgent first."""


def notification_of(
    receiver: str, kind: NotificationKind, entries: Iterable[NotificationItem], now: datetime
) -> Notification:
    """Return the one message that holds all the entries, the most urgent first.

    Its id says what is told to whom for the how-manieth time: deciding the same again gives the same.
    """
    ordered = sorted(entries, key=lambda entry: _order(entry.breach))
    number = max(entry.number for entry in ordered)
    said = [f"{entry.breach.id}#{entry.message}" for entry in ordered]
    digest = sha256("\n".join((receiver, kind, *sorted(said))).encode()).hexdigest()
    return Notification(
        id=f"{kind}-{receiver}-{digest[:24]}",
        kind=kind,
        receiver=receiver,
        breaches=tuple(entry.breach for entry in ordered),
        at=now,
        number=number,
    )


def _order(breach: Breach) -> tuple[bool, int, str, str, datetime, str]:
    over = breach.closed_at is not None
    return over, URGENCY.index(breach.severity), breach.site, breach.queue, breach.opened_at, breach.id

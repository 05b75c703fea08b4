"""One breach and one receiver: what is to be told next, and what stands in the way. Pure decisions.

::

    fires ──► (held ──►) told ──► reminders … ──► over: told so ──► done
                 │                    └─ acknowledged: no more of them
                 └─ over before it was told: counted in a digest, or never mentioned
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from pydantic import AliasChoices, Field

from services.notifier.model import Breach, NotificationKind
from services.notifier.reasons import COUNTED_WHEN_GONE, DIGESTED, HOLDS, DecisionReason
from shared.contract.breach_events import BreachState
from shared.instants import Instant


class ReceiverRole(StrEnum):
    """How a receiver came to be told."""

    ROUTED = "routed"
    ESCALATION = "escalation"


@dataclass(frozen=True)
class DeliveryState:
    """What one receiver was told of one breach."""

    receiver: str
    role: ReceiverRole = ReceiverRole.ROUTED
    why: DecisionReason | None = None
    """The latest decision."""
    held: DecisionReason | None = None
    """What keeps the next message back."""
    notified_at: Annotated[
        Instant | None,
        Field(validation_alias=AliasChoices("notified_at", "told_at"), serialization_alias="told_at"),
    ] = None
    """When they first learned that it fires; none: they do not know."""
    remind_at: Instant | None = None
    reminders: int = 0
    messages: int = 0
    """How many messages had this breach in them; makes the next one's id another."""
    not_before: Instant | None = None
    """Escalation: when."""
    due: Instant | None = None
    """When time alone may change the decision."""


class Hold(NamedTuple):
    """A decision not to send something now."""

    reason: DecisionReason
    due: Instant | None = None
    """When to look again; none: when something happens."""
    because: str = ""
    """The silence, or the breach that inhibits."""


LONGEST: Final = timedelta(days=1)
"""Between two reminders."""

MOST_DOUBLINGS: Final = 11
"""Of a minute, which is the shortest reminder: then it is more than a day."""

DONE: Final = frozenset(
    {
        DecisionReason.RESOLVED,
        DecisionReason.CAME_AND_WENT,
        DecisionReason.NEVER_TOLD,
        DecisionReason.LIMIT_OVER,
        DecisionReason.NOT_ROUTED,
        DecisionReason.RESOLVED_UNWANTED,
        DecisionReason.RECEIVER_GONE,
    }
)
"""After these there is nothing more to tell."""

_AFTER: Final = {
    DecisionReason.COLLECTING: DecisionReason.COLLECTED,
    DecisionReason.SILENCED: DecisionReason.SILENCE_OVER,
    DecisionReason.INHIBITED: DecisionReason.INHIBITION_OVER,
    DecisionReason.EXPLAINED: DecisionReason.INHIBITION_OVER,
    DecisionReason.QUIET: DecisionReason.QUIET_OVER,
    DecisionReason.FLAPPING: DecisionReason.CALMED,
}
_PLAIN: Final = {
    NotificationKind.FIRING: DecisionReason.FIRST,
    NotificationKind.REMINDER: DecisionReason.REMINDER,
    NotificationKind.ESCALATION: DecisionReason.ESCALATED,
    NotificationKind.RESOLVED: DecisionReason.RESOLVED,
}


def wanted(
    before: DeliveryState, breach: Breach, now: datetime, *, tell_resolved: bool
) -> NotificationKind | Hold:
    """Return what the receiver is to be told now, or why nothing.

    The breach has fired: nobody has anything to do with one that is pending.
    """
    if breach.closed_at is not None:
        return _at_the_end(before, tell_resolved=tell_resolved)
    if breach.state is not BreachState.FIRING:
        return Hold(DecisionReason.CLEARING)
    if before.notified_at is None and before.role is ReceiverRole.ROUTED:
        return (
            NotificationKind.FIRING if before.held is None else _if_it_holds(breach, NotificationKind.FIRING)
        )
    if breach.acknowledged is not None:
        return Hold(DecisionReason.ACKNOWLEDGED)
    if before.notified_at is None:
        return _for_the_next(before, breach, now)
    if before.role is ReceiverRole.ESCALATION:
        return Hold(DecisionReason.ALREADY_TOLD)
    if before.remind_at is not None and now < before.remind_at:
        return Hold(DecisionReason.ALREADY_TOLD, before.remind_at)
    return _if_it_holds(breach, NotificationKind.REMINDER)


def _if_it_holds(breach: Breach, kind: NotificationKind) -> NotificationKind | Hold:
    """What is told later than at once says what is so then: that the figure is beyond its limit."""
    if breach.still_holds:
        return kind
    return Hold(DecisionReason.NO_READING if breach.reading.value is None else DecisionReason.EASING)


def _for_the_next(before: DeliveryState, breach: Breach, now: datetime) -> NotificationKind | Hold:
    """Who hears of it because nobody took it on hears of what goes on: it is measured, or somebody waits."""
    if before.not_before is not None and now < before.not_before:
        return Hold(DecisionReason.NOT_YET, before.not_before)
    if breach.reading.value is None and breach.reading.waiting:
        return NotificationKind.ESCALATION
    return _if_it_holds(breach, NotificationKind.ESCALATION)


def _at_the_end(before: DeliveryState, *, tell_resolved: bool) -> NotificationKind | Hold:
    if before.notified_at is not None:
        return NotificationKind.RESOLVED if tell_resolved else Hold(DecisionReason.RESOLVED_UNWANTED)
    if before.held in COUNTED_WHEN_GONE and before.role is ReceiverRole.ROUTED:
        return Hold(DecisionReason.CAME_AND_WENT)
    return Hold(DecisionReason.NEVER_TOLD)


def held_back(before: DeliveryState, hold: Hold) -> DeliveryState:
    """Return the state after a decision not to send something now."""
    after = replace(before, why=hold.reason, held=_held_by(before.held, hold.reason), due=hold.due)
    return replace(after, remind_at=hold.due) if hold.reason is DecisionReason.OUTDATED else after


def _held_by(before: DecisionReason | None, reason: DecisionReason) -> DecisionReason | None:
    if reason in {
        DecisionReason.CLEARING,
        DecisionReason.NOT_YET,
        DecisionReason.SETTLING,
        DecisionReason.EASING,
        DecisionReason.NO_READING,
    }:
        return before
    if reason is DecisionReason.COLLECTING and before in DIGESTED:
        return before  # still a digest, when its turn comes
    return reason if reason in HOLDS else None


def notified(
    before: DeliveryState, want: NotificationKind, now: datetime, reminder: timedelta
) -> DeliveryState:
    """Return the state after a message was sent."""
    reminders = before.reminders + (want is NotificationKind.REMINDER)
    after = reminder_after(reminders, reminder)
    return replace(
        before,
        why=reason_to_tell(before, want),
        held=None,
        notified_at=before.notified_at or now,
        remind_at=now + after,
        reminders=reminders,
        messages=before.messages + 1,
        due=now + after,
    )


def reminder_after(reminders: int, reminder: timedelta) -> timedelta:
    """Return how long after a message the next reminder is due: after each twice as long, up to a day."""
    return min(reminder * (1 << min(reminders, MOST_DOUBLINGS)), max(reminder, LONGEST))


def reason_to_tell(before: DeliveryState, want: NotificationKind) -> DecisionReason:
    """Return why a message goes out now: what kept it back is over, or simply what it says."""
    if want is NotificationKind.RESOLVED or before.held is None:
        return _PLAIN[want]
    return _AFTER[before.held]

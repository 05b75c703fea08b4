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
from typing import Final, NamedTuple

from services.notifier.model import Breach, Happening
from services.notifier.reasons import COUNTED_WHEN_GONE, DIGESTED, HOLDS, Reason
from services.notifier.silences import Silence
from shared.contract.breach_events import State as Standing
from shared.instants import Instant


class Role(StrEnum):
    """How a receiver came to be told."""

    ROUTED = "routed"
    ESCALATION = "escalation"


@dataclass(frozen=True)
class Telling:
    """What one receiver was told of one breach."""

    receiver: str
    role: Role = Role.ROUTED
    why: Reason | None = None
    """The latest decision."""
    held: Reason | None = None
    """What keeps the next message back."""
    told_at: Instant | None = None
    """When they first learned that it fires; none: they do not know."""
    remind_at: Instant | None = None
    reminders: int = 0
    messages: int = 0
    """How many messages had this breach in them; makes the next one's id another."""
    not_before: Instant | None = None
    """Escalation: when."""
    due: Instant | None = None
    """When time alone may change the decision."""


class Ruling(NamedTuple):
    """A decision not to send something now."""

    reason: Reason
    due: Instant | None = None
    """When to look again; none: when something happens."""
    because: str = ""
    """The silence, or the breach that inhibits."""


class Circumstances(NamedTuple):
    """What may stand in the way of a message, as it is now."""

    silence: Silence | None = None
    inhibitor: str | None = None
    """The id of the breach that inhibits this one."""
    quiet_until: Instant | None = None
    flapping_until: Instant | None = None


DONE: Final = frozenset(
    {
        Reason.RESOLVED,
        Reason.CAME_AND_WENT,
        Reason.NEVER_TOLD,
        Reason.NOT_ROUTED,
        Reason.RESOLVED_UNWANTED,
        Reason.RECEIVER_GONE,
    }
)
"""After these there is nothing more to tell."""

_AFTER: Final = {
    Reason.COLLECTING: Reason.COLLECTED,
    Reason.SILENCED: Reason.SILENCE_OVER,
    Reason.INHIBITED: Reason.INHIBITION_OVER,
    Reason.QUIET: Reason.QUIET_OVER,
    Reason.FLAPPING: Reason.CALMED,
}
_PLAIN: Final = {
    Happening.FIRING: Reason.FIRST,
    Happening.REMINDER: Reason.REMINDER,
    Happening.ESCALATION: Reason.ESCALATED,
    Happening.RESOLVED: Reason.RESOLVED,
}


def wanted(telling: Telling, breach: Breach, now: datetime, *, tell_resolved: bool) -> Happening | Ruling:
    """Return what the receiver is to be told now, or why nothing.

    The breach has fired: nobody has anything to do with one that is pending.
    """
    if breach.closed_at is not None:
        return _at_the_end(telling, tell_resolved=tell_resolved)
    if breach.state is not Standing.FIRING:
        return Ruling(Reason.CLEARING)
    if telling.told_at is None and telling.role is Role.ROUTED:
        return Happening.FIRING
    if breach.acknowledged is not None:
        return Ruling(Reason.ACKNOWLEDGED)
    if telling.told_at is None:
        early = telling.not_before is not None and now < telling.not_before
        return Ruling(Reason.NOT_YET, telling.not_before) if early else Happening.ESCALATION
    if telling.remind_at is not None and now < telling.remind_at:
        return Ruling(Reason.ALREADY_TOLD, telling.remind_at)
    return Happening.REMINDER


def _at_the_end(telling: Telling, *, tell_resolved: bool) -> Happening | Ruling:
    if telling.told_at is not None:
        return Happening.RESOLVED if tell_resolved else Ruling(Reason.RESOLVED_UNWANTED)
    if telling.held in COUNTED_WHEN_GONE and telling.role is Role.ROUTED:
        return Ruling(Reason.CAME_AND_WENT)
    return Ruling(Reason.NEVER_TOLD)


def obstacle(happening: Happening, here: Circumstances) -> Ruling | None:
    """Return what stands in the way of a message; the weightiest of several.

    Who was told that something is wrong is told that it is over, silence or not.
    """
    if here.silence is not None and happening is not Happening.RESOLVED:
        return Ruling(Reason.SILENCED, here.silence.ends_at, here.silence.id)
    if here.inhibitor is not None and happening is not Happening.RESOLVED:
        return Ruling(Reason.INHIBITED, because=here.inhibitor)
    if here.quiet_until is not None:
        return Ruling(Reason.QUIET, here.quiet_until)
    if here.flapping_until is not None:
        return Ruling(Reason.FLAPPING, here.flapping_until)
    return None


def ruled(telling: Telling, ruling: Ruling) -> Telling:
    """Return the telling after a decision not to send something now."""
    return replace(telling, why=ruling.reason, held=_held_by(telling.held, ruling.reason), due=ruling.due)


def _held_by(before: Reason | None, reason: Reason) -> Reason | None:
    if reason in {Reason.CLEARING, Reason.NOT_YET}:
        return before
    if reason is Reason.COLLECTING and before in DIGESTED:
        return before  # still a digest, when its turn comes
    return reason if reason in HOLDS else None


def told(telling: Telling, want: Happening, now: datetime, reminder: timedelta) -> Telling:
    """Return the telling after a message was sent."""
    return replace(
        telling,
        why=reason_to_tell(telling, want),
        held=None,
        told_at=telling.told_at or now,
        remind_at=now + reminder,
        reminders=telling.reminders + (want is Happening.REMINDER),
        messages=telling.messages + 1,
        due=now + reminder,
    )


def reason_to_tell(telling: Telling, want: Happening) -> Reason:
    """Return why a message goes out now: what kept it back is over, or simply what it says."""
    if want is Happening.RESOLVED or telling.held is None:
        return _PLAIN[want]
    return _AFTER[telling.held]

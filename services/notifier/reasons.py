"""Why something is told, waits, or is not told: one word per decision, for the delivery log and the tests."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class DecisionReason(StrEnum):
    # Told, because …
    FIRST = "first"
    """It fires, and this receiver does not know yet."""
    REMINDER = "reminder"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    COLLECTED = "collected"
    """The group's wait is over."""
    SILENCE_OVER = "silence_over"
    INHIBITION_OVER = "inhibition_over"
    QUIET_OVER = "quiet_over"
    CALMED = "calmed"
    """The flapping is over, or the rule may speak again: told in a digest."""
    CAME_AND_WENT = "came_and_went"
    """Over before it could be told: counted in a digest."""

    REPORT = "report"
    """The policy report is mailed to whom the city file names: nothing holds it back."""

    # It waits, because …
    COLLECTING = "collecting"
    """The receiver just had a message of this kind; this one goes with the next."""
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    """Something worse that explains it is firing."""
    EXPLAINED = "explained"
    """The receiver knows of something that goes on and explains it."""
    SETTLING = "settling"
    """What explained it is over: told if it goes on all the same."""
    QUIET = "quiet"
    FLAPPING = "flapping"
    """The rule has had its messages for now."""
    CLEARING = "clearing"
    """The figure is back; told again only if it fires again or is over."""
    NOT_YET = "not_yet"
    """Escalation: the first receivers have time to acknowledge."""

    # Not told, because …
    ALREADY_TOLD = "already_told"
    NO_READING = "no_reading"
    """Nothing can be measured: what was held back, a reminder or an escalation follows when it can again."""
    EASING = "easing"
    """It lasts, but the figure is not beyond its limit now: likewise."""
    LIMIT_OVER = "limit_over"
    """Of an early limit that was not told: the limit itself fired, and is over."""
    ACKNOWLEDGED = "acknowledged"
    OUTDATED = "outdated"
    """A reminder that fell due while nobody was deciding; a later one follows."""
    RESOLVED_UNWANTED = "resolved_unwanted"
    """``notify.tell_resolved`` is off."""
    NEVER_TOLD = "never_told"
    """It is over, and this receiver never knew of it."""
    NOT_ROUTED = "not_routed"
    """No route leads to this receiver any more; without a receiver: no route leads anywhere."""
    RECEIVER_GONE = "receiver_gone"
    NO_MAIL = "no_mail"
    """A report, to somebody without an e-mail channel."""
    PENDING = "pending"
    """Not held long enough yet to tell anybody."""
    BLIP = "blip"
    """Over without ever having fired."""
    DUPLICATE = "duplicate"
    STALE = "stale"
    """Older than what is known: an event of a breach, or a breach of a rule."""
    SUPERSEDED = "superseded"
    """The rule has a newer breach, so this one is over, though nobody said so."""

    # An acknowledgement …
    TAKEN_ON = "taken_on"
    ALREADY_OVER = "already_over"
    UNKNOWN = "unknown"


HOLDS: Final = frozenset(
    {
        DecisionReason.COLLECTING,
        DecisionReason.SILENCED,
        DecisionReason.INHIBITED,
        DecisionReason.EXPLAINED,
        DecisionReason.QUIET,
        DecisionReason.FLAPPING,
    }
)
"""What keeps a message back that would otherwise be sent at once."""

DIGESTED: Final = frozenset({DecisionReason.QUIET, DecisionReason.FLAPPING})
"""What these kept back is told in a digest."""

COUNTED_WHEN_GONE: Final = DIGESTED | {DecisionReason.COLLECTING}
"""What these kept back is told even when it is over by then; a silence or an inhibition means to hide it."""

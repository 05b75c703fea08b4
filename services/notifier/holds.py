"""What holds a message back at a moment: silences, inhibition, quiet hours, flapping, its group. Pure.

Alertmanager's stages of the same names. Each answers until when, or by what; ``obstacle`` weighs them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, NamedTuple

from services.notifier.delivery_state import DeliveryState, Hold
from services.notifier.model import Breach, NotificationKind, NotifierPolicy, Silence, fits
from services.notifier.reasons import DecisionReason
from services.notifier.state import BreachRecord, FlapTally, Group, NotifierState
from shared.config.alerting import MuteTimes, NotifyConfig
from shared.config.types import ALL_QUEUES, PERIODS
from shared.contract.breach_events import Level, Severity
from shared.contract.kpis import Measure, more_is_better
from shared.instants import Instant

Place = tuple[str, str]
"""A site, and a queue of it or its total."""


class Obstacles(NamedTuple):
    """What may stand in the way of a message about a breach, as it is now."""

    silence: Silence | None = None
    inhibitor: str | None = None
    """The id of the breach that inhibits this one."""
    quiet_until: Instant | None = None
    flapping_until: Instant | None = None


@dataclass(frozen=True)
class Circumstances:
    """What holds for all breaches at a moment, found once."""

    at: datetime
    silences: tuple[Silence, ...]
    dead_feeds: tuple[Breach, ...]
    firing: Mapping[Place, Sequence[BreachRecord]]
    """What is going on, by where it does."""
    quiet_until: Callable[[Severity], datetime | None]


def circumstances(state: NotifierState, policy: NotifierPolicy, at: datetime) -> Circumstances:
    """Return what holds for all breaches at a moment."""
    quiet = cache(lambda severity: quiet_until(policy.notify.quiet, severity, policy.is_open, at))
    dead_feeds, firing = list[Breach](), defaultdict[Place, list[BreachRecord]](list)
    for one in state.breaches.values():
        if one.is_firing:
            firing[one.breach.site, one.breach.queue].append(one)
            if one.breach.measure is Measure.NO_DATA:
                dead_feeds.append(one.breach)
    return Circumstances(at, tuple(state.silences.values()), tuple(dead_feeds), firing, quiet)


def obstacles(state: NotifierState, breach: Breach, here: Circumstances) -> Obstacles:
    """Return what stands in the way of any message about a breach."""
    silence = silence_of(here.silences, breach, here.at)
    return Obstacles(silence, _inhibitor(state, breach, here), here.quiet_until(breach.severity))


def obstacle(kind: NotificationKind, found: Obstacles) -> Hold | None:
    """Return what stands in the way of a message; the weightiest of several.

    Who was told that something is wrong is told that it is over, silence or not.
    """
    if found.silence is not None and kind is not NotificationKind.RESOLVED:
        return Hold(DecisionReason.SILENCED, found.silence.ends_at, found.silence.id)
    if found.inhibitor is not None and kind is not NotificationKind.RESOLVED:
        return Hold(DecisionReason.INHIBITED, because=found.inhibitor)
    if found.quiet_until is not None:
        return Hold(DecisionReason.QUIET, found.quiet_until)
    if found.flapping_until is not None:
        return Hold(DecisionReason.FLAPPING, found.flapping_until)
    return None


# Silences ----------------------------------------------------------------------------------------------


def silence_of(silences: Iterable[Silence], breach: Breach, now: datetime) -> Silence | None:
    """Return the active silence that fits the breach; of several the one that lasts longest."""
    active = [s for s in silences if s.starts_at <= now < s.ends_at and fits(s, breach)]
    return max(active, key=lambda silence: (silence.ends_at, silence.id), default=None)


# Inhibition --------------------------------------------------------------------------------------------


def inhibits(firing: Breach, other: Breach) -> bool:
    """Whether the one, which is firing, makes a message about the other superfluous.

    Two things do: a dead feed, for without it the site's figures rest on nothing; and the limit itself,
    for whoever knows that it was exceeded knows that it was nearly reached.
    """
    if firing.measure is Measure.NO_DATA:
        # The error budget rests on the same feed as the KPIs; another feed without data stands by itself.
        return other.measure is not Measure.NO_DATA and other.site == firing.site
    return firing.level is Level.LIMIT and other.level is Level.WARNING and one_rule(firing, other)


def _inhibitor(state: NotifierState, breach: Breach, here: Circumstances) -> str | None:
    limit = state.firing_at(breach.model_copy(update={"level": Level.LIMIT}))
    firing = [*here.dead_feeds, *([] if limit is None else [limit])]
    return min((one.id for one in firing if inhibits(one, breach)), default=None)


# What a receiver knows already --------------------------------------------------------------------------

SETTLES_IN: Final = timedelta(minutes=5)
"""What was explained by something that is over now often is over soon too: so long it is waited for."""

_SUBJECTS: Final[Mapping[Measure, str]] = {
    Measure.MISSED_RATIO: "missed",
    Measure.CALL_WAIT_MEAN: "wait",
    Measure.SERVICE_LEVEL: "wait",
    Measure.LATE_RATIO: "wait",
    Measure.VISIT_WAIT_MEAN: "wait",
    Measure.WAITING: "now",
    Measure.LONGEST_WAIT: "now",
    Measure.NOBODY_AVAILABLE: "now",
}
"""What is about what happens now, by what it is about; the rest stands by itself."""


def explains(known: Breach, other: Breach, about_visitors: Callable[[Breach], bool]) -> bool:
    """Whether who was told of the one, which is firing, has little to learn from the other.

    It says the same of all queues, or of the same ones to no lower a limit, and is as urgent; or it is about
    the same people, or more, and critical, which the other is not. A month's or a year's figure says nothing
    of now.
    """
    subject, of_other = _subject(known), _subject(other)
    if subject is None or of_other is None or known.level is Level.WARNING:
        return False
    if known.site != other.site or known.queue not in {ALL_QUEUES, other.queue}:
        return False
    if about_visitors(known) is not about_visitors(other) or _width_of(known) >= _width_of(other):
        return False
    if known.severity is Severity.CRITICAL and other.severity is not Severity.CRITICAL:
        return True
    return subject == of_other and (known.queue != other.queue or not _is_further(other, known))


def explained(
    firing: Mapping[Place, Sequence[BreachRecord]],
    breach: Breach,
    receiver: str,
    kind: NotificationKind,
    about_visitors: Callable[[Breach], bool],
) -> Hold | None:
    """Return what a receiver knows, or is to hear of by the same escalation, that explains a breach.

    Limit and early limit of a rule end in one message: who was told of both hears when both are over.
    """
    here = {(breach.site, breach.queue), (breach.site, ALL_QUEUES)}
    for one in (record for place in sorted(here) for record in firing.get(place, ())):
        if not one.is_known_to(receiver, soon=kind is NotificationKind.ESCALATION):
            continue
        if kind is NotificationKind.RESOLVED:
            explains_it = one.breach.id != breach.id and one_rule(one.breach, breach)
        else:
            explains_it = explains(one.breach, breach, about_visitors)
        if explains_it:
            return Hold(DecisionReason.EXPLAINED, because=one.breach.id)
    return None


def settling(before: DeliveryState, now: datetime) -> Hold | None:
    """Return until when a breach is not told for the first time that was explained until lately."""
    match before.why:
        case DecisionReason.EXPLAINED:
            return Hold(DecisionReason.SETTLING, now + SETTLES_IN)
        case DecisionReason.SETTLING if before.due is not None and before.due > now:
            return Hold(DecisionReason.SETTLING, min(before.due, now + SETTLES_IN))
    return None


def one_rule(one: Breach, other: Breach) -> bool:
    """Whether two breaches are of one rule at one place, each of its limit or of its early one."""
    return (one.rule, one.site, one.queue) == (other.rule, other.site, other.queue)


def _is_further(one: Breach, other: Breach) -> bool:
    """Whether the one is about a limit that is further off; a shift is about none."""
    if one.measure is not other.measure:
        return one.usual is None and other.usual is None
    if one.usual is not None or other.usual is not None:
        return False
    return one.limit < other.limit if more_is_better(one.measure) else one.limit > other.limit


def _subject(breach: Breach) -> str | None:
    of_a_period = breach.window in PERIODS and breach.usual is None
    return None if of_a_period else _SUBJECTS.get(breach.measure)


def _width_of(breach: Breach) -> tuple[int, bool, datetime, str]:
    """Most urgent first, a total before a queue, what fired earlier before what did later."""
    urgency = [*Severity].index(breach.severity)
    return -urgency, breach.queue != ALL_QUEUES, breach.fired_at or breach.opened_at, breach.id


# Quiet hours -------------------------------------------------------------------------------------------

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)
_REACH: Final = timedelta(days=8)
"""Hours repeat every week; quiet that lasts longer is looked at again after this."""


def quiet_until(
    quiet: Iterable[MuteTimes], severity: Severity, is_open: Callable[[str | None, int], bool], now: datetime
) -> datetime | None:
    """Return when messages of that severity may be sent again; ``None`` when they may now.

    Hours begin and end on whole minutes, in every time zone of today.
    """
    hours = [q.hours for q in quiet if severity not in q.unless]

    def is_quiet(at: datetime) -> bool:
        return any(is_open(name, (at - _EPOCH) // timedelta(milliseconds=1)) for name in hours)

    if not is_quiet(now):
        return None
    end = now - (now - _EPOCH) % _MINUTE + _MINUTE
    while end < now + _REACH and is_quiet(end):
        end += _MINUTE
    return end


# Flapping: a rule that comes and goes may cause so many messages in a window; the rest is a digest. -----
#
#       F R F R F R F R F R                      F fires, R is over
#       ✉ ✉ · · · · · · · ·        ✉ digest      (flap_messages = 2)
#                          └─ calm ─┘
#
# The digest goes out when the rule calms (no turn for a sixth of ``flap_window``), though not twice in a
# window, and at the latest when the oldest message has left the window.

CALM_PARTS: Final = 6
"""Calm is this part of ``flap_window`` without a turn: 10 minutes of an hour."""


class FlapAllowance(NamedTuple):
    """Whether a message may be sent."""

    held_until: Instant | None = None
    """None: it may."""
    counts: bool = True
    digest: bool = False
    """It may as (part of) a digest only."""


def allowance(
    tally: FlapTally, turned_at: datetime, now: datetime, notify: NotifyConfig, *, digested: bool
) -> FlapAllowance:
    """Decide on a message of a rule that fired or was over last at ``turned_at``.

    ``digested``: the message was kept back and is to go in a digest.
    """
    if digested and tally.digest_at == now:
        return FlapAllowance(counts=False, digest=True)  # one digest holds all there is to tell
    recent = _recent(tally, now, notify)
    if len(recent) < notify.flap_messages:
        return FlapAllowance(digest=digested)
    calm_at = turned_at + notify.flap_window / CALM_PARTS
    if tally.digest_at is not None:
        calm_at = max(calm_at, tally.digest_at + notify.flap_window)
    until = min(calm_at, recent[-notify.flap_messages] + notify.flap_window)
    return FlapAllowance(held_until=until) if until > now else FlapAllowance(counts=False, digest=True)


def counted(tally: FlapTally, allowed: FlapAllowance, now: datetime, notify: NotifyConfig) -> FlapTally:
    """Return the tally after a message that was allowed so."""
    recent = _recent(tally, now, notify)
    return replace(
        tally,
        sent=(*recent, now) if allowed.counts else recent,
        digest_at=now if allowed.digest else tally.digest_at,
        forget_at=now + notify.flap_window,
    )


def _recent(tally: FlapTally, now: datetime, notify: NotifyConfig) -> tuple[datetime, ...]:
    """The messages within the window; not those of a clock that was ahead and has been set back."""
    return tuple(at for at in tally.sent if now - notify.flap_window < at <= now)


# Groups ------------------------------------------------------------------------------------------------

NEWS_WITHIN: Final = timedelta(seconds=1)
"""The first message of a new breach is never collected for longer than this, whatever ``group_wait`` says."""


def group_wait(kind: NotificationKind, notify: NotifyConfig) -> timedelta:
    """Return how long further messages of a kind are collected."""
    return min(notify.group_wait, NEWS_WITHIN) if kind is NotificationKind.FIRING else notify.group_wait


def collecting(
    groups: Mapping[str, Group], receiver: str, kind: NotificationKind, now: datetime, notify: NotifyConfig
) -> Hold | None:
    """Return whether further messages of that kind are being collected for the receiver.

    Nothing is collected for longer than the wait: what says so was written by a clock that was ahead.
    """
    group = groups.get(f"{receiver}/{kind}")
    if group is None or not now < group.until <= now + group_wait(kind, notify):
        return None
    return Hold(DecisionReason.COLLECTING, group.until)

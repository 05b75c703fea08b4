"""The state machine of a rule: when a value becomes a breach, and when it is over. Pure.

::

            over                 held                  back
    ok ───────────► pending ───────────► firing ◄──────────────► clearing
     ▲                 │                   │         over           │
     ├────── back ─────┘                   │                        │
     ├──────── closed, unread ─────────────┴────────────────────────┤
     └──────────────────────── stayed back ─────────────────────────┘

``hold`` and ``keep_firing`` of zero make pending and clearing pass in the same instant, so that what is
told is always every step. A figure that does not settle its limit yet opens nothing; what is open ends by
the figure itself. No reading neither opens nor closes a breach: whatever was running stands still until there
is one again. Without one for as long as ``stale_after``, and with nobody waiting, it is over all the same:
what was measured then says nothing of now. Nor does what a breach rested on open the next one: of contacts
counted back, only those count that came since it ended (``counts_from``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.contract.breach_events import BreachState, Cause
from shared.instants import Instant
from shared.stored_state import Amount, FiniteFloat

ZERO: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a rule waits before it says something."""

    hold: timedelta = ZERO
    keep_firing: timedelta = ZERO
    stale_after: timedelta | None = None
    """How long a breach lasts without a reading; none: until there is one."""


@dataclass(frozen=True, slots=True)
class RuleReading:
    """What a look at a rule found: a figure, and whether it opens a breach or lets one end."""

    value: float | None
    """None: it has none, and is told by another of its conditions that it is over."""
    over: bool
    back: bool
    settled: bool = True
    """Whether the figure says which it is: its limit does not lie within its range."""
    samples: int | None = None
    """Contacts that the value rests on, and of a share how many it counts."""
    part: int | None = None


@dataclass(frozen=True, slots=True)
class RuleLimits:
    """The limits of a figure."""

    limit: float
    clear_at: float
    more_is_better: bool = False
    """Service level: being below the limit is the breach."""

    def over(self, value: float) -> bool:
        """Whether a value opens a breach. Exactly the limit keeps the promise."""
        return value < self.limit if self.more_is_better else value > self.limit

    def back(self, value: float) -> bool:
        """Whether a value lets a breach end."""
        return value >= self.clear_at if self.more_is_better else value <= self.clear_at

    def worse(self, one: float | None, other: float) -> float:
        """Return whichever is further over the limit."""
        if one is None:
            return other
        return min(one, other) if self.more_is_better else max(one, other)


@dataclass(frozen=True, slots=True)
class RuleState:
    """Where one rule at one queue stands."""

    state: BreachState = BreachState.OK
    since: Instant | None = None
    """When this state began; for ok: never mind."""
    opened_at: Instant | None = None
    """When it left ok: names the breach."""
    fired_at: Instant | None = None
    worst: FiniteFloat | None = None
    worst_samples: Amount | None = None
    worst_part: Amount | None = None
    steps: Amount = 0
    """How many steps this breach has taken: tells two returns to the same state apart."""
    unread_since: Instant | None = None
    """Since when there is no reading; none: there was one at the last look."""
    counts_from: Instant | None = None
    """When a breach last ended; outlives it."""


@dataclass(frozen=True, slots=True)
class RuleStep:
    """A step of the state machine, and the state after it."""

    previous: BreachState
    cause: Cause
    rule_state: RuleState


def judge(
    rule_state: RuleState,
    look: RuleReading | None,
    now: datetime,
    patience: Patience,
    *,
    waited_for: bool = False,
) -> list[RuleStep]:
    """Return the steps that a look brings about at ``now``; none when nothing changes.

    ``look`` is ``None`` when there is no reading. ``waited_for``: somebody waits, whom a breach without one
    is about all the same.
    """
    if look is None:
        unread = now - (rule_state.unread_since or now)
        too_long = patience.stale_after is not None and unread >= patience.stale_after
        return close(rule_state, now, Cause.NO_READING) if too_long and not waited_for else []
    steps: list[RuleStep] = []
    while (step := _next(rule_state, look, now, patience)) is not None:
        steps.append(step)
        rule_state = step.rule_state
    return steps


def in_time(rule_state: RuleState, now: datetime) -> RuleState:
    """Return the state as of ``now``: what began later was written by a clock that has been set back since,
    and begins now. Else its patience would take as much longer as that clock was ahead."""
    instants = (rule_state.since, rule_state.unread_since, rule_state.counts_from)
    if all(began is None or began <= now for began in instants):
        return rule_state
    since, unread_since, counts_from = (None if began is None else min(began, now) for began in instants)
    return replace(rule_state, since=since, unread_since=unread_since, counts_from=counts_from)


def close(rule_state: RuleState, now: datetime, cause: Cause) -> list[RuleStep]:
    """Return the step that ends whatever is open, without a reading: the desk closed, or the rule is gone."""
    return [] if rule_state.state is BreachState.OK else [_step(rule_state, BreachState.OK, cause, now)]


def noted(rule_state: RuleState, look: RuleReading | None, now: datetime, limits: RuleLimits) -> RuleState:
    """Return the state with the worst value of its breach so far, or since when it has none."""
    if rule_state.state is BreachState.OK:
        return rule_state if rule_state.unread_since is None else replace(rule_state, unread_since=None)
    if look is None:
        return replace(rule_state, unread_since=rule_state.unread_since or now)
    read = replace(rule_state, unread_since=None)
    if look.value is None or limits.worse(read.worst, look.value) == read.worst:
        return read
    return replace(read, worst=look.value, worst_samples=look.samples, worst_part=look.part)


def _next(rule_state: RuleState, look: RuleReading, now: datetime, patience: Patience) -> RuleStep | None:
    waited = now - (rule_state.since or now)
    match rule_state.state:
        case BreachState.OK if look.over:
            return _open(rule_state, now, look)
        case BreachState.PENDING if not look.over:
            return _step(rule_state, BreachState.OK, Cause.BACK, now)
        case BreachState.PENDING if waited >= patience.hold:
            return _step(rule_state, BreachState.FIRING, Cause.HELD, now)
        case BreachState.FIRING if look.back:
            return _step(rule_state, BreachState.CLEARING, Cause.BACK, now)
        case BreachState.CLEARING if not look.back:
            return _step(rule_state, BreachState.FIRING, Cause.OVER, now)
        case BreachState.CLEARING if waited >= patience.keep_firing:
            return _step(rule_state, BreachState.OK, Cause.STAYED_BACK, now)
    return None


def _open(before: RuleState, now: datetime, look: RuleReading) -> RuleStep:
    after = RuleState(
        state=BreachState.PENDING,
        since=now,
        opened_at=now,
        worst=look.value,
        worst_samples=look.samples,
        worst_part=look.part,
        steps=1,
        counts_from=before.counts_from,
    )
    return RuleStep(BreachState.OK, Cause.OVER, after)


def _step(rule_state: RuleState, state: BreachState, cause: Cause, now: datetime) -> RuleStep:
    fired_at = rule_state.fired_at or now if state is BreachState.FIRING else rule_state.fired_at
    ends = state is BreachState.OK and rule_state.fired_at is not None
    after = replace(
        rule_state,
        state=state,
        since=now,
        fired_at=fired_at,
        steps=rule_state.steps + 1,
        counts_from=now if ends else rule_state.counts_from,
    )
    return RuleStep(rule_state.state, cause, after)

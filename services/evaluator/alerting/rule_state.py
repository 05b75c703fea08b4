"""One watch's state machine: when a figure becomes a breach, and when it is over.

::

            over                 held                  back
    ok ───────────► pending ───────────► firing ◄──────────────► clearing
     ▲                 │                   │         over           │
     ├────── back ─────┘                   │                        │
     ├────────────── closed ───────────────┴────────────────────────┤
     └──────────────────────── stayed back ─────────────────────────┘

``hold`` and ``keep_firing`` of zero make pending and clearing pass in the same instant, so that what is
told is always every step. No reading, or one on too few contacts (*insufficient*), neither opens
nor closes a breach: whatever was running stands still until there is a reading again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.contract.breach_events import BreachState, Cause
from shared.instants import Instant
from shared.stored_state import Amount, Figure

ZERO: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class RuleLimits:
    """What a watch guards: the threshold and its patience."""

    limit: float
    clear_at: float
    hold: timedelta = ZERO
    keep_firing: timedelta = ZERO
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
    worst: Figure | None = None
    steps: Amount = 0
    """How many steps this breach has taken: tells two returns to the same state apart."""


@dataclass(frozen=True, slots=True)
class RuleStep:
    """A step of the state machine, and where the watch stands after it."""

    previous: BreachState
    cause: Cause
    watch: RuleState


def judge(watch: RuleState, value: float | None, now: datetime, limits: RuleLimits) -> list[RuleStep]:
    """Return the steps that a reading brings about at ``now``; none when nothing changes.

    ``value`` is ``None`` when there is no reading or too few contacts.
    """
    if value is None:
        return []
    steps: list[RuleStep] = []
    while (step := _next(watch, value, now, limits)) is not None:
        steps.append(step)
        watch = step.watch
    return steps


def in_time(watch: RuleState, now: datetime) -> RuleState:
    """Return the watch as of ``now``: a state that began later was written by a clock that has been set back
    since, and begins now. Else its patience would take as much longer as that clock was ahead."""
    return watch if watch.since is None or watch.since <= now else replace(watch, since=now)


def close(watch: RuleState, now: datetime, cause: Cause) -> list[RuleStep]:
    """Return the step that ends whatever is open, without a reading: the desk closed, the rule is gone."""
    return [] if watch.state is BreachState.OK else [_step(watch, BreachState.OK, cause, now)]


def noted(watch: RuleState, value: float | None, limits: RuleLimits) -> RuleState:
    """Return the watch with the worst value of its breach so far."""
    if watch.state is BreachState.OK or value is None:
        return watch
    worst = limits.worse(watch.worst, value)
    return watch if worst == watch.worst else replace(watch, worst=worst)


def _next(watch: RuleState, value: float, now: datetime, limits: RuleLimits) -> RuleStep | None:
    waited = now - (watch.since or now)
    match watch.state:
        case BreachState.OK if limits.over(value):
            return _open(now, value)
        case BreachState.PENDING if not limits.over(value):
            return _step(watch, BreachState.OK, Cause.BACK, now)
        case BreachState.PENDING if waited >= limits.hold:
            return _step(watch, BreachState.FIRING, Cause.HELD, now)
        case BreachState.FIRING if limits.back(value):
            return _step(watch, BreachState.CLEARING, Cause.BACK, now)
        case BreachState.CLEARING if not limits.back(value):
            return _step(watch, BreachState.FIRING, Cause.OVER, now)
        case BreachState.CLEARING if waited >= limits.keep_firing:
            return _step(watch, BreachState.OK, Cause.STAYED_BACK, now)
    return None


def _open(now: datetime, value: float) -> RuleStep:
    return RuleStep(BreachState.OK, Cause.OVER, RuleState(BreachState.PENDING, now, now, None, value, 1))


def _step(watch: RuleState, state: BreachState, cause: Cause, now: datetime) -> RuleStep:
    fired_at = watch.fired_at or now if state is BreachState.FIRING else watch.fired_at
    after = replace(watch, state=state, since=now, fired_at=fired_at, steps=watch.steps + 1)
    return RuleStep(watch.state, cause, after)

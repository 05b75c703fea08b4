"""Who would be told of a breach, when and why: the notifier's own decisions on one that is made up. Pure.

Nobody takes it on and it lasts, so whoever it escalates to is told, too. Nothing is known of earlier
messages: what is collected with others, or comes and goes too often, is told at once here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from domain.counts import ms_of
from services.evaluator.alerting.rules import Rule
from services.notifier import engine
from services.notifier.delivery_state import DeliveryState, ReceiverRole
from services.notifier.model import Breach, NotifierPolicy, Silence, fits
from services.notifier.reasons import HOLDS, DecisionReason
from services.notifier.state import NotifierState, next_due
from shared.config.alerting import Route
from shared.contract.breach_events import BreachChanged, BreachReading, BreachState, Cause, RuleKey
from shared.contract.kpis import more_is_better

LOOKS_AHEAD: Final = timedelta(days=8)
"""Quiet hours repeat every week; nothing else is waited for as long, but for a silence."""

MOST_STEPS: Final = 200
"""Moments at which something falls due within that time, at most: reminders to others among them."""


@dataclass(frozen=True)
class RoutedReceiver:
    """What one receiver would be told."""

    receiver: str
    routes: tuple[int, ...]
    """Which lead to them, as numbered in the city file from 1."""
    escalates: bool
    """Told only because nobody took it on."""
    told_at: datetime | None
    """``None``: not within ``LOOKS_AHEAD``."""
    hold: DecisionReason | None
    """What holds the message back, if anything does."""
    because: str
    """The silence, of one that holds it back."""


@dataclass(frozen=True)
class RoutedRule:
    """Who would be told that a rule is breached at a place."""

    key: RuleKey
    is_judged: bool
    """Whether it can be breached at that moment: many are judged in opening hours only."""
    receivers: tuple[RoutedReceiver, ...]


def routed(
    policy: NotifierPolicy, rules: Iterable[Rule], at: datetime, silences: Mapping[str, Silence]
) -> Iterator[RoutedRule]:
    """Yield who would be told of each rule if it fired at a moment."""
    policy = replace(policy, is_open=cache(policy.is_open))  # quiet hours look for their end minute by minute
    at_ms = ms_of(at)
    for rule in rules:
        is_open = not rule.hours or any(policy.is_open(hours, at_ms) for hours in rule.hours)
        is_judged = is_open or not rule.open_only
        yield RoutedRule(rule.key, is_judged, _receivers(policy, rule.key, at, silences))


def made_up(key: RuleKey, at: datetime) -> Breach:
    """Return a breach of a rule that fires at a moment."""
    return Breach.model_validate(_firing(key, at) | {"id": _name(key)})


def idle_routes(routes: Iterable[Route], keys: Iterable[RuleKey], at: datetime) -> list[int]:
    """Return the numbers, from 1, of the routes that no rule's breach takes."""
    breaches = [made_up(key, at) for key in keys]
    numbered = enumerate(routes, 1)
    return [number for number, route in numbered if not any(fits(route, one) for one in breaches)]


def _receivers(
    policy: NotifierPolicy, key: RuleKey, at: datetime, silences: Mapping[str, Silence]
) -> tuple[RoutedReceiver, ...]:
    name = _name(key)
    names = {"id": f"{name}:firing", "breach": name}
    step = {"previous": BreachState.OK, "cause": Cause.OVER}
    event = BreachChanged.model_validate(_firing(key, at) | names | step)
    holds: dict[str, tuple[DecisionReason, str]] = {}
    decision = engine.on_events(NotifierState(silences=silences), [event], at, policy)
    for _ in range(MOST_STEPS):
        for line in decision.log:
            reason = DecisionReason(line.reason)
            if line.receiver and reason in HOLDS:
                holds.setdefault(line.receiver, (reason, line.because))
        due = next_due(decision.state)
        waiting = [one for one in _states(decision.state, name) if one.notified_at is None]
        if not waiting or due is None or due > at + LOOKS_AHEAD:
            break
        decision = engine.on_time(decision.state, due, policy)
    breach = made_up(key, at)
    return tuple(_routed(policy, breach, one, holds) for one in _states(decision.state, name))


def _states(state: NotifierState, name: str) -> tuple[DeliveryState, ...]:
    record = state.breaches.get(name)
    return () if record is None else record.delivery_states


def _routed(
    policy: NotifierPolicy,
    breach: Breach,
    state: DeliveryState,
    holds: Mapping[str, tuple[DecisionReason, str]],
) -> RoutedReceiver:
    escalates = state.role is ReceiverRole.ESCALATION
    fitting = [(n, route) for n, route in enumerate(policy.routes, 1) if fits(route, breach)]
    hold, because = holds.get(state.receiver, (None, ""))
    return RoutedReceiver(
        receiver=state.receiver,
        routes=tuple(
            number
            for number, route in fitting
            if state.receiver in (route.escalate_to if escalates else route.receivers)
        ),
        escalates=escalates,
        told_at=state.notified_at,
        hold=hold,
        because=because,
    )


def _name(key: RuleKey) -> str:
    return f"{key.name}:trial"


def _firing(key: RuleKey, at: datetime) -> dict[str, object]:
    beyond = key.limit + (-1 if more_is_better(key.measure) else 1)
    reading = BreachReading(value=beyond, samples=1, waiting=1)
    instants = {"opened_at": at, "fired_at": at, "at": at}
    return key.parts() | instants | {"state": BreachState.FIRING, "reading": reading}

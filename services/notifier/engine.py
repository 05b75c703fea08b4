"""Who must know, when, and once: the notifier's decisions. Pure.

Every way in takes the state, what happened, and ``now``; it first decides what has been due since, each
thing at the moment it was due, so that it makes no difference how often the shell asks. It gives a
``Decision``: the shell stores its ``changed`` records and puts its notifications in the outbox in one script,
or does neither and asks again, which gives the same notifications with the same ids.

One event's way: ``hearing`` (what it makes of the breach) → ``settle`` (for each receiver: ``telling`` says
what is wanted and what stands in the way) → ``decision.notification_of``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from services.notifier.breach_updates import heard
from services.notifier.decision import Decision as Decision
from services.notifier.decision import DeliveryDecision as DeliveryDecision
from services.notifier.decision_context import DecisionContext
from services.notifier.model import Acknowledgement, Breach
from services.notifier.reasons import DecisionReason as DecisionReason
from services.notifier.routing import receivers_of
from services.notifier.rules import NotifierPolicy as NotifierPolicy
from services.notifier.silences import Silence as Silence
from services.notifier.stages import decide, open_desk, settle
from services.notifier.state import BreachRecord, has_fired
from services.notifier.state import NotifierState as NotifierState
from services.notifier.state import decode as decode
from services.notifier.state import encode as encode
from services.notifier.state import next_due as next_due
from shared.contract.breach_events import BreachEvent, BreachState


def on_event(state: NotifierState, event: BreachEvent, now: datetime, policy: NotifierPolicy) -> Decision:
    """Decide on one event of the breaches stream."""
    return on_events(state, (event,), now, policy)


def on_events(
    state: NotifierState, events: Sequence[BreachEvent], now: datetime, policy: NotifierPolicy
) -> Decision:
    """Decide on events that were read together: what fires in one batch is told in one message.

    A breach that fires and is over within the batch is told of both.
    """
    desk = open_desk(state, policy, now)
    for event in events:
        _hear(desk, event)
    return decide(desk)


def on_time(state: NotifierState, now: datetime, policy: NotifierPolicy) -> Decision:
    """Decide on what fell due until ``now``: waits, reminders, escalations, ends of quiet and silences."""
    return decide(open_desk(state, policy, now))


def acknowledge(
    state: NotifierState, breaches: Iterable[str], by: str, now: datetime, policy: NotifierPolicy
) -> Decision:
    """Take breaches on: their reminders and escalations stop. Says so for each, or why not.

    ``by`` is a receiver's id or a role, never a person's name.
    """
    desk = open_desk(state, policy, now)
    for breach_id in dict.fromkeys(breaches):
        known = desk.breaches.get(breach_id)
        reason = _taken_on(known)
        if known is not None and reason is DecisionReason.TAKEN_ON:
            acknowledged = Acknowledgement(at=now, by=by)
            breach = known.breach.model_copy(update={"acknowledged": acknowledged})
            desk.put(replace(known, breach=breach))
        desk.say(breach_id, by, reason)
    return decide(desk)


def silence(state: NotifierState, wanted: Silence, now: datetime, policy: NotifierPolicy) -> Decision:
    """Add a silence, or replace the one of that id."""
    desk = open_desk(state, policy, now)
    desk.silences[wanted.id] = wanted
    desk.look_at_all()
    return decide(desk)


def expire_silence(state: NotifierState, silence_id: str, now: datetime, policy: NotifierPolicy) -> Decision:
    """End a silence: what it kept back and still lasts is told. Raises ``KeyError`` for an unknown id."""
    if silence_id not in state.silences:
        raise KeyError(silence_id)
    desk = open_desk(state, policy, now)
    desk.silences.pop(silence_id, None)
    desk.look_at_all()
    return decide(desk)


def list_silences(state: NotifierState) -> tuple[Silence, ...]:
    """Return the silences that are on or still to come, the first to end first."""
    return tuple(sorted(state.silences.values(), key=lambda one: (one.ends_at, one.id)))


def list_breaches(state: NotifierState) -> tuple[Breach, ...]:
    """Return what is going on, pending or firing, the oldest first."""
    going_on = (known.breach for known in state.breaches.values() if not known.is_over)
    return tuple(sorted(going_on, key=lambda breach: (breach.opened_at, breach.id)))


def _hear(desk: DecisionContext, event: BreachEvent) -> None:
    before = desk.breaches.get(event.breach)
    if before is not None and before.breach.id in desk.unsettled and _stops_firing(before, event):
        settle(desk)
        before = desk.breaches.get(event.breach)
    after = heard(before, desk.rule_record(event), event, desk.now)
    if isinstance(after, DecisionReason):
        desk.say(event.breach, "", after)
        return
    if before is None:
        _supersede(desk, after.breach)
    if after.is_over:
        after = replace(after, forget_at=desk.now + desk.policy.notify.flap_window)
    desk.put(after)
    _note(desk, before, after)


def _stops_firing(known: BreachRecord, event: BreachEvent) -> bool:
    return known.breach.state is BreachState.FIRING and event.state is not BreachState.FIRING


def _supersede(desk: DecisionContext, breach: Breach) -> None:
    """Close what the watch still has open: the judge has gone on to another breach."""
    watch = desk.rule_record(breach)
    older = None if watch is None else desk.breaches.get(watch.latest)
    if older is None or older.is_over:
        return
    over = {"state": BreachState.OK, "closed_at": breach.opened_at}
    forget_at = desk.now + desk.policy.notify.flap_window
    desk.put(replace(older, breach=older.breach.model_copy(update=over), forget_at=forget_at))
    desk.say(older.breach.id, "", DecisionReason.SUPERSEDED)


def _note(desk: DecisionContext, before: BreachRecord | None, after: BreachRecord) -> None:
    """Say what concerns no receiver in particular."""
    fired_before = before is not None and has_fired(before.breach)
    if not has_fired(after.breach):
        if after.is_over or before is None:
            desk.say(after.breach.id, "", DecisionReason.BLIP if after.is_over else DecisionReason.PENDING)
    elif not fired_before and not receivers_of(desk.policy.routes, after.breach):
        desk.say(after.breach.id, "", DecisionReason.NOT_ROUTED)


def _taken_on(known: BreachRecord | None) -> DecisionReason:
    if known is None:
        return DecisionReason.UNKNOWN
    if known.is_over:
        return DecisionReason.ALREADY_OVER
    return DecisionReason.TAKEN_ON if known.breach.acknowledged is None else DecisionReason.ACKNOWLEDGED

"""Who must know, when, and once: the notifier's decisions, from an event to what is sent. Pure.

In stages, as Alertmanager's, and in this order below::

    event ──► apply ──► who wants it ──► what holds it back ──► write
                         routes,          silence, inhibition,    messages, reasons,
                         escalations      quiet, flapping, group  the state after

Each stage takes the ``DecisionContext`` and returns the next one. What was due since is decided first, each
thing at the moment it was due: so it makes no difference how often the shell asks. The shell stores the
``changed`` records of a ``Decision`` and puts its notifications in the outbox in one script, or does neither
and asks again, which gives the same notifications with the same ids.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby
from typing import Any, Final

from services.notifier import delivery_state, holds
from services.notifier.delivery_state import DeliveryState, Hold, ReceiverRole
from services.notifier.holds import Circumstances, FlapAllowance, Obstacles
from services.notifier.model import (
    Acknowledgement,
    Breach,
    DecisionLine,
    Notification,
    NotificationKind,
    NotifierPolicy,
    Silence,
    fits,
)
from services.notifier.reasons import DIGESTED, DecisionReason
from services.notifier.state import (
    BreachRecord,
    FlapTally,
    Group,
    NotifierState,
    RuleRecord,
    changes,
    next_due,
    rule_key,
)
from shared.config.alerting import Route
from shared.contract.breach_events import BreachChanged, BreachEvent, BreachState, Level, Severity

SENT_AT_ONCE: Final = frozenset(
    {NotificationKind.FIRING, NotificationKind.ESCALATION, NotificationKind.RESOLVED}
)
"""What flap suppression is about. Reminders have a rhythm of their own."""

INHIBITED: Final = frozenset({DecisionReason.INHIBITED, DecisionReason.EXPLAINED})
"""What another breach keeps back."""

URGENCY: Final = tuple(reversed(Severity))
"""Most urgent first."""


@dataclass(frozen=True)
class Decision:
    """The state to store, the notifications to send, and a reason for all that was told, or was not.

    ``before`` is the state that was decided on: what to write is ``changed``.
    """

    before: NotifierState
    state: NotifierState
    notifications: tuple[Notification, ...] = ()
    log: tuple[DecisionLine, ...] = ()
    document: str | None = None
    """Of a report: the document that came with it, to be kept as long as a delivery brings it."""

    @property
    def changed(self) -> dict[str, bytes | None]:
        """The records to write: key → JSON, or ``None`` when it is to be deleted."""
        return changes(self.before, self.state)


@dataclass(frozen=True)
class NotificationItem:
    """A breach in a message that is being put together."""

    receiver: str
    kind: NotificationKind
    breach: Breach
    reason: DecisionReason
    message: int
    """In how many messages to that receiver it was before: makes the notification's id another each time."""
    number: int = 1


@dataclass(frozen=True)
class DecisionContext:
    """What a decision rests on, and what came of it so far. A value: each stage returns the next."""

    policy: NotifierPolicy
    now: datetime
    """When the decision is made."""
    at: datetime
    """The moment that is decided on: ``now``, or one before it at which something was due."""
    state: NotifierState
    changed: frozenset[str] = frozenset()
    """Breaches that something happened to: they are looked at."""
    released: frozenset[str] = frozenset()
    """Breaches that something held back which is over: likewise, once all that happened is known."""
    items: tuple[NotificationItem, ...] = ()
    """What is told at this moment."""
    notifications: tuple[Notification, ...] = ()
    log: tuple[DecisionLine, ...] = ()

    def noted(
        self, breach: str, receiver: str, hold: Hold | DecisionReason, notification: str | None = None
    ) -> DecisionContext:
        """Return the context with why something is told, or is not."""
        reason, _, because = hold if isinstance(hold, Hold) else Hold(hold)
        line = DecisionLine(
            at=self.at,
            receiver=receiver,
            breach=breach,
            reason=reason,
            notification=notification,
            because=because,
        )
        return replace(self, log=(*self.log, line))


# Ways in -----------------------------------------------------------------------------------------------


def on_events(
    state: NotifierState, events: Sequence[BreachEvent], now: datetime, policy: NotifierPolicy
) -> Decision:
    """Decide on events that were read together: what fires in one batch is told in one message.

    A breach that fires and is over within the batch is told of both.
    """
    context = _caught_up(state, policy, now)
    for event in events:
        context = _apply(context, event)
    return _decided(context, state)


def on_time(state: NotifierState, now: datetime, policy: NotifierPolicy) -> Decision:
    """Decide on what fell due until ``now``: waits, reminders, escalations, ends of quiet and silences."""
    return _decided(_caught_up(state, policy, now), state)


def acknowledge(
    state: NotifierState, breaches: Iterable[str], by: str, now: datetime, policy: NotifierPolicy
) -> Decision:
    """Take breaches on: their reminders and escalations stop. Says so for each, or why not.

    ``by`` is a receiver's id or a role, never a person's name.
    """
    context = _caught_up(state, policy, now)
    for breach_id in dict.fromkeys(_of_both_levels(context.state, breaches)):
        record = context.state.breaches.get(breach_id)
        reason = _taken_on(record)
        if record is not None and reason is DecisionReason.TAKEN_ON:
            acknowledged = Acknowledgement(at=now, by=by)
            breach = record.breach.model_copy(update={"acknowledged": acknowledged})
            context = _put(context, replace(record, breach=breach))
        context = context.noted(breach_id, by, reason)
    return _decided(context, state)


def _of_both_levels(state: NotifierState, breaches: Iterable[str]) -> Iterator[str]:
    """Yield breaches, and with each that of its rule's other limit that goes on."""
    for breach_id in breaches:
        yield breach_id
        record = state.breaches.get(breach_id)
        other = None if record is None else state.other_level(record.breach)
        if other is not None and not other.is_over:
            yield other.breach.id


def _taken_on(record: BreachRecord | None) -> DecisionReason:
    if record is None:
        return DecisionReason.UNKNOWN
    if record.is_over:
        return DecisionReason.ALREADY_OVER
    return DecisionReason.TAKEN_ON if record.breach.acknowledged is None else DecisionReason.ACKNOWLEDGED


def silence(state: NotifierState, wanted: Silence, now: datetime, policy: NotifierPolicy) -> Decision:
    """Add a silence, or replace the one of that id."""
    context = _caught_up(state, policy, now)
    return _decided(_with_silences(context, {**context.state.silences, wanted.id: wanted}), state)


def expire_silence(state: NotifierState, silence_id: str, now: datetime, policy: NotifierPolicy) -> Decision:
    """End a silence: what it kept back and still lasts is told. Raises ``KeyError`` for an unknown id."""
    if silence_id not in state.silences:
        raise KeyError(silence_id)
    context = _caught_up(state, policy, now)
    left = {key: one for key, one in context.state.silences.items() if key != silence_id}
    return _decided(_with_silences(context, left), state)


def _with_silences(context: DecisionContext, silences: dict[str, Silence]) -> DecisionContext:
    firing = {key for key, record in context.state.breaches.items() if record.is_firing}
    state = replace(context.state, silences=silences)
    return replace(context, state=state, changed=context.changed | firing)


def list_silences(state: NotifierState) -> tuple[Silence, ...]:
    """Return the silences that are on or still to come, the first to end first."""
    return tuple(sorted(state.silences.values(), key=lambda one: (one.ends_at, one.id)))


def list_breaches(state: NotifierState) -> tuple[Breach, ...]:
    """Return what is going on, pending or firing, the oldest first.

    Limit and early limit of a rule are one: as the limit if that has fired, else as the early one, with the
    id of whichever opened first.
    """
    going_on = (record.breach for record in state.breaches.values() if not record.is_over)
    found: dict[tuple[str, str, str], Breach] = {}
    for breach in sorted(going_on, key=lambda one: (one.opened_at, one.id)):
        place = (breach.rule, breach.site, breach.queue)
        first = found.setdefault(place, breach)
        if breach is not first and _is_ahead(breach, first):
            found[place] = breach.model_copy(update={"id": first.id})
    return tuple(found.values())


def _is_ahead(one: Breach, other: Breach) -> bool:
    return (one.has_fired, one.level is Level.LIMIT) > (other.has_fired, other.level is Level.LIMIT)


# Time passes from one due moment to the next -----------------------------------------------------------


def _caught_up(state: NotifierState, policy: NotifierPolicy, now: datetime) -> DecisionContext:
    """Return the context in which everything that was due until ``now`` is decided."""
    context = DecisionContext(policy, now, now, state)
    while (due := next_due(context.state)) is not None and due <= now:
        context = _at(context, due)
    return replace(context, at=now)


def _decided(context: DecisionContext, before: NotifierState) -> Decision:
    context = _at(context, context.now)
    return Decision(before, context.state, context.notifications, context.log)


def _at(context: DecisionContext, at: datetime) -> DecisionContext:
    """Decide on all that happened or is due at a moment: who wants it, what holds it back; then write.

    The order at one moment rests on nothing but the breaches themselves.
    """
    context = replace(context, at=at)
    here = holds.circumstances(context.state, context.policy, at)
    records = context.state.breaches.items()
    news = context.changed | context.released
    waiting = [record for key, record in records if key in news or _is_due(record.due, at)]
    for record in sorted(waiting, key=lambda one: (one.breach.opened_at, one.breach.id)):
        if record.breach.has_fired:
            context = _to_all_who_want_it(context, record, here)
    rules = sorted(key for key, rule in context.state.rule_records.items() if _is_due(rule.due, at))
    for tally in [one for key in rules for one in context.state.rule_records[key].flap_tallies]:
        context = _of_what_came_and_went(context, tally, here)
    return _write(context)


def _is_due(due: datetime | None, at: datetime) -> bool:
    return due is not None and due <= at


# Apply: what an event makes of a breach ----------------------------------------------------------------


def _apply(context: DecisionContext, event: BreachEvent) -> DecisionContext:
    record = context.state.breaches.get(event.breach)
    if record is not None and event.breach in context.changed and _stops_firing(record, event):
        context = _at(context, context.now)
        record = context.state.breaches.get(event.breach)
    after = updated(record, context.state.rule_of(event), event, context.now)
    if isinstance(after, DecisionReason):
        return context.noted(event.breach, "", after)
    if record is None:
        context = _superseded(context, after.breach)
    if record is None:
        after = _as_the_other_level(context, after)
    if after.is_over:
        after = _forgettable(context, after)
        context = _limit_over(context, after.breach)
    return _noted_for_nobody(_put(context, after), record, after)


def _as_the_other_level(context: DecisionContext, record: BreachRecord) -> BreachRecord:
    """Return a new breach of a rule, taken on if that of its other limit is, which goes on."""
    other = context.state.other_level(record.breach)
    if other is None or other.is_over or other.breach.acknowledged is None:
        return record
    taken_on = record.breach.model_copy(update={"acknowledged": other.breach.acknowledged})
    return replace(record, breach=taken_on)


def _limit_over(context: DecisionContext, over: Breach) -> DecisionContext:
    """Let the early limit of a rule know that the limit itself has fired, and is over."""
    early = context.state.other_level(over)
    if over.level is Level.WARNING or not over.has_fired or early is None or early.is_over:
        return context
    return _put(context, replace(early, limit_over=True))


def updated(
    record: BreachRecord | None, rule: RuleRecord | None, event: BreachEvent, now: datetime
) -> BreachRecord | DecisionReason:
    """Return the breach after the event, or why it changes nothing.

    The stream delivers at least once, and the judge's word is final: an event that is older than what is
    known, that is known already, or that is about a breach which is over, changes nothing. That it is over
    always does: a breach ends once. What is known may bear a time that is still to come: then a clock was
    ahead and has been set back since, and time does not tell what is older.
    """
    if record is None:
        if rule and (event.breach == rule.latest or event.opened_at <= rule.opened_at <= now):
            return DecisionReason.STALE
        return BreachRecord(_breach(event, None), (event.id,))
    if event.id in record.event_ids:
        return DecisionReason.DUPLICATE
    if record.is_over or not _follows(record.breach, event, now):
        return DecisionReason.STALE
    same_moment = event.at == record.breach.at
    ids = (*record.event_ids, event.id) if same_moment else (event.id,)
    return replace(record, breach=_breach(event, record.breach), event_ids=ids)


def _follows(breach: Breach, event: BreachEvent, now: datetime) -> bool:
    if event.state is BreachState.OK:
        return True  # nothing can be newer, whatever became of the judge's clock
    if event.at < breach.at <= now or (event.state is BreachState.PENDING and breach.has_fired):
        return False
    if event.at > breach.at:
        return True
    # Several steps at one moment, or by a clock that was set back, are told apart by where they start from.
    before = event.previous if isinstance(event, BreachChanged) else event.state
    return before is breach.state


def _breach(event: BreachEvent, before: Breach | None) -> Breach:
    fired = event.state in {BreachState.FIRING, BreachState.CLEARING}
    at = event.at if before is None else max(event.at, before.at)
    return Breach(
        **event.parts(),
        id=event.breach,
        opened_at=event.opened_at,
        fired_at=(before and before.fired_at) or event.fired_at or (at if fired else None),
        closed_at=at if event.state is BreachState.OK else None,
        at=at,
        state=event.state,
        cause=event.cause if isinstance(event, BreachChanged) else before and before.cause,
        reading=event.reading,
        **_worst(event if event.worst is not None or before is None else before),
        acknowledged=before and before.acknowledged,
    )


def _worst(told: BreachEvent | Breach) -> dict[str, Any]:
    return {"worst": told.worst, "worst_part": told.worst_part, "worst_samples": told.worst_samples}


def _stops_firing(record: BreachRecord, event: BreachEvent) -> bool:
    return record.breach.state is BreachState.FIRING and event.state is not BreachState.FIRING


def _superseded(context: DecisionContext, breach: Breach) -> DecisionContext:
    """Close what the rule still has open: the judge has gone on to another breach."""
    rule = context.state.rule_of(breach)
    older = None if rule is None else context.state.breaches.get(rule.latest)
    if older is None or older.is_over:
        return context
    over = older.breach.model_copy(update={"state": BreachState.OK, "closed_at": breach.opened_at})
    context = _put(context, _forgettable(context, replace(older, breach=over)))
    return context.noted(over.id, "", DecisionReason.SUPERSEDED)


def _forgettable(context: DecisionContext, over: BreachRecord) -> BreachRecord:
    return replace(over, forget_at=context.now + context.policy.notify.flap_window)


def _put(context: DecisionContext, record: BreachRecord) -> DecisionContext:
    """Note how a breach stands now; it is looked at, and when it ended, so is what it inhibited."""
    before = context.state.breaches.get(record.breach.id)
    released = context.released
    if before is not None and before.is_firing and not record.is_firing:
        released |= {
            key
            for key, one in context.state.breaches.items()
            if any(state.held in INHIBITED for state in one.delivery_states)
        }
    return replace(
        context,
        state=context.state.with_breach(record, context.now),
        changed=context.changed | {record.breach.id},
        released=released,
    )


def _noted_for_nobody(
    context: DecisionContext, before: BreachRecord | None, after: BreachRecord
) -> DecisionContext:
    """Say what concerns no receiver in particular."""
    breach = after.breach
    if not breach.has_fired:
        if after.is_over:
            return context.noted(breach.id, "", DecisionReason.BLIP)
        return context if before is not None else context.noted(breach.id, "", DecisionReason.PENDING)
    fired_before = before is not None and before.breach.has_fired
    if not fired_before and not receivers_of(context.policy.routes, breach):
        return context.noted(breach.id, "", DecisionReason.NOT_ROUTED)
    return context


# Who wants it ------------------------------------------------------------------------------------------


def receivers_of(routes: Iterable[Route], breach: Breach) -> tuple[str, ...]:
    """Return the receivers of every route that fits, each once, in the order of the routes."""
    return tuple(dict.fromkeys(r for route in routes if fits(route, breach) for r in route.receivers))


def escalations_of(
    routes: Iterable[Route], breach: Breach, notified: Collection[str]
) -> Iterator[tuple[str, timedelta]]:
    """Yield whom the fitting routes of those who were notified escalate to, and how long after."""
    for route in routes:
        if breach.severity not in route.escalate_severities:
            continue
        if fits(route, breach) and any(receiver in notified for receiver in route.receivers):
            yield from ((receiver, route.escalate_after) for receiver in route.escalate_to)


def _to_all_who_want_it(
    context: DecisionContext, record: BreachRecord, here: Circumstances
) -> DecisionContext:
    """Decide what each receiver is to be told of a breach that has fired."""
    obstacles = holds.obstacles(context.state, record.breach, here)
    context, waiting = _receivers(context, record)
    states: dict[str, DeliveryState] = {}
    notified: list[str] = []
    for before in waiting:
        context, after = _tell_or_hold(context, record.breach, before, obstacles, here)
        if after is not None:
            states[after.receiver] = after
            if before.notified_at is None and after.notified_at is not None:
                notified.append(after.receiver)
    states |= _escalations(context, record.breach, notified, states)
    ordered = tuple(states[receiver] for receiver in sorted(states))
    if ordered == record.delivery_states:
        return context
    breaches = {**context.state.breaches, record.breach.id: replace(record, delivery_states=ordered)}
    return replace(context, state=replace(context.state, breaches=breaches))


def _receivers(
    context: DecisionContext, record: BreachRecord
) -> tuple[DecisionContext, Sequence[DeliveryState]]:
    """Return where a breach stands with everybody whom it was told, or whom a route leads to by now."""
    if record.is_over:
        return context, record.delivery_states
    routed = receivers_of(context.policy.routes, record.breach)
    states = {one.receiver: one for one in record.delivery_states}
    states |= {
        name: replace(states.get(name, DeliveryState(name)), role=ReceiverRole.ROUTED) for name in routed
    }
    gone = {
        name: DecisionReason.LIMIT_OVER if record.limit_over else DecisionReason.NOT_ROUTED
        for name, one in states.items()
        if one.notified_at is None
        and (record.limit_over or (one.role is ReceiverRole.ROUTED and name not in routed))
    }
    for name, reason in gone.items():
        if states[name] in record.delivery_states:
            context = context.noted(record.breach.id, name, reason)
    return context, [states[name] for name in sorted(states) if name not in gone]


def _escalations(
    context: DecisionContext, breach: Breach, notified: Sequence[str], states: dict[str, DeliveryState]
) -> dict[str, DeliveryState]:
    """Return when others are told as well, counted from when the first of a route was."""
    found: dict[str, DeliveryState] = {}
    for receiver, after in escalations_of(context.policy.routes, breach, notified):
        at = context.at + after
        new = DeliveryState(receiver, ReceiverRole.ESCALATION)
        one = found.get(receiver, states.get(receiver, new))
        if one.role is ReceiverRole.ESCALATION and one.notified_at is None:
            first = at if one.not_before is None else min(at, one.not_before)
            found[receiver] = replace(one, not_before=first, due=first)
    return found


def _wanted(context: DecisionContext, breach: Breach, before: DeliveryState) -> NotificationKind | Hold:
    notify = context.policy.notify
    if before.receiver not in context.policy.receivers:
        return Hold(DecisionReason.RECEIVER_GONE)
    want = delivery_state.wanted(before, breach, context.at, tell_resolved=notify.tell_resolved)
    every = delivery_state.reminder_after(before.reminders, notify.reminder)
    missed = (context.now - context.at) // every
    if want is NotificationKind.REMINDER and missed:
        return Hold(DecisionReason.OUTDATED, context.at + missed * every)
    return want


# What holds it back ------------------------------------------------------------------------------------


def _tell_or_hold(
    context: DecisionContext,
    breach: Breach,
    before: DeliveryState,
    obstacles: Obstacles,
    here: Circumstances,
) -> tuple[DecisionContext, DeliveryState | None]:
    """Tell a receiver or not. Returns the state with them after that; ``None``: there is no more to tell."""
    want = _wanted(context, breach, before)
    if not isinstance(want, Hold):
        about_visitors = context.policy.about_visitors
        hold = holds.explained(here.firing, breach, before.receiver, want, about_visitors)
        if want is NotificationKind.FIRING:
            hold = hold or holds.settling(before, context.at)
        want = hold or want
    if isinstance(want, Hold):
        return _held_back(context, breach, before, want)
    digested, tally = before.held in DIGESTED, _rule(context, breach).tally(before.receiver)
    allowed = FlapAllowance(digest=digested)
    if want in SENT_AT_ONCE:
        allowed = _flapping(context, breach, tally, digested=digested)
    kind = NotificationKind.DIGEST if allowed.digest else want
    hold = holds.obstacle(want, obstacles._replace(flapping_until=allowed.held_until))
    hold = hold or _collecting(context, before.receiver, kind)
    if hold is not None:
        return _held_back(context, breach, before, hold)
    after = delivery_state.notified(before, want, context.at, context.policy.notify.reminder)
    number = after.reminders if kind is NotificationKind.REMINDER else 1
    reason = delivery_state.reason_to_tell(before, want)
    item = NotificationItem(before.receiver, kind, breach, reason, before.messages, number)
    context = replace(context, items=(*context.items, item))
    if want in SENT_AT_ONCE:
        context = _counted(context, breach, tally, allowed)
    return context, None if want is NotificationKind.RESOLVED else after


def _held_back(
    context: DecisionContext, breach: Breach, before: DeliveryState, hold: Hold
) -> tuple[DecisionContext, DeliveryState | None]:
    if hold.reason is not before.why:
        context = context.noted(breach.id, before.receiver, hold)
    if hold.reason is DecisionReason.CAME_AND_WENT:
        context = _came_and_went(context, breach, before)
    return context, None if hold.reason in delivery_state.DONE else delivery_state.held_back(before, hold)


def _collecting(context: DecisionContext, receiver: str, kind: NotificationKind) -> Hold | None:
    return holds.collecting(context.state.groups, receiver, kind, context.at, context.policy.notify)


def _rule(context: DecisionContext, breach: Breach) -> RuleRecord:
    return context.state.rule_records[rule_key(breach)]


def _flapping(context: DecisionContext, breach: Breach, tally: FlapTally, *, digested: bool) -> FlapAllowance:
    turned_at = _rule(context, breach).turned_at or context.at
    return holds.allowance(tally, turned_at, context.at, context.policy.notify, digested=digested)


def _counted(
    context: DecisionContext, breach: Breach, tally: FlapTally, allowed: FlapAllowance
) -> DecisionContext:
    after = holds.counted(tally, allowed, context.at, context.policy.notify)
    return replace(context, state=context.state.with_tally(breach, after))


def _came_and_went(context: DecisionContext, breach: Breach, before: DeliveryState) -> DecisionContext:
    """Keep count of what was over before it was told; what was being collected waits for its turn."""
    look_at = context.at
    group = context.state.groups.get(f"{before.receiver}/{NotificationKind.FIRING}")
    if before.held is DecisionReason.COLLECTING and group is not None:
        look_at = max(look_at, group.until)
    tally = _rule(context, breach).tally(before.receiver).came_and_went(breach, look_at)
    return replace(context, state=context.state.with_tally(breach, tally))


def _of_what_came_and_went(
    context: DecisionContext, tally: FlapTally, here: Circumstances
) -> DecisionContext:
    """Decide whether a receiver can be told of what came and went at a rule."""
    gone, state = tally.gone, context.state
    if gone is None or not _is_due(tally.due, context.at):
        return context
    if tally.receiver not in context.policy.receivers:
        context = context.noted(gone.id, tally.receiver, DecisionReason.RECEIVER_GONE)
        return replace(context, state=state.with_tally(gone, tally.cleared(context.at)))
    allowed = _flapping(context, gone, tally, digested=True)
    found = Obstacles(quiet_until=here.quiet_until(gone.severity), flapping_until=allowed.held_until)
    hold = holds.obstacle(NotificationKind.DIGEST, found)
    hold = hold or _collecting(context, tally.receiver, NotificationKind.DIGEST)
    if hold is not None:
        return replace(context, state=state.with_tally(gone, replace(tally, look_at=hold.due)))
    breach = gone.model_copy(update={"times": tally.times})
    reason = DecisionReason.CAME_AND_WENT
    item = NotificationItem(tally.receiver, NotificationKind.DIGEST, breach, reason, message=0)
    context = replace(context, items=(*context.items, item))
    return _counted(context, gone, tally.cleared(context.at), allowed)


# Write -------------------------------------------------------------------------------------------------


def _write(context: DecisionContext) -> DecisionContext:
    """Close the messages of this moment: further ones are collected. Forget what nobody needs any more."""
    groups = dict(context.state.groups)
    by_message = sorted(context.items, key=_message)
    for (receiver, kind), items in groupby(by_message, key=_message):
        notification, of_breaches = _notification(receiver, kind, list(items), context.at)
        context = replace(context, notifications=(*context.notifications, notification))
        for item in of_breaches:
            context = context.noted(item.breach.id, receiver, item.reason, notification.id)
        if wait := holds.group_wait(kind, context.policy.notify):
            groups[f"{receiver}/{kind}"] = Group(context.at + wait)
    state = replace(context.state, groups=groups).tidied(context.at)
    return replace(context, state=state, items=(), changed=frozenset(), released=frozenset())


def _message(item: NotificationItem) -> tuple[str, NotificationKind]:
    return item.receiver, item.kind


def _notification(
    receiver: str, kind: NotificationKind, items: list[NotificationItem], now: datetime
) -> tuple[Notification, list[NotificationItem]]:
    """Return the one message that holds all the items, the most urgent breach first.

    Its id says what is told to whom for the how-manieth time: deciding the same again gives the same.
    """
    ordered = sorted(items, key=lambda item: _order(item.breach))
    said = sorted(f"{item.breach.id}#{item.message}" for item in ordered)
    digest = sha256("\n".join((receiver, kind, *said)).encode()).hexdigest()
    notification = Notification(
        id=f"{kind}-{receiver}-{digest[:24]}",
        kind=kind,
        receiver=receiver,
        breaches=tuple(item.breach for item in ordered),
        at=now,
        number=max(item.number for item in items),
    )
    return notification, items


def _order(breach: Breach) -> tuple[bool, int, str, str, datetime, str]:
    over = breach.closed_at is not None
    return over, URGENCY.index(breach.severity), breach.site, breach.queue, breach.opened_at, breach.id

"""Time passes on the desk from one due moment to the next; at each, what may have changed is looked at.

::

    due ──► look at breaches ──► look at what came and went ──► post ──► tidy ──► next due … ──► now

So it makes no difference how often the shell asks; and the order at one moment rests on nothing but the
breaches themselves.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from services.notifier import delivery_state, flap_detection
from services.notifier.decision import Decision, NotificationItem
from services.notifier.decision_context import DecisionContext
from services.notifier.delivery_state import DeliveryState, Hold, Obstacles, ReceiverRole
from services.notifier.flap_detection import FlapAllowance, FlapTally
from services.notifier.model import Breach, NotificationKind
from services.notifier.reasons import DIGESTED, DecisionReason
from services.notifier.routing import escalations_of, receivers_of
from services.notifier.rules import NotifierPolicy
from services.notifier.state import BreachRecord, NotifierState, RuleRecord, has_fired, next_due

SENT_AT_ONCE: Final = frozenset(
    {NotificationKind.FIRING, NotificationKind.ESCALATION, NotificationKind.RESOLVED}
)
"""What flap suppression is about. Reminders have a rhythm of their own."""


def open_desk(state: NotifierState, policy: NotifierPolicy, now: datetime) -> DecisionContext:
    """Return a desk on which everything that was due until ``now`` is decided."""
    desk = DecisionContext(state, policy, now)
    while (due := next_due(desk.state)) is not None and due <= now:
        _settle_at(desk, due)
    desk.turn_to(now)
    return desk


def settle(desk: DecisionContext) -> None:
    """Decide on everything that something happened to, at ``now``."""
    _settle_at(desk, desk.now)


def decide(desk: DecisionContext) -> Decision:
    """Return what follows from what happened."""
    settle(desk)
    return desk.decision()


def _settle_at(desk: DecisionContext, at: datetime) -> None:
    desk.turn_to(at)
    waiting = [known for key, known in desk.breaches.items() if key in desk.unsettled or _is_due(known, at)]
    for known in sorted(waiting, key=lambda one: (one.breach.opened_at, one.breach.id)):
        _look(desk, known)
    desk.unsettled.clear()
    for key in sorted(key for key, watch in desk.rule_records.items() if _is_due(watch, at)):
        for tally in desk.rule_records[key].tallies:
            _look_at_gone(desk, tally)
    desk.post()
    desk.tidy()


def _is_due(record: BreachRecord | RuleRecord, at: datetime) -> bool:
    return record.due is not None and record.due <= at


def _look(desk: DecisionContext, known: BreachRecord) -> None:
    """Decide what each receiver is to be told of a breach."""
    if not has_fired(known.breach):
        return
    here = desk.circumstances(known.breach)
    told: list[str] = []
    delivery_states: dict[str, DeliveryState] = {}
    for before in _delivery_states(desk, known):
        after = _decide_on(desk, known.breach, before, here)
        if after is not None:
            delivery_states[after.receiver] = after
            if before.told_at is None and after.told_at is not None:
                told.append(after.receiver)
    _escalate(desk, known.breach, told, delivery_states)
    desk.put_delivery_states(known, delivery_states)


def _delivery_states(desk: DecisionContext, known: BreachRecord) -> list[DeliveryState]:
    """The breach's delivery states, with one for everybody whom a route leads to by now."""
    if known.is_over:
        return list(known.delivery_states)
    routed = receivers_of(desk.policy.routes, known.breach)
    delivery_states = {one.receiver: one for one in known.delivery_states}
    for receiver in routed:
        one = delivery_states.get(receiver, DeliveryState(receiver))
        delivery_states[receiver] = (
            replace(one, role=ReceiverRole.ROUTED) if one.role is ReceiverRole.ESCALATION else one
        )
    for receiver, one in list(delivery_states.items()):
        if one.role is ReceiverRole.ROUTED and one.told_at is None and receiver not in routed:
            del delivery_states[receiver]
            desk.say(known.breach.id, receiver, DecisionReason.NOT_ROUTED)
    return [delivery_states[receiver] for receiver in sorted(delivery_states)]


def _decide_on(
    desk: DecisionContext, breach: Breach, before: DeliveryState, here: Obstacles
) -> DeliveryState | None:
    """Tell a receiver or not. Returns the telling after that; ``None``: there is nothing more to tell."""
    want = _wanted(desk, breach, before)
    if isinstance(want, Hold):
        return _not_now(desk, breach, before, want)
    digested = before.held in DIGESTED
    allowed = FlapAllowance(digest=digested)
    if want in SENT_AT_ONCE:
        allowed = _leave(desk, breach, before.receiver, digested=digested)
    kind = NotificationKind.DIGEST if allowed.digest else want
    ruling = delivery_state.obstacle(want, here._replace(flapping_until=allowed.held_until))
    ruling = ruling or desk.collecting(before.receiver, kind)
    if ruling is not None:
        return _not_now(desk, breach, before, ruling)
    after = delivery_state.told(before, want, desk.at, desk.policy.notify.reminder)
    number = after.reminders if kind is NotificationKind.REMINDER else 1
    entry = NotificationItem(breach, delivery_state.reason_to_tell(before, want), before.messages, number)
    desk.tell(before.receiver, kind, entry)
    if want in SENT_AT_ONCE:
        _count(desk, breach, desk.tally(breach, before.receiver), allowed)
    return None if want is NotificationKind.RESOLVED else after


def _wanted(desk: DecisionContext, breach: Breach, before: DeliveryState) -> NotificationKind | Hold:
    notify = desk.policy.notify
    if before.receiver not in desk.policy.receivers:
        return Hold(DecisionReason.RECEIVER_GONE)
    want = delivery_state.wanted(before, breach, desk.at, tell_resolved=notify.tell_resolved)
    missed = (desk.now - desk.at) // notify.reminder
    if want is NotificationKind.REMINDER and missed:
        return Hold(DecisionReason.OUTDATED, desk.at + missed * notify.reminder)
    return want


def _not_now(
    desk: DecisionContext, breach: Breach, before: DeliveryState, ruling: Hold
) -> DeliveryState | None:
    if ruling.reason is not before.why:
        desk.say(breach.id, before.receiver, ruling)
    if ruling.reason is DecisionReason.CAME_AND_WENT:
        _note_gone(desk, breach, before)
    if ruling.reason in delivery_state.DONE:
        return None
    after = delivery_state.ruled(before, ruling)
    return replace(after, remind_at=ruling.due) if ruling.reason is DecisionReason.OUTDATED else after


def _escalate(
    desk: DecisionContext, breach: Breach, told: list[str], delivery_states: dict[str, DeliveryState]
) -> None:
    """Set when others are told as well, counted from when the first of a route was."""
    for receiver, after in escalations_of(desk.policy.routes, breach, told):
        at = desk.at + after
        one = delivery_states.get(receiver, DeliveryState(receiver, ReceiverRole.ESCALATION))
        if one.role is ReceiverRole.ESCALATION and one.told_at is None:
            first = at if one.not_before is None else min(at, one.not_before)
            delivery_states[receiver] = replace(one, not_before=first, due=first)


def _note_gone(desk: DecisionContext, breach: Breach, before: DeliveryState) -> None:
    """Keep count of what was over before it was told; what was being collected waits for its turn."""
    look_at = desk.at
    group = desk.group(before.receiver, NotificationKind.FIRING)
    if before.held is DecisionReason.COLLECTING and group is not None:
        look_at = max(look_at, group.until)
    tally = desk.tally(breach, before.receiver)
    desk.put_tally(breach, flap_detection.gone_by(tally, breach, look_at))


def _look_at_gone(desk: DecisionContext, tally: FlapTally) -> None:
    """Decide whether a receiver can be told of what came and went at a watch."""
    gone = tally.gone
    if gone is None or tally.due is None or tally.due > desk.at:
        return
    if tally.receiver not in desk.policy.receivers:
        desk.say(gone.id, tally.receiver, DecisionReason.RECEIVER_GONE)
        desk.put_tally(gone, flap_detection.cleared(tally, desk.at))
        return
    allowed = _leave(desk, gone, tally.receiver, digested=True)
    here = Obstacles(quiet_until=desk.quiet_until(gone.severity), flapping_until=allowed.held_until)
    ruling = delivery_state.obstacle(NotificationKind.DIGEST, here) or desk.collecting(
        tally.receiver, NotificationKind.DIGEST
    )
    if ruling is not None:
        desk.put_tally(gone, replace(tally, look_at=ruling.due))
        return
    counted = gone.model_copy(update={"times": tally.times})
    desk.tell(
        tally.receiver,
        NotificationKind.DIGEST,
        NotificationItem(counted, DecisionReason.CAME_AND_WENT, message=0),
    )
    _count(desk, gone, flap_detection.cleared(tally, desk.at), allowed)


def _leave(desk: DecisionContext, breach: Breach, receiver: str, *, digested: bool) -> FlapAllowance:
    tally, turned_at = desk.tally(breach, receiver), desk.turned_at(breach)
    return flap_detection.leave(tally, turned_at, desk.at, desk.policy.notify, digested=digested)


def _count(desk: DecisionContext, breach: Breach, tally: FlapTally, allowed: FlapAllowance) -> None:
    desk.put_tally(breach, flap_detection.sent(tally, allowed, desk.at, desk.policy.notify))

"""What an event makes of a breach, and which events change nothing.

The stream delivers at least once, and the judge's word is final: an event that is older than what is
known, that is known already, or that is about a breach which is over, is not heard. That it is over always
is: a breach ends once. What is known may bear a time that is still to come: then a clock was ahead and has
been set back since, and time does not tell what is older.
"""

from __future__ import annotations

from datetime import datetime

from services.notifier.model import Breach
from services.notifier.reasons import DecisionReason
from services.notifier.state import BreachRecord, RuleRecord, has_fired
from shared.contract.breach_events import BreachChanged, BreachEvent, BreachState


def heard(
    known: BreachRecord | None, watch: RuleRecord | None, event: BreachEvent, now: datetime
) -> BreachRecord | DecisionReason:
    """Return what is known of the breach after the event, or why it changes nothing."""
    if known is None:
        return _of_unknown(watch, event, now)
    if event.id in known.heard:
        return DecisionReason.DUPLICATE
    if known.is_over or not _follows(known.breach, event, now):
        return DecisionReason.STALE
    same_moment = event.at == known.breach.at
    return BreachRecord(
        _breach(event, known.breach),
        (*known.heard, event.id) if same_moment else (event.id,),
        known.delivery_states,
    )


def _of_unknown(watch: RuleRecord | None, event: BreachEvent, now: datetime) -> BreachRecord | DecisionReason:
    if watch is not None and (event.breach == watch.latest or event.opened_at <= watch.opened_at <= now):
        return DecisionReason.STALE
    return BreachRecord(_breach(event, None), (event.id,))


def _follows(breach: Breach, event: BreachEvent, now: datetime) -> bool:
    if event.state is BreachState.OK:
        return True  # nothing can be newer, whatever became of the judge's clock
    if event.at < breach.at <= now or (event.state is BreachState.PENDING and has_fired(breach)):
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
        worst=event.worst if event.worst is not None else (before and before.worst),
        acknowledged=before and before.acknowledged,
    )

"""The desk on which one decision is made: a working copy of the state, the mail, and the reasons.

It knows where things are kept and what stands in somebody's way; what follows from that is decided
in ``settle``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from services.notifier.decision import Decision, DeliveryDecision, NotificationItem, notification_of
from services.notifier.delivery_state import DeliveryState, Hold, Obstacles
from services.notifier.flap_detection import FlapTally
from services.notifier.inhibition import inhibits
from services.notifier.model import Breach, Notification, NotificationKind
from services.notifier.mute_times import quiet_until
from services.notifier.reasons import DecisionReason
from services.notifier.rules import NotifierPolicy
from services.notifier.silences import silence_of
from services.notifier.state import BreachRecord, Group, NotifierState, RuleRecord, rule_key
from shared.contract.breach_events import BreachEvent, Level, Severity
from shared.contract.kpis import Measure

NEWS_WITHIN: Final = timedelta(seconds=1)
"""The first message of a new breach is never collected for longer than this, whatever ``group_wait`` says."""


class DecisionContext:
    """Lives for one decision."""

    def __init__(self, state: NotifierState, policy: NotifierPolicy, now: datetime) -> None:
        self.policy = policy
        self.now = now
        """When the decision is made."""
        self.at = now
        """The moment that is being decided on: ``now``, or one before it at which something was due."""
        self.breaches = dict(state.breaches)
        self.rule_records = dict(state.rule_records)
        self.groups = dict(state.groups)
        self.silences = dict(state.silences)
        self.unsettled: set[str] = set()
        """Breaches that something happened to."""
        self._before = state
        self._notices: list[Notification] = []
        self._verdicts: list[DeliveryDecision] = []
        self._mail: dict[tuple[str, NotificationKind], list[NotificationItem]] = {}
        self._quiet: dict[Severity, datetime | None] = {}
        self._dead_feeds: tuple[BreachRecord, ...] = ()

    @property
    def state(self) -> NotifierState:
        return NotifierState(self.breaches, self.rule_records, self.groups, self.silences)

    def decision(self) -> Decision:
        return Decision(self._before, self.state, tuple(self._notices), tuple(self._verdicts))

    def turn_to(self, at: datetime) -> None:
        """Go to a moment; what holds for all breaches at that moment is found once."""
        self.at = at
        self._quiet = {}
        feeds = (known for known in self.breaches.values() if known.breach.measure is Measure.NO_DATA)
        self._dead_feeds = tuple(known for known in feeds if known.is_firing)

    # -- breaches and watches -----------------------------------------------------------------------

    def put(self, known: BreachRecord) -> None:
        """Note how a breach stands now, here and at its watch; it is to be looked at."""
        before = self.breaches.get(known.breach.id)
        was_firing = before is not None and before.is_firing
        self.breaches[known.breach.id] = known
        self.unsettled.add(known.breach.id)
        self._put_watch(known, turned=was_firing is not known.is_firing)
        if was_firing and not known.is_firing:
            self._look_at_inhibited()

    def put_delivery_states(self, known: BreachRecord, delivery_states: dict[str, DeliveryState]) -> None:
        ordered = tuple(delivery_states[receiver] for receiver in sorted(delivery_states))
        if ordered != known.delivery_states:
            self.breaches[known.breach.id] = replace(known, delivery_states=ordered)

    def look_at_all(self) -> None:
        """Have everything that fires looked at."""
        self.unsettled.update(key for key, known in self.breaches.items() if known.is_firing)

    def rule_record(self, about: Breach | BreachEvent) -> RuleRecord | None:
        return self.rule_records.get(rule_key(about))

    def turned_at(self, breach: Breach) -> datetime:
        """When the breach's watch last fired or was over."""
        return self.rule_records[rule_key(breach)].turned_at or self.at

    def tally(self, breach: Breach, receiver: str) -> FlapTally:
        tallies = self.rule_records[rule_key(breach)].tallies
        return next((tally for tally in tallies if tally.receiver == receiver), FlapTally(receiver))

    def put_tally(self, breach: Breach, tally: FlapTally) -> None:
        key = rule_key(breach)
        others = [other for other in self.rule_records[key].tallies if other.receiver != tally.receiver]
        tallies = sorted([*others, tally], key=lambda one: one.receiver)
        self.rule_records[key] = replace(self.rule_records[key], tallies=tuple(tallies))

    def _put_watch(self, known: BreachRecord, *, turned: bool) -> None:
        breach = known.breach
        key = rule_key(breach)
        watch = self.rule_records.get(key)
        if watch is None:
            watch = RuleRecord.of(breach)
        elif watch.opened_at < breach.opened_at:
            watch = replace(watch, latest=breach.id, opened_at=breach.opened_at)
        self.rule_records[key] = replace(watch, turned_at=self.now) if turned else watch

    def _look_at_inhibited(self) -> None:
        self.unsettled.update(
            key
            for key, known in self.breaches.items()
            if any(one.held is DecisionReason.INHIBITED for one in known.delivery_states)
        )

    # -- what stands in the way ---------------------------------------------------------------------

    def circumstances(self, breach: Breach) -> Obstacles:
        """Return what stands in the way of any message about a breach."""
        silence = silence_of(self.silences.values(), breach, self.at)
        return Obstacles(silence, self._inhibitor(breach), self.quiet_until(breach.severity))

    def quiet_until(self, severity: Severity) -> datetime | None:
        if severity not in self._quiet:
            quiet = self.policy.notify.quiet
            self._quiet[severity] = quiet_until(quiet, severity, self.policy.is_open, self.at)
        return self._quiet[severity]

    def collecting(self, receiver: str, kind: NotificationKind) -> Hold | None:
        """Return whether further messages of that kind are being collected for the receiver.

        Nothing is collected for longer than the wait: what says so was written by a clock that was ahead.
        """
        group = self.group(receiver, kind)
        longest = _group_wait(kind, self.policy.notify.group_wait)
        if group is None or not self.at < group.until <= self.at + longest:
            return None
        return Hold(DecisionReason.COLLECTING, group.until)

    def group(self, receiver: str, kind: NotificationKind) -> Group | None:
        return self.groups.get(f"{receiver}/{kind}")

    def _inhibitor(self, breach: Breach) -> str | None:
        limit = self.rule_record(breach.model_copy(update={"level": Level.LIMIT}))
        at_the_limit = None if limit is None else self.breaches.get(limit.latest)
        firing = [
            known for known in (*self._dead_feeds, at_the_limit) if known is not None and known.is_firing
        ]
        return min((one.breach.id for one in firing if inhibits(one.breach, breach)), default=None)

    # -- what comes of it ---------------------------------------------------------------------------

    def say(
        self, breach: str, receiver: str, ruling: Hold | DecisionReason, notification: str | None = None
    ) -> None:
        """Record why something is told, or is not."""
        reason, until, because = ruling if isinstance(ruling, Hold) else Hold(ruling)
        self._verdicts.append(
            DeliveryDecision(self.at, breach, receiver, reason, notification, until, because)
        )

    def tell(self, receiver: str, kind: NotificationKind, entry: NotificationItem) -> None:
        """Put a breach into the receiver's message of that kind."""
        self._mail.setdefault((receiver, kind), []).append(entry)

    def post(self) -> None:
        """Close the messages; from now on further ones are collected."""
        for receiver, kind in sorted(self._mail):
            entries = self._mail[receiver, kind]
            notification = notification_of(receiver, kind, entries, self.at)
            self._notices.append(notification)
            for entry in entries:
                self.say(entry.breach.id, receiver, entry.reason, notification.id)
            if wait := _group_wait(kind, self.policy.notify.group_wait):
                self.groups[f"{receiver}/{kind}"] = Group(self.at + wait)
        self._mail = {}

    def tidy(self) -> None:
        """Forget what nobody needs any more; what a breach refers to stays as long as the breach."""
        at = self.at
        self.breaches = {key: one for key, one in self.breaches.items() if not one.can_go(at)}
        in_use = {rule_key(known.breach) for known in self.breaches.values()}
        aged = ((key, watch.aged(at, in_use=key in in_use)) for key, watch in self.rule_records.items())
        self.rule_records = {key: watch for key, watch in aged if watch is not None}
        self.groups = {key: one for key, one in self.groups.items() if one.until > at}
        self.silences = {key: one for key, one in self.silences.items() if one.ends_at > at}


def _group_wait(kind: NotificationKind, wanted: timedelta) -> timedelta:
    """Return how long further messages are collected."""
    return min(wanted, NEWS_WITHIN) if kind is NotificationKind.FIRING else wanted

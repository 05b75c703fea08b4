"""The desk where one decision is made: a working copy of the state, and what is due on it.

Time passes on the desk from one due moment to the next, up to ``now``; at each of them, and once more after
what happened at ``now``, everything that may have changed is looked at, in an order that rests on
nothing but the breaches themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from services.notifier import flapping, telling
from services.notifier.decision import Decision, Entry, Verdict, notice_of
from services.notifier.flapping import Leave, Tally
from services.notifier.inhibition import inhibits
from services.notifier.notice import Breach, Happening, Notice
from services.notifier.quiet import quiet_until
from services.notifier.reasons import DIGESTED, Reason
from services.notifier.routes import escalations_of, receivers_of
from services.notifier.rules import Policy
from services.notifier.silences import silence_of
from services.notifier.state import Known, Lane, State, Watch, has_fired, next_due, watch_key
from services.notifier.telling import Circumstances, Role, Ruling, Telling
from shared.breaches import BreachEvent, Level, Measure, Severity

WATCH_REMEMBERED: Final = timedelta(days=7)
"""How long an old event cannot revive a watch's last breach; far longer than the stream is read again."""

SENT_AT_ONCE: Final = frozenset({Happening.FIRING, Happening.ESCALATION, Happening.RESOLVED})
"""What flap suppression is about. Reminders have a rhythm of their own."""


@dataclass(frozen=True)
class _Wish:
    """A message that one receiver should get now, if nothing stands in the way."""

    receiver: str
    happening: Happening
    breach: Breach
    held: Reason | None


class Desk:
    """Lives for one decision. ``put`` says what happened; ``decide`` gives what follows from it."""

    def __init__(self, state: State, policy: Policy, now: datetime) -> None:
        self.policy = policy
        self.now = now
        self._before = state
        self.breaches = dict(state.breaches)
        self.watches = dict(state.watches)
        self.lanes = dict(state.lanes)
        self.silences = dict(state.silences)
        self.unsettled: set[str] = set()
        """Breaches that something happened to."""
        self._notices: list[Notice] = []
        self._verdicts: list[Verdict] = []
        self._mail: dict[tuple[str, Happening], list[Entry]] = {}
        self._at = now
        self._quiet: dict[Severity, datetime | None] = {}
        self._dead_feeds: tuple[Known, ...] = ()
        self._pass_time()

    def decide(self) -> Decision:
        """Return the decision."""
        self.settle()
        return Decision(self._before, self._state(), tuple(self._notices), tuple(self._verdicts))

    def watch_of(self, event: BreachEvent) -> Watch | None:
        return self.watches.get(f"{event.rule}/{event.level}/{event.site}/{event.queue}")

    def put(self, known: Known) -> None:
        """Note how a breach stands now, here and at its watch."""
        before = self.breaches.get(known.breach.id)
        self.breaches[known.breach.id] = known
        self.unsettled.add(known.breach.id)
        self._put_watch(before, known)
        if before is not None and before.is_firing and not known.is_firing:
            self._look_at_inhibited()

    def look_at_all(self) -> None:
        """Decide anew on everything that fires."""
        self.unsettled.update(known.breach.id for known in self.breaches.values() if known.is_firing)

    def say(self, breach: str, receiver: str, reason: Reason) -> None:
        self._verdicts.append(Verdict(self.now, breach, receiver, reason))

    def settle(self) -> None:
        """Decide on everything that something happened to, at ``now``."""
        self._settle(self.now)

    # -- time ---------------------------------------------------------------------------------------

    def _pass_time(self) -> None:
        while (due := next_due(self._state())) is not None and due <= self.now:
            self._settle(due)

    def _settle(self, at: datetime) -> None:
        self._at = at
        self._quiet = {}
        self._dead_feeds = self._find_dead_feeds()
        for known in sorted(self._to_look_at(), key=lambda k: (k.breach.opened_at, k.breach.id)):
            self._look(known)
        self.unsettled = set()
        for key in sorted(key for key, watch in self.watches.items() if _is_due(watch, at)):
            self._look_at_tallies(key)
        self._post()
        self._tidy()

    def _to_look_at(self) -> list[Known]:
        return [k for key, k in self.breaches.items() if key in self.unsettled or _is_due(k, self._at)]

    def _state(self) -> State:
        return State(self.breaches, self.watches, self.lanes, self.silences)

    # -- breaches -----------------------------------------------------------------------------------

    def _look(self, known: Known) -> None:
        """Decide what each receiver is to be told of a breach now."""
        if not has_fired(known.breach):
            return
        here = self._circumstances(known)
        told: list[str] = []
        kept: dict[str, Telling] = {}
        for before in self._tellings(known):
            after = self._decide_on(known.breach, before, here)
            if after is not None:
                kept[after.receiver] = after
                if before.told_at is None and after.told_at is not None:
                    told.append(after.receiver)
        self._escalate(known.breach, told, kept)
        tellings = tuple(kept[receiver] for receiver in sorted(kept))
        if tellings != known.tellings:
            self.breaches[known.breach.id] = replace(known, tellings=tellings)

    def _tellings(self, known: Known) -> list[Telling]:
        """The breach's tellings, with one for everybody whom a route leads to by now."""
        if known.is_over:
            return list(known.tellings)
        routed = receivers_of(self.policy.routes, known.breach)
        tellings = {one.receiver: one for one in known.tellings}
        for receiver in routed:
            one = tellings.get(receiver, Telling(receiver))
            tellings[receiver] = replace(one, role=Role.ROUTED) if one.role is Role.ESCALATION else one
        for receiver, one in list(tellings.items()):
            if one.role is Role.ROUTED and one.told_at is None and receiver not in routed:
                del tellings[receiver]
                self._say(known.breach, receiver, Ruling(Reason.NOT_ROUTED))
        return [tellings[receiver] for receiver in sorted(tellings)]

    def _decide_on(self, breach: Breach, before: Telling, here: Circumstances) -> Telling | None:
        """Return the telling after the decision; ``None``: there is nothing more to tell."""
        want = self._wanted(before, breach)
        if isinstance(want, Ruling):
            return self._ruled(breach, before, want)
        wish = _Wish(before.receiver, want, breach, before.held)
        allowed = self._leave(wish)
        stands_in_the_way = telling.obstacle(want, here._replace(flapping_until=allowed.held_until))
        happening = Happening.DIGEST if allowed.digest else want
        ruling = stands_in_the_way or self._collecting(before.receiver, happening)
        if ruling is not None:
            return self._ruled(breach, before, ruling)
        after = telling.told(before, want, self._at, self.policy.notify.reminder)
        number = after.reminders if happening is Happening.REMINDER else 1
        entry = Entry(breach, telling.reason_to_tell(before, want), before.messages, number)
        self._mail.setdefault((before.receiver, happening), []).append(entry)
        if want in SENT_AT_ONCE:
            self._put_tally(breach, flapping.sent(self._tally(wish), allowed, self._at, self.policy.notify))
        return None if want is Happening.RESOLVED else after

    def _wanted(self, before: Telling, breach: Breach) -> Happening | Ruling:
        if before.receiver not in self.policy.receivers:
            return Ruling(Reason.RECEIVER_GONE)
        notify = self.policy.notify
        want = telling.wanted(before, breach, self._at, tell_resolved=notify.tell_resolved)
        missed = (self.now - self._at) // notify.reminder
        if want is Happening.REMINDER and missed:
            return Ruling(Reason.OUTDATED, self._at + missed * notify.reminder)
        return want

    def _ruled(self, breach: Breach, before: Telling, ruling: Ruling) -> Telling | None:
        if ruling.reason is not before.why:
            self._say(breach, before.receiver, ruling)
        if ruling.reason is Reason.CAME_AND_WENT:
            tally = self._tally(_Wish(before.receiver, Happening.DIGEST, breach, before.held))
            firing = self.lanes.get(f"{before.receiver}/{Happening.FIRING}")
            collected = before.held is Reason.COLLECTING and firing is not None
            look_at = firing.until if firing is not None and collected else self._at
            self._put_tally(breach, flapping.gone_by(tally, breach, look_at))
        if ruling.reason in telling.DONE:
            return None
        after = telling.ruled(before, ruling)
        return replace(after, remind_at=ruling.due) if ruling.reason is Reason.OUTDATED else after

    def _escalate(self, breach: Breach, told: list[str], tellings: dict[str, Telling]) -> None:
        """Set when others are told as well, counted from when the first of a route was."""
        if breach.acknowledged is not None or breach.closed_at is not None:
            return
        for receiver, after in escalations_of(self.policy.routes, breach, told):
            at = self._at + after
            one = tellings.get(receiver, Telling(receiver, Role.ESCALATION))
            if one.role is Role.ESCALATION and one.told_at is None:
                soonest = at if one.not_before is None else min(at, one.not_before)
                tellings[receiver] = replace(one, not_before=soonest, due=soonest)

    # -- what stands in the way ---------------------------------------------------------------------

    def _circumstances(self, known: Known) -> Circumstances:
        return Circumstances(
            silence_of(self.silences.values(), known.breach, self._at),
            self._inhibitor(known.breach),
            self._quiet_until(known.breach.severity),
        )

    def _find_dead_feeds(self) -> tuple[Known, ...]:
        silent = (known for known in self.breaches.values() if known.breach.measure is Measure.SILENCE)
        return tuple(known for known in silent if known.is_firing)

    def _inhibitor(self, breach: Breach) -> str | None:
        candidates = list(self._dead_feeds)
        limit = self.watches.get(watch_key(breach.model_copy(update={"level": Level.LIMIT})))
        if limit is not None and limit.latest in self.breaches:
            candidates.append(self.breaches[limit.latest])
        return min(
            (one.breach.id for one in candidates if one.is_firing and inhibits(one.breach, breach)),
            default=None,
        )

    def _quiet_until(self, severity: Severity) -> datetime | None:
        if severity not in self._quiet:
            notify = self.policy.notify
            self._quiet[severity] = quiet_until(notify.quiet, severity, self.policy.is_open, self._at)
        return self._quiet[severity]

    def _leave(self, wish: _Wish) -> Leave:
        digested = wish.held in DIGESTED
        if wish.happening not in SENT_AT_ONCE and wish.happening is not Happening.DIGEST:
            return Leave(digest=digested)
        watch = self.watches[watch_key(wish.breach)]
        turned_at = watch.turned_at or self._at
        return flapping.leave(self._tally(wish), turned_at, self._at, self.policy.notify, digested=digested)

    def _collecting(self, receiver: str, happening: Happening) -> Ruling | None:
        lane = self.lanes.get(f"{receiver}/{happening}")
        if lane is None or lane.until <= self._at or (receiver, happening) in self._mail:
            return None
        return Ruling(Reason.COLLECTING, lane.until)

    # -- watches ------------------------------------------------------------------------------------

    def _put_watch(self, before: Known | None, known: Known) -> None:
        breach = known.breach
        key = watch_key(breach)
        watch = self.watches.get(key)
        forget_at = self.now + WATCH_REMEMBERED
        if watch is None:
            watch = Watch(breach.id, breach.opened_at, not known.is_over, forget_at)
        elif watch.latest != breach.id or watch.is_open is known.is_over:
            watch = replace(
                watch,
                latest=breach.id,
                opened_at=breach.opened_at,
                is_open=not known.is_over,
                forget_at=forget_at,
            )
        if (before is not None and before.is_firing) is not known.is_firing:
            watch = replace(watch, turned_at=self.now)
        self.watches[key] = watch

    def _tally(self, wish: _Wish) -> Tally:
        watch = self.watches[watch_key(wish.breach)]
        return next((t for t in watch.tallies if t.receiver == wish.receiver), Tally(wish.receiver))

    def _put_tally(self, breach: Breach, tally: Tally) -> None:
        key = watch_key(breach)
        others = [t for t in self.watches[key].tallies if t.receiver != tally.receiver]
        tallies = sorted([*others, tally], key=lambda t: t.receiver)
        self.watches[key] = replace(self.watches[key], tallies=tuple(tallies))

    def _look_at_tallies(self, key: str) -> None:
        for tally in self.watches[key].tallies:
            if tally.gone is not None and tally.due is not None and tally.due <= self._at:
                self._put_tally(tally.gone, self._told_of_gone(tally, tally.gone))

    def _told_of_gone(self, tally: Tally, gone: Breach) -> Tally:
        """Return the tally after deciding on what came and went; told in a digest or looked at later."""
        after = replace(tally, gone=None, times=0, look_at=None, forget_at=tally.forget_at or self._at)
        if tally.receiver not in self.policy.receivers:
            self._say(gone, tally.receiver, Ruling(Reason.RECEIVER_GONE))
            return after
        allowed = self._leave(_Wish(tally.receiver, Happening.DIGEST, gone, Reason.FLAPPING))
        here = Circumstances(quiet_until=self._quiet_until(gone.severity), flapping_until=allowed.held_until)
        ruling = telling.obstacle(Happening.DIGEST, here)
        ruling = ruling or self._collecting(tally.receiver, Happening.DIGEST)
        if ruling is not None:
            return replace(tally, look_at=ruling.due)
        entry = Entry(gone.model_copy(update={"times": tally.times}), Reason.CAME_AND_WENT, 0)
        self._mail.setdefault((tally.receiver, Happening.DIGEST), []).append(entry)
        return flapping.sent(after, allowed, self._at, self.policy.notify)

    # -- what comes of it ---------------------------------------------------------------------------

    def _say(self, breach: Breach, receiver: str, ruling: Ruling) -> None:
        self._verdicts.append(
            Verdict(self._at, breach.id, receiver, ruling.reason, until=ruling.due, because=ruling.because)
        )

    def _post(self) -> None:
        for receiver, happening in sorted(self._mail):
            entries = self._mail[receiver, happening]
            notice = notice_of(receiver, happening, entries, self._at)
            self._notices.append(notice)
            for entry in entries:
                verdict = Verdict(self._at, entry.breach.id, receiver, entry.reason, notice.id)
                self._verdicts.append(verdict)
            if self.policy.notify.group_wait:
                self.lanes[f"{receiver}/{happening}"] = Lane(self._at + self.policy.notify.group_wait)
        self._mail = {}

    def _tidy(self) -> None:
        """Forget what nobody needs any more."""
        for key in [key for key, watch in self.watches.items() if _is_due(watch, self._at)]:
            kept = tuple(t for t in self.watches[key].tallies if t.due is not None and t.due > self._at)
            self.watches[key] = replace(self.watches[key], tallies=kept)
        self.breaches = {k: one for k, one in self.breaches.items() if not one.can_go(self._at)}
        self.watches = {k: one for k, one in self.watches.items() if not one.can_go(self._at)}
        self.lanes = {k: one for k, one in self.lanes.items() if not _is_due(one, self._at)}
        self.silences = {key: one for key, one in self.silences.items() if one.ends_at > self._at}

    def _look_at_inhibited(self) -> None:
        self.unsettled.update(
            key
            for key, known in self.breaches.items()
            if any(one.held is Reason.INHIBITED for one in known.tellings)
        )


def _is_due(record: Known | Watch | Lane, at: datetime) -> bool:
    return record.due is not None and record.due <= at

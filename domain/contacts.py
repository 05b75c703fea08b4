"""Every contact of the last day, and what it adds to the counts.

::

    fact ──► what is known of its contact, before and after ──► the difference, for the buckets

One entry has one outcome, one caller is one contact (``calls``), one ticket is one visit (``visits``). What a
contact adds is a function of what is known of it, of what its source and its queue say of those who wait
there (a restart, somebody who joins at the head), and of how far waits were judged (``cursor``). So the sums
depend on *which* facts came, not on their order; an outcome may well arrive before the entry it ends, and
what turns out to have been otherwise is taken back.

Facts are remembered for ``memory_ms`` by when they arrived on the stream, so that whoever reads the stream
from there on knows the same. What is forgotten stays counted as it was.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right, insort
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, auto
from operator import attrgetter
from typing import Final, NamedTuple

from domain.calls import EndOfWait, WaitEnd, counted_call
from domain.counts import Count, What
from domain.facts import OUTCOMES, SECOND_MS, ContactCounts, ContactFact, OpenWait, Step
from domain.queue_heads import Head, QueueHeads, Stay
from domain.queue_ref import QueueRef
from domain.visits import (
    SAME_VISIT_MS,
    VisitEnd,
    count_called,
    count_served,
    counted_appointment,
    counted_visits,
)
from shared.contract.events import Outcome


class ContactKind(IntEnum):
    """What a contact is; the same id may name one of each."""

    CALL = auto()
    VISIT = auto()
    APPOINTMENT = auto()


class ContactKey(NamedTuple):
    """A contact, as its source names it."""

    kind: ContactKind
    site: str
    source: str
    contact: str
    queue: str
    """Of a visit; a call may pass several."""


class Change(NamedTuple):
    """A count that came (``times`` 1) or is taken back (-1)."""

    key: ContactKey
    counted: Count
    times: int


@dataclass(frozen=True, slots=True)
class ContactRules:
    """What the city says of contacts. Durations in ms."""

    memory_ms: int
    open_timeout_ms: int
    tolerance_ms: int
    closing: Callable[[str, str, int], int | None]
    """When the queue of the site shuts that was open then (UTC ms); ``None``: it was not, or never shuts."""
    visit_end: Callable[[str, str, int], tuple[int, int]]
    """As ``VisitEnd``, of a site's queue."""


class _Restart(NamedTuple):
    at: int
    arrived: int


CATCH_UP_MS: Final = 10_000
"""What is told later than this is told after the fact, and what came of it follows within as long."""

_NOTHING: Final[Sequence[Change]] = ()
_NO_WAITS: Final[Sequence[OpenWait]] = ()


class ContactStore:
    """The contacts of all queues. Not thread-safe; facts come in the order of their arrival. UTC ms."""

    def __init__(self, rules: ContactRules, cursor: int = 0) -> None:
        self._rules = rules
        self._cursor = cursor
        self._horizon = 0
        """What arrived before it is forgotten."""
        self._facts: dict[ContactKey, list[ContactFact]] = {}
        self._arrivals: deque[tuple[int, ContactKey]] = deque()
        """All facts in memory, by when they arrived."""
        self._waits: dict[ContactKey, Sequence[OpenWait]] = {}
        """Of the contacts that have any."""
        self._due: list[tuple[int, ContactKey]] = []
        """When the next wait of a contact is given up, a heap; what is out of date in it does no harm."""
        self._restarts: dict[str, list[_Restart]] = {}
        self._heads: dict[tuple[str, str, str], QueueHeads] = {}
        """By source, site and queue."""

    @property
    def cursor(self) -> int:
        """Until when waits have been judged over or not."""
        return self._cursor

    @property
    def remembered(self) -> int:
        """How many contacts are in memory, waiting or not."""
        return len(self._facts)

    # What happens --------------------------------------------------------------------------------

    def record(self, key: ContactKey, fact: ContactFact) -> Sequence[Change]:
        """Take a fact of a contact in; returns what changes by it. Waits are judged up to its arrival."""
        self._horizon = max(self._horizon, fact.arrived - self._rules.memory_ms)
        known = self._known(key, self._horizon)
        self._arrivals.append((fact.arrived, key))
        if not known:
            self._facts[key] = known = []
        changes = self._usual(key, known, fact)
        if changes is not None:
            known.append(fact)
        else:
            before = self._counted(key, known, self._cursor, self._horizon)
            known.append(fact)
            changes = self._difference(key, before, self._counted(key, known, self._cursor, self._horizon))
        if key.kind is ContactKind.CALL and fact.step in OUTCOMES:
            heads = self._heads.get((key.source, key.site, fact.queue))
            if heads is not None:
                return [*changes, *self._note(heads, key, fact.queue, _stay(fact))]
        return changes

    def restart(self, source: str, at: int, arrived: int) -> Sequence[Change]:
        """A source lost its memory: its calls that were waiting before ``at`` are cut off."""

        def note() -> None:
            insort(self._restarts.setdefault(source, []), _Restart(at, arrived))

        self._horizon = max(self._horizon, arrived - self._rules.memory_ms)
        concerned = [key for key in self._facts if key.source == source and self._heeds_restart(key, at)]
        return self._again(concerned, note)

    def at_head(self, key: ContactKey, queue: str, head: Head) -> Sequence[Change]:
        """A call stood at the head of its queue: whoever entered earlier waits there no more."""
        self._horizon = max(self._horizon, head.arrived - self._rules.memory_ms)
        place = (key.source, key.site, queue)
        heads = self._heads.get(place)
        if heads is None:
            heads = self._heads[place] = QueueHeads()
            for other, facts in self._facts.items():
                if (other.source, other.site, other.kind) == (key.source, key.site, key.kind):
                    for fact in facts:
                        if fact.step in OUTCOMES and fact.queue == queue and fact.arrived >= self._horizon:
                            heads.note(_stay(fact))
        return self._note(heads, key, queue, head)

    def _note(self, heads: QueueHeads, key: ContactKey, queue: str, news: Head | Stay) -> Sequence[Change]:
        """Count those anew who wait at a queue, as far as news of its head is about them."""
        concerned: Iterable[ContactKey] = ()
        misleads = heads.misleads(news)
        if heads.is_believed(self._horizon) and (misleads or isinstance(news, Head)):
            before = news.before if isinstance(news, Head) and not misleads else None
            concerned = [
                other
                for other in self._waits
                if (other.source, other.site) == (key.source, key.site)
                and self._waits_at(other, queue, before)
            ]
        return self._again(concerned, lambda: heads.note(news))

    def _waits_at(self, key: ContactKey, queue: str, before: int | None) -> bool:
        """Whether a contact waits at a queue, if need be since before a moment."""
        return any(
            wait.queue == queue and (before is None or wait.entered < before) for wait in self._waits[key]
        )

    def advance(self, now: int) -> Sequence[Change]:
        """Give up the waits whose time ran out by ``now``."""
        if now <= self._cursor:
            return _NOTHING
        changes: list[Change] = []
        while self._due and self._due[0][0] <= now:
            due, key = heapq.heappop(self._due)
            while self._due and self._due[0] == (due, key):
                heapq.heappop(self._due)
            self._cursor = due
            if key in self._waits:
                horizon = min(self._horizon, due - self._rules.memory_ms)
                facts = self._known(key, horizon)
                before = self._counted(key, facts, due - 1, horizon)
                changes += self._difference(key, before, self._counted(key, facts, due, horizon))
        self._cursor = now
        return changes

    def forget(self, before: int) -> None:
        """Drop what arrived before ``before``: nothing that may still arrive knows of it."""
        while self._arrivals and self._arrivals[0][0] < before:
            _, key = self._arrivals.popleft()
            left = self._known(key, before)
            if not left:
                self._facts.pop(key, None)
            if key in self._waits:
                self._set_waits(key, self._counted(key, left, self._cursor, before).waits)
        for source, restarts in list(self._restarts.items()):
            self._restarts[source] = [restart for restart in restarts if restart.arrived >= before]
            if not self._restarts[source]:
                del self._restarts[source]
        for heads in self._heads.values():
            heads.forget(before)

    def waiting(self, now: int) -> Iterator[tuple[QueueRef, int]]:
        """Yield the queue and the entry time of everyone who waits at ``now``."""
        for key, waits in self._waits.items():
            for wait in waits:
                if wait.entered <= now < wait.until:
                    yield QueueRef(key.site, wait.queue), wait.entered

    def seen_waiting(self, now: int) -> Iterator[tuple[QueueRef, int]]:
        """Yield those of ``waiting`` of whom that may be said aloud.

        Whoever is heard of late (a log that was away, a sender that kept its events) has mostly been helped
        meanwhile: that comes right behind. So he is told of only after ``CATCH_UP_MS`` without more of him.
        """
        for key, waits in self._waits.items():
            newest = max(self._facts.get(key, ()), key=attrgetter("arrived"), default=None)
            late = newest is not None and newest.arrived - newest.at >= CATCH_UP_MS
            if newest is None or not late or now - newest.arrived >= CATCH_UP_MS:
                for wait in waits:
                    if wait.entered <= now < wait.until:
                        yield QueueRef(key.site, wait.queue), wait.entered

    def next_change(self, now: int) -> int | None:
        """Return when next after ``now`` time alone changes who waits, or gives a wait up."""
        moments = (
            moment
            for waits in self._waits.values()
            for wait in waits
            for moment in (wait.entered, wait.until, wait.due)
            if moment > now
        )
        return min(moments, default=None)

    # One contact ---------------------------------------------------------------------------------

    def _usual(
        self, key: ContactKey, known: Sequence[ContactFact], fact: ContactFact
    ) -> Sequence[Change] | None:
        """Return what changes where a contact goes its usual way, ``None`` where it may not: most do."""
        if key.kind is ContactKind.VISIT:
            return self._usual_visit(key, known, fact)
        if key.kind is ContactKind.APPOINTMENT:
            return None
        if not known:
            return self._usual_beginning(key, fact)
        first = known[0]
        if first.step is not Step.QUEUED or first.queue != fact.queue:
            return None
        if len(known) == 1 and self._ends_usually(key, first, fact):
            self._set_waits(key, _NO_WAITS)
            return [_outcome(key, fact)]
        if len(known) == 2 and fact.step is Step.ENDED and known[1].step is Step.ANSWERED:
            if fact.amount is None or known[1].queue != fact.queue:
                return None
            began = fact.at - fact.amount
            return [Change(key, Count(fact.queue, fact.at, began, What.TALK, fact.amount), 1)]
        return None

    def _usual_beginning(self, key: ContactKey, fact: ContactFact) -> Sequence[Change] | None:
        if fact.step in OUTCOMES and fact.outcome is not Outcome.ABANDONED:
            return [_outcome(key, fact)]
        if fact.step is not Step.QUEUED:
            return None
        if key.source in self._restarts or (key.source, key.site, fact.queue) in self._heads:
            end = _Around(self, key, self._horizon).end(fact.queue, fact.at).at
        else:
            closing = self._rules.closing(key.site, fact.queue, fact.at)
            end = fact.at + self._rules.open_timeout_ms
            if closing is not None and closing < end:
                end = closing
        if end <= self._cursor:
            return None
        self._set_waits(key, (OpenWait(fact.queue, fact.at, end, end),))
        return _NOTHING

    def _ends_usually(self, key: ContactKey, queued: ContactFact, fact: ContactFact) -> bool:
        if fact.step not in OUTCOMES:
            return False
        began = fact.at - (fact.amount or 0)
        rules = self._rules
        if queued.at > fact.at + rules.tolerance_ms or abs(queued.at - began) > rules.open_timeout_ms:
            return False
        if fact.outcome is Outcome.ABANDONED and key.source in self._restarts:
            return False
        waits = self._waits.get(key, ())
        return len(waits) == 1 and waits[0].entered == queued.at and waits[0].due > self._cursor

    def _usual_visit(
        self, key: ContactKey, known: Sequence[ContactFact], fact: ContactFact
    ) -> Sequence[Change] | None:
        if not known:
            if fact.step is not Step.ARRIVED:
                return None
            until, bound = self._visit_end(key, self._horizon)(fact.queue, fact.at)
            if bound <= self._cursor:
                return None
            self._set_waits(key, (OpenWait(fact.queue, fact.at, until, bound),))
            return _NOTHING
        arrived = known[0].at
        if known[0].step is not Step.ARRIVED or not arrived <= fact.at:
            return None
        if len(known) == 1 and fact.step is Step.CALLED:
            waits = self._waits.get(key, ())
            if len(waits) != 1 or not max(fact.at, self._cursor + 1) <= waits[0].due:
                return None
            if waits[0].entered != arrived or not 0 <= fact.since - arrived <= SAME_VISIT_MS:
                return None
            self._set_waits(key, _NO_WAITS)
            return [Change(key, count_called(fact), 1)]
        if len(known) == 2 and fact.step is Step.SERVED and known[1].step is Step.CALLED:
            return [Change(key, count_served(fact), 1)] if known[1].since <= fact.at else None
        return None

    def _known(self, key: ContactKey, horizon: int) -> list[ContactFact]:
        """Return what is known of a contact, without what is forgotten."""
        facts = self._facts.get(key)
        if not facts:
            return []
        if facts[0].arrived < horizon:
            facts = self._facts[key] = [fact for fact in facts if fact.arrived >= horizon]
        return facts

    def _counted(
        self, key: ContactKey, facts: Sequence[ContactFact], cursor: int, horizon: int
    ) -> ContactCounts:
        if not facts:
            return ContactCounts([], [])
        match key.kind:
            case ContactKind.CALL:
                return counted_call(facts, cursor, _Around(self, key, horizon))
            case ContactKind.VISIT:
                return counted_visits(facts, cursor, self._visit_end(key, horizon))
            case ContactKind.APPOINTMENT:
                return counted_appointment(facts)

    def _visit_end(self, key: ContactKey, horizon: int) -> VisitEnd:
        def end(queue: str, arrived: int) -> tuple[int, int]:
            until, bound = self._rules.visit_end(key.site, queue, arrived)
            restarted = self.restarted(key.source, arrived, horizon)
            return (until if restarted is None else min(until, restarted)), bound

        return end

    def _heeds_restart(self, key: ContactKey, at: int) -> bool:
        """Whether a contact waits, or was given up just before."""
        if key in self._waits:
            return True
        return any(fact.step is Step.MISSED and at - SECOND_MS <= fact.at <= at for fact in self._facts[key])

    def _difference(self, key: ContactKey, before: ContactCounts, after: ContactCounts) -> list[Change]:
        self._set_waits(key, after.waits)
        changes = Counter(after.counts)
        changes.subtract(before.counts)
        return [
            Change(key, count, 1 if times > 0 else -1)
            for count, times in changes.items()
            for _ in range(abs(times))
        ]

    def _again(self, keys: Iterable[ContactKey], note: Callable[[], None]) -> list[Change]:
        """Count some contacts anew, once ``note`` was taken."""
        concerned = [(key, facts) for key in keys if (facts := self._known(key, self._horizon))]
        before = [self._counted(key, facts, self._cursor, self._horizon) for key, facts in concerned]
        note()
        changes: list[Change] = []
        for (key, facts), was in zip(concerned, before, strict=True):
            changes += self._difference(key, was, self._counted(key, facts, self._cursor, self._horizon))
        return changes

    def _set_waits(self, key: ContactKey, waits: Sequence[OpenWait]) -> None:
        if not waits:
            self._waits.pop(key, None)
            return
        self._waits[key] = waits
        for wait in waits:
            if wait.due > self._cursor:
                heapq.heappush(self._due, (wait.due, key))

    # What lies around a call ---------------------------------------------------------------------

    def restarted(self, source: str, after: int, horizon: int) -> int | None:
        """Return when a source restarted first after a moment."""
        restarts = self._restarts.get(source, ())
        later = range(bisect_right(restarts, after, key=lambda one: one.at), len(restarts))
        return next((restarts[i].at for i in later if restarts[i].arrived >= horizon), None)

    def headed(self, key: ContactKey, queue: str, entered: int, horizon: int) -> int | None:
        """Return when a queue first showed that whoever entered at that moment waits there no more."""
        heads = self._heads.get((key.source, key.site, queue))
        return None if heads is None else heads.gone(entered, horizon)

    @property
    def rules(self) -> ContactRules:
        """What the city says of contacts."""
        return self._rules


def _stay(outcome: ContactFact) -> Stay:
    return Stay(outcome.at, outcome.at - (outcome.amount or 0), outcome.arrived)


def _outcome(key: ContactKey, fact: ContactFact) -> Change:
    """Count the outcome of a call that is one entry."""
    wait = fact.amount or 0
    return Change(key, Count(fact.queue, fact.at, fact.at - wait, fact.outcome or What.ANSWERED, wait), 1)


class _Around:
    """What lies outside one call: ``calls.CallRules``."""

    def __init__(self, contacts: ContactStore, key: ContactKey, horizon: int) -> None:
        self._contacts = contacts
        self._key = key
        self._horizon = horizon
        self.open_timeout_ms = contacts.rules.open_timeout_ms
        self.tolerance_ms = contacts.rules.tolerance_ms

    def end(self, queue: str, entered: int) -> EndOfWait:
        """What ends a wait at the latest: its bound, closing time, a restart, or another at the head."""
        key, contacts = self._key, self._contacts
        ends = [EndOfWait(entered + self.open_timeout_ms, WaitEnd.UNFINISHED)]
        closing = contacts.rules.closing(key.site, queue, entered)
        headed = contacts.headed(key, queue, entered, self._horizon)
        ends += [EndOfWait(at, WaitEnd.UNFINISHED) for at in (closing, headed) if at is not None]
        restarted = contacts.restarted(key.source, entered, self._horizon)
        if restarted is not None:
            ends.append(EndOfWait(restarted, WaitEnd.CUT_OFF))
        return min(ends)

    def is_cut_off(self, abandoned: int) -> bool:
        """Whether the source restarted within a second."""
        restarted = self._contacts.restarted(self._key.source, abandoned - 1, self._horizon)
        return restarted is not None and restarted <= abandoned + SECOND_MS

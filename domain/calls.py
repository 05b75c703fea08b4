"""What one call adds to the counts: entries, each with at most one outcome, and one caller. Pure.

::

    onthaal       queued ───────── timed_out                    entry: timed_out after 30 s
    burgerzaken                    queued ────── answered       entry: answered after 15 s
                                                                caller: answered after 45 s

Everything is a function of the *set* of facts, so neither their order nor repetition matters:

- an outcome belongs to the entry of its queue that is nearest to ``at - wait``; without one within the open
  timeout of it, it is an entry of its own (its ``call.queued`` was lost). The first outcome of an entry
  stands; a tie is the answer's;
- an entry without outcome is waiting until the first thing that ends a wait: the next entry of the call
  (nobody waits in two queues), its end elsewhere (it was handed over), or what ``CallRules.end`` knows of;
- a caller is answered if anybody helped him, and waited from his first entry until then; else he is missed by
  his last outcome. As long as he still waits somewhere he is neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple, Protocol

from domain.counts import Count, View, What
from domain.facts import OUTCOMES, SECOND_MS, ContactCounts, ContactFact, OpenWait, Step
from shared.contract.events import Outcome


class WaitEnd(IntEnum):
    """How a wait ends that has no outcome; of two at one moment the first in this list."""

    CUT_OFF = 0
    """The exchange threw it out."""
    HANDED_OVER = 1
    """It goes on under another name: it is counted there."""
    UNFINISHED = 2


class EndOfWait(NamedTuple):
    at: int
    """UTC ms."""
    kind: WaitEnd


class CallRules(Protocol):
    """What lies outside one call."""

    open_timeout_ms: int
    tolerance_ms: int
    """How far an outcome may be stamped before its own entry: clocks apart, or set back."""

    def end(self, queue: str, entered: int) -> EndOfWait:
        """Return what ends a wait in that queue at the latest."""

    def is_cut_off(self, abandoned: int) -> bool:
        """Whether the exchange went down right after a call was given up: nobody hung up then."""


@dataclass(slots=True)
class _Entry:
    queue: str
    entered: int
    outcome: ContactFact | None = None
    what: What | Outcome = What.ANSWERED
    """The outcome's, cut off where the exchange did it."""
    end: EndOfWait | None = None

    @property
    def left(self) -> int:
        """When it was over, or will be at the latest."""
        if self.outcome is not None:
            return self.outcome.at
        return self.entered if self.end is None else self.end.at


def counted_call(facts: Sequence[ContactFact], cursor: int, rules: CallRules) -> ContactCounts:
    """Count a call by what is known of it. ``cursor``: waits are judged until then (UTC ms)."""
    entries, repeated = _entries(facts, rules)
    _end_waits(entries, facts, rules)
    counts = [*repeated, *_conversations(facts)]
    waits = [
        OpenWait(one.queue, one.entered, one.end.at, one.end.at) for one in entries if one.end is not None
    ]
    here = [one for one in entries if not _is_elsewhere(one, cursor)]
    for caller in _callers(here, rules.open_timeout_ms):
        counts += _caller(caller, cursor)
    return ContactCounts(counts, waits)


def _entries(facts: Iterable[ContactFact], rules: CallRules) -> tuple[list[_Entry], list[Count]]:
    """Return the entries in order of time, with their outcomes, and the outcomes that are none's."""
    queued = sorted({(fact.at, fact.queue) for fact in facts if fact.step is Step.QUEUED})
    entries = [_Entry(queue, at) for at, queue in queued]
    repeated = []
    for outcome in sorted((fact for fact in facts if fact.step in OUTCOMES), key=_first_outcome):
        began = outcome.at - (outcome.amount or 0)
        latest = outcome.at + rules.tolerance_ms
        near = [
            one
            for one in entries
            if one.queue == outcome.queue
            and one.entered <= latest
            and abs(one.entered - began) <= rules.open_timeout_ms
        ]
        entry = min(near, key=lambda one: (abs(one.entered - began), -one.entered), default=None)
        if entry is None or (entry.outcome is not None and began > entry.outcome.at + SECOND_MS):
            entry = _Entry(outcome.queue, began)
            entries.append(entry)
        if entry.outcome is not None:
            repeated.append(Count(outcome.queue, outcome.at, None, What.REPEATED))
            continue
        entry.outcome = outcome
        if outcome.outcome is not None:
            cut_off = outcome.outcome is Outcome.ABANDONED and rules.is_cut_off(outcome.at)
            entry.what = Outcome.CUT_OFF if cut_off else outcome.outcome
    return sorted(entries, key=lambda one: (one.entered, one.queue)), repeated


_RANK: Final = {None: 0} | {outcome: rank for rank, outcome in enumerate(Outcome, start=1)}


def _first_outcome(fact: ContactFact) -> tuple[int, int, int]:
    return fact.at, _RANK[fact.outcome], fact.amount or 0


def _end_waits(entries: Sequence[_Entry], facts: Iterable[ContactFact], rules: CallRules) -> None:
    """Say of each entry without outcome when it ends without one."""
    if all(one.outcome is not None for one in entries):
        return
    over = [(fact.at, fact.queue) for fact in facts if fact.step is Step.ENDED]
    for one in entries:
        if one.outcome is None:
            ends = [rules.end(one.queue, one.entered)]
            ends += [
                EndOfWait(next_.entered, WaitEnd.UNFINISHED)
                for next_ in entries
                if next_.entered > one.entered
            ]
            ends += [
                EndOfWait(at, WaitEnd.HANDED_OVER)
                for at, queue in over
                if queue != one.queue and at > one.entered
            ]
            one.end = min(ends)


def _is_elsewhere(entry: _Entry, cursor: int) -> bool:
    return entry.end is not None and entry.end.kind is WaitEnd.HANDED_OVER and entry.end.at <= cursor


def _callers(entries: Sequence[_Entry], gap_ms: int) -> Iterator[list[_Entry]]:
    """Split entries where so much time lies between them that the contact is used anew."""
    caller: list[_Entry] = []
    until = 0
    for entry in entries:
        if caller and entry.entered - until > gap_ms:
            yield caller
            caller = []
        until = max(until, entry.left) if caller else entry.left
        caller.append(entry)
    if caller:
        yield caller


def _caller(entries: Sequence[_Entry], cursor: int) -> list[Count]:
    """Count one caller and his entries."""
    if len(entries) == 1:
        return _entry(entries[0], cursor, View.BOTH)
    counts = [count for one in entries for count in _entry(one, cursor, View.ENTRY)]
    last = _last(entries, cursor)
    if last is None:
        return counts
    first = entries[0]
    began = first.entered if first.outcome is None else first.outcome.at - (first.outcome.amount or 0)
    if last.outcome is not None:
        wait = max(0, last.outcome.at - first.entered)
        return [*counts, Count(last.queue, last.outcome.at, began, last.what, wait, View.CALLER)]
    given_up = _entry(last, cursor, View.CALLER)
    return [*counts, *(count._replace(began=began) for count in given_up)]


def _last(entries: Sequence[_Entry], cursor: int) -> _Entry | None:
    """Return the entry by which a caller is counted; ``None`` while he still waits."""
    with_outcome = [one for one in entries if one.outcome is not None]
    answered = [one for one in with_outcome if one.what is What.ANSWERED]
    if answered:
        return min(answered, key=lambda one: (one.left, one.entered))
    if any(one.end is not None and one.end.at > cursor for one in entries):
        return None
    return max(with_outcome or entries, key=lambda one: (one.left, one.entered))


def _entry(entry: _Entry, cursor: int, view: View) -> list[Count]:
    if entry.outcome is not None:
        wait = entry.outcome.amount or 0
        return [Count(entry.queue, entry.outcome.at, entry.outcome.at - wait, entry.what, wait, view)]
    if entry.end is None or entry.end.at > cursor:
        return []
    what = Outcome.CUT_OFF if entry.end.kind is WaitEnd.CUT_OFF else What.UNFINISHED
    return [Count(entry.queue, entry.end.at, entry.entered, what, 0, view)]


def _conversations(facts: Iterable[ContactFact]) -> Iterator[Count]:
    """Conversations of known length: told twice, they are one."""
    longest: dict[tuple[str, int], int] = {}
    for fact in facts:
        if fact.step is Step.ENDED and fact.amount is not None:
            key = (fact.queue, fact.at)
            longest[key] = max(fact.amount, longest.get(key, 0))
    for (queue, at), talk in longest.items():
        yield Count(queue, at, at - talk, What.TALK, talk)

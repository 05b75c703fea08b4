"""Who is waiting now: contacts that entered a queue and have no outcome yet.

::

    queued ──► waiting ──outcome──► (gone)
                  │
                  └─ open timeout, or the source restarted ──► unfinished ──late outcome──► (gone)

The answer depends on *which* facts were seen, not on their order: an outcome may well arrive
before the entry it ends. An outcome ends the latest entry of its contact that is not later than itself.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from domain.queue_ref import QueueRef


class ContactKey(NamedTuple):
    """A contact at a place, as its source names it."""

    queue_ref: QueueRef
    source: str
    contact: str


class UnfinishedChange(NamedTuple):
    """A change in the number of unfinished contacts: at ``at`` ms in ``queue_ref``, by +1 or -1."""

    queue_ref: QueueRef
    at: int
    change: int


Instants = tuple[int, ...]
"""Milliseconds, rising."""


class _Entries(NamedTuple):
    """What is known of one contact at one place."""

    queued: Instants = ()
    ended: Instants = ()
    lapsed: tuple[tuple[int, int], ...] = ()
    """Entries counted as unfinished, each with the deadline at which it was."""
    due: int | None = None
    """The deadline under which the contact stands in the queue of deadlines."""

    @property
    def oldest(self) -> int:
        """When the first of it happened; something always did."""
        if not self.ended:
            return self.queued[0]
        return min(self.queued[0], self.ended[0]) if self.queued else self.ended[0]

    def open(self) -> Instants:
        """Entries without an outcome."""
        if not self.ended:
            return self.queued
        left = list(self.queued)
        for end in self.ended:
            last_reports = bisect_right(left, end)
            if last_reports:
                del left[last_reports - 1]
        return tuple(left)

    def since(self, before: int) -> _Entries:
        """Return what happened from ``before`` on; perhaps nothing."""
        return _Entries(
            tuple(at for at in self.queued if at >= before),
            tuple(at for at in self.ended if at >= before),
            tuple((at, deadline) for at, deadline in self.lapsed if at >= before),
            self.due,
        )


_NO_LAPSES: Final[Sequence[UnfinishedChange]] = ()


class OpenContacts:
    """The open contacts of all places. All instants in UTC milliseconds.

    Contacts that have their outcome are remembered too, until ``forget``: a fact that arrives out
    of order may change which entry an outcome belongs to. Facts come with ``forgotten_before``, the
    oldest moment that a fact arriving with them may be about: what lies before is not touched any
    more, whether it was tidied away already or not. By then its deadline must have been judged.
    """

    def __init__(self, timeout_ms: int, cursor: int = 0) -> None:
        self._timeout_ms = timeout_ms
        self._cursor = cursor
        self._open: dict[ContactKey, _Entries] = {}
        """Contacts with an entry that has no outcome."""
        self._done: dict[ContactKey, _Entries] = {}
        """All others that are remembered."""
        self._restarts: dict[str, list[int]] = {}
        self._deadlines: list[tuple[int, ContactKey]] = []
        self._oldest: list[tuple[int, ContactKey]] = []
        """Every contact by when it was first heard of, a heap; so forgetting looks at nobody else."""

    @property
    def cursor(self) -> int:
        """Until when contacts have been judged finished or not."""
        return self._cursor

    @property
    def remembered(self) -> int:
        """How many contacts are in memory, open or not."""
        return len(self._open) + len(self._done)

    def queue(self, key: ContactKey, at: int, forgotten_before: int) -> Sequence[UnfinishedChange]:
        """A contact entered a queue."""
        known = self._known(key, forgotten_before)
        if known is None:
            heapq.heappush(self._oldest, (at, key))
            deadline = self._deadline(key.source, at)
            if deadline > self._cursor:  # the usual beginning of a wait
                heapq.heappush(self._deadlines, (deadline, key))
                self._open[key] = _Entries((at,), due=deadline)
                return _NO_LAPSES
            return self._settle(key, _Entries((at,)))
        return self._settle(key, known._replace(queued=_with(known.queued, at)))

    def end(self, key: ContactKey, at: int, forgotten_before: int) -> Sequence[UnfinishedChange]:
        """A contact has its outcome."""
        known = self._known(key, forgotten_before)
        if known is None:
            heapq.heappush(self._oldest, (at, key))
            self._done[key] = _Entries(ended=(at,))
            return _NO_LAPSES
        queued, ended, lapsed, _ = known
        if not lapsed and not ended and len(queued) == 1 and queued[0] <= at:  # the usual end of a wait
            self._open.pop(key, None)
            self._done[key] = _Entries(queued, (at,))
            return _NO_LAPSES
        return self._settle(key, known._replace(ended=_with(ended, at)))

    def restart(self, source: str, at: int, forgotten_before: int) -> Sequence[UnfinishedChange]:
        """A source lost its memory: its contacts that were waiting before ``at`` are unfinished."""
        insort(self._restarts.setdefault(source, []), at)
        lapses: list[UnfinishedChange] = []
        for key in [key for key in self._open if key.source == source]:
            if (entries := self._known(key, forgotten_before)) is not None:
                lapses += self._settle(key, entries)
        return lapses

    def advance(self, now: int) -> Sequence[UnfinishedChange]:
        """Judge the contacts whose time ran out by ``now``."""
        if now <= self._cursor:
            return _NO_LAPSES
        self._cursor = now
        lapses: list[UnfinishedChange] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, key = heapq.heappop(self._deadlines)
            entries = self._open.get(key)
            if entries is not None and entries.due == deadline:
                lapses += self._settle(key, entries._replace(due=None))
        return lapses

    def forget(self, before: int) -> None:
        """Drop what happened before ``before``: nothing that may still arrive can refer to it."""
        while self._oldest and self._oldest[0][0] < before:
            _, key = heapq.heappop(self._oldest)
            if (left := self._known(key, before)) is not None:
                heapq.heappush(self._oldest, (left.oldest, key))
        for source, restarts in list(self._restarts.items()):
            self._restarts[source] = [at for at in restarts if at >= before]

    def waiting(self, now: int) -> Iterator[tuple[QueueRef, int]]:
        """Yield the place and the entry time of everyone who waits at ``now``."""
        for key, entries in self._open.items():
            for at in entries.open():
                if at <= now < self._deadline(key.source, at):
                    yield key.queue_ref, at

    def next_deadline(self) -> int | None:
        """When ``advance`` will next have something to do, at the earliest."""
        return self._deadlines[0][0] if self._deadlines else None

    def _known(self, key: ContactKey, forgotten_before: int) -> _Entries | None:
        """Return what is known of a contact, without what is to be forgotten."""
        entries = self._open.get(key) or self._done.get(key)
        if entries is None or entries.oldest >= forgotten_before:
            return entries
        left = entries.since(forgotten_before)
        if left.queued or left.ended:
            self._keep(key, left, left.open())
            return left
        self._open.pop(key, None)
        self._done.pop(key, None)
        return None

    def _keep(self, key: ContactKey, entries: _Entries, open_entries: Instants) -> None:
        if open_entries:
            self._open[key] = entries
            self._done.pop(key, None)
        else:
            self._done[key] = entries if entries.due is None else entries._replace(due=None)
            self._open.pop(key, None)

    def _deadline(self, source: str, queued: int) -> int:
        restarts = self._restarts.get(source)
        if restarts:
            after = bisect_right(restarts, queued)
            if after < len(restarts):
                return min(restarts[after], queued + self._timeout_ms)
        return queued + self._timeout_ms

    def _settle(self, key: ContactKey, entries: _Entries) -> Sequence[UnfinishedChange]:
        """Keep what is known now, with ``lapsed`` brought in line, and return the difference."""
        open_entries, before, due = entries.open(), entries.lapsed, entries.due
        lapsed: list[tuple[int, int]] = []
        for queued in open_entries:
            deadline = self._deadline(key.source, queued)
            if deadline <= self._cursor:
                lapsed.append((queued, deadline))
            elif due is None or deadline < due:
                due = deadline
        if due is not None and due != entries.due:
            heapq.heappush(self._deadlines, (due, key))
        self._keep(key, _Entries(entries.queued, entries.ended, tuple(lapsed), due), open_entries)
        if tuple(lapsed) == before:
            return _NO_LAPSES
        return [
            *(UnfinishedChange(key.queue_ref, deadline, -1) for _, deadline in before),
            *(UnfinishedChange(key.queue_ref, deadline, +1) for _, deadline in lapsed),
        ]


def _with(instants: Instants, at: int) -> Instants:
    """Instants nearly always come in order."""
    if not instants or instants[-1] <= at:
        return (*instants, at)
    return tuple(sorted((*instants, at)))

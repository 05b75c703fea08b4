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
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """A queue of a site."""

    site: str
    queue: str


class ContactKey(NamedTuple):
    """A contact at a place, as its source names it."""

    place: Place
    source: str
    contact: str


class Lapse(NamedTuple):
    """A change in the number of unfinished contacts: at ``at`` ms in ``place``, by +1 or -1."""

    place: Place
    at: int
    change: int


@dataclass(slots=True)
class _Entries:
    """What is known of one contact at one place, in ms, rising."""

    queued: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    lapsed: list[tuple[int, int]] = field(default_factory=list)
    """Entries counted as unfinished, each with the deadline at which it was."""

    def open(self) -> list[int]:
        """Entries without an outcome."""
        if not self.ended:
            return self.queued
        left = list(self.queued)
        for end in self.ended:
            latest = bisect_right(left, end)
            if latest:
                del left[latest - 1]
        return left


class OpenContacts:
    """The open contacts of all places. All instants in UTC milliseconds."""

    def __init__(self, timeout_ms: int, cursor: int = 0) -> None:
        self._timeout_ms = timeout_ms
        self._cursor = cursor
        self._entries: dict[ContactKey, _Entries] = {}
        self._restarts: dict[str, list[int]] = {}
        self._deadlines: list[tuple[int, ContactKey]] = []

    @property
    def cursor(self) -> int:
        """Until when contacts have been judged finished or not."""
        return self._cursor

    def queue(self, key: ContactKey, at: int) -> list[Lapse]:
        """A contact entered a queue."""
        entries = self._entries.setdefault(key, _Entries())
        insort(entries.queued, at)
        return self._settle(key, entries)

    def end(self, key: ContactKey, at: int, forgotten_before: int) -> list[Lapse]:
        """A contact has its outcome. Entries before ``forgotten_before`` are no longer its to end."""
        entries = self._entries.setdefault(key, _Entries())
        if entries.queued and entries.queued[0] < forgotten_before:
            self._forget(entries, forgotten_before)
        insort(entries.ended, at)
        return self._settle(key, entries)

    def restart(self, source: str, at: int) -> list[Lapse]:
        """A source lost its memory: its contacts that were waiting before ``at`` are unfinished."""
        insort(self._restarts.setdefault(source, []), at)
        lapses: list[Lapse] = []
        for key, entries in list(self._entries.items()):
            if key.source == source:
                lapses += self._settle(key, entries)
        return lapses

    def advance(self, now: int) -> list[Lapse]:
        """Judge the contacts whose time ran out by ``now``."""
        if now <= self._cursor:
            return []
        self._cursor = now
        lapses: list[Lapse] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, key = heapq.heappop(self._deadlines)
            if (entries := self._entries.get(key)) is not None:
                lapses += self._settle(key, entries)
        return lapses

    def forget(self, before: int) -> None:
        """Drop what happened before ``before``: nothing that may still arrive can refer to it."""
        for key, entries in list(self._entries.items()):
            self._forget(entries, before)
            if not entries.queued and not entries.ended:
                del self._entries[key]
        for source, restarts in list(self._restarts.items()):
            self._restarts[source] = [at for at in restarts if at >= before]

    def waiting(self, now: int) -> Iterator[tuple[Place, int]]:
        """Yield the place and the entry time of everyone who waits at ``now``."""
        for key, entries in self._entries.items():
            for at in entries.open():
                if at <= now < self._deadline(key.source, at):
                    yield key.place, at

    def next_deadline(self) -> int | None:
        """When ``advance`` will next have something to do, at the earliest."""
        return self._deadlines[0][0] if self._deadlines else None

    def _deadline(self, source: str, queued: int) -> int:
        restarts = self._restarts.get(source)
        if restarts:
            after = bisect_right(restarts, queued)
            if after < len(restarts):
                return min(restarts[after], queued + self._timeout_ms)
        return queued + self._timeout_ms

    def _settle(self, key: ContactKey, entries: _Entries) -> list[Lapse]:
        """Bring ``lapsed`` in line with what is known now and return the difference."""
        open_entries = entries.open()
        if not open_entries and len(entries.queued) == len(entries.ended):
            del self._entries[key]
        if not open_entries and not entries.lapsed:
            return []
        lapsed: list[tuple[int, int]] = []
        for queued in open_entries:
            deadline = self._deadline(key.source, queued)
            if deadline <= self._cursor:
                lapsed.append((queued, deadline))
            else:
                heapq.heappush(self._deadlines, (deadline, key))
        if lapsed == entries.lapsed:
            return []
        before, entries.lapsed = entries.lapsed, lapsed
        return [
            *(Lapse(key.place, deadline, -1) for _, deadline in before),
            *(Lapse(key.place, deadline, +1) for _, deadline in lapsed),
        ]

    @staticmethod
    def _forget(entries: _Entries, before: int) -> None:
        entries.queued = [at for at in entries.queued if at >= before]
        entries.ended = [at for at in entries.ended if at >= before]
        entries.lapsed = [(at, deadline) for at, deadline in entries.lapsed if at >= before]

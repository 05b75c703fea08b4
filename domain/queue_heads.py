"""What the places that a queue tells of say about those who wait there, as long as that can be true. Pure.

::

    a ├───────────────────── (handed to another channel: no outcome)
    b          ├── joins at place 1: nobody is before it, so a waits there no more

An exchange that calls every place the first, or lets some go before others, would make waiting people vanish
like that. So as soon as anybody waited on who could not, by what was said of the head, nothing of that queue
is believed.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import NamedTuple

from domain.facts import SECOND_MS


class Head(NamedTuple):
    """Somebody stood at the head at ``at``: who entered before ``before`` waits no more. UTC ms."""

    at: int
    before: int
    arrived: int
    """When that came on the stream."""


class Stay(NamedTuple):
    """Somebody waited until ``left``. UTC ms."""

    left: int
    entered: int
    arrived: int


class QueueHeads:
    """The heads and stays of one queue that are in memory."""

    def __init__(self) -> None:
        self._heads: list[Head] = []
        self._stays: list[Stay] = []
        self._misled = -1
        """Until which arrival something is in memory that contradicts a head."""

    def is_believed(self, horizon: int) -> bool:
        """Whether nothing that arrived from ``horizon`` on contradicts a head."""
        return self._misled < horizon

    def misleads(self, news: Head | Stay) -> bool:
        """Whether a head and a stay contradict each other with this one."""
        return self._contradicted(news) >= 0

    def note(self, news: Head | Stay) -> None:
        """Remember a head or a stay."""
        self._misled = max(self._misled, self._contradicted(news))
        if isinstance(news, Head):
            insort(self._heads, news)
        else:
            insort(self._stays, news)

    def gone(self, entered: int, horizon: int) -> int | None:
        """Return when it first showed that who entered at a moment waits no more."""
        if not self.is_believed(horizon):
            return None
        later = range(bisect_right(self._heads, entered, key=lambda head: head.at), len(self._heads))
        heads = (self._heads[number] for number in later)
        return next((head.at for head in heads if head.before > entered and head.arrived >= horizon), None)

    def forget(self, before: int) -> None:
        """Drop what arrived before ``before``."""
        self._heads = [head for head in self._heads if head.arrived >= before]
        self._stays = [stay for stay in self._stays if stay.arrived >= before]

    def _contradicted(self, news: Head | Stay) -> int:
        """Return until which arrival a contradiction with it is in memory; -1: there is none."""
        if isinstance(news, Head):
            after = bisect_right(self._stays, news.at + SECOND_MS, key=lambda stay: stay.left)
            later = self._stays[after:]
            return max((stay.arrived for stay in later if stay.entered < news.before), default=-1)
        until = bisect_right(self._heads, news.left - SECOND_MS - 1, key=lambda head: head.at)
        first = bisect_right(self._heads, news.entered, key=lambda head: head.at, hi=until)
        earlier = self._heads[first:until]
        return max((head.arrived for head in earlier if head.before > news.entered), default=-1)

"""What holds right now, by source or place: of several reports the latest one wins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from domain.queue_ref import QueueRef
from shared.contract.events import MOST_STAFF
from shared.instants import END_MS


class ReportSubject(StrEnum):
    """What a report is about; the first part of its field in the state hash."""

    FACT = "source"
    """The latest fact of a source; until its first one, when its first heartbeat was."""
    HEARTBEAT = "heartbeat"
    """The latest heartbeat of a source."""
    OFFER = "offer"
    STAFF = "staff"


_OF_SOURCES: Final = (ReportSubject.FACT, ReportSubject.HEARTBEAT)
_OF_PLACES: Final = (ReportSubject.OFFER, ReportSubject.STAFF)


class Offer(NamedTuple):
    """The first free appointment as last reported, UTC ms."""

    at: int
    first_free: int


class Staff(NamedTuple):
    """Who serves a queue as last reported (at: UTC ms)."""

    at: int
    available: int
    paused: int
    busy: int


class LastReports:
    """Reports by field. A report is a tuple of integers, its instant first, so the larger one is later.

    Raises ``ValueError`` for a field of ``state`` that no report can be: wherever dates are reckoned with, an
    instant beyond all others would stop more than itself.
    """

    def __init__(self, state: Mapping[str, str] | None = None) -> None:
        self._reports: dict[str, tuple[int, ...]] = {}
        self._changed: set[str] = set()
        self._gone: set[str] = set()
        for name, value in (state or {}).items():
            if (shape := _SHAPES.get(name.partition(":")[0])) is not None:
                self._reports[name] = _read(value, *shape)

    def heard(self, facts: Mapping[str, int], heartbeats: Mapping[str, int]) -> None:
        """Sources said something that happened at an instant (ms), or no more than that they are there.

        From its first heartbeat on facts of a source are waited for.
        """
        for source, at in facts.items():
            self._note(f"{ReportSubject.FACT}:{source}", (at,))
        for source, at in heartbeats.items():
            self._note(f"{ReportSubject.HEARTBEAT}:{source}", (at,))
            if f"{ReportSubject.FACT}:{source}" not in self._reports:
                self._note(f"{ReportSubject.FACT}:{source}", (at,))

    def offer(self, queue_ref: QueueRef, offer: Offer) -> None:
        """The first free appointment at a place was reported."""
        self._note(f"{ReportSubject.OFFER}:{queue_ref.site}:{queue_ref.queue}", offer)

    def staff(self, queue_ref: QueueRef, staff: Staff) -> None:
        """The staff of a place was reported."""
        self._note(f"{ReportSubject.STAFF}:{queue_ref.site}:{queue_ref.queue}", staff)

    def facts(self) -> dict[str, int]:
        """Source → when its latest fact happened, ms; without any, since when one is waited for."""
        return {name: report[0] for (name,), report in self._about(ReportSubject.FACT)}

    def heartbeats(self) -> dict[str, int]:
        """Source → when its latest heartbeat was, ms."""
        return {name: report[0] for (name,), report in self._about(ReportSubject.HEARTBEAT)}

    def offers(self) -> dict[QueueRef, Offer]:
        """Place → its latest offer."""
        return {QueueRef(*name): Offer(*report) for name, report in self._about(ReportSubject.OFFER)}

    def staffs(self) -> dict[QueueRef, Staff]:
        """Place → its latest staff report."""
        return {QueueRef(*name): Staff(*report) for name, report in self._about(ReportSubject.STAFF)}

    def sweep(self, sources: Collection[str], queue_refs: Collection[QueueRef]) -> None:
        """Forget the reports of sources and about places other than these."""
        known = {f"{about}:{source}" for about in _OF_SOURCES for source in sources}
        known |= {
            f"{about}:{queue_ref.site}:{queue_ref.queue}" for about in _OF_PLACES for queue_ref in queue_refs
        }
        for name in self._reports.keys() - known:
            del self._reports[name]
            self._gone.add(name)

    def take_changes(self) -> dict[str, str]:
        """Return the fields to write since the last call."""
        changes = {name: ",".join(map(str, self._reports[name])) for name in self._changed}
        self._changed.clear()
        return changes

    def take_gone(self) -> set[str]:
        """Return the fields that were swept since the last call."""
        gone = self._gone - self._reports.keys()
        self._gone.clear()
        return gone

    def _note(self, name: str, report: tuple[int, ...]) -> None:
        if name not in self._reports or report > self._reports[name]:
            self._reports[name] = tuple(report)
            self._changed.add(name)

    def _about(self, subject: ReportSubject) -> list[tuple[list[str], tuple[int, ...]]]:
        parts = [(name.split(":"), report) for name, report in self._reports.items()]
        return [(name, report) for (kind, *name), report in parts if kind == subject]


_SHAPES: Final[Mapping[str, tuple[int, int]]] = {
    ReportSubject.FACT: (1, 0),
    ReportSubject.HEARTBEAT: (1, 0),
    ReportSubject.OFFER: (2, 0),
    ReportSubject.STAFF: (1, 3),
}
"""Of how many instants, and counts behind them, a report consists."""


def _read(value: str, instants: int, counts: int) -> tuple[int, ...]:
    report = tuple(int(part) for part in value.split(","))
    if len(report) != instants + counts:
        raise ValueError(f"{instants + counts} numbers are expected")
    # From 1970 on, which arithmetic can bear: an older version took what the door refuses today.
    if not all(0 <= at < END_MS for at in report[:instants]):
        raise ValueError("an instant is one that cannot be meant")
    if not all(0 <= count <= MOST_STAFF for count in report[instants:]):
        raise ValueError("a count is one that cannot be meant")
    return report

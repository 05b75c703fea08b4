"""What Redis would hold of a partition: the stream, and what was committed; and a take-over of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from domain.aggregator import LOG_REACH, ON_ITS_WAY, Aggregator, PipelineCounts, StreamEvent, memory
from domain.bucket import Resolution, decode
from domain.bucket_store import REACH_S, BucketStore, Slot, Start
from domain.last_reports import LastReports
from services.evaluator.decoder import parse
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.dead_letters import DeadLetter
from shared.redis.stream_entries import Batch
from tests.support import evaluator_oracle as oracle
from tests.support.evaluator_oracle import Cell, Figures

DAY = timedelta(days=1)

Entries = Sequence[tuple[str, bytes | None]]
"""Id and data field."""


@dataclass
class Durable:
    """What Redis would hold: the stream, and what was committed. Take-over as a partition does it."""

    entries: Entries
    city: CityFile
    state: dict[str, str] = field(default_factory=dict)
    buckets: dict[Slot, bytes] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    offset: int = 0
    """How many entries are committed."""

    def take_over(self) -> Aggregator:
        calendar, pipeline = Calendar(self.city), self.city.pipeline
        read = self.entries[: self.offset]
        last = arrived(read[-1]) if read else 0
        ahead = pipeline.future_tolerance + ON_ITS_WAY
        horizon = last - (memory(self.city) + ahead) / timedelta(milliseconds=1)
        reach = (LOG_REACH + pipeline.open_timeout + DAY) / timedelta(milliseconds=1)
        oldest = calendar.local_day(max(0, last - int(reach))).isoformat()
        aggregator = Aggregator(
            self.city,
            calendar,
            self.city.sites,
            BucketStore((slot, decode(text)) for slot, text in self.buckets.items() if _loaded(slot, oldest)),
            LastReports(self.state),
            PipelineCounts.of(self.state),
            int(self.state.get("cursor", 0)),
        )
        recalled = parse(batch([entry for entry in read if arrived(entry) >= horizon]))
        aggregator.recall(item for item in recalled if isinstance(item, StreamEvent))
        return aggregator

    def commit(self, aggregator: Aggregator, offset: int) -> None:
        changes = aggregator.take_changes()
        self.state |= changes.state
        self.buckets |= {slot: bucket.encode() for slot, bucket in changes.buckets}
        for slot in changes.dropped:
            self.buckets.pop(slot, None)
        self.dead += changes.dead
        self.offset = offset

    def figures(self) -> dict[Cell, Figures]:
        """Every bucket that is not empty; of the rings only what a window can reach."""
        newest = max((arrived(entry) for entry in self.entries[: self.offset]), default=0) // 1000
        return {
            cell: figures
            for slot, text in self.buckets.items()
            if reachable(cell := _cell(slot), newest) and (figures := oracle.not_empty(asdict(decode(text))))
        }

    @property
    def counts(self) -> tuple[int, int, dict[str, int]]:
        counts = PipelineCounts.of(self.state)
        return counts.read, counts.duplicates, {reason.value: n for reason, n in counts.dead.items()}


def arrived(entry: tuple[str, bytes | None]) -> int:
    return int(entry[0].partition("-")[0])


def batch(entries: Entries) -> Batch:
    return Batch([entry for entry, _ in entries], [body for _, body in entries])


def _loaded(slot: Slot, oldest: str) -> bool:
    daily = slot.resolution in {Resolution.DAY, Resolution.DAY_OUTSIDE}
    return not daily or str(slot.start) >= oldest


def _cell(slot: Slot) -> Cell:
    start: Start = slot.start
    return Cell(slot.queue_ref.site, slot.queue_ref.queue, slot.resolution.value, start)


def reachable(cell: Cell, newest_s: int) -> bool:
    if not isinstance(cell.start, int):
        return True
    return cell.start >= newest_s - REACH_S[Resolution(cell.resolution)]

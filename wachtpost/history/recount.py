"""Files become whole local days again, by the same code that counts live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Final

from domain.aggregator import Aggregator
from domain.bucket import Bucket, Resolution
from domain.bucket_store import Slot
from domain.corrections import FromFile, day_of
from domain.counts import ms_of
from domain.queue_ref import QueueRef
from services.ingest.admission import AdmissionRules
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.events import Event, SourceHeartbeat, SourceRestarted
from wachtpost.analyse.files import Progress, ReadingStats, close, file_events, record
from wachtpost.history.plan import GROUP_OF, Covered, group_of_waiting

DAILY: Final = frozenset({Resolution.DAY, Resolution.DAY_OUTSIDE})


@dataclass(frozen=True)
class Recounted:
    """The days of some files."""

    buckets: Mapping[Slot, Bucket]
    covered: AbstractSet[Covered]
    """What the files have facts of."""
    reading: ReadingStats


def recount(
    files: Sequence[Path],
    city: CityFile,
    calendar: Calendar,
    source: str | None,
    now: int,
    progress: Progress | None = None,
) -> Recounted:
    """Count files as if they had come live, by ``now`` (UTC ms) at the latest. Errors as of ``analyse``.

    Who waited until after the open timeout is unfinished on the day that it ran out, also where nothing else
    happened; but the end of the files says nothing about a day that they have no facts of.
    """
    aggregator = Aggregator(city, calendar, city.sites, rings=False)
    reading = ReadingStats()
    covered: set[Covered] = set()

    def counted(event: Event) -> None:
        group = GROUP_OF.get(type(event))
        if group is not None and not isinstance(event, SourceHeartbeat | SourceRestarted):
            day = date.fromisoformat(aggregator.local_day(ms_of(event.at) // 1000))
            covered.add(Covered(QueueRef(event.site, event.queue), day, group))

    door = AdmissionRules.of_files(city)
    found = file_events(files, city, door, now, source, reading, progress)
    newest = record(aggregator, found, reading, counted)
    for slot, bucket in aggregator.bucket_store.slots():
        if slot.resolution in DAILY and bucket.unfinished:
            covered.add(Covered(slot.queue_ref, day_of(slot), group_of_waiting(city, slot.queue_ref)))
    close(aggregator, newest, reading)
    buckets = {slot: bucket for slot, bucket in aggregator.bucket_store.slots() if slot.resolution in DAILY}
    return Recounted(buckets, covered, reading)


def fingerprint(file: Path) -> FromFile:
    """Return a file's name and what it holds, for the log; raises ``OSError``."""
    held = sha256()
    with file.open("rb") as raw:
        while piece := raw.read(1 << 20):
            held.update(piece)
    return FromFile(name=file.name, sha256=held.hexdigest())

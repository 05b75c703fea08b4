"""Files become an analysis, in memory that does not grow with them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from secrets import token_bytes
from typing import Final

from pydantic import ValidationError

from domain.aggregator import Aggregator, StreamEvent
from domain.tallies import ms_of
from services.ingest.pseudonyms import SHORTEST_KEY, Pseudonyms
from services.ingest.sources.queue_log.reader import in_time_order, read_lines
from services.ingest.sources.queue_log.translate import (
    QueueLogTranslator,
    SkippedLine,
    TranslatorRules,
    UnreadableLine,
)
from shared.calendar import Calendar
from shared.config.model import City, CityFile, Queue, QueueLogSource, Site, Target
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.events import EVENT, Event, Outcome
from shared.contract.kpis import Kpi, QueueKind
from wachtpost.analyse.figures import Analysis

BATCH: Final = 5000
"""Lines taken together."""

SHOWN: Final = 5
"""Bad lines that are listed; the others are counted."""

EVER: Final = timedelta(days=365_000) // timedelta(milliseconds=1)
"""Later than any file: whoever has no outcome by then will not get one."""

UNCONFIGURED: Final = CityFile(
    city=City(name="-"),
    sites=(Site(id="site", queues=(Queue(id="queue", kind=QueueKind.PHONE),)),),
    targets=(
        Target(kpi=Kpi.MISSED_RATIO, limit=0.20, period="year"),
        Target(kpi=Kpi.CALL_WAIT_MEAN, limit=45),
    ),
)
"""Without a city file: Lier's definitions and telephone targets, every queue that occurs, always open."""


@dataclass
class BadLine:
    """A line that could not be used, and why."""

    file: Path
    number: int
    why: str


@dataclass
class ReadingStats:
    """What was read on the way."""

    lines: int = 0
    events: int = 0
    noise: int = 0
    """Known lines that say nothing about contacts."""
    unknown_verbs: int = 0
    unusable_waits: int = 0
    """Outcomes that told no wait that can be; they were counted all the same."""
    refused: dict[str, int] = field(default_factory=dict)
    """By reason."""
    duplicates: int = 0
    first_bad: list[BadLine] = field(default_factory=list)

    def refuse(self, reason: DeadLetterReason, bad: BadLine) -> None:
        """Count a line that could not be used."""
        self.refused[reason] = self.refused.get(reason, 0) + 1
        if len(self.first_bad) < SHOWN:
            self.first_bad.append(bad)


Progress = Callable[[Path, int], None]
"""Told which file, and how many of its bytes on disk have been read."""


def analyse(
    files: Sequence[Path],
    city: CityFile | None,
    source: str | None = None,
    progress: Progress | None = None,
) -> tuple[Analysis, ReadingStats]:
    """Read files (queue_log or events as NDJSON, plain or gzip) and return their figures.

    ``source`` is the id of the city file's queue_log source that wrote the logs; without it, the first.
    Raises ``KeyError`` for a source that the city file does not have, and ``OSError``, ``EOFError`` or
    ``zlib.error`` for what cannot be read.
    """
    rules = city if city is not None else UNCONFIGURED
    aggregator = Aggregator(rules, Calendar(rules), None if city is None else city.sites, rings=False)
    reading = ReadingStats()
    newest = record(aggregator, file_events(files, rules, source, reading, progress), reading)
    close(aggregator, newest, reading)
    return Analysis.of(aggregator.bucket_store), reading


def record(
    aggregator: Aggregator,
    found: Iterator[tuple[str, Event]],
    reading: ReadingStats,
    now: int | None = None,
    counted: Callable[[Event], None] | None = None,
) -> int:
    """Have the aggregator count facts, with where each stands; return the newest moment (UTC ms, or 0).

    A file has no arrival times. Without ``now``, each fact counts as having come when it happened. With it
    (UTC ms), facts are taken to have come in the order they stand in, and by ``now``: what lies further back
    than ``pipeline.dedup``, or ahead, is refused as it would be live. ``counted`` is told of every fact that
    the aggregator did not refuse.
    """
    newest = 0
    while batch := list(islice(found, BATCH)):
        arrivals = []
        for where, event in batch:
            at = ms_of(event.at)
            newest = max(newest, at if now is None else min(at, now))
            arrivals.append(StreamEvent(where, at if now is None else newest, event))
        aggregator.record(arrivals)
        aggregator.advance(newest)
        refused = _note(aggregator, reading)
        if counted is not None:
            for arrival in arrivals:
                if arrival.entry not in refused:
                    counted(arrival.event)
    return newest


def close(aggregator: Aggregator, newest: int, reading: ReadingStats) -> None:
    """The files are at their end: whoever has no outcome by now will not get one."""
    aggregator.advance(newest + EVER if newest else 0)
    _note(aggregator, reading)
    reading.duplicates = aggregator.counts.duplicates


def _note(aggregator: Aggregator, reading: ReadingStats) -> set[str]:
    """Count what the aggregator refused, and return where it stood."""
    letters = aggregator.take_changes().dead
    for letter in letters:
        file, _, number = letter.where.rpartition(":")
        reading.refuse(letter.reason, BadLine(Path(file), int(number), letter.detail))
    return {letter.where for letter in letters}


def file_events(
    files: Sequence[Path],
    city: CityFile,
    source: str | None,
    reading: ReadingStats,
    progress: Progress | None = None,
) -> Iterator[tuple[str, Event]]:
    """Yield what any mix of files says, with ``file:line``, in the order of time.

    queue_logs are one log, whatever rotation made of it; files of events each have their own order, and are
    read side by side. Errors as of ``analyse``.
    """
    rules = _rules(city, source)
    each_once = list(dict.fromkeys(files))
    logs = [file for file in each_once if not _is_ndjson(file)]
    sides = [_ndjson(file, reading, progress) for file in each_once if file not in logs]
    if logs:
        sides.insert(0, _queue_logs(logs, rules, reading, progress))
    yield from heapq.merge(*sides, key=_moment)


def _moment(found: tuple[str, Event]) -> datetime:
    return found[1].at


def _queue_logs(
    files: Sequence[Path], rules: TranslatorRules, reading: ReadingStats, progress: Progress | None
) -> Iterator[tuple[str, Event]]:
    # Nothing of it is kept, so any key will do: no figure depends on how a contact is called.
    translator = QueueLogTranslator(rules, Pseudonyms(token_bytes(SHORTEST_KEY)))
    for file in in_time_order(files):
        yield from _queue_log(file, translator, reading, progress)
    reading.unusable_waits = translator.unusable_waits


def _queue_log(
    file: Path, translator: QueueLogTranslator, reading: ReadingStats, progress: Progress | None
) -> Iterator[tuple[str, Event]]:
    for number, line in _numbered(file, reading, progress):
        try:
            said = translator.translate(line)
        except UnreadableLine as error:
            reading.refuse(DeadLetterReason.UNREADABLE, BadLine(file, number, str(error)))
            continue
        if said is SkippedLine.UNKNOWN_VERB:
            reading.unknown_verbs += 1
        elif isinstance(said, SkippedLine):
            reading.noise += 1
        else:
            reading.events += 1
            yield f"{file}:{number}", said


def _ndjson(file: Path, reading: ReadingStats, progress: Progress | None) -> Iterator[tuple[str, Event]]:
    for number, line in _numbered(file, reading, progress):
        if not line.strip():
            continue
        try:
            event = EVENT.validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            reading.refuse(
                DeadLetterReason.INVALID, BadLine(file, number, f"{where}: {first['type']}".strip(": "))
            )
            continue
        reading.events += 1
        yield f"{file}:{number}", event


def _numbered(file: Path, reading: ReadingStats, progress: Progress | None) -> Iterator[tuple[int, bytes]]:
    def tell(done: int) -> None:
        if progress is not None:
            progress(file, done)

    for number, line in enumerate(read_lines(file, tell), start=1):
        reading.lines += 1
        yield number, line


def _is_ndjson(file: Path) -> bool:
    """Events begin with a brace, a queue_log with an epoch."""
    first = next(_filled(read_lines(file)), b"")
    return first.lstrip().startswith(b"{")


def _filled(lines: Iterable[bytes]) -> Iterator[bytes]:
    return (line for line in lines if line.strip())


def _rules(city: CityFile, source: str | None) -> TranslatorRules:
    """Read a log as the city's queue_log source says, or with names as they are."""
    logs = {s.id: s for s in city.sources if isinstance(s, QueueLogSource)}
    if source is not None:
        return TranslatorRules.of(logs[source])
    if logs:
        return TranslatorRules.of(next(iter(logs.values())))
    return TranslatorRules(source="queue_log", site=city.sites[0].id, queues={}, withdraw=Outcome.LEFT_BY_KEY)

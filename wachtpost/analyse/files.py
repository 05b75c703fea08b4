"""Files become an analysis, in memory that does not grow with them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from secrets import token_bytes
from typing import Final, NamedTuple

from domain.aggregator import Aggregator, StreamEvent
from domain.counts import ms_of
from services.ingest.admission import AdmissionRules, RefusedItem, admit, read_event
from services.ingest.pseudonyms import SHORTEST_KEY, Pseudonyms
from services.ingest.sources.queue_log.door import read_line
from services.ingest.sources.queue_log.reader import read_lines
from services.ingest.sources.queue_log.translate import (
    QueueLogTranslator,
    SkippedLine,
    TranslatorRules,
    moment_ms,
)
from shared.calendar import Calendar
from shared.config.model import City, CityFile, Queue, QueueLogSource, Site, Target
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.events import CallAnswered, Event, Outcome
from shared.contract.kpis import Kpi, QueueKind
from wachtpost.analyse.figures import Analysis, LongestInFiles
from wachtpost.analyse.survey import Survey, survey
from wachtpost.refusals.groups import Refusals

BATCH: Final = 5000
"""Lines taken together."""

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
class ReadingStats:
    """What was read on the way."""

    lines: int = 0
    events: int = 0
    noise: int = 0
    """Known lines that say nothing about contacts."""
    unknown_verbs: int = 0
    unusable_waits: int = 0
    """Outcomes that told no wait that can be; they were counted all the same."""
    refusals: Refusals = field(default_factory=Refusals)
    """Lines that could not be used."""
    duplicates: int = 0
    repeated_outcomes: dict[str, int] = field(default_factory=dict)
    """Outcomes of contacts that have theirs already, by source; in no figure."""
    counted: int = 0
    """Events that were not refused, duplicates among them."""

    @property
    def refused(self) -> dict[str, int]:
        """How many lines could not be used, by reason."""
        return self.refusals.counts()


Progress = Callable[[Path, int], None]
"""Told which file, and how many of its bytes on disk have been read."""


def analyse(
    files: Sequence[Path],
    city: CityFile | None,
    now: int,
    source: str | None = None,
    progress: Progress | None = None,
) -> tuple[Analysis, ReadingStats]:
    """Read files (queue_log or events as NDJSON, plain or gzip) and return their figures.

    What lies after ``now`` (UTC ms) is refused. ``source`` is the id of the city file's queue_log source that
    wrote the logs; without it, the first.
    Raises ``KeyError`` for a source that the city file does not have, ``StrangeFileError`` for a file of
    which nothing can be read, ``SameQueueError`` for two queues that would be one, and ``OSError``,
    ``EOFError`` or ``zlib.error`` for what cannot be read at all.
    """
    rules = city if city is not None else UNCONFIGURED
    door = AdmissionRules.of_files(rules, any_queue=city is None)
    aggregator = Aggregator(rules, Calendar(rules), None if city is None else city.sites, rings=False)
    reading = ReadingStats()
    longest = LongestInFiles()

    def note(event: Event) -> None:
        if type(event) is CallAnswered:  # pydantic models answer isinstance slowly
            longest.note(event, aggregator.local_day(ms_of(event.at) // 1000))

    told = file_events(files, rules, door, now, source, reading, progress)
    newest = record(aggregator, told, reading, note)
    close(aggregator, newest, reading)
    return Analysis.of(aggregator.bucket_store, aggregator.counters, longest), reading


def record(
    aggregator: Aggregator,
    found: Iterator[tuple[str, Event]],
    reading: ReadingStats,
    counted: Callable[[Event], None] | None = None,
) -> int:
    """Have the aggregator count facts, with where each stands; return the newest moment (UTC ms, or 0).

    ``counted`` is told of every fact that the aggregator did not refuse.
    """
    newest = 0
    coming = arrivals(found)
    while batch := list(islice(coming, BATCH)):
        newest = batch[-1].arrived
        aggregator.record(batch)
        aggregator.advance(newest)
        refused = _note(aggregator, reading)
        reading.counted += len(batch) - len(refused)
        if counted is not None:
            for arrival in batch:
                if arrival.entry not in refused:
                    counted(arrival.event)
    return newest


def arrivals(found: Iterable[tuple[str, Event]]) -> Iterator[StreamEvent]:
    """Yield facts, with where each stands, as if they came on the stream.

    A file has no arrival times: facts are taken to have come in the order they are given in, each no earlier
    than it happened.
    """
    newest = 0
    for where, event in found:
        newest = max(newest, ms_of(event.at))
        yield StreamEvent(where, newest, event)


def close(aggregator: Aggregator, newest: int, reading: ReadingStats) -> None:
    """The files are at their end: whoever has no outcome by now will not get one."""
    aggregator.advance(newest + EVER if newest else 0)
    _note(aggregator, reading)
    reading.duplicates = aggregator.counts.duplicates
    reading.repeated_outcomes = {s: n for s, n in sorted(aggregator.counts.repeated.items()) if n}


def _note(aggregator: Aggregator, reading: ReadingStats) -> set[str]:
    """Count what the aggregator refused, and return where it stood."""
    letters = aggregator.take_changes().dead
    for letter in letters:
        reading.refusals.add(letter.reason, letter.detail, letter.item, letter.where, letter.source)
    return {letter.where for letter in letters}


def file_events(
    files: Sequence[Path],
    city: CityFile,
    door: AdmissionRules,
    now: int,
    source: str | None,
    reading: ReadingStats,
    progress: Progress | None = None,
) -> Iterator[tuple[str, Event]]:
    """Yield what any mix of files says and the door admits, with ``file:line``, in the order of time.

    All queue_logs are one log, whatever rotation, copying or the order of their names made of it. Memory does
    not grow with files, except with one whose own lines are not in the order of time: that one is sorted.
    Errors as of ``analyse``.
    """
    translator = _translator(city, source)
    door_at = _Door(door, datetime.fromtimestamp(now / 1000, UTC), now, reading, progress)
    slack = city.pipeline.dedup // timedelta(milliseconds=1)
    surveys = [survey(file, now, slack) for file in dict.fromkeys(files)]
    events = [door_at.events(one) for one in surveys if one.is_events]
    logs = [door_at.lines(one) for one in surveys if not one.is_events]
    of_logs = door_at.translated(heapq.merge(*logs, key=_moment), translator)
    yield from heapq.merge(of_logs, *events, key=_happened)


class _Line(NamedTuple):
    """A line of a file, and its moment (UTC ms): its own, or that of the line before where it has none."""

    moment: int
    file: Path
    number: int
    text: bytes


def _moment(line: _Line) -> int:
    return line.moment


def _happened(found: tuple[str, Event]) -> datetime:
    return found[1].at


@dataclass(frozen=True)
class _Door:
    """Where the lines of files come in, are counted and refused."""

    rules: AdmissionRules
    now: datetime
    latest: int
    """The same in UTC ms: nothing can have happened later."""
    reading: ReadingStats
    progress: Progress | None

    def lines(self, surveyed: Survey) -> Iterator[_Line]:
        """Yield the lines of a log in the order of time."""
        dated = self._dated(surveyed)
        return iter(sorted(dated, key=_moment)) if surveyed.shuffled else dated

    def _dated(self, surveyed: Survey) -> Iterator[_Line]:
        moment = 0
        for number, text in self._numbered(surveyed.file):
            if number in surveyed.strays:
                self._refuse(surveyed.file, number, _STRAY)
                continue
            own = moment_ms(text)
            moment = moment if own is None or own > self.latest else own
            yield _Line(moment, surveyed.file, number, text)

    def translated(
        self, lines: Iterable[_Line], translator: QueueLogTranslator
    ) -> Iterator[tuple[str, Event]]:
        """Yield what lines say."""
        for _, file, number, text in lines:
            said = read_line(text, translator, self.rules, self.now)
            if isinstance(said, RefusedItem):
                self._refuse(file, number, said)
            elif said is SkippedLine.UNKNOWN_VERB:
                self.reading.unknown_verbs += 1
            elif isinstance(said, SkippedLine):
                self.reading.noise += 1
            else:
                self.reading.events += 1
                yield f"{file}:{number}", said
        self.reading.unusable_waits = translator.unusable_waits

    def events(self, surveyed: Survey) -> Iterator[tuple[str, Event]]:
        """Yield the events of a file in the order of time."""
        found = self._events(surveyed.file)
        return iter(sorted(found, key=_happened)) if surveyed.shuffled else found

    def _events(self, file: Path) -> Iterator[tuple[str, Event]]:
        for number, line in self._numbered(file):
            if not line.strip():
                continue
            event = read_event(line)
            refused = event if isinstance(event, RefusedItem) else admit(event, self.rules, self.now)
            if refused is not None:
                self._refuse(file, number, refused)
            elif not isinstance(event, RefusedItem):
                self.reading.events += 1
                yield f"{file}:{number}", event

    def _refuse(self, file: Path, number: int, why: RefusedItem) -> None:
        self.reading.refusals.add(why.reason, why.detail, why.kept, f"{file}:{number}")

    def _numbered(self, file: Path) -> Iterator[tuple[int, bytes]]:
        def tell(done: int) -> None:
            if self.progress is not None:
                self.progress(file, done)

        for number, line in enumerate(read_lines(file, tell), start=1):
            self.reading.lines += 1
            yield number, line


_STRAY: Final = RefusedItem(
    DeadLetterReason.UNREADABLE,
    "field 1 (epoch) is no time that can be meant: the lines around it are days away",
)


def _translator(city: CityFile, source: str | None) -> QueueLogTranslator:
    # Nothing of it is kept, so any key will do: no figure depends on how a contact is called.
    return QueueLogTranslator(_rules(city, source), Pseudonyms(token_bytes(SHORTEST_KEY)))


def _rules(city: CityFile, source: str | None) -> TranslatorRules:
    """Read a log as the city's queue_log source says, or with names as they are."""
    logs = {s.id: s for s in city.sources if isinstance(s, QueueLogSource)}
    if source is not None:
        return TranslatorRules.of(logs[source])
    if logs:
        return TranslatorRules.of(next(iter(logs.values())))
    return TranslatorRules(source="queue_log", site=city.sites[0].id, queues={}, withdraw=Outcome.LEFT_BY_KEY)

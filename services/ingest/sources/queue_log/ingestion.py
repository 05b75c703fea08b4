"""A followed queue_log: its lines become facts on the stream, together with how far it has been read.

One batch's way: follower → translate each line → dead letters → facts and checkpoint in one script call.
A crash before that call repeats the batch with the same ids; a crash after it repeats nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from pydantic import ValidationError

from services.ingest.admission import RefusedItem
from services.ingest.metrics import IngestMetrics
from services.ingest.pseudonyms import Pseudonyms
from services.ingest.publisher import Publisher, ReadUpTo
from services.ingest.sources.queue_log.reader import NOWHERE, Checkpoint, Lines, QueueLogReader
from services.ingest.sources.queue_log.translate import (
    QueueLogTranslator,
    SkippedLine,
    TranslatorRules,
    UnreadableLine,
)
from shared.config.model import CityFile, QueueLogSource
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.events import Event, SourceHeartbeat, SourceRestarted
from shared.process.backoff import Backoff, keep_on
from shared.process.clock import Clock
from shared.process.code_failures import CodeFailure, attempt
from shared.redis.connection import patient_retry, why_refused
from shared.redis.keys import partition_of
from shared.redis.scripts import call_name

HEARTBEAT: Final = timedelta(seconds=30)
"""How often a source that is there says so; a desk may be quiet for longer than that."""

LOOKED_LATELY: Final = timedelta(minutes=5)
"""A file that was not looked at for this long may be gone; generous, since a demo's clock runs fast."""

STEP: Final = timedelta(seconds=1)
"""How often to see whether a heartbeat is due."""

log = structlog.stdlib.get_logger(__name__)


@dataclass
class IngestedLines:
    """What a batch of lines says."""

    events: list[Event] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    unknown_verbs: int = 0
    unusable_waits: int = 0
    """Outcomes that told no wait that can be; they are events all the same."""
    failures: dict[int, CodeFailure] = field(default_factory=dict)
    """Where our own code failed, by the byte at which the line begins; it is a dead letter."""


def tell(
    lines: Lines, translator: QueueLogTranslator, queues: frozenset[str], source: str, now: datetime
) -> IngestedLines:
    """Return the facts of a batch, and why its other lines are none. ``queues``: the city's, at this site."""
    ingested = IngestedLines()
    before = translator.unusable_waits
    for line, start in zip(lines.lines, lines.starts, strict=True):
        said = attempt(_read, translator, line)
        if isinstance(said, CodeFailure):
            ingested.failures[start] = said
            refusal = RefusedItem.ours(said)
        elif isinstance(said, RefusedItem):
            refusal = said
        elif isinstance(said, SkippedLine):
            ingested.unknown_verbs += said is SkippedLine.UNKNOWN_VERB
            continue
        elif isinstance(said, SourceHeartbeat | SourceRestarted) or said.queue in queues:
            ingested.events.append(said)
            continue
        else:
            refusal = RefusedItem(
                DeadLetterReason.UNKNOWN_QUEUE,
                f"known queues: {', '.join(sorted(queues))}; map the PBX's names in the city file",
            )
        ingested.letters.append(refusal.letter(now, source, f"byte {start}"))
    ingested.unusable_waits = translator.unusable_waits - before
    return ingested


def _read(translator: QueueLogTranslator, line: bytes) -> Event | SkippedLine | RefusedItem:
    try:
        return translator.translate(line)
    except UnreadableLine as error:
        return RefusedItem(DeadLetterReason.UNREADABLE, str(error))


def heartbeat(source: str, site: str, now: datetime) -> SourceHeartbeat:
    """Return the sign of life of the current 30 seconds; asked again, it is the same fact."""
    slot = int(now.timestamp() // HEARTBEAT.total_seconds())
    at = datetime.fromtimestamp(slot * HEARTBEAT.total_seconds(), now.tzinfo)
    return SourceHeartbeat(id=f"{source}-heartbeat-{slot}", at=at, source=source, site=site)


class QueueLogIngestion:
    """Follows one queue_log of the city file for as long as the process lives."""

    def __init__(
        self,
        source: QueueLogSource,
        city: CityFile,
        pseudonyms: Pseudonyms,
        publisher: Publisher,
        metrics: IngestMetrics,
        now: Clock,
    ) -> None:
        self.source = source
        self._partition = partition_of(source.site, city.pipeline.partitions)
        self._queues = frozenset(queue.id for queue in city.site(source.site).queues)
        self._pseudonyms = pseudonyms
        self._publisher = publisher
        self._metrics = metrics
        self._now = now
        self._follower: QueueLogReader | None = None
        self.backoff = Backoff("source", source=source.id)
        """Failures that the log has to be followed anew for, from its checkpoint."""
        self.lines = Backoff("lines", source=source.id)

    async def run(self) -> None:
        """Follow until cancelled. Waits for a Redis that is away; where our own code fails, goes on from the
        checkpoint. One that cannot be read is set aside and all that is there read again: what was counted
        is known by its id."""
        await keep_on(self._follow, self.backoff)

    async def beat(self) -> None:
        """Say every 30 seconds that the file is there, while it is. Until cancelled."""
        await keep_on(self._beat, self.backoff)

    async def _follow(self) -> None:
        checkpoint = await self._read_checkpoint()
        memory = checkpoint.memory if checkpoint else None
        translator = QueueLogTranslator(TranslatorRules.of(self.source), self._pseudonyms, memory)
        position = checkpoint.position if checkpoint else None
        self._follower = QueueLogReader(
            self.source.path, position, self.source.start, self._pseudonyms, self._now
        )
        async with aclosing(self._follower.batches(asyncio.Event())) as batches:
            async for lines in batches:
                ingested = tell(lines, translator, self._queues, self.source.id, self._now())
                await self._write(ingested, Checkpoint(position=lines.position, memory=translator.memory()))
                self._count(lines, ingested)

    async def _beat(self) -> None:
        said = ""
        while True:
            beat = heartbeat(self.source.id, self.source.site, self._now())
            if beat.id != said and self._there():
                await self._persist([beat], None)
                said = beat.id
            await asyncio.sleep(STEP.total_seconds())

    async def check(self, now: datetime) -> str | None:
        """The ``Check`` of this source: what keeps the file from being read. A missing file is no fault
        of ours: its heartbeats stop."""
        seen = self._follower.seen if self._follower else None
        if seen and seen.problem:
            return f"cannot read the log: {seen.problem}"
        return self.backoff.wrong or await self.lines.check(now)

    def _there(self) -> bool:
        seen = self._follower.seen if self._follower else None
        return (
            seen is not None
            and seen.exists
            and seen.problem is None
            and self._now() - seen.at <= LOOKED_LATELY
        )

    async def _read_checkpoint(self) -> Checkpoint | None:
        async def read() -> bytes | None:
            return await self._publisher.checkpoint(self._partition, self.source.id)

        text = await patient_retry().call_with_retry(read, self._complain)
        try:
            return None if text is None else Checkpoint.decode(text)
        except ValidationError:
            await self._set_aside(text or b"")
            return Checkpoint(position=NOWHERE)

    async def _set_aside(self, checkpoint: bytes) -> None:
        async def move() -> float:
            why = "no checkpoint of this version"
            return await self._publisher.set_aside(self._partition, self.source.id, checkpoint, why)

        at = await patient_retry().call_with_retry(move, self._complain)
        self._metrics.set_aside.labels(str(self._partition)).set(at)
        await self._persist([], ReadUpTo(self.source.id, Checkpoint(position=NOWHERE).encode()))

    async def _write(self, ingested: IngestedLines, checkpoint: Checkpoint) -> None:
        """Dead letters first: a crash in between may tell of them twice, never not at all."""

        name = call_name()

        async def bury() -> None:
            await self._publisher.bury(self._partition, ingested.letters, name)

        if ingested.letters:
            await patient_retry().call_with_retry(bury, self._complain)
        await self._persist(ingested.events, ReadUpTo(self.source.id, checkpoint.encode()))

    async def _persist(self, events: list[Event], read_up_to: ReadUpTo | None) -> None:
        name = call_name()

        async def write() -> None:
            await self._publisher.write(self._partition, events, read_up_to, name)

        await patient_retry().call_with_retry(write, self._complain)
        self._metrics.events.labels(self.source.id).inc(len(events))

    async def _complain(self, error: Exception) -> None:
        why = why_refused(error) or type(error).__name__
        log.warning("redis_away", source=self.source.id, error=why)

    def _count(self, lines: Lines, ingested: IngestedLines) -> None:
        self._metrics.lines.labels(self.source.id).inc(len(lines.lines))
        self._metrics.unknown_verbs.labels(self.source.id).inc(ingested.unknown_verbs)
        self._metrics.unusable_waits.labels(self.source.id).inc(ingested.unusable_waits)
        for start, failure in ingested.failures.items():
            self.lines.note(failure, byte=start)
        for letter in ingested.letters:
            self._metrics.dead_letters.labels(letter.reason.value).inc()

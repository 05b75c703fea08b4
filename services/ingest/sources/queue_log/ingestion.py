"""A followed queue_log: its lines become facts on the stream, together with how far it has been read.

One batch's way: follower → translate each line → dead letters → facts and checkpoint in one script call.
A crash before that call repeats the batch with the same ids; a crash after it repeats nothing. The call names
the checkpoint that the batch goes on from: where Redis has another one, the log is read on from that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from pydantic import ValidationError

from domain.counts import ms_of
from services.ingest.admission import FOLLOWED, AdmissionRules
from services.ingest.metrics import IngestMetrics
from services.ingest.pseudonyms import Pseudonyms
from services.ingest.publisher import CHUNK, CheckpointMoved, Publisher, ReadUpTo
from services.ingest.sources.queue_log.batch import IngestedLines, LeftOut, tell
from services.ingest.sources.queue_log.clock import ExchangeClock
from services.ingest.sources.queue_log.reader import (
    NOWHERE,
    Checkpoint,
    Lines,
    Position,
    QueueLogReader,
    first_sight,
)
from services.ingest.sources.queue_log.translate import (
    LinePlace,
    QueueLogTranslator,
    TranslatorRules,
    moment_ms,
)
from shared.config.model import CityFile, QueueLogSource
from shared.contract.events import Event, SourceHeartbeat
from shared.process.backoff import Backoff, keep_on
from shared.process.clock import Clock
from shared.redis.connection import patient_retry, why_refused
from shared.redis.keys import partition_of
from shared.redis.scripts import call_name

HEARTBEAT: Final = timedelta(seconds=30)
"""How often a source that is there says so; a desk may be quiet for longer than that."""

LOOKED_LATELY: Final = timedelta(minutes=5)
"""A file that was not looked at for this long may be gone; generous, since a demo's clock runs fast."""

MOST_AHEAD: Final = 5000
"""Lines from the future that are told again at most, once it is sure which clock was wrong: in minutes."""

STEP: Final = timedelta(seconds=1)
"""How often to see whether a heartbeat is due."""

log = structlog.stdlib.get_logger(__name__)


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
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """``steady`` tells seconds, whatever becomes of ``now``."""
        self.source = source
        self._partition = partition_of(source.site, city.pipeline.partitions)
        self._rules = AdmissionRules.of(city, source)
        self._rules_again = replace(self._rules, behind=city.pipeline.dedup)
        """For what was perhaps counted before: no more than that is known by its id."""
        self._pipeline = city.pipeline
        self._pseudonyms = pseudonyms
        self._publisher = publisher
        self._metrics = metrics
        self._now = now
        self._steady = steady
        self._follower: QueueLogReader | None = None
        self._left = LeftOut()
        """What was left out and not said yet."""
        self._read = 0
        """Lines, since it is followed."""
        self._sight: Position | None = None
        """Where the log stood when this process first saw it."""
        self._again = asyncio.Event()
        """Set when the log is to be followed anew from what Redis remembers."""
        self._kept: bytes | None = None
        """The checkpoint that Redis has, as far as anybody knows here."""
        self._beginning: Checkpoint | None = None
        """From where to go on when Redis has lost its checkpoint; ``None``: it never had one."""
        self.backoff = Backoff("source", source=source.id)
        """Failures that the log has to be followed anew for, from its checkpoint."""
        self.lines = Backoff("lines", source=source.id)

    async def run(self) -> None:
        """Follow until cancelled. Waits for a Redis that is away; where our own code fails, goes on from the
        checkpoint. One that cannot be read is set aside and all that is there read again: what was counted
        is known by its id. All is read again as well where a Redis that went back has none any more."""
        await keep_on(self._follow_again_and_again, self.backoff)

    def follow_again(self) -> None:
        """Redis has gone back: read on from what it remembers now, not from what we do."""
        self._kept = None
        self._again.set()

    async def beat(self) -> None:
        """Say every 30 seconds that the file is there, while it is. Until cancelled."""
        await keep_on(self._beat, self.backoff)

    async def _follow_again_and_again(self) -> None:
        while True:
            try:
                await self._follow()
            except CheckpointMoved:
                log.warning("checkpoint_moved", source=self.source.id)

    async def _follow(self) -> None:
        self._again.clear()
        if self._sight is None:  # before Redis is asked: what is rotated while it is away counts, too
            self._sight = await first_sight(self.source.path, self.source.start, self._pseudonyms, self._now)
        checkpoint = await self._read_checkpoint()
        if checkpoint is None and self._sight is not None:
            checkpoint = self._beginning = Checkpoint(position=self._sight)
            await self._persist([], checkpoint)
        memory = checkpoint.memory if checkpoint else None
        clock = checkpoint.clock if checkpoint else ExchangeClock()
        self._say_what_is_followed(checkpoint)
        translator = QueueLogTranslator(TranslatorRules.of(self.source), self._pseudonyms, memory)
        ahead: list[tuple[bytes, LinePlace]] = []
        position = checkpoint.position if checkpoint else None
        self._follower = QueueLogReader(
            self.source.path, position, self.source.start, self._pseudonyms, self._now
        )
        async with aclosing(self._follower.batches(self._again)) as batches:
            async for lines in batches:
                now = self._now()
                known = self._read_clock(clock, lines, now)
                again = [] if known.is_as_before(clock) else ahead
                clock = known
                moment = partial(clock.moment, now_ms=ms_of(now), pipeline=self._pipeline)
                texts = [*(text for text, _ in again), *lines.lines]
                places = [*(place for _, place in again), *lines.places]
                rules = self._rules_again if lines.again else self._rules
                ingested = tell(texts, places, translator, rules, now, moment)
                kept = [] if again else ahead
                ahead = (kept + ingested.ahead)[-MOST_AHEAD:] if ingested.ahead else []
                read_up_to = Checkpoint(position=lines.position, memory=translator.memory(), clock=clock)
                await self._write(ingested, read_up_to)
                self._beginning = self._beginning or Checkpoint(position=lines.position.beginning())
                self._count(lines, ingested)

    def _read_clock(self, clock: ExchangeClock, lines: Lines, now: datetime) -> ExchangeClock:
        """Return what is known of the exchange's clock after a batch: its last line was just written."""
        told_ms = next((at for at in map(moment_ms, reversed(lines.lines)) if at is not None), None)
        steady_ms = round(self._steady() * 1000)
        known = clock if told_ms is None else clock.read(told_ms, ms_of(now), steady_ms)
        before, after = (one.corrected_by(self._pipeline) / 1000 for one in (clock, known))
        if before != after:
            log.warning("queue_log.clock_ahead", source=self.source.id, lines_put_back_by_s=after)
        self._metrics.clock_ahead.labels(self.source.id).set(known.ahead_ms / 1000)
        return known

    def _say_what_was_left(self) -> None:
        """Once, when there is no more of it for now."""
        left, self._left = self._left, LeftOut()
        if left.lines:
            log.warning(
                "queue_log.left_to_history_import",
                source=self.source.id,
                calls=left.calls,
                lines=left.lines,
                before=(self._now() - FOLLOWED).isoformat(timespec="seconds"),
            )

    def _say_what_is_followed(self, checkpoint: Checkpoint | None) -> None:
        self._read = 0
        goes_on = self.source.start if checkpoint is None else f"byte {checkpoint.position.offset}"
        log.info(
            "queue_log.following", source=self.source.id, path=str(self.source.path), goes_on_from=goes_on
        )

    async def _beat(self) -> None:
        said, caught_up = "", False
        while True:
            beat = heartbeat(self.source.id, self.source.site, self._now())
            if beat.id != said and self._there():
                await self._persist([beat], None)
                said = beat.id
            left, read = self._left.lines, self._read
            await asyncio.sleep(STEP.total_seconds())
            if left == self._left.lines:
                self._say_what_was_left()
            if not caught_up and read == self._read and self._there() and self._waits_for_more():
                caught_up = True
                log.info("queue_log.caught_up", source=self.source.id, lines=read)

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

    def _waits_for_more(self) -> bool:
        return self._follower is not None and self._follower.waits

    async def _read_checkpoint(self) -> Checkpoint | None:
        async def read() -> bytes | None:
            return await self._publisher.checkpoint(self._partition, self.source.id)

        text = await patient_retry().call_with_retry(read, self._complain)
        if text is None:
            return await self._put_back()
        try:
            checkpoint = Checkpoint.decode(text)
        except ValidationError:
            self._beginning = self._beginning or Checkpoint(position=NOWHERE)
            await self._set_aside(text)
            return Checkpoint(position=NOWHERE)
        self._beginning = self._beginning or Checkpoint(position=checkpoint.position.beginning())
        self._kept = text
        return checkpoint

    async def _put_back(self) -> Checkpoint | None:
        """Return where to go on without a checkpoint, and have Redis know it: nothing the first time."""
        if self._beginning is None:
            return None
        # While Redis has all that was written besides, nothing but the checkpoint is gone.
        again = self._beginning if self._kept is None else Checkpoint.decode(self._kept)
        log.error("checkpoint_gone", source=self.source.id, known=self._kept is not None)
        self._kept = None
        await self._persist([], again)
        return again

    async def _set_aside(self, checkpoint: bytes) -> None:
        async def move() -> float:
            why = "no checkpoint of this version"
            return await self._publisher.set_aside(self._partition, self.source.id, checkpoint, why)

        self._rules = self._rules_again
        at = await patient_retry().call_with_retry(move, self._complain)
        self._metrics.set_aside.labels(str(self._partition)).set(at)
        self._kept = None
        await self._persist([], Checkpoint(position=NOWHERE))

    async def _write(self, ingested: IngestedLines, checkpoint: Checkpoint) -> None:
        """Dead letters first: a crash in between may tell of them twice, never not at all.

        A batch that told nothing but lines from the future moves no checkpoint: that they are to be told once
        more is known to this process only, and the next one reads them again. Where so many are told again
        that one write is not enough, a crash may tell of them twice: under the same ids."""

        name = call_name()

        async def bury() -> None:
            await self._publisher.bury(self._partition, ingested.letters, name)

        if ingested.letters:
            await patient_retry().call_with_retry(bury, self._complain)
        if ingested.events or not ingested.ahead or self._kept is None:
            if early := ingested.events[:-CHUNK]:
                await self._persist(early, None)
            await self._persist(ingested.events[-CHUNK:], checkpoint)

    async def _persist(self, events: list[Event], checkpoint: Checkpoint | None) -> None:
        read_up_to = None
        if checkpoint is not None:
            read_up_to = ReadUpTo(self.source.id, checkpoint.encode(), self._kept)
        name = call_name()

        async def write() -> None:
            await self._publisher.write(self._partition, events, read_up_to, name)

        await patient_retry().call_with_retry(write, self._complain)
        if read_up_to is not None:
            self._kept = read_up_to.checkpoint
        self._metrics.count(self.source.id, events)

    async def _complain(self, error: Exception) -> None:
        why = why_refused(error) or type(error).__name__
        log.warning("redis_away", source=self.source.id, error=why)

    def _count(self, lines: Lines, ingested: IngestedLines) -> None:
        self._metrics.lines.labels(self.source.id).inc(len(lines.lines))
        self._metrics.unknown_verbs.labels(self.source.id).inc(ingested.unknown_verbs)
        self._metrics.unusable_waits.labels(self.source.id).inc(ingested.unusable_waits)
        for start, failure in ingested.failures.items():
            self.lines.note(failure, byte=start)
        self._left.add(ingested.left)
        self._metrics.left_calls.labels(self.source.id).inc(ingested.left.calls)
        if ingested.events:
            self._say_what_was_left()
        self._metrics.refuse(self.source.id, ingested.letters)
        self._read += len(lines.lines)

"""Looks whether Redis still has what was written, and says so where it has not.

The files that are followed are read again from the checkpoint that Redis has now. What came by HTTP is lost
where Redis had said yes to it: a dead letter for each source names from when to when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from redis.exceptions import RedisError

from services.ingest.metrics import IngestMetrics
from services.ingest.publisher import Publisher, StreamMemory
from services.ingest.sources.queue_log.ingestion import QueueLogIngestion
from shared.config.model import CityFile, HttpSource
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.instants import END_MS
from shared.process.backoff import Backoff, keep_on
from shared.process.clock import Clock
from shared.redis.connection import WentBack, patient_retry
from shared.redis.keys import partition_of
from shared.redis.stream_entries import BEGINNING, arrived_ms

LOOK_EVERY: Final = timedelta(seconds=1)
"""How soon it is seen where nobody writes; whoever writes sees it at once."""

log = structlog.stdlib.get_logger(__name__)


class WentBackWatch:
    """Watches the stream of one partition for as long as the process lives."""

    def __init__(
        self,
        partition: int,
        city: CityFile,
        publisher: Publisher,
        follows: Sequence[QueueLogIngestion],
        metrics: IngestMetrics,
        now: Clock,
    ) -> None:
        self.backoff = Backoff("went_back", partition=partition)
        self.noticed_at = 0.0
        """When it was noticed last: epoch seconds; 0: never."""
        self._partition = partition
        sources = [
            source
            for source in city.sources
            if partition_of(source.site, city.pipeline.partitions) == partition
        ]
        self._senders = [source.id for source in sources if isinstance(source, HttpSource)]
        here = {source.id for source in sources}
        self._follows = [follow for follow in follows if follow.source.id in here]
        self._publisher = publisher
        self._metrics = metrics
        self._now = now

    async def run(self) -> None:
        """Look every second, until cancelled."""
        await keep_on(self._look_again_and_again, self.backoff)

    async def _look_again_and_again(self) -> None:
        while True:
            try:
                await self._publisher.look(self._partition)
            except WentBack as back:
                await self._tell(back.left)
            except RedisError:
                pass  # whoever writes says so
            await asyncio.sleep(LOOK_EVERY.total_seconds())

    async def _tell(self, left: str) -> None:
        """Say what became of it; until then nothing is written on top of it."""
        memory, now = self._publisher.memory(self._partition), self._now()
        log.error("redis_went_back", partition=self._partition, had=memory.newest, has=left)
        letters = losses(self._senders, memory, left, now)
        letters += [_read_again(follow.source.id, left, now) for follow in self._follows]

        async def bury() -> None:
            await self._publisher.bury(self._partition, letters)

        await patient_retry().call_with_retry(bury, _wait)
        for letter in letters:
            log.error("went_back", source=letter.source, detail=letter.detail)
            self._metrics.dead_letters.labels(letter.reason.value).inc()
        self.noticed_at = now.timestamp()
        memory.begin(left)
        for follow in self._follows:
            follow.follow_again()


def losses(senders: Sequence[str], memory: StreamMemory, left: str, now: datetime) -> list[DeadLetter]:
    """Return for each sender from when to when events are gone that it was told are safe."""
    lost = ((sender, memory.lost_until(sender, left)) for sender in senders)
    return [_lost(sender, left, until, now) for sender, until in lost if until is not None]


def _lost(sender: str, left: str, until: str, now: datetime) -> DeadLetter:
    from_when = "the beginning" if left == BEGINNING else _moment(left)
    return DeadLetter(
        reason=DeadLetterReason.WENT_BACK,
        detail=f"Redis went back: what came from {from_when} to {_moment(until)} is lost; send it again",
        at=now,
        source=sender,
        where=left,
        item={"lost_after": left, "lost_until": until},
    )


def _read_again(source: str, left: str, now: datetime) -> DeadLetter:
    return DeadLetter(
        reason=DeadLetterReason.WENT_BACK,
        detail="Redis went back: the log is read again from the checkpoint that Redis has; nothing is lost",
        at=now,
        source=source,
        where=left,
    )


def _moment(entry: str) -> str:
    at = datetime.fromtimestamp(min(arrived_ms(entry), END_MS - 1) / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _wait(_error: Exception) -> None:
    """Whoever writes says that Redis is away."""

"""Owners of a partition at work in this process, as the services run them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic

from prometheus_client import CollectorRegistry, Histogram
from pydantic import SecretStr
from redis.asyncio import Redis

from services.evaluator.consumer import EvaluatorConsumer, EvaluatorSession
from services.evaluator.state_store import EvaluatorStore
from services.notifier.app import policy_of
from services.notifier.consumer import NotifierConsumer
from services.notifier.dispatcher import Annotate, Deliver
from services.notifier.metrics import NotifierMetrics
from services.notifier.session import NotifierSession
from services.notifier.state_store import NotifierStore
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.process.settings import ServiceSettings
from shared.process.shutdown import cancel
from shared.redis.connection import RedisClient, redis_broker, redis_client
from shared.redis.consumer import Consumer, SessionT
from shared.redis.lease import Lease
from shared.redis.partition_owner import PartitionOwner
from tests.support.eventually import eventually_async

Now = Callable[[], datetime]


@dataclass
class AtWork(Generic[SessionT]):
    """An owner, or one who waits to be it."""

    partition: PartitionOwner[SessionT]
    consumer: Consumer[SessionT]
    task: asyncio.Task[None]

    async def stop(self) -> None:
        """End it in order."""
        await cancel([self.task])
        with suppress(asyncio.CancelledError):
            await self.task

    @property
    def owns(self) -> bool:
        """Whether it is the owner."""
        return self.partition.is_owner

    @property
    def session(self) -> SessionT:
        """Its session, which there must be."""
        assert self.partition.session is not None
        return self.partition.session


async def supersede(redis: Redis, fence_key: str, other: Lease) -> None:
    """Have another take over from the owner, in one step: else its lease is renewed in between."""
    held = await redis.get(fence_key)
    assert isinstance(held, bytes)
    assert await other.claim(held.decode()) is not None


Parts = tuple[Consumer[SessionT], EvaluatorStore | NotifierStore]


@asynccontextmanager
async def at_work(
    url: str, parts: Callable[[RedisClient], Parts[SessionT]]
) -> AsyncIterator[AtWork[SessionT]]:
    """Have a consumer at work; nothing of it runs any more afterwards."""
    others = asyncio.all_tasks()
    settings = ServiceSettings(redis_url=SecretStr(url), port=0)
    redis, broker = redis_client(settings), redis_broker(settings)
    consumer, store = parts(redis)
    partition = PartitionOwner(consumer, store.lease, store.set_aside, broker, lambda: datetime.now(UTC))
    await broker.start()
    run = AtWork(partition, consumer, asyncio.create_task(partition.run()))
    try:
        yield run
    finally:
        await run.stop()
        await eventually_async(lambda: asyncio.all_tasks() <= others)
        await broker.stop()
        await redis.aclose()


@asynccontextmanager
async def evaluator(
    url: str, city: CityFile, now: Now, owner: str = "one"
) -> AsyncIterator[AtWork[EvaluatorSession]]:
    """An evaluator's."""

    def parts(redis: RedisClient) -> Parts[EvaluatorSession]:
        store = EvaluatorStore(redis, 0, owner, city.pipeline.lease)
        seconds = Histogram("commit", "", registry=CollectorRegistry())
        return EvaluatorConsumer(0, city, Calendar(city), store, now, seconds), store

    async with at_work(url, parts) as run:
        yield run


@asynccontextmanager
async def notifier(
    url: str,
    city: CityFile,
    now: Now,
    deliver: Deliver,
    annotate: Annotate | None = None,
    owner: str = "one",
    metrics: NotifierMetrics | None = None,
) -> AsyncIterator[AtWork[NotifierSession]]:
    """A notifier's."""

    def parts(redis: RedisClient) -> Parts[NotifierSession]:
        store = NotifierStore(redis, 0, owner, city.pipeline.lease)
        shown = metrics or NotifierMetrics(city)
        return NotifierConsumer(0, city, policy_of(city), store, now, deliver, annotate, shown), store

    async with at_work(url, parts) as run:
        yield run

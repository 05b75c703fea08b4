"""The evaluator, put together. The only module of the room that knows all the others."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Final

from faststream.asgi import AsgiFastStream
from prometheus_client import Histogram

from services.evaluator.consumer import EvaluatorConsumer, EvaluatorSession
from services.evaluator.metrics import PREFIX, EvaluatorCollector
from services.evaluator.period_history import PeriodHistory
from services.evaluator.period_metrics import PeriodCollector
from services.evaluator.settings import EvaluatorSettings
from services.evaluator.state_store import EvaluatorStore
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.history_file import HistoryFile
from shared.process.backoff import InternalErrors, keep_on
from shared.process.health import Check, Health, health_route, redis_check
from shared.process.metrics_server import TolerantRegistry, metrics_route
from shared.process.server import Fault
from shared.process.shutdown import cancel
from shared.redis import keys
from shared.redis.connection import redis_broker, redis_client, wait_for_redis
from shared.redis.partition_owner import PartitionOwner
from shared.redis.set_aside import set_aside_check, set_aside_gauge

COMMIT_EDGES_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


def build(
    settings: EvaluatorSettings, city: CityFile, history: Sequence[HistoryFile], fault: Fault
) -> AsgiFastStream:
    """Return the service; nothing is connected before it starts. Raises ``ValueError``, ``OSError``."""
    now = settings.now
    calendar = Calendar(city)
    redis = redis_client(settings)
    broker = redis_broker(settings)
    registry = TolerantRegistry()
    commit_seconds = Histogram(
        f"{PREFIX}commit_seconds", "Time to commit a batch", registry=registry, buckets=COMMIT_EDGES_S
    )
    set_aside = set_aside_gauge(registry)
    owner = secrets.token_hex(8)
    partitions: list[PartitionOwner[EvaluatorSession]] = []
    pasts: list[PeriodHistory] = []
    for number in settings.partition_numbers(city.pipeline.partitions):
        store = EvaluatorStore(redis, number, owner, city.pipeline.lease)
        consumer = EvaluatorConsumer(number, city, calendar, store, now, commit_seconds)
        partition = PartitionOwner(consumer, store.lease, store.set_aside, broker)
        partitions.append(partition)
        set_aside.labels(str(number)).set_function(partial(getattr, partition, "set_aside_at"))
        pasts.append(PeriodHistory(partition, store, city, calendar, now))
    registry.register(EvaluatorCollector(city, calendar, partitions, now, registry.drops))
    registry.register(PeriodCollector(city, calendar, history, pasts, now, registry.drops))
    at_work = [*(one for partition in partitions for one in partition.backoff), *(p.backoff for p in pasts)]
    registry.register(InternalErrors(at_work))
    checks: dict[str, Check] = {f"partition_{past.partition.number}": past.check for past in pasts}
    checks["redis"] = redis_check(redis, [keys.state(one.number) for one in partitions], makes_room=True)
    checks["state"] = set_aside_check(lambda: [one.set_aside_at for one in partitions])
    checks |= {"work": fault.check, "exposition": registry.drops.check}
    health = Health("evaluator", checks, now)

    tasks: list[asyncio.Task[None]] = []

    async def preflight() -> None:
        await wait_for_redis(redis, settings.redis_wait)

    async def begin() -> None:
        for past in pasts:
            name = f"partition {past.partition.number}"
            tasks.append(fault.watch(asyncio.create_task(past.partition.run(), name=name)))
            reading = keep_on(past.run, past.backoff)
            tasks.append(fault.watch(asyncio.create_task(reading, name=f"past of {name}")))

    async def end() -> None:
        await cancel(tasks)

    return AsgiFastStream(
        broker,
        asgi_routes=[
            ("/health", health_route(health)),
            # Only between commits, so that nothing is shown that may not come to be.
            ("/metrics", metrics_route(registry, [partition.lock for partition in partitions])),
        ],
        on_startup=[preflight],
        after_startup=[begin],
        on_shutdown=[end],
        after_shutdown=[redis.aclose],
        logger=None,
    )

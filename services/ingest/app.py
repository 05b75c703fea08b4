"""The ingest service, put together. The only module of the room that knows all the others."""

from __future__ import annotations

import asyncio
from datetime import datetime

from faststream.asgi import AsgiFastStream

from services.ingest.http import PATHS, events_app
from services.ingest.metrics import IngestMetrics
from services.ingest.pseudonyms import Pseudonyms
from services.ingest.publisher import Publisher
from services.ingest.settings import IngestSettings
from services.ingest.sources.queue_log.ingestion import QueueLogIngestion
from shared.config.model import CityFile, QueueLogSource
from shared.process.clock import Clock, system_clock
from shared.process.health import Check, Health, health_route, redis_check
from shared.process.metrics_server import metrics_route
from shared.process.server import Fault
from shared.process.shutdown import cancel
from shared.redis import keys
from shared.redis.connection import redis_broker, redis_client, wait_for_redis


def build(
    settings: IngestSettings, city: CityFile, pseudonyms: Pseudonyms, now: Clock, fault: Fault
) -> AsgiFastStream:
    """Return the service; nothing is connected before it starts. Raises ``OSError`` for the password file.

    It does not start without Redis: ``RedisAbsentError`` after ``settings.redis_wait``.
    """
    redis = redis_client(settings)
    metrics = IngestMetrics(city)
    publisher = Publisher(redis, stamp=None if now is system_clock else now)
    follows = [
        QueueLogIngestion(source, city, pseudonyms, publisher, metrics, now)
        for source in city.sources
        if isinstance(source, QueueLogSource)
    ]

    async def work(now: datetime) -> str | None:
        return await fault.check(now) or await metrics.items.check(now)

    checks: dict[str, Check] = {f"source_{follow.source.id}": follow.check for follow in follows}
    metrics.at_work += (one for follow in follows for one in (follow.backoff, follow.lines))
    checks["redis"] = redis_check(redis, [keys.events(number) for number in range(city.pipeline.partitions)])
    checks |= {"work": work, "exposition": metrics.registry.drops.check}
    health = Health("ingest", checks, now)
    events = events_app(settings, city, pseudonyms, publisher, metrics, now)
    tasks: list[asyncio.Task[None]] = []

    async def preflight() -> None:
        await wait_for_redis(redis, settings.redis_wait)

    async def begin() -> None:
        for follow in follows:
            name = f"source {follow.source.id}"
            tasks.append(fault.watch(asyncio.create_task(follow.run(), name=name)))
            tasks.append(fault.watch(asyncio.create_task(follow.beat(), name=f"heartbeat of {name}")))

    async def end() -> None:
        await cancel(tasks)

    return AsgiFastStream(
        # FastStream wants a broker. Ours has nothing to read here, and its publish() one by one is
        # 20 times slower than the script of publish.py.
        redis_broker(settings),
        asgi_routes=[
            *((path, events) for path in PATHS),
            ("/health", health_route(health)),
            ("/metrics", metrics_route(metrics.registry)),
        ],
        on_startup=[preflight],
        after_startup=[begin],
        on_shutdown=[end],
        after_shutdown=[redis.aclose],
        logger=None,
    )

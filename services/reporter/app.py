"""The reporter, put together."""

from __future__ import annotations

import asyncio

from faststream.asgi import AsgiFastStream

from services.evaluator.archive import Archive
from services.reporter.metrics import ReporterMetrics
from services.reporter.publisher import ReportPublisher
from services.reporter.rendering import Make
from services.reporter.rounds import Reporter
from services.reporter.settings import ReporterSettings
from shared.config.model import CityFile
from shared.contract.report_events import PARTITION
from shared.process.backoff import keep_on
from shared.process.health import Health, health_route, redis_check
from shared.process.metrics_server import metrics_route
from shared.process.server import Fault
from shared.process.shutdown import cancel
from shared.redis import keys
from shared.redis.connection import redis_broker, redis_client, wait_for_redis


def build(settings: ReporterSettings, city: CityFile, make: Make, fault: Fault) -> AsgiFastStream:
    """Return the service; nothing is connected before it starts. Raises ``OSError`` for the password file."""
    redis = redis_client(settings)
    metrics = ReporterMetrics()
    archive = Archive(redis, city)
    reporter = Reporter(city, settings.now, ReportPublisher(redis), archive.first_day, make, metrics)
    metrics.at_work.append(reporter.backoff)
    checks = {
        "redis": redis_check(redis, [keys.reports(PARTITION)]),
        "work": fault.check,
        "exposition": metrics.registry.drops.check,
        "report": reporter.check,
    }
    health = Health("reporter", checks, settings.now)
    tasks: list[asyncio.Task[None]] = []

    async def preflight() -> None:
        await wait_for_redis(redis, settings.redis_wait)

    async def begin() -> None:
        tasks.append(
            fault.watch(asyncio.create_task(keep_on(reporter.run, reporter.backoff), name="reporter"))
        )

    async def end() -> None:
        await cancel(tasks)

    return AsgiFastStream(
        redis_broker(settings),  # FastStream wants a broker; there is nothing to read
        asgi_routes=[("/health", health_route(health)), ("/metrics", metrics_route(metrics.registry))],
        on_startup=[preflight],
        after_startup=[begin],
        on_shutdown=[end],
        after_shutdown=[redis.aclose],
        logger=None,
    )

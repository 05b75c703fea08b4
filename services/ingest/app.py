"""The ingest service, put together. The only module of the room that knows all the others."""

from __future__ import annotations

from services.ingest.http import PATHS, events_app
from services.ingest.metrics import IngestMetrics
from services.ingest.pseudonyms import Pseudonyms
from services.ingest.publisher import Publisher
from services.ingest.settings import IngestSettings
from services.ingest.sources.queue_log.ingestion import QueueLogIngestion
from shared.config.loader import Configuration
from shared.config.model import QueueLogSource
from shared.process.application import Application
from shared.process.clock import system_clock
from shared.process.health import Check, redis_check
from shared.redis import keys
from shared.redis.connection import redis_client


def build(settings: IngestSettings, pseudonyms: Pseudonyms, configuration: Configuration) -> Application:
    """Return the service; nothing is connected before it starts. Raises ``OSError`` for the password file."""
    now = settings.now
    city = configuration.city
    redis = redis_client(settings)
    metrics = IngestMetrics(city)
    publisher = Publisher(redis, stamp=None if now is system_clock else now)
    follows = [
        QueueLogIngestion(source, city, pseudonyms, publisher, metrics, now)
        for source in city.sources
        if isinstance(source, QueueLogSource)
    ]
    metrics.at_work += (one for follow in follows for one in (follow.backoff, follow.lines))
    checks: dict[str, Check] = {f"source_{follow.source.id}": follow.check for follow in follows}
    checks["redis"] = redis_check(redis, [keys.events(number) for number in range(city.pipeline.partitions)])
    checks["items"] = metrics.items.check
    events = events_app(settings, city, pseudonyms, publisher, metrics, now)
    return Application(
        redis=redis,
        registry=metrics.registry,
        checks=checks,
        work={f"source {one.source.id}": one.run for one in follows}
        | {f"heartbeat of source {one.source.id}": one.beat for one in follows},
        routes=dict.fromkeys(PATHS, events),
    )

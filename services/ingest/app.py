"""The ingest service, put together. The only module of the room that knows all the others."""

from __future__ import annotations

from functools import partial

from services.ingest.http import PATHS, events_app
from services.ingest.metrics import IngestMetrics
from services.ingest.pseudonyms import Pseudonyms
from services.ingest.publisher import Publisher
from services.ingest.settings import IngestSettings
from services.ingest.sources.queue_log.ingestion import QueueLogIngestion
from services.ingest.went_back import WentBackWatch
from shared.config.loader import Configuration
from shared.config.model import QueueLogSource
from shared.process.application import Application
from shared.process.clock import system_clock
from shared.process.health import Check, redis_check
from shared.redis import keys
from shared.redis.connection import redis_client
from shared.redis.went_back import went_back_check


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
    partitions = range(city.pipeline.partitions)
    watches = [WentBackWatch(number, city, publisher, follows, metrics, now) for number in partitions]
    for number, watch in enumerate(watches):
        metrics.went_back.labels(str(number)).set_function(partial(getattr, watch, "noticed_at"))
    metrics.at_work += (watch.backoff for watch in watches)
    metrics.at_work += (one for follow in follows for one in (follow.backoff, follow.lines))
    checks: dict[str, Check] = {f"source_{follow.source.id}": follow.check for follow in follows}
    checks["redis"] = redis_check(redis, [keys.events(number) for number in partitions])
    checks["history"] = went_back_check(lambda: [watch.noticed_at for watch in watches])
    checks["items"] = metrics.items.check
    events = events_app(settings, city, pseudonyms, publisher, metrics, now)
    return Application(
        redis=redis,
        registry=metrics.registry,
        checks=checks,
        work={"what came": metrics.say_what_came}
        | {f"source {one.source.id}": one.run for one in follows}
        | {f"watch of partition {number}": watch.run for number, watch in enumerate(watches)}
        | {f"heartbeat of source {one.source.id}": one.beat for one in follows},
        routes=dict.fromkeys(PATHS, events),
        links=PATHS,
    )

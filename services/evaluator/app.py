"""The evaluator, put together. The only module of the room that knows all the others."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Final

from prometheus_client import Histogram

from services.evaluator.consumer import EvaluatorConsumer, EvaluatorSession
from services.evaluator.metric_families import PREFIX
from services.evaluator.metrics import EvaluatorCollector
from services.evaluator.period_metrics import PeriodCollector
from services.evaluator.settings import EvaluatorSettings
from services.evaluator.state_store import EvaluatorStore
from shared.calendar import Calendar
from shared.config.loader import Configuration
from shared.process.application import Application
from shared.process.backoff import InternalErrors
from shared.process.health import Check, durability_check, redis_check
from shared.process.metrics_server import TolerantRegistry
from shared.redis import keys
from shared.redis.connection import redis_broker, redis_client
from shared.redis.partition_owner import PartitionOwner
from shared.redis.set_aside import set_aside_check, set_aside_gauge
from shared.redis.went_back import went_back_check, went_back_gauge

COMMIT_EDGES_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


def build(settings: EvaluatorSettings, configuration: Configuration) -> Application:
    """Return the service; nothing is connected before it starts. Raises ``ValueError``, ``OSError``."""
    now = settings.now
    city = configuration.city
    calendar = Calendar(city)
    redis = redis_client(settings)
    broker = redis_broker(settings)
    registry = TolerantRegistry()
    commit_seconds = Histogram(
        f"{PREFIX}commit_seconds", "Time to commit a batch", registry=registry, buckets=COMMIT_EDGES_S
    )
    set_aside, went_back = set_aside_gauge(registry), went_back_gauge(registry)
    owner = secrets.token_hex(8)
    partitions: list[PartitionOwner[EvaluatorSession]] = []
    for number in settings.partition_numbers(city.pipeline.partitions):
        store = EvaluatorStore(redis, number, owner, city.pipeline.lease)
        consumer = EvaluatorConsumer(number, city, calendar, store, now, commit_seconds)
        partition = PartitionOwner(consumer, store.lease, store.set_aside, broker, now)
        partitions.append(partition)
        set_aside.labels(str(number)).set_function(partial(getattr, partition, "set_aside_at"))
        went_back.labels(str(number)).set_function(partial(getattr, partition, "went_back_at"))
    registry.register(EvaluatorCollector(city, calendar, partitions, now, registry.drops))
    history = configuration.history
    registry.register(PeriodCollector(city, calendar, history, partitions, now, registry.drops))
    registry.register(InternalErrors([one for partition in partitions for one in partition.backoff]))
    checks: dict[str, Check] = {f"partition_{one.number}": one.check for one in partitions}
    checks["redis"] = redis_check(redis, [keys.state(one.number) for one in partitions], makes_room=True)
    checks["durability"] = durability_check(redis, [keys.state(one.number) for one in partitions])
    checks["state"] = set_aside_check(lambda: [one.set_aside_at for one in partitions])
    checks["history"] = went_back_check(lambda: [one.went_back_at for one in partitions])
    return Application(
        redis=redis,
        broker=broker,
        registry=registry,
        checks=checks,
        work={f"partition {one.number}": one.run for one in partitions},
        # Only between commits, so that nothing is shown that may not come to be.
        locks=[partition.lock for partition in partitions],
    )

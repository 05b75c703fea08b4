"""The reporter, put together."""

from __future__ import annotations

from functools import partial

from services.evaluator.archive import Archive
from services.reporter.metrics import ReporterMetrics
from services.reporter.publisher import ReportPublisher
from services.reporter.rendering import maker
from services.reporter.rounds import Reporter
from services.reporter.settings import ReporterSettings
from shared.config.loader import Configuration
from shared.contract.report_events import PARTITION
from shared.process.application import Application
from shared.process.backoff import keep_on
from shared.process.health import redis_check
from shared.redis import keys
from shared.redis.connection import redis_client


def build(settings: ReporterSettings, configuration: Configuration) -> Application:
    """Return the service; nothing is connected before it starts. Raises ``OSError`` for the password file."""
    city = configuration.city
    redis = redis_client(settings)
    metrics = ReporterMetrics()
    first_day = Archive(redis, city).first_day
    make = maker(settings, city)
    reporter = Reporter(city, settings.now, ReportPublisher(redis), first_day, make, metrics)
    metrics.at_work.append(reporter.backoff)
    return Application(
        redis=redis,
        registry=metrics.registry,
        checks={"redis": redis_check(redis, [keys.reports(PARTITION)]), "report": reporter.check},
        work={"reporter": partial(keep_on, reporter.run, reporter.backoff)},
    )

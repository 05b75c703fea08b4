"""Reads what a policy report needs: months and days from Redis, and the history files."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from pathlib import Path

from domain.error_budget import RATE_REACH
from services.evaluator.archive import Archive
from services.reporter.report.assemble import Counted, assemble
from services.reporter.report.document import Report
from shared.calendar import Calendar
from shared.config.loader import read_history
from shared.config.model import CityFile
from shared.periods import Period
from shared.process.settings import ServiceSettings
from shared.redis.connection import RedisClient, redis_client


async def read_report(
    settings: ServiceSettings,
    city: CityFile,
    city_file: Path,
    period: Period,
    now: datetime,
    *,
    sites: Collection[str] | None = None,
    comment: str = "",
) -> Report:
    """Return the report of a period. ``city_file`` is where history files are relative to.

    Raises what ``assemble`` raises, ``redis.RedisError``, and ``ConfigRefusedError`` for a history file that
    cannot be read, says something else, or is another city's.
    """
    history = read_history(city_file, city)
    redis = redis_client(settings)
    try:
        counted = await read_counted(redis, city, period)
    finally:
        await redis.aclose()
    return assemble(city, Calendar(city), counted, history, period, now, sites=sites, comment=comment)


async def read_counted(redis: RedisClient, city: CityFile, period: Period) -> Counted:
    """Return all months up to the end of a period, for its year stands beside those before it, and the days
    that gaps and error budgets are about."""
    archive = Archive(redis, city)
    first = await archive.first_day()
    if first is None:
        return Counted({}, {}, None)
    days = await archive.read(date(period.first.year, 1, 1) - RATE_REACH, period.last)
    return Counted(await archive.months(first, period.last), days, first)

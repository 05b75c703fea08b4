"""Redis went back to an older state: its file was cut, a copy restored, a replica promoted, all flushed.

Everybody who writes knows what Redis had, and looks whether it still does; nothing is written on top of what
went back. Whoever notices says so: in its log, by a metric, and in health.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from shared.process.health import Check, Degraded

SHOWN_FOR: Final = timedelta(days=3)
"""So long health says so, as the alarm does: over a weekend."""

METRIC: Final = "wachtpost_redis_went_back_timestamp_seconds"


def went_back_gauge(registry: CollectorRegistry) -> Gauge:
    """Return the gauge that says when it was last noticed; one label, the partition."""
    text = "When this process noticed last that Redis had gone back to an older state; 0: never"
    return Gauge(METRIC, text, ["partition"], registry=registry)


def went_back_check(latest: Callable[[], Iterable[float]]) -> Check:
    """Return the ``Check`` that Redis did not go back lately; ``latest`` says when, in epoch seconds or 0."""

    async def has_all(now: datetime) -> str | None:
        last = max(latest(), default=0.0)
        if now.timestamp() - last > SHOWN_FOR.total_seconds():
            return None
        at = datetime.fromtimestamp(last, UTC)
        return Degraded(
            f"Redis went back to an older state, noticed last at {at:%Y-%m-%dT%H:%M:%SZ}: "
            "what is shown follows from what it has now"
        )

    return has_all

"""Which configuration is in force in a service, and whether it took over the last change of it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.process.clock import Clock
from shared.process.health import Degraded

DISTRIBUTION: Final = "wachtpost"


class ConfigStatus(Collector):
    """Of one process; the same one over all that it takes over."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._hash = 0
        self._taken_over = 0.0
        """When, in epoch seconds."""
        self._refused: str | None = None
        self._version = version(DISTRIBUTION)

    def take_over(self, config_hash: int) -> None:
        """A configuration is in force now."""
        self._hash = config_hash
        self._taken_over = self._now().timestamp()
        self._refused = None

    def refuse(self, why: str) -> None:
        """A change was not taken over; what was in force still is."""
        self._refused = why

    async def check(self, _now: datetime) -> str | None:
        """The ``Check`` that the last change was taken over."""
        if self._refused is None:
            return None
        since = datetime.fromtimestamp(self._taken_over, self._now().tzinfo)
        return Degraded(
            f"the city file as of {since:%Y-%m-%dT%H:%M:%SZ} goes on; the one there is now: {self._refused}"
        )

    def collect(self) -> Iterator[Metric]:
        """Yield what is in force, and who says so."""
        build = GaugeMetricFamily(
            "wachtpost_build_info", "1; which release runs, and on which Python", labels=["version", "python"]
        )
        build.add_metric([self._version, platform.python_version()], 1)
        yield build
        for name, text, value in (
            ("hash", "Fingerprint of the city file in force and the files it names", self._hash),
            ("last_reload_successful", "1 unless the last change was not taken over", self._refused is None),
            (
                "last_reload_success_timestamp_seconds",
                "When what is in force was taken over",
                self._taken_over,
            ),
        ):
            yield GaugeMetricFamily(f"wachtpost_config_{name}", text, value=float(value))

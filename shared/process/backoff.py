"""Failures of our own code in one piece of work: counted, logged, spaced out, and seen in health."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.process.code_failures import CodeFailure, attempted
from shared.process.health import Degraded

FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(minutes=1)
"""Between two tries of what failed: doubling from the first to the longest."""

LASTS: Final = timedelta(minutes=1)
"""What has gone well for so long after its pause has recovered."""

TRIES: Final = 3
"""From so many failures in a row on, health says that the work is not done."""

log = structlog.stdlib.get_logger(__name__)


class Backoff:
    """Those of one piece of work, over all its tries."""

    def __init__(self, work: str, **named: object) -> None:
        self.work = work
        """One of few words, for the counter's label."""
        self.count = 0
        self._named = named
        self._in_a_row = 0
        self._again_at = 0.0
        self._well_at = 0.0
        self._last = ""
        self._remark: Degraded | None = None

    def note(self, failure: CodeFailure, **named: object) -> None:
        """Count a failure on one thing that is left out, or tried again by itself, while the others go on."""
        self._count(failure, named)
        what = ", ".join(f"{name} {value}" for name, value in named.items())
        self._remark = Degraded(f"our own code failed on {self.work} ({what}): {failure.place}")

    def failed(self, failure: CodeFailure, **named: object) -> None:
        """Count a failure that the whole work has to be tried again for, after a pause."""
        self._count(failure, named)
        now = time.monotonic()
        self._in_a_row = 1 if now >= self._well_at else self._in_a_row + 1
        doubled = FIRST_PAUSE * 2 ** min(self._in_a_row - 1, 16)
        self._again_at = now + min(doubled, LONGEST_PAUSE).total_seconds()
        self._well_at = self._again_at + LASTS.total_seconds()
        self._last = failure.place

    def _count(self, failure: CodeFailure, named: Mapping[str, object]) -> None:
        self.count += 1
        fields = {**self._named, **named}
        log.error("own_code_failed", work=self.work, at=failure.place, way=failure.way, **fields)

    @property
    def pause_s(self) -> float:
        """Seconds until it should be tried again."""
        return max(0.0, self._again_at - time.monotonic())

    async def check(self, _now: datetime) -> str | None:
        """The ``Check`` of this work: it is not done, or something was left out since the process began."""
        return self.wrong or self._remark

    @property
    def wrong(self) -> str | None:
        """What keeps the work from being done, if our own code does."""
        if self._in_a_row < TRIES or time.monotonic() >= self._well_at:
            return None
        return f"our own code failed {self._in_a_row} times in a row: {self._last}"


async def keep_on(work: Callable[[], Awaitable[None]], backoff: Backoff) -> None:
    """Do work that never ends by itself; where our own code fails in it, begin anew, later and later."""
    while isinstance(failure := await attempted(work()), CodeFailure):
        backoff.failed(failure)
        await asyncio.sleep(backoff.pause_s)


class InternalErrors(Collector):
    """Failures of our own code, as Prometheus asks for them."""

    def __init__(self, backoff: Sequence[Backoff]) -> None:
        """``backoff`` may grow until the first scrape."""
        self._backoff = backoff

    def collect(self) -> Iterator[Metric]:
        """Yield the counter, with every piece of work from the start."""
        counts: dict[str, int] = {}
        for one in self._backoff:
            counts[one.work] = counts.get(one.work, 0) + one.count
        family = CounterMetricFamily(
            "wachtpost_internal_errors", "Failures of our own code, by what was at work", labels=["work"]
        )
        for work, count in sorted(counts.items()):
            family.add_metric([work], count)
        yield family

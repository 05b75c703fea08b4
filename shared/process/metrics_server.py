"""``GET /metrics`` of every service: a figure that cannot be shown keeps no other from being shown.

A collector makes each of its samples, or a few that belong together, under ``Drops``: what fails there is
left out. Whatever slips through, a whole collector that fails or a value that is no number, the registry
leaves out itself. All of it is counted, logged once, and seen in health (``Drops.check``).
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Final

import structlog
from faststream.asgi import AsgiResponse
from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from shared.process.health import Degraded

ERRORS: Final = "wachtpost_exposition_errors"

MOST_NAMED: Final = 3
"""What was left out is named in health, up to so many."""

log = structlog.stdlib.get_logger(__name__)


class Drops(Collector):
    """What could not be shown, since the process began and at the last scrape."""

    def __init__(self) -> None:
        self.count = 0
        self._latest: dict[str, str] = {}
        """What was left out of the last exposition → the kind of error."""
        self._logged: set[tuple[str, str]] = set()

    def __call__(self, *what: str) -> _Drop:
        """Return a context in which an error means: leave that out, and go on behind it."""
        return _Drop(self, what)

    def begin(self) -> None:
        """A new exposition begins."""
        self._latest = {}

    def note(self, what: str, error: Exception) -> None:
        """Count one; the first of its kind is logged with where it came from."""
        kind = type(error).__name__
        self.count += 1
        self._latest[what] = kind
        if (what, kind) not in self._logged:
            self._logged.add((what, kind))
            log.error("sample_dropped", sample=what, exc_info=error)

    def collect(self) -> Iterator[Metric]:
        """Yield how many there were."""
        yield CounterMetricFamily(ERRORS, "Samples left out of an exposition", value=self.count)

    async def check(self, _now: datetime) -> str | None:
        """The ``Check`` that everything could be shown at the last scrape."""
        if not self._latest:
            return None
        named = ", ".join(f"{what} ({kind})" for what, kind in list(self._latest.items())[:MOST_NAMED])
        return Degraded(f"{len(self._latest)} left out of /metrics, the log says why: {named}")


class _Drop:
    def __init__(self, drops: Drops, what: Sequence[str]) -> None:
        self._drops = drops
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self._drops.note(" ".join(self._what), error)
        return True


class TolerantRegistry(CollectorRegistry):
    """A registry whose exposition has everything that can be shown."""

    def __init__(self) -> None:
        super().__init__()
        self.drops = Drops()
        ProcessCollector(registry=self)
        self.register(self.drops)

    def collect(self) -> Iterator[Metric]:
        """Yield every family without the samples that cannot be shown."""
        self.drops.begin()
        for collector in [one for one in self._collector_to_names if one is not self.drops]:
            with self.drops(type(collector).__name__):
                for family in collector.collect():
                    yield self._checked(family)
        yield from self.drops.collect()

    def _checked(self, family: Metric) -> Metric:
        showable = [sample for sample in family.samples if self._is_showable(sample)]
        if len(showable) == len(family.samples):
            return family
        checked = Metric(family.name, family.documentation, family.type)
        checked.samples = showable
        return checked

    def _is_showable(self, sample: Sample) -> bool:
        try:
            float(sample.value)
            "".join(sample.labels.values()).encode()
        except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
            self.drops.note(sample.name, error)
            return False
        return True


def metrics_route(registry: Collector, locks: Iterable[asyncio.Lock] = ()) -> ASGIApp:
    """``GET /metrics``: the registry as Prometheus text, or OpenMetrics when it is asked for.

    It is collected while nobody holds ``locks``, and nothing is awaited meanwhile; put into text and sent
    after that, however long a client takes. Scrapes that wait for the locks together get the same figures.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for every counter, which nothing here looks at
    camera = _Camera(registry, tuple(locks))

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        asked = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        snapshot = await camera.snapshot()
        response = snapshot.response(asked.get(b"accept", ""), "gzip" in asked.get(b"accept-encoding", ""))
        await response(scope, receive, send)

    return answer


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """All figures of one moment, and the texts that were made of them."""

    families: Sequence[Metric]
    texts: dict[tuple[str, bool], bytes] = field(default_factory=dict)

    def collect(self) -> Sequence[Metric]:
        """As a registry does: what the encoders ask for."""
        return self.families

    def response(self, accept: str, packed: bool) -> AsgiResponse:
        encode, content_type = choose_encoder(accept)
        text = self.texts.get((content_type, packed))
        if text is None:
            text = encode(self)
            text = self.texts[content_type, packed] = gzip.compress(text) if packed else text
        headers = {"content-type": content_type}
        return AsgiResponse(text, 200, {**headers, "content-encoding": "gzip"} if packed else headers)


class _Camera:
    """Takes snapshots, one at a time: whoever asks before one is taken is in it."""

    def __init__(self, registry: Collector, locks: Sequence[asyncio.Lock]) -> None:
        self._registry = registry
        self._locks = locks
        self._next: asyncio.Task[_Snapshot] | None = None

    async def snapshot(self) -> _Snapshot:
        if self._next is None:
            self._next = asyncio.create_task(self._take(), name="snapshot of the metrics")
        return await asyncio.shield(self._next)

    async def _take(self) -> _Snapshot:
        try:
            async with AsyncExitStack() as stack:
                for lock in self._locks:
                    await stack.enter_async_context(lock)
                return _Snapshot(list(self._registry.collect()))
        finally:
            self._next = None

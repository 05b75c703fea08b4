"""A figure that cannot be told never keeps the others from being told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from prometheus_client import Counter, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from shared.process.health import Degraded
from shared.process.metrics_server import Drops, TolerantRegistry, metrics_route
from tests.support.eventually import WITHIN, eventually_async

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)


async def scrape(registry: TolerantRegistry, accept: str = "text/plain", encoding: str = "identity") -> str:
    transport = httpx.ASGITransport(metrics_route(registry))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
        answer = await client.get("/", headers={"Accept": accept, "Accept-Encoding": encoding})
    assert answer.status_code == 200
    return answer.text


class Waits(Collector):
    """Three queues, of which one has a figure like nobody's."""

    def __init__(self, drops: Drops, figure: Callable[[], object]) -> None:
        self._drops = drops
        self._figure = figure

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("desk_wait", "", labels=["queue"])
        for queue in ("first", "odd", "last"):
            with self._drops("desk_wait", queue):
                figure = self._figure() if queue == "odd" else 1
                family.add_metric([queue], figure)  # type: ignore[arg-type]
        yield family


def fails() -> object:
    return datetime.fromtimestamp(1e20, UTC)


FIGURES: list[tuple[str, Callable[[], object]]] = [
    ("an error while it is worked out", fails),
    ("no figure at all", lambda: None),
    ("a word", lambda: "many"),
    ("a number that no float can hold", lambda: 10**400),
]


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
@pytest.mark.parametrize(("story", "figure"), FIGURES)
async def test_one_sample_is_left_out_counted_and_told_by_health(story: str, figure, accept: str):
    registry = TolerantRegistry()
    registry.register(Waits(registry.drops, figure))
    assert await registry.drops.check(NOW) is None
    text = await scrape(registry, accept)
    assert 'desk_wait{queue="first"} 1.0' in text, story
    assert 'desk_wait{queue="last"} 1.0' in text, story
    assert "odd" not in text, story
    assert "wachtpost_exposition_errors_total 1.0" in text, story
    said = await registry.drops.check(NOW)
    assert isinstance(said, Degraded)
    assert "desk_wait" in said


@pytest.mark.parametrize("label", ["\ud800", 5, None])
async def test_a_label_that_is_no_text_costs_its_sample_only(label: object):
    registry = TolerantRegistry()
    odd = GaugeMetricFamily("odd", "", labels=["name"])
    odd.add_metric(["fine"], 1)
    odd.add_metric([label], 2)  # type: ignore[list-item]

    class Odd(Collector):
        def collect(self) -> Iterator[Metric]:
            yield odd

    registry.register(Odd())
    text = await scrape(registry)
    assert 'odd{name="fine"} 1.0' in text
    assert text.count("odd{") == 1
    assert "wachtpost_exposition_errors_total 1.0" in text


async def test_a_collector_that_fails_leaves_the_others_and_what_it_told_before():
    registry = TolerantRegistry()

    class Half(Collector):
        def collect(self) -> Iterator[Metric]:
            yield GaugeMetricFamily("told", "", value=1)
            raise KeyError("gone")

    registry.register(Half())
    Gauge("asked", "", registry=registry).set_function(lambda: float(fails()))  # type: ignore[arg-type]
    Counter("others", "", registry=registry)
    text = await scrape(registry)
    assert {"told 1.0", "others_total 0.0", "wachtpost_exposition_errors_total 2.0"} <= set(text.splitlines())


async def test_it_is_logged_once_and_health_is_well_again_with_the_figure(caplog: pytest.LogCaptureFixture):
    figures = iter([None, None, 3.0])
    registry = TolerantRegistry()
    registry.register(Waits(registry.drops, lambda: next(figures)))
    assert "wachtpost_exposition_errors_total 1.0" in await scrape(registry)
    assert "wachtpost_exposition_errors_total 2.0" in await scrape(registry)
    assert await registry.drops.check(NOW) is not None
    text = await scrape(registry)
    assert 'desk_wait{queue="odd"} 3.0' in text
    assert "wachtpost_exposition_errors_total 2.0" in text
    assert await registry.drops.check(NOW) is None


async def test_counted_from_nought_and_packed_when_asked():
    registry = TolerantRegistry()
    assert "wachtpost_exposition_errors_total 0.0" in await scrape(registry)
    assert "wachtpost_exposition_errors_total 0.0" in await scrape(registry, encoding="gzip")


async def _asked(answering: Awaitable[None]) -> None:
    await answering


async def test_nobody_is_waited_for_under_a_lock_and_those_who_wait_together_get_one_snapshot():
    """A hundred clients that take nothing, and one that never sends the body it announced."""
    registry, lock, taken, never = TolerantRegistry(), asyncio.Lock(), [], asyncio.Event()

    class Once(Collector):
        def collect(self) -> Iterator[Metric]:
            taken.append(lock.locked())
            yield GaugeMetricFamily("figure", "", value=len(taken))

    registry.register(Once())
    route = metrics_route(registry, [lock])
    answered = []

    async def receive() -> MutableMapping[str, Any]:
        await never.wait()
        return {}

    async def send(message: MutableMapping[str, Any]) -> None:
        answered.append(message)
        await never.wait()

    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": [], "query_string": b""}
    async with lock:  # somebody commits
        unread = [asyncio.create_task(_asked(route(dict(scope), receive, send))) for _ in range(100)]
        await asyncio.sleep(0)
        assert taken == []
    await eventually_async(lambda: len(answered) == 100)
    assert taken == [True], "once, between commits"
    async with asyncio.timeout(WITHIN), lock:
        pass
    for one in unread:
        one.cancel()
    await asyncio.gather(*unread, return_exceptions=True)

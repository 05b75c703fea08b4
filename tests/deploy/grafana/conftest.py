"""A city at work that the boards are asked about; started for the tests of a module that want it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.deploy.grafana.queries import Prometheus
from tests.deploy.grafana.stage import WatchedCity, prometheus_binary, raised
from tests.support.eventually import WITHIN, eventually

WATCHED = "min(up{job=~'ingest|evaluator|notifier'}) * sum(wachtpost_lease_owner) * max(wachtpost_queue_info)"
"""1 when all run and the evaluator tells of its queues: right after it took the lease it does not yet."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedCity]:
    if prometheus_binary() is None:
        pytest.skip("Prometheus is not installed (apt install prometheus): no query was asked")
    with raised(tmp_path_factory.mktemp("boards")) as stage:
        yield stage


@pytest.fixture
def client(stage: WatchedCity) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stage.prometheus, timeout=WITHIN, trust_env=False) as client:
        yield client


@pytest.fixture
def prometheus(client: httpx.Client) -> Prometheus:
    asked: list[Prometheus] = []

    def is_watched() -> bool:
        """Whether nothing that runs just missed a scrape, as on a busy machine: its series would end."""
        asked.append(Prometheus(client, time.time()))
        series = asked[-1].instant(WATCHED)["data"]["result"]
        return bool(series) and all(one["value"][1] == "1" for one in series)

    eventually(is_watched)
    return asked[-1]


@pytest.fixture
def prometheus_of_yesterday(client: httpx.Client) -> Prometheus:
    """As on the first day: it knows of nothing yet."""
    return Prometheus(client, time.time() - A_DAY_S)


A_DAY_S = 24 * 60 * 60

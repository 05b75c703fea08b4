"""Fixtures for everyone: real servers, never mocks of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings
from redis.asyncio import Redis

from tests.support.eventually import WITHIN
from tests.support.redis_servers import FLAVOURS, DebianRedis, RedisServer
from tests.support.thorough import examples
from wachtpost import access

settings.register_profile("wachtpost", max_examples=examples(100), deadline=None)
settings.load_profile("wachtpost")

SECOND: Final = "valkey"
"""The kind of server that ``make test`` leaves to ``make slow`` where it has both."""

LONGEST: Final = ("test_simulation.py", "test_year.py")
"""Minutes by themselves: begun last, one worker would be at them alone."""

SERVER_PARAMETERS: Final = ("shared_server", "own_server", "flavour")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first, and mark the second run of whatever runs on both kinds of server."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
    if DebianRedis.binary() is None:
        return
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None and SECOND in (callspec.params.get(name) for name in SERVER_PARAMETERS):
            item.add_marker(pytest.mark.second_server)


def _flavour(request: pytest.FixtureRequest) -> type[RedisServer]:
    flavour = FLAVOURS[request.param]
    if flavour is DebianRedis and DebianRedis.binary() is None:
        pytest.skip("redis-server is not installed (apt install redis-server); embedded Valkey is tested")
    return flavour


@pytest.fixture(scope="session", params=sorted(FLAVOURS))
def shared_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer]:
    """One server of each flavour for the whole run (of this worker). Nobody may stop it."""
    server = _flavour(request)(tmp_path_factory.mktemp(request.param))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
def redis_url(shared_server: RedisServer) -> str:
    """The URL of an empty server; the test runs on each flavour."""
    with shared_server.client() as client:
        client.flushall()
        client.script_flush()
    return shared_server.url


@pytest.fixture
async def redis_client(redis_url: str) -> AsyncIterator[Redis]:
    """A client of that empty server, bytes in and bytes out."""
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture(params=sorted(FLAVOURS))
def own_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    """A server of the test's own, running, to be killed and restarted at will; on each flavour."""
    server = _flavour(request)(tmp_path / request.param)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command waits as long for the notifier as a test does."""
    monkeypatch.setattr(access, "ACTED_WITHIN", timedelta(seconds=WITHIN))

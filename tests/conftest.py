"""Fixtures for everyone: real servers, never mocks of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from redis.asyncio import Redis

from tests.redis_servers import FLAVOURS, DebianRedis, RedisServer
from tests.thorough import examples

settings.register_profile("wachtpost", max_examples=examples(100), deadline=None)
settings.load_profile("wachtpost")


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

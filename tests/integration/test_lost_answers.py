"""Whatever writes to Redis writes once, also when the answer got lost and the client says it all again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from shared.redis_connection import redis_client as client_of
from shared.settings import ServiceSettings
from tests.redis_servers import RedisServer
from tests.tcp_proxy import TcpProxy, tcp_proxy


@pytest.fixture
async def proxy(shared_server: RedisServer, redis_url: str) -> AsyncIterator[TcpProxy]:
    """The only way to an empty server, for those who take it."""
    assert redis_url == shared_server.url
    async with tcp_proxy(shared_server.port) as proxy:
        yield proxy


@pytest.fixture
async def far(proxy: TcpProxy) -> AsyncIterator[Redis]:
    """A client as the services have it, at the other end of that way."""
    settings = ServiceSettings.model_validate({"port": 0, "redis_url": f"redis://127.0.0.1:{proxy.port}/0"})
    client = client_of(settings)
    assert isinstance(client, Redis)
    async with client:
        yield client


async def test_the_client_says_again_what_was_not_answered(proxy: TcpProxy, far: Redis, redis_client: Redis):
    proxy.lose_answer_to(b"XADD")
    await far.xadd("stream", {"once": "or twice"})
    assert (proxy.lost, await redis_client.xlen("stream")) == (1, 2)

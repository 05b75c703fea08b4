"""The servers that the other tests stand on."""

from __future__ import annotations

from redis.asyncio import Redis

from tests.support.redis_servers import RedisServer


async def test_a_fresh_server_is_empty(redis_client: Redis):
    assert await redis_client.dbsize() == 0
    await redis_client.set("left", "over")


async def test_what_the_last_test_wrote_is_gone(redis_client: Redis):
    assert await redis_client.get("left") is None


def test_data_and_port_survive_a_kill_and_a_restart(own_server: RedisServer):
    port = own_server.port
    with own_server.client() as client:
        client.set("desk", "open")
        client.execute_command(
            "WAITAOF", 1, 0, 5000
        ) if own_server.flavour == "valkey" else client.bgrewriteaof()
    own_server.restart()
    own_server.kill()
    assert not own_server.answers()
    own_server.start()
    with own_server.client() as client:
        assert client.get("desk") == b"open"
    assert own_server.port == port

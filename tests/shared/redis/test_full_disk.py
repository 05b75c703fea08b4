"""A disk can be made full under a Redis of the tests, and have room again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.eventually import eventually
from tests.support.redis_servers import AnyRedis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AnyRedis]:
    server = AnyRedis(tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def test_writes_fail_until_there_is_room_and_nothing_said_yes_to_is_lost(server: AnyRedis):
    said_yes = set()

    def writes(name: str) -> bool:
        with server.client() as client:
            try:
                client.set(name, "x" * 1000)
            except redis.ResponseError:
                return False
        said_yes.add(name)
        return True

    assert writes("before")
    server.fill_disk()
    eventually(lambda: not writes("while it is full"))
    server.make_room()
    eventually(lambda: writes("after"))
    server.stop()
    server.start()
    with server.client() as client:
        assert {name for name in said_yes if not client.exists(name)} == set()

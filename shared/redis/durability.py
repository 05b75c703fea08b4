"""Whether a Redis keeps what it has said yes to.

That no call is lost rests on it: a server without its append-only file forgets at its next start what it had
since its last snapshot, and one that evicts forgets whatever it likes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from redis.asyncio.cluster import RedisCluster

from shared.redis.connection import RedisClient

LEAST_VERSION: Final = (7, 0)
"""Debian 12's; before it scripts have no flags (``shared.redis.scripts``)."""


class RedisFlaw(StrEnum):
    """Why what a server has may be gone tomorrow."""

    TOO_OLD = "too_old"
    NOT_APPEND_ONLY = "not_append_only"
    EVICTS = "evicts"


def version_of(info: Mapping[str, object]) -> str:
    """Return the version in the answer to ``INFO``, such as ``7.0.15``."""
    return str(info.get("redis_version", "0"))


def flaws_of(info: Mapping[str, object]) -> list[RedisFlaw]:
    """Return what is wrong with a server, by its answer to ``INFO``."""
    version = tuple(int(part) for part in version_of(info).split(".")[:2] if part.isdigit())
    found = {
        RedisFlaw.TOO_OLD: version < LEAST_VERSION,
        RedisFlaw.NOT_APPEND_ONLY: not info.get("aof_enabled"),
        RedisFlaw.EVICTS: info.get("maxmemory_policy", "noeviction") != "noeviction",
    }
    return [flaw for flaw, is_so in found.items() if is_so]


async def infos(redis: RedisClient, keys: Sequence[str]) -> dict[str, Mapping[str, object]]:
    """Return what each server that has one of these keys says to ``INFO``, by where it is (empty: the only
    one). Raises ``redis.RedisError``."""
    if not isinstance(redis, RedisCluster):
        return {"": await redis.info()}
    await redis.initialize()
    nodes = {node.name: node for node in map(redis.get_node_from_key, keys) if node is not None}
    return {name: await redis.execute_command("INFO", target_nodes=node) for name, node in nodes.items()}

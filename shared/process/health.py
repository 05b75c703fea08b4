"""Whether a service does its work: named checks, looked at together, and ``GET /health`` that shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from faststream.asgi import AsgiResponse
from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from pydantic_core import to_json
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import OutOfMemoryError, RedisError

from shared.process.clock import Clock
from shared.redis.connection import RedisClient, why_refused
from shared.redis.durability import RedisFlaw, flaws_of, infos
from shared.redis.scripts import AS_A_WRITE, BELOW_HIGH_WATER, HIGH_WATER

PING_WITHIN: Final = timedelta(seconds=1)
"""A Redis that takes longer to answer a ping is as good as gone; probes give up after a few seconds."""

Check = Callable[[datetime], Awaitable[str | None]]
"""Looks at one thing at an instant: nothing when it is fine, else what is wrong."""


class Degraded(str):
    """What is wrong although the work gets done: somebody should look. It is shown and fails no probe."""

    __slots__ = ()


class Health:
    """Whether a service does its work, as named checks. All are looked at, each time, at one instant."""

    def __init__(self, service: str, checks: Mapping[str, Check], now: Clock) -> None:
        self.service = service
        self._checks = dict(checks)
        self._now = now

    async def wrong(self) -> dict[str, str | None]:
        """Return what each check says."""
        now = self._now()
        said = await asyncio.gather(*(check(now) for check in self._checks.values()))
        return dict(zip(self._checks, said, strict=True))


def redis_check(redis: RedisClient, keys: Sequence[str] = (), *, makes_room: bool = False) -> Check:
    """Return the check that Redis answers, and takes what is new on each node that has one of ``keys``.

    ``makes_room``: for whoever goes on writing in a full Redis; there it is shown and fails no probe.
    """
    look = redis.register_script(AS_A_WRITE + BELOW_HIGH_WATER + "return 1")
    looked_at = keys if isinstance(redis, RedisCluster) else keys[:1]

    async def answers(_now: datetime) -> str | None:
        try:
            async with asyncio.timeout(PING_WITHIN.total_seconds()):
                await redis.ping()
        except (RedisError, TimeoutError) as error:
            return f"Redis {why_refused(error) or f'does not answer ({type(error).__name__})'}"
        said = await looks()
        if any(isinstance(one, OutOfMemoryError) for one in said):
            wrong = f"Redis uses more than {HIGH_WATER:.0%} of its memory: nothing new is taken in"
            return Degraded(wrong) if makes_room else wrong
        refusals = (why_refused(one) for one in said if isinstance(one, RedisError))
        return next((f"Redis {why}" for why in refusals if why is not None), None)

    async def looks() -> list[object]:
        try:
            async with asyncio.timeout(PING_WITHIN.total_seconds()):
                said = await asyncio.gather(*(look(keys=[key]) for key in looked_at), return_exceptions=True)
        except TimeoutError:
            return []  # a shard is away, which its partitions say
        return list(said)

    return answers


UNSAFE: Final[Mapping[RedisFlaw, str]] = {
    RedisFlaw.TOO_OLD: "Redis is older than 7.0",
    RedisFlaw.NOT_APPEND_ONLY: "Redis keeps no append-only file: what it has is lost when it ends",
    RedisFlaw.EVICTS: "Redis drops keys when it is full: maxmemory-policy must be noeviction",
}


def durability_check(redis: RedisClient, keys: Sequence[str]) -> Check:
    """Return the check that each server which has one of ``keys`` keeps what it has said yes to."""

    async def keeps(_now: datetime) -> str | None:
        try:
            async with asyncio.timeout(PING_WITHIN.total_seconds()):
                said = await infos(redis, keys)
        except (RedisError, TimeoutError):
            return None  # it is away, which ``redis_check`` says
        flaws = dict.fromkeys(flaw for info in said.values() for flaw in flaws_of(info))
        return Degraded("; ".join(UNSAFE[flaw] for flaw in flaws)) if flaws else None

    return keeps


def health_route(health: Health) -> ASGIApp:
    """``GET /health``: 503 when the work is not done, else 200; and what each check says as JSON."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        said = await health.wrong()
        failing = any(wrong and not isinstance(wrong, Degraded) for wrong in said.values())
        body = {
            "status": "failing" if failing else "degraded" if any(said.values()) else "ok",
            "service": health.service,
            "checks": {name: wrong or "ok" for name, wrong in said.items()},
        }
        headers = {"content-type": "application/json", "cache-control": "no-store"}
        response = AsgiResponse(to_json(body), status_code=503 if failing else 200, headers=headers)
        await response(scope, receive, send)

    return answer

"""A service under one configuration, from its first connection to its last.

::

    connect ──► begin ──► at work ──► end ──► close
       └──────────── close ◄── Redis is not there, or what it was to go by is no use

Until ``begin`` nothing that is kept is read or written, so that another application of the same service may
still be at work; after ``end`` nothing is any more, but requests that it was given may be under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from faststream.asgi import AsgiResponse
from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from faststream.redis import RedisBroker

from shared.process.code_failures import CodeFailure, attempted
from shared.process.config_status import ConfigStatus
from shared.process.health import Check, Health, health_route
from shared.process.index import HEALTH, METRICS, PATH, index_route
from shared.process.metrics_server import TolerantRegistry, metrics_route
from shared.process.server import Fault
from shared.process.settings import ServiceSettings
from shared.process.shutdown import cancel
from shared.redis.connection import RedisClient, wait_for_redis
from shared.translation import Msg, Translator

log = structlog.stdlib.get_logger(__name__)

Step = Callable[[], Awaitable[None]]
Work = Callable[[], Coroutine[object, object, None]]


@dataclass(frozen=True)
class Application:
    """What a service is made of. Made, it has connected to nothing."""

    redis: RedisClient
    registry: TolerantRegistry
    checks: Mapping[str, Check]
    """Besides those that every service has."""
    work: Mapping[str, Work]
    """What goes on for as long as it is at work, by name."""
    broker: RedisBroker | None = None
    routes: Mapping[str, ASGIApp] = field(default_factory=dict)
    """Besides health and metrics; whole paths."""
    links: Mapping[str, Msg] = field(default_factory=dict)
    """Which of the paths ``GET /`` names, and what is there."""
    locks: Sequence[asyncio.Lock] = ()
    """Each held while figures are ahead of what was committed."""
    greet: Step | None = None
    """Looks at whoever else it talks to."""
    closing: Sequence[Step] = ()
    """Lets go of whatever else it holds."""


class RunningApplication:
    """An application at work, or about to be, or about to end."""

    def __init__(
        self,
        service: str,
        application: Application,
        settings: ServiceSettings,
        status: ConfigStatus,
        fault: Fault,
        say: Translator,
    ) -> None:
        self._application = application
        self._settings = settings
        self._fault = fault
        registry = application.registry
        registry.register(status)
        own = {"work": fault.check, "config": status.check, "exposition": registry.drops.check}
        health = Health(service, {**application.checks, **own}, settings.now)
        self._routes: Mapping[str, ASGIApp] = {
            PATH: index_route(service, {"/health": HEALTH, "/metrics": METRICS, **application.links}, say),
            **application.routes,
            "/health": health_route(health),
            "/metrics": metrics_route(registry, application.locks),
        }
        self._tasks: list[asyncio.Task[None]] = []
        self._requests = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def connect(self) -> None:
        """Reach Redis; raises ``RedisAbsentError`` when it does not answer within ``redis_wait``."""
        settings = self._settings
        await wait_for_redis(self._application.redis, settings.redis_address, settings.redis_wait)
        if self._application.broker is not None:
            await self._application.broker.start()
        if self._application.greet is not None:
            await self._application.greet()

    def begin(self) -> None:
        """Set to work."""
        for name, work in self._application.work.items():
            self._tasks.append(self._fault.watch(asyncio.create_task(work(), name=name)))

    async def end(self) -> None:
        """Have all work come to its orderly end."""
        await cancel(self._tasks)

    async def close(self, drain: timedelta) -> None:
        """Let requests under way finish, for a while, and every connection go."""
        with suppress(TimeoutError):
            async with asyncio.timeout(drain.total_seconds()):
                await self._idle.wait()
        broker = self._application.broker
        steps = [*self._application.closing, self._application.redis.aclose]
        for step in steps if broker is None else [broker.stop, *steps]:
            failure = await attempted(step())
            if isinstance(failure, CodeFailure):
                log.warning("not_closed", at=failure.place)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        route = self._routes.get(scope["path"]) if scope["type"] == "http" else None
        self._requests += 1
        self._idle.clear()
        try:
            await (route or _NOT_FOUND)(scope, receive, send)
        finally:
            self._requests -= 1
            if not self._requests:
                self._idle.set()


_NOT_FOUND: ASGIApp = AsgiResponse(b"nothing here; / says what there is", status_code=404)

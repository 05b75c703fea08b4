"""A service that takes over a changed city file while it runs: on SIGHUP, or asked by HTTP from this machine.

::

    in force ─► at work ──────────────────────────► end ─► requests finish ─► close
    changed        read ─► build ─► connect ─► │ requests ─► begin ─► at work
                     └────────┴────────┴─► refused: what is in force goes on

Left of the bar anything may fail, and nothing has happened yet. Right of it one application ends and another
begins, as at a restart: what is kept goes on from its last commit, what was only counted begins anew. But the
process, its port and the requests under way stay.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import structlog
from faststream.asgi import AsgiResponse
from faststream.asgi.types import Receive, Scope, Send
from pydantic_core import to_json
from redis.exceptions import RedisError

from shared.config.errors import Mistake
from shared.config.loader import ConfigRefusedError, Configuration, read_configuration
from shared.process.application import Application, RunningApplication
from shared.process.code_failures import CodeFailure, attempted
from shared.process.config_status import ConfigStatus
from shared.process.server import Fault, serve
from shared.process.settings import ServiceSettings, SettingWrongError
from shared.process.shutdown import DRAIN, Shield, cancel
from shared.redis.connection import RedisAbsentError
from shared.translation import translator

RELOAD_PATH: Final = "/-/reload"

PASSED_ON: Final = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip", b"via", b"origin"})
"""Headers of a request that a proxy passed on or a page in a browser made: who is behind it is elsewhere."""

REDIS_AWAY: Final = (RedisAbsentError, RedisError, TimeoutError)

log = structlog.stdlib.get_logger(__name__)

Build = Callable[[Configuration], Application]
"""Puts a service together. Raises ``ValueError`` or ``OSError`` when it cannot be, as configured."""


@dataclass(frozen=True)
class ReloadRefusal:
    """Why what was in force still is."""

    why: str
    mistakes: Sequence[Mistake] = ()
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY


async def run(service: str, settings: ServiceSettings, build: Build, *, needs_history: bool = False) -> int:
    """Serve until told to stop; returns the exit status. ``needs_history``: it does not start without."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)  # from here on it is no end
    try:
        configuration = read_configuration(settings.city_file, needs_history=needs_history)
    except ConfigRefusedError as error:
        _log_mistakes(settings.city_file, error.mistakes)
        sys.exit(os.EX_CONFIG)
    fault = Fault()
    try:
        host = Host(service, settings, build, configuration, fault)
    except OSError as error:
        name = settings.variable_of(error.filename)
        log.critical("setting_wrong", name=name, file=error.filename, wrong=error.strerror)
        sys.exit(os.EX_CONFIG)
    except SettingWrongError as error:
        log.critical("setting_wrong", name=error.variable, file=str(error.file), wrong=error.wrong)
        sys.exit(os.EX_CONFIG)
    except ValueError as error:
        log.critical("setting_wrong", wrong=str(error))
        sys.exit(os.EX_CONFIG)
    heeding = fault.watch(asyncio.create_task(host.heed(asked), name="reload on SIGHUP"))
    try:
        return await serve(host, settings, fault)
    finally:
        await cancel([heeding])


class Host:
    """Passes requests on to the application in force, and puts another in its place."""

    def __init__(
        self,
        service: str,
        settings: ServiceSettings,
        build: Build,
        configuration: Configuration,
        fault: Fault,
    ) -> None:
        self._service = service
        self._settings = settings
        self._build = build
        self._fault = fault
        self._status = ConfigStatus(settings.now)
        self._started = asyncio.Event()
        self._ending = False
        self._one_at_a_time = asyncio.Lock()
        self._reloads: set[asyncio.Task[int | ReloadRefusal]] = set()
        self._next: asyncio.Task[int | ReloadRefusal] | None = None
        """The reload that has not read anything yet."""
        self._running = self._put_together(configuration)
        self._go_by(configuration)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and scope["path"] == RELOAD_PATH:
            await self._answer(scope, receive, send)
        else:
            await self._running(scope, receive, send)

    async def heed(self, asked: asyncio.Event) -> None:
        """Reload whenever somebody asks. Ends only by being cancelled."""
        await self._started.wait()
        while True:
            await asked.wait()
            asked.clear()
            await self.reload()

    async def reload(self) -> int | ReloadRefusal:
        """Take over what the city file says now; returns its hash. Who asks while another reload is under way
        waits for the next one: that one may have read the file before it changed."""
        if self._next is None:
            self._next = asyncio.create_task(self._take_turn(), name="reload")
            self._reloads.add(self._next)
            self._next.add_done_callback(self._reloads.discard)
        return await asyncio.shield(self._next)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Begin and end as the server says. Raises what keeps it from beginning, but for a Redis that is
        away: that is in the log, and is no failure of our code."""
        await receive()
        try:
            await self._running.connect()
        except REDIS_AWAY:
            await send({"type": "lifespan.startup.failed", "message": ""})
            return
        self._running.begin()
        self._started.set()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._ending = True
        await cancel(self._reloads)
        await self._running.end()
        await self._running.close(timedelta(0))  # the server has waited for requests
        await send({"type": "lifespan.shutdown.complete"})

    async def _take_turn(self) -> int | ReloadRefusal:
        async with self._one_at_a_time:
            self._next = None
            refusal = await self._reload()
        if refusal is None:
            return self._configuration.hash
        self._status.refuse(refusal.why)
        log.error("reload_refused", why=refusal.why)
        _log_mistakes(self._settings.city_file, refusal.mistakes)
        return refusal

    async def _reload(self) -> ReloadRefusal | None:
        try:
            ready = await attempted(self._prepare(), (ConfigRefusedError, *REDIS_AWAY, OSError, ValueError))
        except ConfigRefusedError as error:
            return ReloadRefusal(str(error), error.mistakes)
        except REDIS_AWAY as error:
            return ReloadRefusal(f"Redis: {error}", status=HTTPStatus.SERVICE_UNAVAILABLE)
        except (OSError, ValueError) as error:
            return ReloadRefusal(str(error))
        if isinstance(ready, CodeFailure):
            why = f"our own code failed on it: {ready.place}"
            return ReloadRefusal(why, status=HTTPStatus.INTERNAL_SERVER_ERROR)
        await Shield().run(self._replace(*ready))
        return None

    async def _prepare(self) -> tuple[Configuration, RunningApplication]:
        """Return what the file says now, and an application by it that may begin. Raises what keeps it."""
        configuration = await asyncio.to_thread(
            read_configuration, self._settings.city_file, self._configuration.city
        )
        running = self._put_together(configuration)
        ready = False
        try:
            await running.connect()
            ready = True
        finally:
            if not ready:
                await running.close(timedelta(0))
        return configuration, running

    def _put_together(self, configuration: Configuration) -> RunningApplication:
        application = self._build(configuration)
        say = translator(configuration.city.city.language)
        return RunningApplication(self._service, application, self._settings, self._status, self._fault, say)

    async def _replace(self, configuration: Configuration, running: RunningApplication) -> None:
        before, self._running = self._running, running
        await before.end()
        gc.collect()  # what the one before knew makes room for what this one is about to read
        if not self._ending:
            running.begin()
            self._go_by(configuration)
        await before.close(DRAIN)

    def _go_by(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._status.take_over(configuration.hash)
        log.info("config_in_force", config_hash=configuration.hash)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """``POST /-/reload``: 200 with the hash of what is in force now, or why it is still what it was."""
        if scope["method"] != "POST":
            response = _json(HTTPStatus.METHOD_NOT_ALLOWED, {"detail": "POST this"}, {"allow": "POST"})
        elif not _is_from_here(scope):
            response = _json(HTTPStatus.FORBIDDEN, {"detail": "ask from this machine itself, or send SIGHUP"})
        else:
            response = _told(await self.reload())
        await response(scope, receive, send)


def _is_from_here(scope: Scope) -> bool:
    """Whether a request comes from a program beside this one: on this machine, in this container or pod."""
    host, _port = scope["client"] or ("", 0)
    passed_on = any(name.lower() in PASSED_ON for name, _ in scope["headers"])
    return host != "" and not passed_on and ip_address(host.removeprefix("::ffff:")).is_loopback


def _told(outcome: int | ReloadRefusal) -> AsgiResponse:
    if not isinstance(outcome, ReloadRefusal):
        return _json(HTTPStatus.OK, {"config_hash": outcome})
    mistakes = [
        {"where": one.where, "key": one.key, "wrong": one.wrong, "allowed": one.allowed}
        for one in outcome.mistakes
    ]
    return _json(outcome.status, {"detail": outcome.why, "mistakes": mistakes})


def _json(status: HTTPStatus, body: object, headers: Mapping[str, str] | None = None) -> AsgiResponse:
    return AsgiResponse(to_json(body), status, {"content-type": "application/json", **(headers or {})})


def _log_mistakes(city_file: Path, mistakes: Sequence[Mistake]) -> None:
    """Log what is wrong with a city file and the history files that it names."""
    for one in mistakes:
        of = "city_file" if one.file == str(city_file) else "history_file"
        how = "wrong" if one.allowed else "unreadable"
        log.critical(f"{of}_{how}", where=one.where, at=one.key, wrong=one.wrong, allowed=one.allowed)

"""How a service runs: it serves HTTP until it is asked to end or something fails, and ends in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from types import FrameType
from typing import Final, NoReturn

import structlog
import uvicorn
from faststream.asgi.types import ASGIApp

from shared.process.http_limits import HEAD_WITHIN, ClientPatience, LimitedConnection, within
from shared.process.settings import ServiceSettings
from shared.process.shutdown import DRAIN, END, cancel

log = structlog.stdlib.get_logger(__name__)

COLLECT_RARELY: Final = (50_000, 20, 100)
"""Thresholds of the cyclic garbage collector: a batch makes thousands of small objects and no cycles, and
with the default thresholds a third of the time under load goes into looking for some."""


def collect_rarely() -> None:
    """Have this process look for garbage less often; for the ``main`` of services under load."""
    gc.set_threshold(*COLLECT_RARELY)


def run_service(service: Coroutine[object, object, int]) -> NoReturn:
    """Run a service and end the process with the status that it returns.

    No thread keeps it from ending: one that hangs, in a library or while it looks up a host, cannot be broken
    off, and the interpreter would wait for it as long as it takes.
    """
    asyncio.run(_run(service))


async def _run(service: Coroutine[object, object, int]) -> NoReturn:
    try:
        status = await service
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    with suppress(TimeoutError):
        async with asyncio.timeout(END.total_seconds()):
            await cancel(asyncio.all_tasks() - {asyncio.current_task()})
    logging.shutdown()
    os._exit(status)


class Fault:
    """Why a service cannot go on. The first reason stays; ``serve`` then ends with status 1."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._reported = asyncio.Event()

    def report(self, reason: str) -> None:
        """Ask for the end of the process, with requests under way finished."""
        if self.reason is None:
            self.reason = reason
            log.critical("fault", reason=reason)
        self._reported.set()

    async def reported(self) -> None:
        """Return once there is a reason."""
        await self._reported.wait()

    async def check(self, _now: datetime) -> str | None:
        """The ``Check`` of the work that is watched."""
        return self.reason

    def watch(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """Report it when a task ends that should run as long as the process; being cancelled is fine."""
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.critical("task_failed", task=task.get_name(), exc_info=error)
        self.report(f"{task.get_name()} ended ({type(error).__name__ if error else 'without an error'})")


async def serve(app: ASGIApp, settings: ServiceSettings, fault: Fault) -> int:
    """Serve until SIGTERM, SIGINT or a fault, finish requests under way, and return the exit status.

    Asked to end while the application starts, it does not wait until it has, or has given up.
    What a client may cost is limited (``shared.process.http_limits``). Port 0 takes a free one; the log line
    ``listening`` says which. Raises ``SystemExit`` when the application does not start or the port is taken.
    """
    limits = settings.http_limits
    server = Server(
        uvicorn.Config(
            within(limits, app),
            host=settings.host,
            port=settings.port,
            http=partial(LimitedConnection, limits),  # type: ignore[arg-type]  # it asks for no more than a call
            ws="none",
            backlog=limits.connections,
            timeout_keep_alive=int(HEAD_WITHIN.total_seconds()),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=int(DRAIN.total_seconds()),
        )
    )
    looking = [
        asyncio.create_task(server.end_on(fault), name="end on a fault"),
        asyncio.create_task(server.end_while_starting(asyncio.current_task()), name="end while starting"),
    ]
    try:
        with _quiet_end():
            await server.serve()
    except asyncio.CancelledError:
        if not server.should_exit:
            raise
    finally:
        for look in looking:
            look.cancel()
    log.info("stopped", reason=fault.reason or "asked to")
    return 0 if fault.reason is None else 1


LOOK_S: Final = 0.1
"""How often to see whether a signal came while the application starts."""


class Server(uvicorn.Server):
    """uvicorn, which ends in order, however it is asked and whenever."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._patience = ClientPatience()

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        try:
            await super().startup()
        except SystemExit as ended:
            error = ended.__context__
            if isinstance(error, OSError):  # it cannot listen there
                at = {"host": self.config.host, "port": self.config.port}
                # asyncio puts the address into its text; looking up a name has numbers of its own, below 0.
                number = error.errno or 0
                why = os.strerror(number) if number > 0 else error.strerror
                log.critical("cannot_listen", **at, why=why, settings=["WACHTPOST_HOST", "WACHTPOST_PORT"])
            raise
        port = self.servers[0].sockets[0].getsockname()[1]
        log.info("listening", host=self.config.host, port=port)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """However often it is asked: at a second SIGINT uvicorn would break the orderly end off."""
        super().handle_exit(signal.SIGTERM, frame)

    async def on_tick(self, counter: int) -> bool:
        self._patience.look(self.server_state.connections, time.monotonic())
        return await super().on_tick(counter)

    async def end_on(self, fault: Fault) -> None:
        await fault.reported()
        self.should_exit = True

    async def end_while_starting(self, serving: asyncio.Task[object] | None) -> None:
        """uvicorn heeds a signal only once the application has started, which may wait for Redis."""
        while not (self.started or self.should_exit):  # noqa: ASYNC110 - all that its signal handler sets
            await asyncio.sleep(LOOK_S)
        if not self.started and serving is not None:
            self.lifespan.logger = logging.Logger("silent", logging.CRITICAL + 1)  # no traceback of the end
            serving.cancel()


@contextmanager
def _quiet_end() -> Iterator[None]:
    """uvicorn raises the signal that ended it anew once all is done: without this, SIGTERM would
    be reported as a death by signal although everything ended as it should."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

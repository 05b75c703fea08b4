"""What every service process needs besides its own work: logging, settings, health and an end.

The composition roots (``services.*.app``) put these together; nothing here knows what a service does.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn, TypeVar

import structlog
import uvicorn
from faststream.asgi import AsgiResponse
from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from pydantic import ValidationError
from pydantic_core import to_json
from redis.asyncio.cluster import RedisCluster
from redis.exceptions import OutOfMemoryError, RedisError
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.config.errors import Mistake, explain, explain_as
from shared.config.model import CityFile, load
from shared.history_file import HistoryFile, load_history, place_mistakes
from shared.process.clock import Clock
from shared.process.http_limits import HEAD_WITHIN, ClientPatience, LimitedConnection, within
from shared.process.settings import ServiceSettings
from shared.process.shutdown import DRAIN, END, cancel
from shared.redis.connection import RedisClient, why_refused
from shared.redis.scripts import AS_A_WRITE, BELOW_HIGH_WATER, HIGH_WATER

PING_WITHIN: Final = timedelta(seconds=1)
"""A Redis that takes longer to answer a ping is as good as gone; probes give up after a few seconds."""

log = structlog.stdlib.get_logger(__name__)


# Logging ---------------------------------------------------------------------------------------------

_URL_PASSWORD: Final = re.compile(r"(\w://[^/\s:@\"]*):[^@/\s\"]+@")
_PYDANTIC_INPUT: Final = re.compile(r"input_value=.*?, input_type=")
SECRET_NAMES: Final = frozenset({"password", "secret", "token", "authorization", "key", "api_key"})
_MASK: Final = "***"


def configure_logging(service: str, level: str) -> None:
    """Write JSON lines with UTC timestamps to stdout, from structlog and from every library's logger.

    Raises ``ValueError`` for an unknown level. Tracebacks carry no local variables.
    """
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(service),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _masked,
                _one_line,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("faststream", "uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers = []
        library.propagate = True
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    # Below that it names every file beside a followed log, and a recording may be called after a caller.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    logging.captureWarnings(True)


def _named(service: str) -> Processor:
    def name(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        return {**line, "service": service}

    return name


def _masked(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    return {name: _MASK if name.lower() in SECRET_NAMES else value for name, value in line.items()}


def _one_line(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
    """Render; passwords in URLs and the inputs that pydantic quotes stay out, wherever they came from."""
    text = to_json(line, fallback=str).decode()
    return _PYDANTIC_INPUT.sub("input_type=", _URL_PASSWORD.sub(rf"\1:{_MASK}@", text))


# Settings --------------------------------------------------------------------------------------------

_Settings = TypeVar("_Settings", bound=ServiceSettings)


def settings_or_exit(kind: type[_Settings]) -> _Settings:
    """Return the settings of the environment; else says which variable is wrong and ends the process."""
    try:
        return kind()
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix", ""))
        for mistake in error.errors(include_url=False, include_input=False):
            name = prefix + "_".join(str(part) for part in mistake["loc"]).upper()
            log.critical("setting_wrong", name=name, wrong=mistake["msg"])
        sys.exit(os.EX_CONFIG)


def city_or_exit(path: Path) -> CityFile:
    """Return the city file; else logs every mistake in it and ends the process."""
    try:
        return load(path)
    except OSError as error:
        log.critical("city_file_unreadable", file=str(path), wrong=error.strerror)
    except ValueError:
        mistakes = explain(path.read_text(encoding="utf-8", errors="replace"), str(path))
        _log_mistakes("city_file_wrong", mistakes)
    sys.exit(os.EX_CONFIG)


def history_or_exit(city_file: Path, city: CityFile) -> tuple[HistoryFile, ...]:
    """Return the history files that a city file names; else logs what is wrong and ends the process."""
    wrong = False
    for file in city.history.files:
        path = city_file.parent / file
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            log.critical("history_file_unreadable", file=str(path), wrong=error.strerror)
            wrong = True
            continue
        mistakes = explain_as(HistoryFile, text, str(path), city.city.language, partial(place_mistakes, city))
        _log_mistakes("history_file_wrong", mistakes)
        wrong = wrong or bool(mistakes)
    if wrong:
        sys.exit(os.EX_CONFIG)
    return load_history(city_file, city.history.files)


def _log_mistakes(event: str, mistakes: Iterable[Mistake]) -> None:
    for mistake in mistakes:
        log.critical(event, where=mistake.where, at=mistake.key, wrong=mistake.wrong, allowed=mistake.allowed)


# Health ----------------------------------------------------------------------------------------------

Check = Callable[[datetime], Awaitable[str | None]]
"""Looks at one thing at an instant: nothing when it is fine, else what is wrong."""


class Degraded(str):
    """What is wrong although the work gets done: somebody should look. It is told and fails no probe."""

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

    ``makes_room``: for whoever goes on writing in a full Redis; there it is told and fails no probe.
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
            return []  # a shard is away, which its partitions tell
        return list(said)

    return answers


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


COLLECT_RARELY: Final = (50_000, 20, 100)
"""Thresholds of the cyclic garbage collector: a batch makes thousands of small objects and no cycles, and
with the default thresholds a third of the time under load goes into looking for some."""


def collect_rarely() -> None:
    """Have this process look for garbage less often; for the ``main`` of services under load."""
    gc.set_threshold(*COLLECT_RARELY)


# Running ---------------------------------------------------------------------------------------------


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
        await super().startup()
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

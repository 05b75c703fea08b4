"""All parts of the product on one machine, supervised: Valkey, the services, the page in the browser."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from rich.console import Console

from shared.config.model import CityFile
from shared.process.clock import Clock, system_clock
from shared.process.ports import PortTakenError, stop_at_a_taken_port
from shared.translation import Translator
from wachtpost.live.board import BoardContext
from wachtpost.live.display import Display, display_on
from wachtpost.live.reader import ServiceReader, client_of
from wachtpost.live.ready import EVERYWHERE, ServiceFailedError, fail, newly_ready, wait_until_ready
from wachtpost.live.snapshot import Snapshot
from wachtpost.live.stop_signals import stop_signals
from wachtpost.live.supervised import DirectoryTakenError, SupervisedServices, SupervisorLostError
from wachtpost.live.valkey import HOST
from wachtpost.up.data_directory import DataDirectory

PAGE: Final = "page"
INGEST: Final = "ingest"
EVALUATOR: Final = "evaluator"
NOTIFIER: Final = "notifier"
REPORTER: Final = "reporter"
VALKEY: Final = "Valkey"
PORTS: Final = (PAGE, INGEST, EVALUATOR, NOTIFIER, REPORTER, VALKEY)
"""In the order of their ports, from the page's on."""
FIRST: Final = (EVALUATOR, NOTIFIER, PAGE)
"""What is waited for before the page is shown; ingest may read old logs for long."""
PROGRAMS: Final[Mapping[str, list[str]]] = {
    PAGE: ["wachtpost.page"],
    INGEST: ["wachtpost", "ingest", "--import"],
    EVALUATOR: ["services.evaluator"],
    NOTIFIER: ["services.notifier"],
    REPORTER: ["services.reporter"],
}

LOOK_EVERY: Final = timedelta(seconds=1)
AGAIN_AFTER: Final = timedelta(seconds=5)
"""How long a service must have run, for another to be started at once in its place."""
PORTS_WITHIN: Final = 10.0
"""Seconds that services of a run that was killed may take to end."""
ASK_EVERY: Final = 0.1


class UpError(Exception):
    """It cannot go on; the text says why, to its user."""


@dataclass(frozen=True)
class UpOptions:
    """What to run."""

    city_file: Path
    city: CityFile
    data: Path
    host: str
    """Of the page, and of the notifier behind the links in messages; the rest is reached from here only."""
    port: int
    """Of the page."""

    def port_of(self, what: str) -> int:
        """Return the port of one of ``PORTS``."""
        return self.port + PORTS.index(what)

    def host_of(self, what: str) -> str:
        """Return the address that one of ``PORTS`` listens on."""
        return self.host if what in {PAGE, NOTIFIER} else HOST

    def url_of(self, what: str) -> str:
        """Return where people reach the page or the notifier."""
        host = socket.gethostname() if self.host in EVERYWHERE else self.host
        return f"http://{host}:{self.port_of(what)}"


def run(options: UpOptions, say: Translator) -> None:
    """Run everything until Ctrl-C or SIGTERM; nothing is left running. Raises ``UpError``."""
    console = Console(highlight=False)
    with stop_signals() as stop:
        try:
            _Up(options, system_clock, display_on(console, say), console.is_terminal, say, stop).run()
        except ServiceFailedError as error:
            raise UpError(str(error)) from None
        except SupervisorLostError as error:
            lost = say.gettext(
                "The process that looks after the services is gone; everything has been stopped."
            )
            raise UpError(f"{lost} {error}".strip()) from None


class _Up:
    """One run. What it starts is supervised, and ends with it."""

    def __init__(
        self,
        options: UpOptions,
        now: Clock,
        display: Display,
        has_board: bool,
        say: Translator,
        stop: threading.Event,
    ) -> None:
        self._options = options
        self._now = now
        self._display = display
        self._has_board = has_board
        self._say = say
        self._stop = stop
        reports = (REPORTER,) if options.city.report.receivers else ()
        self._names = (*FIRST, INGEST, *reports)
        self._ready: dict[str, str] = {}
        self._started: dict[str, datetime] = {}

    def run(self) -> None:
        say, options = self._say, self._options
        try:
            data = DataDirectory(options.data)
        except OSError as error:
            raise UpError(
                say.gettext(
                    "{directory} cannot be made ({why}): name another with --data.",
                    directory=options.data,
                    why=error.strerror,
                )
            ) from None
        self._display.echo(
            say.gettext(
                "Wachtpost for {city}: all of it runs on this machine; what it knows is kept in {directory}.",
                city=options.city.city.name,
                directory=options.data,
            )
        )
        with ExitStack() as stack:
            services = stack.enter_context(self._supervised(data))
            stack.callback(self._display.echo, say.gettext("Stopping everything …"))
            stack.callback(self._display.close)
            self._run_in(services, data)
        self._display.echo(say.gettext("Stopped; nothing is left running."))

    def _supervised(self, data: DataDirectory) -> SupervisedServices:
        say = self._say
        # What the environment says of another Redis is not about this one.
        os.environ.pop("WACHTPOST_REDIS_PASSWORD_FILE", None)
        try:
            return SupervisedServices(data.path.resolve(), self._options.port_of(VALKEY))
        except PortTakenError:
            raise self._port_taken(VALKEY) from None
        except DirectoryTakenError:
            runs = say.gettext("Wachtpost runs already for {city}.", city=self._options.city.city.name)
            raise UpError(f"{runs} {data.page()}".strip()) from None

    def _run_in(self, services: SupervisedServices, data: DataDirectory) -> None:
        environment = self._environment(services, data)
        self._wait_for_ports()
        start = self._starter(services, environment, data)
        for name in self._names:
            start(name)
        ready = wait_until_ready(services, FIRST, self._now, self._stop, self._say, self._echo_indented)
        if ready is None:
            return
        self._ready |= ready
        self._announce(data, data.environment_file(environment))
        with client_of(ready[EVALUATOR]) as evaluator, client_of(ready[NOTIFIER]) as notifier:
            key = data.key_file("api_key").read_text(encoding="utf-8").strip()
            notifier.headers["Authorization"] = f"Bearer {key}"
            reader = ServiceReader(self._options.city, evaluator, notifier)
            self._look_on(services, start, reader)

    # Setting up

    def _environment(self, services: SupervisedServices, data: DataDirectory) -> dict[str, str]:
        """What every process of the city is told; also a command that somebody types."""
        return {
            "WACHTPOST_CITY_FILE": str(self._options.city_file),
            "WACHTPOST_REDIS_URL": services.redis_url,
            "WACHTPOST_PSEUDONYM_KEY_FILE": str(data.key_file("pseudonym_key").resolve()),
            "WACHTPOST_LINK_KEY_FILE": str(data.key_file("link_key").resolve()),
            "WACHTPOST_BASE_URL": self._options.url_of(NOTIFIER),
        }

    def _starter(
        self, services: SupervisedServices, environment: Mapping[str, str], data: DataDirectory
    ) -> Callable[[str], None]:
        evaluator = f"http://{HOST}:{self._options.port_of(EVALUATOR)}"
        own = {
            PAGE: {"WACHTPOST_EVALUATOR_URL": evaluator},
            NOTIFIER: {"WACHTPOST_API_KEYS_FILE": str(data.hash_file(data.key_file("api_key")).resolve())},
        }

        def start(name: str) -> None:
            self._started[name] = self._now()
            port = str(self._options.port_of(name))
            at = {"WACHTPOST_HOST": self._options.host_of(name), "WACHTPOST_PORT": port}
            services.start(name, PROGRAMS[name], {**environment, **at, **own.get(name, {})})

        return start

    def _wait_for_ports(self) -> None:
        """Raise ``UpError`` when a port stays taken; what a killed run left behind is about to end."""
        until = time.monotonic() + PORTS_WITHIN
        for name in self._names:
            while (taken := self._is_taken(name)) and time.monotonic() < until:
                if self._stop.wait(ASK_EVERY):
                    return
            if taken:
                raise self._port_taken(name)

    def _is_taken(self, what: str) -> bool:
        host, port = self._options.host_of(what), self._options.port_of(what)
        try:
            stop_at_a_taken_port(port, host)
        except PortTakenError:
            return True
        except OSError as error:
            raise UpError(
                self._say.gettext(
                    "Port {port} of {host}, for {what}, cannot be opened: {why}. Look at --port and --host.",
                    port=port,
                    host=host,
                    what=what,
                    why=error.strerror,
                )
            ) from None
        return False

    def _port_taken(self, what: str) -> UpError:
        return UpError(
            self._say.gettext(
                "Port {port}, for {what}, is taken on this machine. Choose others with --port: "
                "the page takes that one, everything else the five after it.",
                port=self._options.port_of(what),
                what=what,
            )
        )

    def _announce(self, data: DataDirectory, environment: Path) -> None:
        say = self._say
        page = f"{self._options.url_of(PAGE)}/"
        data.note_page(page)
        self._display.echo(say.gettext("Live page: {url}", url=page))
        self._display.echo(
            say.gettext("For commands in another window, first: {command}", command=f". {environment}")
        )
        self._display.echo(say.gettext("Ctrl-C stops everything."))

    def _echo_indented(self, text: str) -> None:
        self._display.echo(text)

    # At work

    def _look_on(
        self, services: SupervisedServices, start: Callable[[str], None], reader: ServiceReader
    ) -> None:
        """Keep everything running, and show the board, until someone says stop."""
        snapshot = Snapshot()
        while not self._stop.wait(LOOK_EVERY.total_seconds()):
            self._start_again(services, start)
            for name, url in newly_ready(services, self._names, self._ready).items():
                self._ready[name] = url
            if self._has_board:
                now = self._now()
                snapshot = reader.figures() or snapshot
                context = BoardContext(self._options.city, now, 1, known=reader.breaches(snapshot, now))
                self._display.show(snapshot, context, now)

    def _start_again(self, services: SupervisedServices, start: Callable[[str], None]) -> None:
        """Start anew what ended although it had been at work; of anything else ``ServiceFailedError``."""
        for name, status in services.ended().items():
            why = self._say.gettext("{what} ended with status {status}.", what=name, status=status)
            if name not in self._ready or status == os.EX_CONFIG:
                fail(services, name, why, self._say)
            if self._now() - self._started[name] >= AGAIN_AFTER:
                again = self._say.gettext(
                    "It is started again; its log: {file}", file=services.log_file(name)
                )
                self._display.echo(f"{why} {again}")
                start(name)

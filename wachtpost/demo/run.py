"""The demo, put together: supervised services, a day to tell them, and a board to look at."""

from __future__ import annotations

import json
import secrets
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import httpx
from pydantic import TypeAdapter

from services.notifier.messages.message import Writer
from services.notifier.messages.template_files import TemplateFault, load_templates
from services.notifier.model import Breach
from shared.calendar import DAY
from shared.config.model import CityFile
from shared.process.clock import Clock, SimulatedClock
from shared.process.ports import free_port
from shared.translation import Translator
from simulator import next_working_day, rush_start, simulate
from wachtpost.demo import city_copy, replay
from wachtpost.demo.alerts import Known, known_of
from wachtpost.demo.board import INSTANT, BoardContext
from wachtpost.demo.display import Display
from wachtpost.demo.feed import EventFeed, Feed, IngestUnavailableError, LogFeed
from wachtpost.demo.mailbox import Mailbox, open_mailbox
from wachtpost.demo.snapshot import Snapshot, read_metrics
from wachtpost.demo.supervised import SupervisedServices, SupervisorLostError

INGEST: Final = "services.ingest"
EVALUATOR: Final = "services.evaluator"
NOTIFIER: Final = "services.notifier"
SERVICES: Final = (INGEST, EVALUATOR, NOTIFIER)
HOST: Final = "127.0.0.1"
BREACHES: Final = TypeAdapter(tuple[Breach, ...])
"""What the notifier answers at ``/v1/breaches``."""
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

READY_WITHIN: Final = timedelta(minutes=3)
"""How long the services may take to be healthy; usually three seconds, a minute on a busy machine."""
ASK_EVERY: Final = 0.1
"""Seconds between two looks at whether they are."""
ANSWER_WITHIN: Final = 30.0
"""Seconds that a service may take to answer."""

FEED_EVERY: Final = 0.1
"""Seconds between two handfuls of events."""
LOOK_EVERY: Final = timedelta(seconds=1)
STARTING_TAKES: Final = timedelta(seconds=6)
"""On the wall, until the services are ready and know the morning so far; then the bad spell begins."""
AFTERWARDS: Final = timedelta(seconds=3)
"""How long the board stays once the day is told; everything is counted by then."""


class DemoError(Exception):
    """The demo cannot go on; the text says why, to its user."""


@dataclass(frozen=True)
class Options:
    """What to show."""

    document: Mapping[str, object]
    """The city file as tables; valid."""
    speed: float
    seed: int
    volume: float
    """As ``simulate`` has it."""
    recording: replay.Recording | None = None
    limit: timedelta | None = None
    """End after this long on the board; none: when the day is over."""


def run(options: Options, now: Clock, display: Display, say: Translator) -> None:
    """Run the demo until its limit, the end of the day, Ctrl-C or SIGTERM. Nothing is left running.

    Raises ``DemoError``.
    """
    try:
        with _stop_signals() as stop:
            _Demo(options, now, display, say, stop).play()
    except SupervisorLostError as error:
        lost = say.gettext("The process that looks after the services is gone; everything has been stopped.")
        raise DemoError(f"{lost} {error}".strip()) from None
    except IngestUnavailableError as error:
        refused = say.gettext(
            "ingest refuses the events: status {status}, {answer}", status=error.status, answer=error
        )
        raise DemoError(refused) from None


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into a request to stop: what runs is ended in order."""
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Demo:
    """One run. What it starts is supervised, and ends with it."""

    def __init__(
        self, options: Options, now: Clock, display: Display, say: Translator, stop: threading.Event
    ) -> None:
        self._options = options
        self._now = now
        self._display = display
        self._say = say
        self._stop = stop
        document = dict(options.document)
        if options.recording is not None:
            document = city_copy.with_queues(document, options.recording.queues)
        self._document = document
        self._city = CityFile.model_validate(document)
        sites = [site.id for site in self._city.sites]
        self._senders = {
            site: city_copy.DemoSender(source, f"wachtpost_{secrets.token_urlsafe(32)}")
            for site, source in city_copy.source_names(sites).items()
        }
        self._api_key = secrets.token_urlsafe(32)

    def play(self) -> None:
        """From nothing to nothing."""
        say, echo = self._say, self._display.echo
        echo(
            say.gettext(
                "Wachtpost for {city}: everything runs on this machine for now and is gone afterwards.",
                city=self._city.city.name,
            )
        )
        self._echo_starting("Valkey")
        with ExitStack() as stack:
            stack.callback(echo, say.gettext("Stopped; nothing is left running."))
            services = stack.enter_context(SupervisedServices())
            stack.callback(echo, say.gettext("Stopping everything …"))
            stack.callback(self._display.close)
            self._play_in(services, stack)

    def _play_in(self, services: SupervisedServices, stack: ExitStack) -> None:
        log = services.directory / "queue_log"
        mailbox = stack.enter_context(open_mailbox())
        port = free_port(HOST)
        # Translators: who receives the messages of the demo: a role, no person.
        name = self._say.gettext("Desk supervisor")
        notifier_url = f"http://{HOST}:{port}"
        document = city_copy.with_receiver(self._with_sources(log), name, mailbox.url, notifier_url)
        self._city = CityFile.model_validate(document)
        city_file = services.directory / "city.toml"
        city_file.write_text(city_copy.toml(document), encoding="utf-8")
        clock = self._clock()
        self._start_services(services, city_file, clock, port)
        urls = self._wait_until_ready(services)
        if urls is None:
            return
        ingest, evaluator, notifier = (stack.enter_context(_client(urls[name])) for name in SERVICES)
        notifier.headers["Authorization"] = f"Bearer {self._api_key}"
        self._announce(clock)
        look = _MetricsReader(self._city, evaluator, notifier, mailbox)
        self._show_day(services, clock, self._feed(clock, ingest, log), look)

    # Setting up

    def _with_sources(self, log: Path) -> dict[str, object]:
        recording = self._options.recording
        if recording is None or not recording.is_log:
            return city_copy.with_http_sources(self._document, self._senders)
        log.touch()
        return city_copy.with_log_source(self._document, self._city.sites[0].id, log)

    def _clock(self) -> SimulatedClock:
        """The services' clock: just before the next bad spell, or now for a recording."""
        now = self._now()
        if self._options.recording is not None:
            return SimulatedClock(now, now, self._options.speed)
        begins = rush_start(self._city, self._day(now)) - STARTING_TAKES * self._options.speed
        return SimulatedClock(now, begins, self._options.speed)

    def _day(self, now: datetime) -> date:
        return next_working_day(self._city, now.astimezone(self._city.city.zone).date() + DAY)

    def _start_services(
        self, services: SupervisedServices, city_file: Path, clock: SimulatedClock, notifier_port: int
    ) -> None:
        pseudonym_key, link_key, api_keys = (
            services.directory / name for name in ("pseudonym_key", "link_key", "api_keys")
        )
        for key in (pseudonym_key, link_key):
            key.write_text(secrets.token_urlsafe(32), encoding="utf-8")
        api_keys.write_text(sha256(self._api_key.encode()).hexdigest(), encoding="utf-8")
        env = {
            "WACHTPOST_CITY_FILE": str(city_file),
            "WACHTPOST_REDIS_URL": services.redis_url,
            "WACHTPOST_HOST": HOST,
            "WACHTPOST_PORT": "0",
            "WACHTPOST_CLOCK": str(clock),
        }
        own = {
            INGEST: {"WACHTPOST_PSEUDONYM_KEY_FILE": str(pseudonym_key)},
            NOTIFIER: {
                "WACHTPOST_PORT": str(notifier_port),  # the links in its messages lead there
                "WACHTPOST_LINK_KEY_FILE": str(link_key),
                "WACHTPOST_API_KEYS_FILE": str(api_keys),
            },
        }
        for service in SERVICES:
            self._echo_starting(_short(service))
            services.start(service, {**env, **own.get(service, {})})

    def _wait_until_ready(self, services: SupervisedServices) -> dict[str, str] | None:
        """Return where the services listen once both are healthy, or nothing when asked to stop before.

        Raises ``DemoError`` when one ends, or takes too long.
        """
        urls: dict[str, str] = {}
        deadline = self._now() + READY_WITHIN
        with _client("") as client:
            while len(urls) < len(SERVICES):
                self._raise_if_ended(services)
                for service in set(SERVICES) - urls.keys():
                    url = _listening(services.log(service))
                    if url is not None and _healthy(client, url):
                        urls[service] = url
                        page = f"{url}/metrics"
                        ready = self._say.gettext("{what} is ready: {url}", what=_short(service), url=page)
                        self._display.echo(f"  {ready}")
                if self._stop.wait(ASK_EVERY):
                    return None
                if self._now() > deadline:
                    late = min(set(SERVICES) - urls.keys())
                    limit = f"{READY_WITHIN.total_seconds():g}"
                    why = self._say.gettext(
                        "{what} was not ready after {limit} s.", what=_short(late), limit=limit
                    )
                    self._fail(services, late, why)
        return urls

    def _raise_if_ended(self, services: SupervisedServices) -> None:
        for service, status in services.ended().items():
            why = self._say.gettext("{what} ended with status {status}.", what=_short(service), status=status)
            self._fail(services, service, why)

    def _fail(self, services: SupervisedServices, service: str, why: str) -> NoReturn:
        tail = self._say.gettext("The last lines of its log:")
        raise DemoError(f"{why}\n{tail}\n{services.log_tail(service)}")

    def _echo_starting(self, what: str) -> None:
        starting = self._say.gettext("starting {what} …", what=what)
        self._display.echo(f"  {starting}")

    # The day

    def _feed(self, clock: SimulatedClock, ingest: httpx.Client, log: Path) -> Feed:
        recording = self._options.recording
        if recording is None:
            day = simulate(self._city, self._day(clock.real), self._options.seed, volume=self._options.volume)
            return EventFeed(day, ingest, self._senders)
        shift = replay.shift_of(recording, clock.simulated)
        if recording.is_log:
            return LogFeed(replay.shifted_lines(recording, shift), log)
        return EventFeed(replay.shifted_events(recording, shift), ingest, self._senders)

    def _announce(self, clock: SimulatedClock) -> None:
        say, options = self._say, self._options
        speed = say.number(options.speed, 0 if options.speed == int(options.speed) else 1)
        day = say.local(clock.simulated.astimezone(self._city.city.zone), INSTANT)
        if options.recording is None:
            day_shown = say.gettext(
                "A simulated day, {day}, {speed}× as fast (seed {seed}, volume {volume}).",
                day=day,
                speed=speed,
                seed=options.seed,
                volume=say.number(options.volume, 0 if options.volume == int(options.volume) else 1),
            )
        else:
            day_shown = say.gettext(
                "{file}, shifted to {day}, {speed}× as fast.",
                file=options.recording.path,
                day=day,
                speed=speed,
            )
        self._display.echo(day_shown)
        self._display.echo(say.gettext("Ctrl-C stops everything."))

    def _show_day(
        self, services: SupervisedServices, clock: SimulatedClock, feed: Feed, look: _MetricsReader
    ) -> None:
        """Tell the day and show the board, until the time is up, the day is over or someone says stop."""
        snapshot = Snapshot()
        started = self._now()
        end = None if self._options.limit is None else started + self._options.limit
        look_at = started + LOOK_EVERY  # the morning so far is counted by then
        while True:
            now = self._now()
            feed.advance(clock())
            if feed.finished and end is None:
                end = now + AFTERWARDS
                self._display.echo(self._say.gettext("The day is over."))
            over = self._stop.is_set() or (end is not None and now >= end)
            if over or now >= look_at:
                look_at = now + LOOK_EVERY
                self._raise_if_ended(services)
                snapshot = look.figures() or snapshot
                context = BoardContext(
                    self._city,
                    clock(),
                    self._options.speed,
                    feed.refused,
                    known=look.breaches(clock()),
                    messages=look.mailbox.messages,
                )
                self._display.show(snapshot, context, now)
            if over:
                return
            self._stop.wait(FEED_EVERY)


def _client(url: str) -> httpx.Client:
    """A client that looks at no proxy settings: everything is on this machine."""
    return httpx.Client(base_url=url, timeout=ANSWER_WITHIN, trust_env=False)


def _short(service: str) -> str:
    return service.rpartition(".")[2]


def _listening(log: list[str]) -> str | None:
    """Return the URL that a service's log tells, once it does."""
    for line in log:
        try:
            told = json.loads(line)
        except json.JSONDecodeError:
            continue  # a traceback, or a line that is being written
        if isinstance(told, dict) and told.get("event") == "listening":
            return f"http://{HOST}:{told['port']}"
    return None


def _healthy(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/health").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


class _MetricsReader:
    """Asks the services how things stand."""

    def __init__(
        self, city: CityFile, evaluator: httpx.Client, notifier: httpx.Client, mailbox: Mailbox
    ) -> None:
        self.mailbox = mailbox
        self._writer = Writer(city, load_templates(city.notify.templates, _known_already))
        self._evaluator = evaluator
        self._notifier = notifier
        self._known: Known = {}

    def figures(self) -> Snapshot | None:
        """Return the present figures; nothing while the evaluator does not answer."""
        page = _get(self._evaluator, "/metrics")
        return None if page is None else read_metrics(page.text)

    def breaches(self, now: datetime) -> Known:
        """Return what the notifier knows of breaches; what it last said while it does not answer."""
        answer = _get(self._notifier, "/v1/breaches")
        if answer is not None:
            self._known = known_of(BREACHES.validate_json(answer.content), self._writer, now)
        return self._known


def _get(client: httpx.Client, path: str) -> httpx.Response | None:
    try:
        answer = client.get(path)
    except httpx.TransportError:
        return None
    return answer if answer.status_code == httpx.codes.OK else None


def _known_already(_fault: TemplateFault) -> None:
    """Say nothing: the notifier reads the same templates and has it in its log."""

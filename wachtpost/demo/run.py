"""The demo, put together: supervised services, a day to tell them, and a board to look at."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import httpx

from shared.calendar import DAY
from shared.config.model import CityFile
from shared.process.clock import Clock, SimulatedClock
from shared.process.ports import free_port
from shared.translation import Translator
from simulator import next_working_day, rush_start, simulate
from wachtpost.demo import city_copy, replay
from wachtpost.demo.feed import EventFeed, Feed, IngestUnavailableError, LogFeed
from wachtpost.demo.mailbox import Mailbox, open_mailbox
from wachtpost.live.board import INSTANT, BoardContext
from wachtpost.live.display import Display
from wachtpost.live.reader import ServiceReader, client_of
from wachtpost.live.ready import ServiceFailedError, raise_if_ended, wait_until_ready
from wachtpost.live.snapshot import Snapshot
from wachtpost.live.stop_signals import stop_signals
from wachtpost.live.supervised import SupervisedServices, SupervisorLostError
from wachtpost.live.valkey import HOST

INGEST: Final = "ingest"
EVALUATOR: Final = "evaluator"
NOTIFIER: Final = "notifier"
SERVICES: Final = (INGEST, EVALUATOR, NOTIFIER)

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
        with stop_signals() as stop:
            _Demo(options, now, display, say, stop).play()
    except ServiceFailedError as error:
        raise DemoError(str(error)) from None
    except SupervisorLostError as error:
        lost = say.gettext("The process that looks after the services is gone; everything has been stopped.")
        raise DemoError(f"{lost} {error}".strip()) from None
    except IngestUnavailableError as error:
        refused = say.gettext(
            "ingest refuses the events: status {status}, {answer}", status=error.status, answer=error
        )
        raise DemoError(refused) from None


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
        urls = wait_until_ready(services, SERVICES, self._now, self._stop, self._say, self._display.echo)
        if urls is None:
            return
        ingest, evaluator, notifier = (stack.enter_context(client_of(urls[name])) for name in SERVICES)
        notifier.headers["Authorization"] = f"Bearer {self._api_key}"
        self._announce(clock)
        look = ServiceReader(self._city, evaluator, notifier)
        self._show_day(services, clock, self._feed(clock, ingest, log), look, mailbox)

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
            self._echo_starting(service)
            services.start(service, [f"services.{service}"], {**env, **own.get(service, {})})

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
        self,
        services: SupervisedServices,
        clock: SimulatedClock,
        feed: Feed,
        look: ServiceReader,
        mailbox: Mailbox,
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
                raise_if_ended(services, self._say)
                snapshot = look.figures() or snapshot
                context = BoardContext(
                    self._city,
                    clock(),
                    self._options.speed,
                    feed.refused,
                    known=look.breaches(snapshot, clock()),
                    messages=mailbox.messages,
                )
                self._display.show(snapshot, context, now)
            if over:
                return
            self._stop.wait(FEED_EVERY)

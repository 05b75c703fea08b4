"""Where the webhooks of the bench arrive: ours, and those of an Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from time import monotonic
from typing import Final, NamedTuple

from pydantic import BaseModel

from services.notifier.channels.webhook import WebhookBody

OURS: Final = "/wachtpost"
"""The path of Wachtpost's own body; any other gets an Alertmanager's."""

FIRING: Final = "firing"
RESOLVED: Final = "resolved"


class _Alert(BaseModel):
    status: str
    labels: dict[str, str]


class _AlertmanagerBody(BaseModel):
    alerts: tuple[_Alert, ...]


class Told(NamedTuple):
    """What a message says of a queue."""

    path: str
    queue: str
    kind: str
    judged: datetime | None
    """When the evaluator said so; of our own messages only."""
    decided: datetime | None
    """When the notifier decided to tell it; of our own messages only."""


@dataclass(frozen=True)
class Arrival:
    """A message that came in."""

    at: datetime
    told: Told


class Inbox:
    """Takes in every POST and answers 204; says when what arrived."""

    def __init__(self) -> None:
        self._news = Condition()
        self._arrivals: list[Arrival] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def open(self) -> Iterator[Inbox]:
        """Take messages in while the block runs."""
        serving = Thread(target=self._server.serve_forever, daemon=True)
        serving.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            serving.join()

    def wait(self, path: str, queue: str, kind: str, since: datetime, within: float) -> Arrival:
        """Return the first message of that sort since then. Raises ``TimeoutError`` after ``within`` s."""
        deadline = monotonic() + within
        with self._news:
            while True:
                for arrival in self._arrivals:
                    if arrival.at >= since and arrival.told[:3] == (path, queue, kind):
                        return arrival
                if not self._news.wait(deadline - monotonic()) and monotonic() >= deadline:
                    raise TimeoutError(f"no {kind} of {queue} at {path} within {within:g} s")

    def _take(self, at: datetime, path: str, body: bytes) -> None:
        told = _of_ours(body) if path == OURS else _of_alertmanager(path, body)
        with self._news:
            self._arrivals += [Arrival(at, one) for one in told]
            self._news.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                at = datetime.now(UTC)
                self.send_response(204)
                self.end_headers()
                take(at, self.path, body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class' name
                """Say nothing."""

        return Handler


def _of_ours(body: bytes) -> Sequence[Told]:
    message = WebhookBody.model_validate_json(body)
    return [
        Told(OURS, breach.queue, message.kind.value, breach.at, message.at) for breach in message.breaches
    ]


def _of_alertmanager(path: str, body: bytes) -> Sequence[Told]:
    alerts = _AlertmanagerBody.model_validate_json(body).alerts
    return [Told(path, alert.labels["queue"], alert.status, None, None) for alert in alerts]

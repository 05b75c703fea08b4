"""The demo's receiver: a small HTTP server in this process, to which the notifier's messages go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from pydantic import ValidationError

from services.notifier.channels.webhook import WebhookBody

HOST: Final = "127.0.0.1"
MOST: Final = 1_000_000
"""Bytes of a message; ours have a few thousand."""


class Mailbox:
    """What has arrived so far. Filled by the server's threads, read by the demo's own."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self._lock = threading.Lock()
        self._messages: dict[str, WebhookBody] = {}

    @property
    def messages(self) -> tuple[WebhookBody, ...]:
        """The messages in the order in which they came, each once."""
        with self._lock:
            return tuple(self._messages.values())

    def put(self, message: WebhookBody) -> None:
        """Keep a message; one that comes again, by its idempotency key, is kept once."""
        with self._lock:
            self._messages.setdefault(message.key, message)


@contextmanager
def open_mailbox() -> Iterator[Mailbox]:
    """Receive on a free port of this machine until the block is left."""
    mailbox = Mailbox()

    class Handler(_Handler):
        box = mailbox

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        mailbox.url = f"http://{HOST}:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, name="mailbox", daemon=True)
        thread.start()
        try:
            yield mailbox
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    box: Mailbox
    timeout = 10
    """Seconds that a sender may keep us waiting."""

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST:
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        try:
            self.box.put(WebhookBody.model_validate_json(self.rfile.read(int(length))))
        except ValidationError:
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        self._answer(HTTPStatus.NO_CONTENT)

    def log_message(self, format: str, *_args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the terminal belongs to the board."""

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.end_headers()

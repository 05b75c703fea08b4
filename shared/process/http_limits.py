"""What a client may cost: the limits of every HTTP server of ours, kept before anybody asks for a key.

A connection has one request at a time, so the cap on connections is the cap on open requests, too. Whose turn
it is can be seen on a connection at any moment (``Turn``); once a second each is looked at, and who has kept
us waiting for too long is dropped. When there is no room for a new connection, who keeps us waiting, and has
for longest, makes room: idle connections in any number, however new, do not keep a scrape or a probe out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import h11
import structlog
import uvicorn
from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.types import Message
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol
from uvicorn.server import ServerState

from shared.process.settings import HttpLimits

HEAD_BYTES: Final = 16 * 1024
"""Of a request's line and headers together: an acknowledge link takes up to a few thousand."""

HEAD_WITHIN: Final = timedelta(seconds=10)
"""So long a connection may go without a whole request: one that is quiet, and one whose headers drip in."""

LINGER_BYTES: Final = 1024 * 1024
"""So much of a refused body is still read, and forgotten: closing at once can lose the answer on its way."""

MOST_PIECES: Final = 20_000
"""Of one body, in chunks: some for each of the 5,000 items that ingest takes. Each costs 20 to 50 µs of the
one thread that everybody waits for, however few bytes it brings."""

LOOK_EVERY: Final = timedelta(seconds=1)

log = structlog.stdlib.get_logger(__name__)


class Turn(StrEnum):
    """What the client has to do next."""

    HEAD = "head"
    """Send a request's line and headers."""
    BODY = "body"
    """Send the rest of what it announced."""
    TAKE = "take"
    """Take what was answered."""


class _Wire(h11.Connection):
    """A connection's bytes as HTTP; a body in too many pieces is none."""

    _pieces = 0

    def next_event(self) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._pieces = 0
        elif isinstance(event, h11.Data):
            self._pieces += 1
            if self._pieces > MOST_PIECES:
                raise h11.RemoteProtocolError(f"send a body in at most {MOST_PIECES} pieces")
        return event


class LimitedConnection(H11Protocol):
    """One client's connection."""

    def __init__(
        self,
        limits: HttpLimits,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # as uvicorn has it
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = _Wire(h11.SERVER, HEAD_BYTES)
        self._limits = limits
        self.opened = time.monotonic()
        self._turn: tuple[Turn, object] | None = None
        """Whose turn it was when it was last looked at, and in which request."""
        self.waited = 0.0
        """Seconds that it has been the client's turn, the same one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            slowest = self._slowest_of_others()
            if slowest is not None:
                slowest.drop()
            else:
                self.refuse(503, "more connections than this service takes")

    def _slowest_of_others(self) -> LimitedConnection | None:
        """Who keeps us waiting, and has for longest; of those who just began to, who is here for longest."""
        others = (one for one in self.connections if isinstance(one, LimitedConnection) and one is not self)
        waiting = [one for one in others if one.turn() is not None]
        return max(waiting, key=lambda one: (one.waited, -one.opened), default=None)

    def turn(self) -> Turn | None:
        """Return what is the client's to do; nothing while it is ours."""
        if self.transport.get_write_buffer_size():
            return Turn.TAKE
        if self.conn.their_state is h11.SEND_BODY and not self.flow.read_paused:
            return Turn.BODY
        return Turn.HEAD if self.conn.their_state is h11.IDLE else None

    def look(self, passed: float) -> Turn | None:
        """Note that so many seconds have passed; returns in which turn the client was dropped, if it was."""
        turn = self.turn()
        now = None if turn is None else (turn, self.cycle)
        self.waited = self.waited + passed if now is not None and now == self._turn else 0.0
        self._turn = now
        within = self._limits.patience if turn is not Turn.HEAD else min(HEAD_WITHIN, self._limits.patience)
        if turn is None or self.waited < within.total_seconds():
            return None
        if turn is Turn.BODY and not self.cycle.response_started:
            self.refuse(408, f"send the whole request within {within.total_seconds():g} s")
        else:
            self.drop()
        return turn

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and close; where an answer was begun already, that was the last.

        Who is at work on it is told that the client is gone: as ``connection_lost`` does, only at once.
        """
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:
            self.transport.close()
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def refuse(self, status: int, detail: str) -> None:
        """Answer without asking anybody, and close; only where nothing has been answered yet."""
        self.transport.write(_raw_problem(status, detail))
        self.connections.discard(self)
        self.transport.close()

    def drop(self) -> None:
        """Close at once, whatever has not been sent."""
        self.connections.discard(self)
        self.transport.abort()


class ClientPatience:
    """Looks at all connections, again and again; time that this process slept is not held against them."""

    def __init__(self) -> None:
        self._looked: float | None = None

    def look(self, connections: Iterable[object], now: float) -> None:
        """Drop who has kept us waiting for too long. ``now`` is seconds on a monotonic clock."""
        if self._looked is not None and now - self._looked < LOOK_EVERY.total_seconds():
            return
        passed = 0.0 if self._looked is None else min(now - self._looked, 2 * LOOK_EVERY.total_seconds())
        self._looked = now
        looked = [one.look(passed) for one in list(connections) if isinstance(one, LimitedConnection)]
        dropped = {turn.value: looked.count(turn) for turn in Turn if turn in looked}
        if dropped:
            log.warning("slow_clients_dropped", **dropped)


def within(limits: HttpLimits, app: ASGIApp) -> ASGIApp:
    """Refuse bodies that are too large, announced or in chunks, whatever the application makes of them."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        announced = headers.get(b"content-length", b"0")
        has_body = announced.strip(b"0") != b"" or b"transfer-encoding" in headers
        request = _Request(receive, send, limits.body_bytes, has_body)
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES:
            await request.refuse(431, f"send at most {HEAD_BYTES} bytes of headers")
        elif announced.isdigit() and int(announced) > limits.body_bytes:
            await request.refuse(413, request.too_large)
        elif scope["method"] == "CONNECT":  # said yes to, what follows would be no HTTP any more
            await request.refuse(405, "this is no proxy")
        else:
            await app(scope, request.receive, request.send)

    return limited


class _Request:
    """One request; counts its body. What is answered before all of the body was read is answered last."""

    def __init__(self, receive: Receive, send: Send, most: int, has_body: bool) -> None:
        self._receive = receive
        self._send = send
        self._left = most
        self._unread = has_body
        self._closing = False
        self.too_large = f"send at most {most} bytes a request"

    async def receive(self) -> Message:
        """Pass the body on; raises ``HTTPException`` (413) as soon as it is too large."""
        message = await self._receive()
        self._unread = message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(413, self.too_large)
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer on. Before a connection is closed, some more of the body is read: the client may
        still be sending, and would not get to see the answer."""
        if message["type"] == "http.response.start" and self._unread:
            self._closing = True
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        elif self._closing and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def refuse(self, status: int, detail: str) -> None:
        """Answer without asking the application."""
        headers, body = _problem(detail)
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def _linger(self) -> None:
        left = LINGER_BYTES
        while left > 0:
            message = await self._receive()
            if not message.get("more_body", False):
                return
            left -= len(message["body"])


def _problem(detail: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    body = to_json({"detail": detail})
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    return [(name.encode(), value.encode()) for name, value in headers.items()], body


def _raw_problem(status: int, detail: str) -> bytes:
    headers, body = _problem(detail)
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return b"HTTP/1.1 %d %b\r\n%bconnection: close\r\n\r\n%b" % (status, STATUS_PHRASES[status], lines, body)

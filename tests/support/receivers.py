"""Real receivers on 127.0.0.1: a mail server, an HTTP server and a bare TCP server, with faults on demand.

All run on the test's own event loop and end with their ``async with``.
"""

from __future__ import annotations

import asyncio
import email.policy
import socket
import ssl
import struct
import warnings
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from enum import Enum, auto
from typing import Final

import trustme
from aiosmtpd import smtp
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

HOST: Final = "127.0.0.1"

PAUSE: Final = 0.05
"""Seconds between two bytes of a receiver that drips."""

RST_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of zero: closing sends a reset."""


# Certificates ----------------------------------------------------------------------------------------


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def server(self, name: str = HOST) -> ssl.SSLContext:
        """What a server of that name needs."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(name).configure_cert(context)
        return context

    def client(self) -> ssl.SSLContext:
        """What a client that trusts this authority, and no other, needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        return context


# HTTP ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reply:
    """An answer as it should be."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def encode(self) -> bytes:
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        if self.status == 204 and not self.body:
            del headers["Content-Length"]
        lines = [f"HTTP/1.1 {self.status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


class Fault(Enum):
    """An answer as it should not be."""

    HANG = auto()
    """Reads the request and says nothing, ever."""
    HANG_IN_BODY = auto()
    """Says 200, half the body, and no more."""
    DRIP = auto()
    """A byte of the head now and then, each in time for a limit per read."""
    DRIP_IN_BODY = auto()
    """Says 200, and the body a byte now and then."""
    RESET = auto()
    """Resets the connection after the request."""
    CLOSE = auto()
    """Closes in good order without an answer."""
    NONSENSE = auto()
    """Answers something that is not HTTP."""
    FLOOD = auto()
    """Says 200, and a body without end."""


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes


class HttpReceiver:
    """Keeps what it was sent, and answers as it is told: 204 unless something is in ``answers``, and 500 to
    whatever holds what it ``chokes_on``."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.answers: deque[Reply | Fault] = deque()
        self.chokes_on: bytes | None = None
        self.gate = asyncio.Event()
        """No answer is given while it is not set."""
        self.gate.set()
        self.sent = 0
        """Bytes of answers that were handed to the network."""

    def will(self, *answers: Reply | Fault) -> None:
        """Answer the next requests like this, one each."""
        self.answers.extend(answers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _read_request(reader)
            self.requests.append(request)
            await self.gate.wait()
            if self.chokes_on is not None and self.chokes_on in request.body:
                await self._answer(Reply(500), writer)
            else:
                await self._answer(self.answers.popleft() if self.answers else Reply(), writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client is gone, which some tests are about
        finally:
            writer.close()

    async def _answer(self, answer: Reply | Fault, writer: asyncio.StreamWriter) -> None:
        if isinstance(answer, Reply):
            await self._say(writer, answer.encode())
        else:
            await self._fail(answer, writer)

    async def _fail(self, fault: Fault, writer: asyncio.StreamWriter) -> None:
        match fault:
            case Fault.HANG:
                await asyncio.Event().wait()
            case Fault.HANG_IN_BODY:
                await self._say(writer, b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                await asyncio.Event().wait()
            case Fault.DRIP:
                await self._drip(writer, b"HTTP/1.1 200 OK" + b" " * 10_000)
            case Fault.DRIP_IN_BODY:
                await self._say(writer, b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
                await self._drip(writer, b" " * 10_000)
            case Fault.RESET:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
            case Fault.NONSENSE:
                await self._say(writer, b"220 mail.example ESMTP\r\n")
            case Fault.FLOOD:
                await self._say(writer, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
                while True:
                    await self._say(writer, b"x" * 65536)

    async def _drip(self, writer: asyncio.StreamWriter, what: bytes) -> None:
        for sign in what:
            await self._say(writer, bytes([sign]))
            await asyncio.sleep(PAUSE)  # this is the fault, not a wait for something

    async def _say(self, writer: asyncio.StreamWriter, what: bytes) -> None:
        writer.write(what)
        await writer.drain()
        self.sent += len(what)


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    return Request(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@asynccontextmanager
async def http_receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpReceiver]:
    """A receiver on a free port; with ``tls`` it speaks HTTPS."""
    receiver = HttpReceiver()
    async with _serving(receiver._serve, tls) as port:
        receiver.url = f"{'http' if tls is None else 'https'}://{HOST}:{port}"
        yield receiver


# A server that speaks by script ----------------------------------------------------------------------

HANG_UP: Final = None
"""In a script: close the connection."""


@asynccontextmanager
async def scripted_server(*script: bytes | None, pause: float = 0) -> AsyncIterator[int]:
    """A TCP server that says the first line at once and each further one after a line from the client.

    At the end of the script it says nothing any more; at ``HANG_UP`` it closes. It thinks for ``pause``
    seconds about each line. Yields the port.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for number, line in enumerate(script):
                if number:
                    await reader.readline()
                if line is HANG_UP:
                    return
                await asyncio.sleep(pause)
                writer.write(line + b"\r\n")
                await writer.drain()
            await asyncio.Event().wait()
        except OSError:
            pass
        finally:
            writer.close()

    async with _serving(serve, None) as port:
        yield port


@asynccontextmanager
async def _serving(serve, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """Run ``serve`` for each connection on a free port; at the end nobody is left waiting."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(one, HOST, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


# Mail ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mail:
    """A mail as it arrived."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    raw: bytes
    encrypted: bool
    user: str | None


class MailReceiver:
    """A mail server that keeps what it took.

    ``refuses`` gives the reply for a recipient, ``replies`` the one to a command (``MAIL``, ``DATA``).
    """

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[Mail] = []
        self.logins: list[tuple[str, str]] = []
        self.refuses: dict[str, str] = {}
        self.replies: dict[str, str] = {}

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's names
        self, _server: smtp.SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: smtp.SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: smtp.SMTP, session: Session, envelope: Envelope
    ) -> str:
        raw = envelope.content
        assert isinstance(raw, bytes)
        if "DATA" in self.replies:
            return self.replies["DATA"]
        message = message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        login = session.auth_data
        user = login.login.decode() if isinstance(login, LoginPassword) else None
        self.mails.append(
            Mail(
                envelope.mail_from or "",
                tuple(envelope.rcpt_tos),
                message,
                raw,
                session.ssl is not None,
                user,
            )
        )
        return "250 2.0.0 taken"

    def check(self, login: LoginPassword, users: Mapping[str, str]) -> AuthResult:
        """Whether the password is the user's; remembers the attempt."""
        user, password = login.login.decode(), login.password.decode()
        self.logins.append((user, password))
        return AuthResult(success=users.get(user) == password, auth_data=login, handled=False)


@asynccontextmanager
async def mail_receiver(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    users: Mapping[str, str] | None = None,
) -> AsyncIterator[MailReceiver]:
    """A mail server on a free port: bare, with STARTTLS (required) or within TLS; ``users`` must log in."""
    receiver = MailReceiver()
    connections: list[smtp.SMTP] = []

    def protocol() -> smtp.SMTP:
        with warnings.catch_warnings():
            # It does not see that the connection is within TLS, or that a test wants it in clear.
            warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS", UserWarning)
            connection = smtp.SMTP(
                receiver,
                hostname="mail.example",
                tls_context=starttls,
                require_starttls=starttls is not None,
                auth_required=users is not None,
                auth_require_tls=starttls is not None,
                authenticator=lambda _server, _session, _envelope, _mechanism, login: receiver.check(
                    login, users or {}
                ),
            )
        connections.append(connection)
        return connection

    server = await asyncio.get_running_loop().create_server(protocol, HOST, 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for connection in connections:
            _hang_up(connection.transport)
        await server.wait_closed()


def _hang_up(transport: asyncio.BaseTransport | None) -> None:
    """End a connection whatever is under way on it; ended already: nothing.

    By its socket, because ``abort`` of a transport within TLS raises on Python 3.11.2 (Debian 12).
    """
    if transport is not None and not transport.is_closing():
        with suppress(OSError):  # the client was quicker
            transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        transport.close()

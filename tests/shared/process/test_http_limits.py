"""What a client may cost any HTTP server of ours, shown on real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest
from faststream.asgi.types import Receive, Scope, Send

from services.ingest.auth import sha256
from shared.process.http_limits import HEAD_BYTES, MOST_PIECES
from shared.process.ports import free_port
from shared.process.server import Fault, serve
from shared.process.settings import ServiceSettings
from tests.support.eventually import WITHIN, eventually_async
from tests.support.ingest_desk import PBX_KEY
from tests.support.samples import HOUSE
from tests.support.service_process import ServiceProcess, Services

MIB = 1024 * 1024
MUCH = 300 * MIB
IN_FLIGHT = 32 * MIB
"""The most that two sockets and their buffers can hold of what nobody has asked for."""

DOOR = f"""
[[sources]]
kind = "http"
id = "pbx"
site = "huis"
key_sha256 = ["{sha256(PBX_KEY)}"]
"""

NAMES = ("ingest", "evaluator", "notifier", "reporter")
PATHS = {
    "ingest": ("/v1/events",),
    "notifier": ("/acknowledge", "/v1/silences"),
}


# One request of a real service -------------------------------------------------------------------------


@pytest.fixture
def services(tmp_path: Path, redis_url: str) -> Iterator[Services]:
    city_file = tmp_path / "city.toml"
    city_file.write_text(HOUSE + DOOR)
    with Services(tmp_path, city_file=city_file, redis_url=redis_url) as services:
        yield services


def send_much(port: int, method: str, path: str, chunked: bool, key: str = "") -> tuple[int, bytes]:
    """Send a request with a body of 300 MB; returns how much of it was taken and what was answered."""
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {MUCH}"
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{length}\r\n"
    head += f"Authorization: Bearer {key}\r\n\r\n"
    piece = b"x" * MIB
    if chunked:
        piece = b"%x\r\n%b\r\n" % (len(piece), piece)
    taken = 0
    with closing(socket.create_connection(("127.0.0.1", port), timeout=WITHIN)) as connection:
        try:
            connection.sendall(head.encode())
            while taken < MUCH:
                connection.sendall(piece)
                taken += len(piece)
        except OSError:
            pass  # it has heard enough
        return taken, all_of(connection)


def all_of(connection: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def peak_bytes(service: ServiceProcess) -> int:
    told = Path(f"/proc/{service.pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in told.splitlines() if line.startswith("VmHWM:"))


@pytest.mark.parametrize("name", NAMES)
def test_a_body_of_300_mb_is_refused_by_every_server_and_lies_nowhere(services: Services, name: str) -> None:
    service = services.start(name)
    port = service.port
    before = peak_bytes(service)
    for path in ("/health", "/metrics", "/nothing", *PATHS.get(name, ())):
        for method in ("GET", "POST"):
            for chunked in (False, True):
                taken, answer = send_much(port, method, path, chunked)
                story = f"{method} {path}, {'chunked' if chunked else 'announced'}: {answer[:300]!r}"
                assert taken < IN_FLIGHT, story
                # In chunks nobody knows how much there is, and most need nothing of it to answer.
                assert b"connection: close" in answer.lower(), story
                assert chunked or answer.startswith(b"HTTP/1.1 413"), story
    assert peak_bytes(service) - before < IN_FLIGHT
    service.well()


@pytest.mark.parametrize(
    ("name", "path", "key"),
    [("ingest", "/v1/events", PBX_KEY), ("notifier", "/acknowledge", "")],
)
def test_who_reads_a_body_stops_when_it_is_too_large(
    services: Services, name: str, path: str, key: str
) -> None:
    service = services.start(name)
    port = service.port
    for chunked in (False, True):
        _, answer = send_much(port, "POST", path, chunked, key)
        assert answer.startswith(b"HTTP/1.1 413"), answer
        assert b"send at most" in answer or b"too large" in answer


# Turns and places, with a server of the test's own ------------------------------------------------------


class Town:
    """An application that answers much, reads all, or takes its time; and the server around it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.read = 0
        self.go_on = asyncio.Event()
        self.under_way = 0
        self.clients: list[asyncio.StreamWriter] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{phase}.complete"})
            return
        self.under_way += 1
        try:
            await self.answer(scope["path"], receive, send)
        finally:
            self.under_way -= 1

    async def answer(self, path: str, receive: Receive, send: Send) -> None:
        more = path == "/read"
        while more:
            message = await receive()
            self.read += len(message.get("body", b""))
            more = message.get("more_body", False)
        if path == "/slow":
            await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * (MUCH if path == "/much" else 10)})

    async def open(self, text: str = "") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**16)
        self.clients.append(writer)
        writer.write(text.encode())
        return reader, writer

    async def leave(self) -> None:
        """Every client goes."""
        for writer in self.clients:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self.clients), return_exceptions=True)


@asynccontextmanager
async def served(**limits: object) -> AsyncIterator[Town]:
    town, fault = Town(free_port()), Fault()
    settings = ServiceSettings(port=town.port, **limits)  # type: ignore[arg-type]
    serving = asyncio.create_task(serve(town, settings, fault))

    async def is_up() -> bool:
        try:
            reader, _ = await town.open(HEAD + "Connection: close\r\n\r\n")
        except OSError:
            return False
        return b"200 OK" in await until_closed(reader)

    await eventually_async(is_up)
    try:
        yield town
    finally:
        town.go_on.set()
        await town.leave()
        fault.report("the test is over")
        await serving


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the server closes, which it must."""
    answer = b""
    try:
        async with asyncio.timeout(WITHIN):
            while piece := await reader.read(65536):
                answer += piece
    except ConnectionResetError:
        pass
    return answer


HEAD = "GET / HTTP/1.1\r\nHost: x\r\n"
SHORT = {"http_patience": timedelta(seconds=1)}


@pytest.mark.parametrize(
    ("story", "sent", "answer"),
    [
        ("no word", "", b""),
        ("a head without an end", HEAD, b""),
        (
            "a body that does not come",
            "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab",
            b"408",
        ),
        ("a body that nobody reads", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", b"200 OK"),
    ],
)
async def test_who_does_not_take_his_turn_is_dropped(story: str, sent: str, answer: bytes) -> None:
    async with served(**SHORT) as town:
        reader, _ = await town.open(sent)
        assert (await until_closed(reader))[9:12] == answer[:3], story
        await eventually_async(lambda: town.under_way == 0)


async def test_a_head_that_drips_in_is_dropped() -> None:
    async with served(**SHORT) as town:
        reader, writer = await town.open(HEAD)

        async def gone() -> bool:
            writer.write(b"X: x\r\n")
            return reader.at_eof() or writer.is_closing()

        await eventually_async(gone)


async def test_an_answer_that_is_not_taken_is_dropped_and_others_are_served_meanwhile() -> None:
    async with served(**SHORT) as town:
        await town.open("GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        reader, _ = await town.open(HEAD + "Connection: close\r\n\r\n")
        assert b"200 OK" in await until_closed(reader)
        await eventually_async(lambda: town.under_way == 0)


async def test_who_waits_for_us_is_not_hurried() -> None:
    async with served(**SHORT) as town:
        reader, _ = await town.open("GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        idle, _ = await town.open(HEAD)
        await until_closed(idle)  # as long as a client's patience, at least
        town.go_on.set()
        assert b"200 OK" in await until_closed(reader)


async def test_idle_connections_in_any_number_keep_nobody_out() -> None:
    async with served(http_connections=4) as town:
        idle = [await town.open() for _ in range(100)]

        async def answers() -> bool:
            reader, _ = await town.open(HEAD + "Connection: close\r\n\r\n")
            answer = await until_closed(reader)
            return b"200 OK" in answer

        await eventually_async(answers)
        gone = [asyncio.create_task(until_closed(reader)) for reader, _ in idle]
        await eventually_async(lambda: sum(one.done() for one in gone) >= 96)
        await town.leave()
        await asyncio.gather(*gone)


async def test_new_connections_that_say_nothing_keep_nobody_out_for_a_moment() -> None:
    async with served(http_connections=4) as town:
        for _ in range(100):
            await town.open()
        reader, _ = await town.open(HEAD + "Connection: close\r\n\r\n")
        assert b"200 OK" in await until_closed(reader)


@pytest.mark.parametrize("answered", [True, False])
async def test_a_body_in_tiny_pieces_without_number_is_no_body(answered: bool, caplog) -> None:
    async with served(body_limit=MIB) as town:
        path = "/" if answered else "/read"
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        reader, writer = await town.open(head)
        if answered:
            assert b"200 OK" in await reader.readuntil(b"\r\n")
        writer.write(b"1\r\nx\r\n" * 2 * MOST_PIECES)
        assert (b"400 Bad Request" in await until_closed(reader)) is not answered
        assert town.read <= MOST_PIECES
        assert not [line for line in caplog.records if line.exc_info], "it is no error of ours"


async def test_nobody_is_connected_through_us(caplog) -> None:
    async with served() as town:
        reader, _ = await town.open("CONNECT / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"405 Method Not Allowed" in await until_closed(reader)
        assert not [line for line in caplog.records if line.exc_info]


async def test_where_all_places_are_taken_by_work_the_next_one_is_told_so() -> None:
    async with served(http_connections=4) as town:
        busy = [
            await town.open("GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") for _ in range(4)
        ]
        await eventually_async(lambda: town.under_way == 4)
        reader, _ = await town.open()
        assert (await until_closed(reader)).startswith(b"HTTP/1.1 503 Service Unavailable")
        town.go_on.set()
        for one, _ in busy:
            assert b"200 OK" in await until_closed(one)


@pytest.mark.parametrize("size", [HEAD_BYTES, 10 * HEAD_BYTES, 100 * HEAD_BYTES])
async def test_a_head_that_is_too_large_is_refused(size: int) -> None:
    async with served() as town:
        reader, _ = await town.open(f"{HEAD}Connection: close\r\nX: {'x' * size}\r\n\r\n")
        assert (await until_closed(reader))[9:12] in {b"400", b"431", b""}
        assert town.under_way == 0


async def test_a_body_within_the_limit_is_read_and_the_connection_goes_on() -> None:
    async with served(body_limit=1024) as town:
        reader, writer = await town.open("POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1024\r\n\r\n")
        writer.write(b"x" * 1024)
        assert await reader.readuntil(b"\r\n") == b"HTTP/1.1 200 OK\r\n"
        writer.write(f"{HEAD}Connection: close\r\n\r\n".encode())
        assert (await until_closed(reader)).count(b"200 OK") == 1
        assert town.read == 1024

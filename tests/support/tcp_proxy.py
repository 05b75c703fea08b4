"""A stretch of network of a test's own: bytes go through it until the test disturbs it.

::

    client ──► proxy ──► server        PASS   everything goes through
                                       CUT    connections are reset, new ones at once
                                       HANG   connections stand, nothing moves until the mode changes
                                       DRIP   a few bytes at a time, both ways

What a test asks for most is a *lost answer*: the request arrives, the server does what it says, and the
connection is cut before the client hears of it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import Final

from tests.support.receivers import HOST, RST_ON_CLOSE

PIECE: Final = 64 * 1024
"""Bytes passed on at once, and looked back upon for a request."""

DROP: Final = 40
"""Bytes that drip at once."""

DRIP_EVERY: Final = 0.05
"""Seconds between two drips."""


class Mode(StrEnum):
    PASS = "pass"
    CUT = "cut"
    HANG = "hang"
    DRIP = "drip"


class TcpProxy:
    """Passes everything on to ``target``, a port of this machine; with none, connections are reset."""

    def __init__(self, target: int | None) -> None:
        self.target = target
        self.port = 0
        self.lost = 0
        """How many answers were kept back."""
        self._mode = Mode.PASS
        self._turned = asyncio.Event()
        self._to_lose: list[bytes] = []
        self._open: set[asyncio.StreamWriter] = set()

    def turn(self, mode: Mode) -> None:
        """Be like that from now on, also for the connections that stand."""
        self._mode = mode
        self._turned.set()
        self._turned = asyncio.Event()
        if mode is Mode.CUT:
            self.cut()

    def cut(self) -> None:
        """Reset every connection that is open, at once."""
        for writer in list(self._open):
            _reset(writer)

    def lose_answer_to(self, request: bytes, times: int = 1) -> None:
        """Cut the connection instead of answering the next requests that contain these bytes."""
        self._to_lose += [request] * times

    def lose_no_more(self) -> None:
        """Answer again, whatever was to be lost still."""
        self._to_lose.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one connection's bytes, both ways, until either side ends it."""
        if self._mode is Mode.CUT or self.target is None:
            return _reset(writer)
        try:
            from_server, to_server = await asyncio.open_connection(HOST, self.target)
        except OSError:
            return _reset(writer)
        ends = {writer, to_server}
        self._open |= ends
        doomed = asyncio.Event()
        ways = [
            asyncio.create_task(self._pass_requests(reader, to_server, doomed)),
            asyncio.create_task(self._pass_answers(from_server, writer, doomed)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._open -= ends
            for end in ends:
                _reset(end) if doomed.is_set() else end.close()

    async def _pass_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        said = b""
        while piece := await reader.read(PIECE):
            said = said[-PIECE:] + piece
            wanted = next((request for request in self._to_lose if request in said), None)
            if wanted is not None:
                self._to_lose.remove(wanted)
                said = b""
                doomed.set()
            await self._pass_on(writer, piece)

    async def _pass_answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        while piece := await reader.read(PIECE):
            if doomed.is_set():
                self.lost += 1
                return
            await self._pass_on(writer, piece)

    async def _pass_on(self, writer: asyncio.StreamWriter, piece: bytes) -> None:
        """Write a piece as the mode allows, which may change meanwhile."""
        while piece:
            if self._mode is Mode.HANG:
                await self._turned.wait()
                continue
            drips = self._mode is Mode.DRIP
            now, piece = (piece[:DROP], piece[DROP:]) if drips else (piece, b"")
            writer.write(now)
            await writer.drain()
            if drips:
                with suppress(TimeoutError):
                    async with asyncio.timeout(DRIP_EVERY):
                        await self._turned.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection the hard way."""
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
    writer.transport.abort()


@asynccontextmanager
async def tcp_proxy(target: int | None) -> AsyncIterator[TcpProxy]:
    """A proxy in front of a port, in the test's own event loop, until the block ends."""
    proxy = TcpProxy(target)
    under_way: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        try:
            await proxy.serve(reader, writer)
        except asyncio.CancelledError:
            _reset(writer)  # the test is over
        finally:
            under_way.discard(task)

    server = await asyncio.start_server(serve, HOST, 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in list(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await server.wait_closed()

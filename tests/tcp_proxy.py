"""A stretch of network of a test's own: bytes go through it until the test cuts it.

A client reaches a real server through it. What a test asks for most is a *lost answer*: the request
arrives, the server does what it says, and the connection is cut before the client hears of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

PIECE: Final = 64 * 1024
"""Bytes passed on at once, and looked back upon for a request."""

HOST: Final = "127.0.0.1"


@dataclass(eq=False)
class TcpProxy:
    """Listens on a port of its own and passes everything on to ``target``, a port of this machine."""

    target: int
    port: int = 0
    lost: int = 0
    """How many answers were kept back."""
    _to_lose: list[bytes] = field(default_factory=list)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def lose_answer_to(self, request: bytes, times: int = 1) -> None:
        """Cut the connection instead of answering the next requests that contain these bytes."""
        self._to_lose += [request] * times

    def cut(self) -> None:
        """Cut every connection that is open, at once."""
        for writer in list(self._open):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one connection's bytes, both ways, until either side ends it."""
        try:
            from_server, to_server = await asyncio.open_connection(HOST, self.target)
        except OSError:
            writer.transport.abort()
            return
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
            for end in ends:
                end.transport.abort()
            self._open -= ends
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        said = b""
        while piece := await reader.read(PIECE):
            said = said[-PIECE:] + piece
            wanted = next((request for request in self._to_lose if request in said), None)
            if wanted is not None:
                self._to_lose.remove(wanted)
                doomed.set()
            writer.write(piece)
            await writer.drain()

    async def _pass_answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event
    ) -> None:
        while piece := await reader.read(PIECE):
            if doomed.is_set():
                self.lost += 1
                return
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def tcp_proxy(target: int) -> AsyncIterator[TcpProxy]:
    """A proxy in front of a port, in the test's own event loop, until the block ends."""
    proxy = TcpProxy(target)
    server = await asyncio.start_server(proxy.serve, HOST, 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await server.wait_closed()

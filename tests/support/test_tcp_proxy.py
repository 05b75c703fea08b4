"""The network of the tests does what its modes say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.eventually import eventually_async
from tests.support.receivers import HOST
from tests.support.tcp_proxy import Mode, TcpProxy, tcp_proxy


class Echo:
    """Answers each line with the same line, and remembers it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self.heard.append(line)
                writer.write(line)
                await writer.drain()
        except OSError:
            pass  # some of this is about connections that are reset
        finally:
            writer.close()


class Client:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, words: bytes) -> bytes:
        """Say a line and return the answer; raises ``OSError`` when the connection was reset."""
        self._writer.write(words)
        await self._writer.drain()
        return await self._reader.readline()


@asynccontextmanager
async def echo_behind_a_proxy() -> AsyncIterator[tuple[Echo, TcpProxy]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, HOST, 0)
    try:
        async with tcp_proxy(server.sockets[0].getsockname()[1]) as proxy:
            yield echo, proxy
    finally:
        server.close()


@asynccontextmanager
async def connected(proxy: TcpProxy) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


async def test_what_passes_is_answered():
    async with echo_behind_a_proxy() as (echo, proxy), connected(proxy) as client:
        assert await client.ask(b"one\n") == b"one\n"
        assert echo.heard == [b"one\n"]


async def test_a_cut_resets_what_stands_and_what_comes():
    async with echo_behind_a_proxy() as (echo, proxy):
        async with connected(proxy) as client:
            assert await client.ask(b"one\n") == b"one\n"
            proxy.turn(Mode.CUT)
            with pytest.raises(ConnectionError):
                await client.ask(b"two\n")
        async with connected(proxy) as client:
            with pytest.raises(ConnectionError):
                await client.ask(b"three\n")
        proxy.turn(Mode.PASS)
        async with connected(proxy) as client:
            assert await client.ask(b"four\n") == b"four\n"
        assert echo.heard == [b"one\n", b"four\n"]


async def test_a_server_that_is_away_is_a_reset():
    async with echo_behind_a_proxy() as (_, proxy):
        proxy.target = None
        async with connected(proxy) as client:
            with pytest.raises(ConnectionError):
                await client.ask(b"one\n")


async def test_what_hangs_arrives_once_it_hangs_no_more():
    async with echo_behind_a_proxy() as (echo, proxy), connected(proxy) as waiting, connected(proxy) as other:
        assert await other.ask(b"one\n") == b"one\n"
        proxy.turn(Mode.HANG)
        answer = asyncio.create_task(waiting.ask(b"two\n"))
        await eventually_async(lambda: not answer.done())
        assert echo.heard == [b"one\n"]
        proxy.turn(Mode.PASS)
        assert await answer == b"two\n"


async def test_what_drips_arrives_whole():
    async with echo_behind_a_proxy() as (echo, proxy), connected(proxy) as client:
        proxy.turn(Mode.DRIP)
        words = b"dripping " * 20 + b"\n"
        assert await client.ask(words) == words
        assert echo.heard == [words]


async def test_an_answer_is_lost_after_the_request_was_heard():
    async with echo_behind_a_proxy() as (echo, proxy):
        proxy.lose_answer_to(b"COMMIT")
        async with connected(proxy) as client:
            assert await client.ask(b"read\n") == b"read\n"  # not what is meant
            with pytest.raises(ConnectionError):
                await client.ask(b"COMMIT\n")
        assert proxy.lost == 1
        async with connected(proxy) as client:
            assert await client.ask(b"COMMIT\n") == b"COMMIT\n"
        assert echo.heard == [b"read\n", b"COMMIT\n", b"COMMIT\n"]


async def test_what_was_to_be_lost_can_be_called_off():
    async with echo_behind_a_proxy() as (_, proxy), connected(proxy) as client:
        proxy.lose_answer_to(b"COMMIT", times=3)
        proxy.lose_no_more()
        assert await client.ask(b"COMMIT\n") == b"COMMIT\n"

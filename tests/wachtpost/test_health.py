"""The container's probe: 0 for a service that does its work, 1 and the reason for any other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.eventually import WITHIN
from tests.support.service_process import ROOT
from wachtpost.health import UnwellError, ask, port_of

FAILING = b'{"status":"failing",\n"checks":{"redis":"Redis does not answer"}}'


@contextmanager
def service(*pieces: bytes) -> Iterator[int]:
    """Something on a port that answers one request with these pieces, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(4096).startswith(b"GET /health HTTP/1.")
                for piece in pieces:
                    connection.sendall(piece)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            thread.join(timeout=WITHIN)


def test_a_service_that_answers_200_is_well() -> None:
    with service(b"HTTP/1.1 200 OK\r\n\r\n", b'{"status":"ok"}') as port:
        ask(port)


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ((b"HTTP/1.1 503 Service", b" Unavailable\r\n\r\n" + FAILING), "503 .*Redis does not answer"),
        ((b"HTTP/1.1 404 Not Found\r\n\r\n",), "404"),
        ((b"HTTP/1.1 2000 OK\r\n\r\n",), "2000"),
        ((b"no HTTP at all",), "no HTTP"),
        ((), "no answer"),
    ],
    ids=["unwell", "another service", "nearly 200", "garbage", "hangs up"],
)
def test_any_other_answer_is_unwell_and_says_why_in_one_line(pieces: tuple[bytes, ...], why: str) -> None:
    with service(*pieces) as port, pytest.raises(UnwellError, match=why) as unwell:
        ask(port)
    assert "\n" not in str(unwell.value)


def test_nobody_there_is_unwell() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UnwellError, match="does not answer"):
        ask(port)


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "80a", "8001 ", "\N{SUPERSCRIPT TWO}"])
def test_a_port_that_is_none_is_said(text: str) -> None:
    with pytest.raises(UnwellError, match="WACHTPOST_PORT"):
        port_of({"WACHTPOST_PORT": text})


def probe(port: int | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "WACHTPOST_PORT"}
    told = {} if port is None else {"WACHTPOST_PORT": str(port)}
    return subprocess.run(
        [sys.executable, "-m", "wachtpost.health"],
        cwd=ROOT,
        env={**environment, **told},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )


def test_the_command_tells_by_its_exit_status_and_one_line() -> None:
    with service(b"HTTP/1.1 200 OK\r\n\r\n{}") as port:
        well = probe(port)
    with service(b"HTTP/1.1 503 Service Unavailable\r\n\r\n" + FAILING) as port:
        unwell = probe(port)
    lost = probe(None)
    assert (well.returncode, unwell.returncode, lost.returncode) == (0, 1, 1)
    assert [run.stdout.count("\n") for run in (well, unwell, lost)] == [1, 1, 1]
    assert [run.stderr for run in (well, unwell, lost)] == ["", "", ""]


def test_the_command_starts_quickly_for_it_loads_next_to_nothing() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, wachtpost.health; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=True,
    ).stdout.split()
    slow = {"asyncio", "email", "http", "json", "logging", "pydantic", "redis", "ssl", "typer", "urllib"}
    assert not slow & set(loaded)

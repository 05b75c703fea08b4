"""``python -m wachtpost.health``: does the service beside me do its work? The probe of the container image.

Standard library only, and little of it: it starts every few seconds for as long as the container lives.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from typing import Final

HOST: Final = "127.0.0.1"
PORT_VARIABLE: Final = "WACHTPOST_PORT"

WITHIN: Final = 4.0
"""Seconds that connecting and each piece of the answer may take; the service gives its own Redis one."""

LONGEST_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read; real ones have a few hundred."""


class UnwellError(Exception):
    """The service does not do its work; the message says why, in one line."""


def ask(port: int) -> None:
    """Return when ``/health`` of the service on ``port`` answers 200; raises ``UnwellError`` otherwise."""
    try:
        answer = _answer(port)
    except OSError as error:
        raise UnwellError(f"{HOST}:{port} does not answer: {error}") from error
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.partition(b"\r\n")[0].decode("latin-1")
    if status.split(" ")[1:2] != ["200"]:
        raise UnwellError(" ".join([status, *body.decode("utf-8", "replace").split()]).strip() or "no answer")


def port_of(environment: Mapping[str, str]) -> int:
    """Return where the service listens; raises ``UnwellError`` when the environment does not say."""
    text = environment.get(PORT_VARIABLE, "")
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise UnwellError(f"{PORT_VARIABLE} must be the port that the service listens on, not {text!r}")
    return int(text)


def _answer(port: int) -> bytes:
    # HTTP/1.0 by hand: urllib takes longer to import than the whole probe may run.
    request = f"GET /health HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode()
    answer = bytearray()
    with socket.create_connection((HOST, port), timeout=WITHIN) as connection:
        connection.sendall(request)
        while len(answer) < LONGEST_ANSWER and (piece := connection.recv(LONGEST_ANSWER)):
            answer += piece
    return bytes(answer)


def main() -> int:
    """Say in one line how it is; returns 0, or 1 for unwell."""
    try:
        ask(port_of(os.environ))
    except UnwellError as unwell:
        print(unwell)
        return 1
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())

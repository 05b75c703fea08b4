"""The real evaluator, killed, paused and cut off under load: every bucket equals the oracle, always.

What the fault driver (``python -m tests.chaos``) has not: late, early, foreign and broken entries among the
others, and figures that are held against the oracle after every single kill.

What happens when is drawn from a seed, as "so many entries further on". On failure the test's name
says the seed; the same one may still meet other moments, because processes run as they like.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import redis

from shared.process.clock import SimulatedClock
from shared.redis import keys
from tests.chaos import load
from tests.chaos.check import committed, expected, last_entry
from tests.support.eventually import WITHIN, eventually
from tests.support.redis_servers import RedisServer
from tests.support.service_process import ServiceProcess, Services

CITY = load.city()
SEED = 20_261_025
BACKLOG = 300
"""How far the writer runs ahead of what is committed: there is always something to count."""

PORTION = 25
"""Entries written at once."""


class Writer(threading.Thread):
    """Writes the load at the evaluator's pace; goes on where Redis stands after it was away."""

    def __init__(self, server: RedisServer, written: Sequence[load.Written], backlog: int) -> None:
        super().__init__(name="writer", daemon=True)
        self._server = server
        self._written = written
        self._backlog = backlog
        self._position = {entry.entry: n + 1 for n, entry in enumerate(written)}
        self._stopped = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while not self._stopped.is_set() and not self._write():
                pass
        except Exception as error:
            self.failure = error
            raise

    def stop(self) -> None:
        self._stopped.set()
        self.join(timeout=WITHIN)

    def _write(self) -> bool:
        """Write until done (``True``) or until Redis is away."""
        try:
            with self._server.client() as client:
                at = self._there(client)
                while at < len(self._written) and not self._stopped.is_set():
                    if at - _read(client) > self._backlog:
                        self._stopped.wait(0.005)
                        continue
                    pipeline = client.pipeline(transaction=False)
                    for entry in self._written[at : at + PORTION]:
                        pipeline.xadd(keys.events(0), load.fields(entry), id=entry.entry)
                    pipeline.execute()
                    at += PORTION
                return True
        except (redis.ConnectionError, redis.TimeoutError):
            eventually(lambda: self._server.answers() or self._stopped.is_set())
            return False

    def _there(self, client: redis.Redis) -> int:
        last = last_entry(client)
        return self._position[last] if last else 0


def _read(client: redis.Redis) -> int:
    return int(client.hget(keys.state(0), "read") or 0)


@dataclass
class Fleet:
    """Evaluators at work on one Redis: an owner and a standby."""

    server: RedisServer
    directory: Path
    size: int = 2

    def __post_init__(self) -> None:
        city_file = self.directory / "city.toml"
        city_file.write_text(load.CITY, encoding="utf-8")
        clock = SimulatedClock(datetime.now(UTC), load.END, 1.0)
        url = self.server.url
        self.services = Services(self.directory, city_file=city_file, redis_url=url, clock=clock)

    def start(self) -> None:
        """Start evaluators until there are enough; waits for nothing."""
        while len(self.services) < self.size:
            self.services.start("evaluator")

    def holder(self) -> ServiceProcess | None:
        """The process that holds the fence, by what its log says."""
        fence = self._ask(lambda client: client.get(keys.fence(0)))
        if not isinstance(fence, bytes):
            return None
        for process in self.services:
            if any(line.get("fence") == fence.decode() for line in process.lines):
                return process
        return None

    def owner(self) -> ServiceProcess:
        """Wait until one of them holds the fence."""
        eventually(self.holder)
        holder = self.holder()
        assert holder is not None
        return holder

    def read(self) -> int:
        """How many entries are counted and committed."""
        read = self._ask(_read)
        return read if isinstance(read, int) else 0

    def kill(self, process: ServiceProcess) -> None:
        """kill -9, and another one starts at once."""
        self.services.kill(process)
        self.start()

    def _ask(self, question: Callable[[redis.Redis], object]) -> object:
        with self.server.client() as client:
            try:
                return question(client)
            except redis.RedisError:
                return None


@contextmanager
def under_load(
    server: RedisServer, directory: Path, written: Sequence[load.Written], backlog: int = BACKLOG
) -> Iterator[Fleet]:
    """A fleet that works on a load; nothing is left running."""
    fleet, writer = Fleet(server, directory), Writer(server, written, backlog)
    with fleet.services:
        try:
            fleet.start()
            writer.start()
            yield fleet
            assert writer.failure is None
        finally:
            writer.stop()


def further_on(fleet: Fleet, entries: int, most: int) -> None:
    """Wait until so many more entries are committed, if there are as many."""
    goal = min(fleet.read() + entries, most)
    eventually(lambda: fleet.read() >= goal)


def assert_exact(fleet: Fleet, written: Sequence[load.Written]) -> None:
    """What is committed at this moment is what the oracle makes of the entries up to its offset."""
    found = committed(fleet.server.url, CITY)
    assert found == expected(written, CITY, found.offset, found.cursor)


def assert_done(fleet: Fleet, written: Sequence[load.Written]) -> None:
    """In the end all is counted, exactly."""
    goal = expected(written, CITY)

    def done() -> bool:
        found = committed(fleet.server.url, CITY)
        return found.offset == goal.offset and found.cursor >= goal.cursor

    eventually(done)
    found = committed(fleet.server.url, CITY)
    found.cursor = goal.cursor
    assert found == goal


def kill_the_owner(fleet: Fleet, random: Random, written: Sequence[load.Written]) -> None:
    owner = fleet.owner()
    if random.random() < 0.75:  # else while it still reads what was committed
        further_on(fleet, random.randrange(60), len(written))
    fleet.kill(owner)
    assert_exact(fleet, written)


def pause_the_owner(fleet: Fleet, written: Sequence[load.Written]) -> None:
    """It wakes up when another one has taken over, and must not write."""
    paused = fleet.owner()
    further_on(fleet, 1, len(written))
    before = turns(paused)
    os.kill(paused.pid, signal.SIGSTOP)
    try:
        eventually(lambda: fleet.holder() is not paused)
        further_on(fleet, 1, len(written))
    finally:
        os.kill(paused.pid, signal.SIGCONT)
    eventually(lambda: turns(paused) > before)
    eventually(lambda: paused.health().status_code == 200)
    assert_exact(fleet, written)


def turns(process: ServiceProcess) -> int:
    """How often it was told that it is no owner any more, or became one anew: if the other one has been too
    slow to keep the lease meanwhile, it does the second without the first."""
    return sum(line["event"] in {"superseded", "took_over"} for line in process.lines)


def cut_off_redis(fleet: Fleet, written: Sequence[load.Written]) -> None:
    fleet.owner()
    fleet.server.kill()
    fleet.server.start()
    further_on(fleet, 10, len(written))
    assert_exact(fleet, written)


def live_through(server: RedisServer, directory: Path, seed: int, kills: int) -> None:
    random = Random(seed)
    written = load.stream(seed, 800 + 60 * kills)
    with under_load(server, directory, written) as fleet:
        for number in range(kills):
            kill_the_owner(fleet, random, written)
            if number % 20 == 7:
                pause_the_owner(fleet, written)
            if number % 20 == 13:
                cut_off_redis(fleet, written)
        assert_done(fleet, written)


def test_twenty_kills_a_pause_and_a_redis_kill(own_server: RedisServer, tmp_path: Path):
    live_through(own_server, tmp_path, SEED, kills=20)


def test_an_owner_that_wakes_up_in_the_middle_of_a_batch_writes_nothing(
    own_server: RedisServer, tmp_path: Path
):
    """The whole load stands there: whenever the owner is stopped, it is at work."""
    written = load.stream(SEED, 15_000)
    with under_load(own_server, tmp_path, written, backlog=5_000) as fleet:
        for _ in range(3):
            pause_the_owner(fleet, written)
            fleet.kill(fleet.owner())  # the one that woke up takes over again
        assert_done(fleet, written)


def test_sigterm_leaves_work_counted_or_uncounted_and_gives_the_lease_up(
    own_server: RedisServer, tmp_path: Path
):
    random, written = Random(SEED), load.stream(SEED, 1200)
    with under_load(own_server, tmp_path, written) as fleet:
        for _ in range(5):
            owner = fleet.owner()
            further_on(fleet, random.randrange(100), len(written))
            fleet.services.remove(owner)
            assert owner.stop() == 0
            stopped = owner.logged("stopped")
            assert stopped is not None
            assert stopped["reason"] == "asked to"
            assert_exact(fleet, written)
            fleet.start()
        assert_done(fleet, written)
        fleet.size = 0
        while fleet.services:
            holder = fleet.owner()
            others = [process for process in fleet.services if process is not holder]
            leaves = others[0] if others else holder
            fleet.services.remove(leaves)
            assert leaves.url  # it is up: before that SIGTERM ends any process at once
            assert leaves.stop() == 0
        with own_server.client() as client:
            assert not client.exists(keys.lease(0))

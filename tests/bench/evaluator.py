"""How fast the evaluator works off a full stream, against a loop that only reads and validates it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import redis

from services.evaluator.consumer import BATCH
from shared.process.server import COLLECT_RARELY
from tests.bench.bare import READ, Pace, read_and_validate
from tests.bench.load import busy, entries
from tests.bench.report import Cell, Measured
from tests.bench.stage import EVENTS, STATE, Spread, Stage, cpu_seconds, ratio
from tests.support.service_process import ServiceProcess

QUEUES = 10
RATES = (1000, 3)
"""At how many a second the events had happened: the fewer, the more buckets a batch of them touches."""

LOOK_EVERY = 0.002
"""Seconds between two looks at what is committed."""

DONE_WITHIN = 60.0
SAID = 2000
"""Characters of a log that are shown when it went wrong."""


@dataclass(frozen=True)
class Round:
    """One after the other, on the same stream."""

    bare: Pace
    bare_tuned: Pace
    ours: Pace


def evaluator(stage: Stage, quick: bool) -> Measured:
    """The evaluator process from its first to its last commit."""
    count, rounds = (30_000, 2) if quick else (100_000, 5)
    rates = RATES[:1] if quick else RATES
    rows = [row for rate in rates for row in _backlog(stage, rate, count, rounds)]
    return Measured(
        "evaluator",
        f"Working off {count:,} waiting events of {QUEUES} queues (median of {rounds} rounds)",
        ("", "events/s", "CPU µs/event", "ours / this"),
        rows,
        f"Ours: XREAD, validation, counting and a fenced commit for every {BATCH:,} events. Bare: XREAD of "
        f"{READ:,} and validation of the joined bodies, nothing kept; with Python's garbage collector as it "
        "is, and set as rarely as ours. The aim is 0.6 of the first. The slower events had come, the more "
        "buckets a commit writes.",
    )


def _backlog(stage: Stage, rate: int, count: int, rounds: int) -> list[list[Cell]]:
    stage.empty()
    stage.fill(entries(busy(QUEUES, count, timedelta(seconds=count / rate), datetime.now(UTC))))
    done = [_round(stage, count) for _ in range(rounds)]
    ours = [one.ours.per_second for one in done]
    return [
        _row(f"came at {rate:,}/s: bare loop", [one.bare for one in done], ours),
        _row(f"came at {rate:,}/s: bare loop, collector as ours", [one.bare_tuned for one in done], ours),
        _row(f"came at {rate:,}/s: evaluator", [one.ours for one in done], None),
    ]


def _row(what: str, paces: Sequence[Pace], ours: Sequence[float] | None) -> list[Cell]:
    per_second = [pace.per_second for pace in paces]
    return [
        what,
        Spread(per_second).median,
        Spread([pace.cpu_us for pace in paces]).median,
        None if ours is None else ratio(ours, per_second),
    ]


def _round(stage: Stage, count: int) -> Round:
    url = stage.server.url
    bare = stage.in_child(read_and_validate, url, EVENTS, None)
    bare_tuned = stage.in_child(read_and_validate, url, EVENTS, COLLECT_RARELY)
    stage.uncount()
    with stage.service("services.evaluator", QUEUES) as service:
        return Round(bare, bare_tuned, committed(stage.redis, service, count))


@dataclass(frozen=True)
class _Look:
    at: float
    read: int
    computed: float


def read_so_far(client: redis.Redis) -> int:
    """Return how many stream entries are committed."""
    return int(cast("bytes | None", client.hget(STATE, "read")) or 0)


def committed(client: redis.Redis, service: ServiceProcess, count: int) -> Pace:
    """Wait until ``count`` entries are committed; returns the pace from the first commit to the last.

    Raises ``TimeoutError`` with the end of the service's log, and ``ValueError`` when all is one commit.
    """
    first: _Look | None = None
    pid = service.pid
    deadline = time.monotonic() + DONE_WITHIN
    while time.monotonic() < deadline and not service.exited:
        read = read_so_far(client)
        if read and first is None:
            first = _Look(time.perf_counter(), read, cpu_seconds(pid))
        if read >= count and first is not None:
            seconds, events = time.perf_counter() - first.at, count - first.read
            if not events:
                raise ValueError(f"{count} events are one commit: too few to tell a pace")
            return Pace(events / seconds, (cpu_seconds(pid) - first.computed) / events * 1e6)
        time.sleep(LOOK_EVERY)
    said = service.log.read_text(encoding="utf-8")[-SAID:]
    raise TimeoutError(
        f"{count:,} events were not committed within {DONE_WITHIN} s. The service said:\n{said}"
    )

"""How soon an event is committed, and seen on ``/metrics``, while 1,000 others come in every second."""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from itertools import cycle, islice
from typing import Final, cast

import redis

from shared.contract.events import CallAnswered, encode
from simulator import SOURCE
from tests.bench.ingest import connected, post
from tests.bench.load import PROBE, SITE, busy, shifted
from tests.bench.report import Cell, Measured
from tests.bench.stage import EVENTS, STATE, Spread, Stage

QUEUES: Final = 10
RATE: Final = 1000
"""Events a second, all the time."""

EVERY: Final = 0.05
"""Seconds between two requests of the steady sender."""

LOOK_EVERY: Final = 0.001
"""Seconds between two looks at the committed offset."""

PROBE_EVERY: Final = 0.1
SEEN_WITHIN: Final = 10.0
_COUNTER: Final = re.compile(
    rb'^wachtpost_calls_answered\{[^}]*queue="' + PROBE.encode() + rb'"[^}]*\} (\S+)$', re.MULTILINE
)


def latency(stage: Stage, quick: bool) -> Measured:
    """From XADD to the commit, and from before a POST to the scrape that shows it."""
    seconds, probes = (4.0, 30) if quick else (30.0, 200)
    stage.empty()
    with (
        stage.service("services.ingest", QUEUES) as ingest,
        stage.service("services.evaluator", QUEUES) as evaluator,
    ):
        doors = ingest.port, evaluator.port
        with (
            stage.beside(steadily, doors[0], seconds),
            stage.beside(watch, stage.server.url, seconds) as watching,
        ):
            looks = watching.result()
        commits = _xadd_to_commit(stage.redis, looks)
        limit = probes * (PROBE_EVERY + 0.2)
        with stage.beside(steadily, doors[0], limit / 2) as sending:
            probed = _probes(*doors, probes)
            sent = sending.result()
    seen, answered = [p.seen_ms for p in probed], [p.answered_ms for p in probed]
    scrapes = [ms for p in probed for ms in p.scrapes_ms]
    return Measured(
        "latency",
        f"From event to figure at {RATE:,} events/s ({sent:,.0f}/s were sent)",
        ("", "p50 ms", "p99 ms", "most ms", "how many"),
        [
            ways_row("XADD → committed", commits),
            ways_row("before POST → visible in /metrics", seen),
            ways_row("  of which: POST answered 202", answered),
            ways_row("  of which: one scrape of /metrics", scrapes),
        ],
        f"Committed: from the entry's id to the first look ({LOOK_EVERY * 1000:g} ms apart) at an offset "
        "that covers it. Visible: a probe is POSTed, then /metrics is scraped without a pause until its "
        "counter has moved; up to two scrapes of it are the measurement's own, and keep the evaluator busy.",
    )


def steadily(port: int, seconds: float) -> float:
    """POST ``RATE`` events a second as NDJSON, each as of now; returns how many a second it really was."""
    each = round(RATE * EVERY)
    pattern = busy(QUEUES, 5_000, timedelta(hours=1), datetime.now(UTC))
    stock = cycle(pattern)
    run = time.time_ns()  # ids of one run must not come back in the next
    began, sent = time.perf_counter(), 0
    with connected(port) as connection:
        while (due := began + sent / RATE) < began + seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            now = datetime.now(UTC)
            events = (
                shifted(event, now, f"{run:x}.{number}")
                for number, event in enumerate(islice(stock, each), sent)
            )
            post(connection, b"\n".join(map(encode, events)))
            sent += each
    return sent / (time.perf_counter() - began)


@dataclass(frozen=True)
class Looks:
    """When which offset was first seen committed; both rising."""

    at_ms: Sequence[float]
    offsets: Sequence[tuple[int, int]]


def watch(url: str, seconds: float) -> Looks:
    """Look at the committed offset again and again, for so long."""
    at_ms: list[float] = []
    offsets: list[tuple[int, int]] = []
    ends = time.monotonic() + seconds
    with redis.Redis.from_url(url) as client:
        while time.monotonic() < ends:
            offset = _id(cast("bytes | None", client.hget(STATE, "offset")) or b"0-0")
            if not offsets or offset != offsets[-1]:
                at_ms.append(time.time() * 1000)
                offsets.append(offset)
            time.sleep(LOOK_EVERY)
    return Looks(at_ms, offsets)


def _xadd_to_commit(client: redis.Redis, looks: Looks) -> list[float]:
    """For each entry that came in while somebody watched: ms from its arrival to the look that saw it."""
    raw = cast("list[tuple[bytes, object]]", client.xrange(EVENTS))
    entries = [_id(entry) for entry, _ in raw]
    watched = [entry for entry in entries if looks.offsets[0] < entry <= looks.offsets[-1]]
    return [looks.at_ms[bisect_left(looks.offsets, entry)] - entry[0] for entry in watched]


def _id(entry: bytes) -> tuple[int, int]:
    ms, _, sequence = entry.partition(b"-")
    return int(ms), int(sequence)


@dataclass(frozen=True)
class Probe:
    """One event's way, ms."""

    answered_ms: float
    seen_ms: float
    scrapes_ms: Sequence[float]


def _probes(ingest: int, evaluator: int, count: int) -> list[Probe]:
    with connected(ingest) as door, connected(evaluator) as board:
        counted = _counter(board)
        told = []
        for number in range(count):
            told.append(_probe(door, board, number, counted + number))
            time.sleep(max(0.0, PROBE_EVERY - told[-1].seen_ms / 1000))
        return told


def _probe(door: HTTPConnection, board: HTTPConnection, number: int, before: float) -> Probe:
    event = CallAnswered(
        id=f"probe.{number}", at=datetime.now(UTC), source=SOURCE, site=SITE, queue=PROBE, wait_ms=1000
    )
    began = time.perf_counter()
    post(door, encode(event))
    answered = time.perf_counter()
    scrapes = []
    while time.perf_counter() < began + SEEN_WITHIN:
        asked = time.perf_counter()
        counter = _counter(board)
        scrapes.append((time.perf_counter() - asked) * 1000)
        if counter > before:
            return Probe((answered - began) * 1000, (time.perf_counter() - began) * 1000, scrapes)
    raise TimeoutError(f"a probe was not seen within {SEEN_WITHIN} s")


def scrape(board: HTTPConnection) -> bytes:
    """Return ``/metrics``. Raises ``RuntimeError`` for any answer but 200."""
    board.request("GET", "/metrics")
    response = board.getresponse()
    text = response.read()
    if response.status != 200:
        raise RuntimeError(f"/metrics: {response.status}")
    return text


def scraped(port: int, times: int) -> tuple[list[float], bytes]:
    """Return how many ms each of so many scrapes took, and the last one's text."""
    taken: list[float] = []
    text = b""
    with connected(port) as board:
        for _ in range(times):
            began = time.perf_counter()
            text = scrape(board)
            taken.append((time.perf_counter() - began) * 1000)
    return taken, text


def ways_row(what: str, ms: Sequence[float]) -> list[Cell]:
    """Return a row of "p50 ms", "p99 ms", "most ms", "how many"; of nothing, an empty one."""
    if not ms:
        return [what, None, None, None, None]
    spread = Spread(ms)
    return [what, spread.median, spread.percentile(99), max(ms), len(ms)]


def _counter(board: HTTPConnection) -> float:
    found = _COUNTER.search(scrape(board))
    return float(found[1]) if found else 0.0

"""How fast ingest takes events in over HTTP, against a loop that only adds them to the stream."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from itertools import chain

from services.ingest.http import EVENTS_PATH
from shared.contract.events import Event, encode
from tests.bench import bare
from tests.bench.bare import Pace
from tests.bench.load import KEY, busy, ndjson
from tests.bench.report import Cell, Measured
from tests.bench.stage import EVENTS, Spread, Stage, cpu_seconds, ratio

QUEUES = 10
EACH = 500
"""Events a request."""

SENDERS = 4
"""Connections that send at once, from one other process."""

TIMEOUT = 10.0
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-ndjson"}


@dataclass(frozen=True)
class Sent:
    """What a sender saw."""

    requests_per_second: float
    answered_s: Sequence[float]
    """For each request, from its first byte to the end of the answer."""


def send(port: int, bodies: Sequence[bytes], senders: int) -> Sent:
    """POST every body, over so many connections at once. Raises ``RuntimeError`` for any answer but 202."""
    began = time.perf_counter()
    with ThreadPoolExecutor(senders) as pool:
        shares = [bodies[number::senders] for number in range(senders)]
        answered = list(chain.from_iterable(pool.map(lambda share: _one_by_one(port, share), shares)))
    return Sent(len(bodies) / (time.perf_counter() - began), answered)


def post(connection: HTTPConnection, body: bytes) -> None:
    """POST one body. Raises ``RuntimeError`` for any answer but 202."""
    connection.request("POST", EVENTS_PATH, body, HEADERS)
    response = connection.getresponse()
    said = response.read()
    if response.status != 202:
        raise RuntimeError(f"{response.status}: {said[:200].decode(errors='replace')}")


@contextmanager
def connected(port: int) -> Iterator[HTTPConnection]:
    """A connection to a service for the length of a block."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)) as connection:
        yield connection


def many(stage: Stage, quick: bool) -> Measured:
    """NDJSON over HTTP, beside a bare Lua XADD loop with as many events a call."""
    count, rounds = (20_000, 2) if quick else (100_000, 5)
    bodies = [encode(event) for event in _timely(count)]
    requests = ndjson(_timely(count), EACH)
    ours: list[Pace] = []
    theirs: list[Pace] = []
    with stage.service("services.ingest", QUEUES) as service:
        port, pid = service.port, service.pid
        for _ in range(rounds):
            stage.empty()
            theirs.append(stage.in_child(bare.add, stage.server.url, EVENTS, bodies))
            stage.empty()
            computed = cpu_seconds(pid)
            sent = stage.in_child(send, port, requests, SENDERS)
            cpu_us = (cpu_seconds(pid) - computed) / count * 1e6
            ours.append(Pace(sent.requests_per_second * EACH, cpu_us))
            _check(stage, count)
    theirs_per_s, ours_per_s = ([pace.per_second for pace in paces] for paces in (theirs, ours))
    return Measured(
        "ingest",
        f"Taking in {count:,} events, {EACH} a request (median of {rounds} rounds)",
        ("", "events/s", "CPU µs/event", "ours / this"),
        [
            [
                f"bare Lua XADD, {EACH} a call",
                Spread(theirs_per_s).median,
                Spread([pace.cpu_us for pace in theirs]).median,
                ratio(ours_per_s, theirs_per_s),
            ],
            [
                f"POST {EVENTS_PATH}, NDJSON, {SENDERS} senders",
                Spread(ours_per_s).median,
                Spread([pace.cpu_us for pace in ours]).median,
                None,
            ],
        ],
        "Ours: HTTP, key, rate, validation and the rules of the door for every event, then the same XADD; "
        "the sender is another process on the same cores. Bare: the events as they are, from a process that "
        "has them ready, nothing checked.",
    )


def single(stage: Stage, quick: bool) -> Measured:
    """One event a request: how many a second, and how long one takes."""
    count, rounds = (600, 2) if quick else (2_000, 5)
    requests = ndjson(_timely(count), 1)
    rows: list[list[Cell]] = []
    with stage.service("services.ingest", QUEUES) as service:
        port = service.port
        stage.in_child(
            send, port, requests[:100], 1
        )  # the first requests of a process pay for what is loaded then
        for senders in (1, SENDERS):
            sent = [stage.in_child(send, port, requests, senders) for _ in range(rounds)]
            waits = Spread([seconds * 1000 for one in sent for seconds in one.answered_s])
            rows.append(
                [
                    f"{senders} at a time",
                    Spread([one.requests_per_second for one in sent]).median,
                    waits.median,
                    waits.percentile(99),
                ]
            )
    return Measured(
        "single",
        f"Single POSTs, {count:,} a round (median of {rounds} rounds)",
        ("", "requests/s", "p50 ms", "p99 ms"),
        rows,
        "One event a request, on connections that stay open. A whole city makes a few events a second; who "
        "has many sends NDJSON.",
    )


def _one_by_one(port: int, bodies: Sequence[bytes]) -> list[float]:
    answered = []
    with connected(port) as connection:
        for body in bodies:
            began = time.perf_counter()
            post(connection, body)
            answered.append(time.perf_counter() - began)
    return answered


def _timely(count: int) -> list[Event]:
    """Events of the last hour: the door refuses what is too old or ahead."""
    return busy(QUEUES, count, timedelta(hours=1), datetime.now(UTC))


def _check(stage: Stage, count: int) -> None:
    arrived = stage.redis.xlen(EVENTS)
    if arrived != count:
        raise RuntimeError(f"{arrived} of {count} events arrived")

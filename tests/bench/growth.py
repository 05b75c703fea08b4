"""What more queues cost: pace, memory, the price of a scrape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast

from shared.process.server import COLLECT_RARELY
from tests.bench.bare import read_and_validate
from tests.bench.evaluator import committed, read_so_far
from tests.bench.latency import scraped
from tests.bench.load import busy, entries
from tests.bench.report import Cell, Measured
from tests.bench.stage import EVENTS, Spread, Stage, ratio, rss_bytes
from tests.support.eventually import eventually

SIZES: Final = (10, 100, 1000)
LASTS: Final = timedelta(hours=1)
DONE_WITHIN: Final = 60.0
KIB: Final = 1024
MIB: Final = 1024 * KIB


@dataclass(frozen=True)
class Size:
    """What a city of so many queues takes."""

    queues: int
    per_second: float
    of_bare: float
    evaluator_bytes: int
    stream_bytes_per_event: float
    state_bytes: int
    """Everything in Redis but the stream."""
    scrape_ms: float
    scrape_bytes: int


def growth(stage: Stage, quick: bool) -> Measured:
    """The same number of events for every queue, with 10, 100 and 1,000 of them."""
    each, total, rounds, scrapes = (20, 10_000, 1, 3) if quick else (100, 50_000, 3, 11)
    chosen = (SIZES[0], SIZES[-1]) if quick else SIZES
    sizes = [_size(stage, queues, each, total, rounds, scrapes) for queues in chosen]
    return Measured(
        "growth",
        f"From {SIZES[0]} to {SIZES[-1]:,} queues, {each} events each within {LASTS.seconds // 3600} h",
        (
            "queues",
            "events/s",
            "of bare",
            "evaluator MiB",
            "KiB/queue",
            "stream B/event",
            "state KiB/queue",
            "scrape ms",
            "scrape KiB",
        ),
        [_row(size, sizes[0]) for size in sizes],
        f"events/s: a backlog of {total:,} (median of {rounds}); of bare: beside XREAD and validation of the "
        "same stream, with our collector. KiB/queue: RSS that a queue adds, with the ids and contacts of its "
        "events. stream, state: memory in Redis. A commit waits while a scrape is answered.",
    )


def _row(size: Size, smallest: Size) -> Sequence[Cell]:
    more = size.queues - smallest.queues
    return [
        f"{size.queues:,}",
        size.per_second,
        size.of_bare,
        size.evaluator_bytes / MIB,
        (size.evaluator_bytes - smallest.evaluator_bytes) / more / KIB if more else None,
        size.stream_bytes_per_event,
        size.state_bytes / size.queues / KIB,
        size.scrape_ms,
        size.scrape_bytes / KIB,
    ]


def _size(stage: Stage, queues: int, each: int, total: int, rounds: int, scrapes: int) -> Size:
    ours, theirs = _paces(stage, queues, total, rounds)
    stage.empty()
    empty = _used(stage)
    events = _fill(stage, queues, queues * each)
    stream = _used(stage) - empty
    with stage.service("services.evaluator", queues) as service:
        eventually(lambda: read_so_far(stage.redis) == events, within=DONE_WITHIN)
        state = _used(stage) - empty - stream
        memory = rss_bytes(service.pid)  # before the first scrape, whose text stays as free memory
        taken_ms, text = scraped(service.port, scrapes)
    return Size(
        queues,
        Spread(ours).median,
        ratio(ours, theirs),
        memory,
        stream / events,
        state,
        Spread(taken_ms).median,
        len(text),
    )


def _paces(stage: Stage, queues: int, total: int, rounds: int) -> tuple[list[float], list[float]]:
    """Events a second of the evaluator and of the bare loop, round by round."""
    stage.empty()
    _fill(stage, queues, total)
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(stage.in_child(read_and_validate, stage.server.url, EVENTS, COLLECT_RARELY).per_second)
        stage.uncount()
        with stage.service("services.evaluator", queues) as service:
            ours.append(committed(stage.redis, service, total).per_second)
    return ours, theirs


def _fill(stage: Stage, queues: int, count: int) -> int:
    return stage.fill(entries(busy(queues, count, LASTS, datetime.now(UTC))))


def _used(stage: Stage) -> int:
    return cast("dict[str, int]", stage.redis.info("memory"))["used_memory_dataset"]

"""What an evaluator committed to Redis, held against the oracle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import cast

import redis

from domain.aggregator import PipelineCounts
from domain.bucket import Resolution, decode
from domain.bucket_store import REACH_S
from shared.config.model import CityFile
from shared.redis import keys
from tests.chaos import load
from tests.support import evaluator_oracle as oracle
from tests.support.evaluator_oracle import Cell, Figures


@dataclass
class Outcome:
    """All that is durable: buckets (of the rings those that a window can reach), counts, dead letters."""

    offset: str = "0-0"
    cursor: int = 0
    """Until when open contacts were judged, UTC ms."""
    buckets: dict[Cell, Figures] = field(default_factory=dict)
    read: int = 0
    duplicates: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    dead_letters: int = 0


def committed(url: str, city: CityFile) -> Outcome:
    """Return what stands in Redis for partition 0, all of one moment."""
    queue_refs = [(site.id, queue.id) for site in city.sites for queue in site.queues]
    shelves = [(*queue_ref, resolution) for queue_ref in queue_refs for resolution in Resolution]
    with redis.Redis.from_url(url) as client:
        moment = client.pipeline(transaction=True)
        moment.hgetall(keys.state(0))
        moment.xlen(keys.dead_letters(0))
        for site, queue, resolution in shelves:
            moment.hgetall(keys.buckets(0, resolution.value, site, queue))
        fields, dead, *hashes = moment.execute()
    state = {name.decode(): value.decode() for name, value in fields.items()}
    counts = PipelineCounts.of(state)
    offset = state.get("offset", "0-0")
    buckets: dict[Cell, Figures] = {}
    for (site, queue, resolution), hash_ in zip(shelves, hashes, strict=True):
        for start, text in hash_.items():
            cell = _cell(site, queue, resolution, start.decode())
            figures = oracle.not_empty(asdict(decode(text)))
            if figures and _reachable(cell, offset):
                buckets[cell] = figures
    refused = {reason.value: n for reason, n in counts.dead.items() if n}
    return Outcome(
        offset, int(state.get("cursor", 0)), buckets, counts.read, counts.duplicates, refused, dead
    )


def expected(
    written: Sequence[load.Written], city: CityFile, offset: str | None = None, cursor: int | None = None
) -> Outcome:
    """Return what the oracle says to the entries up to ``offset``: all of them, at the end of the load."""
    entries = [entry.entry for entry in written]
    read = len(entries) if offset is None else 0 if offset == "0-0" else entries.index(offset) + 1
    last = entries[read - 1] if read else "0-0"
    now = oracle.at_ms(load.END) if cursor is None else cursor
    verdict = oracle.judge([entry.seen for entry in written[:read]], city)
    buckets = oracle.buckets(verdict.counted, city, now)
    return Outcome(
        last,
        now,
        {cell: figures for cell, figures in buckets.items() if _reachable(cell, last)},
        read,
        verdict.duplicates,
        dict(verdict.refused),
        verdict.refused.total(),
    )


def last_entry(client: redis.Redis) -> str | None:
    """Return the id of the newest entry on the stream."""
    newest = cast("list[tuple[bytes, object]]", client.xrevrange(keys.events(0), count=1))
    return newest[0][0].decode() if newest else None


def portions(written: Sequence[load.Written], size: int) -> Iterator[Sequence[load.Written]]:
    """The entries, so many at a time."""
    for start in range(0, len(written), size):
        yield written[start : start + size]


def _cell(site: str, queue: str, resolution: Resolution, start: str) -> Cell:
    ring = resolution in REACH_S
    return Cell(site, queue, resolution.value, int(start) if ring else start)


def _reachable(cell: Cell, offset: str) -> bool:
    if not isinstance(cell.start, int):
        return True
    newest_s = int(offset.partition("-")[0]) // 1000
    return cell.start >= newest_s - REACH_S[Resolution(cell.resolution)]

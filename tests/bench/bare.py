"""What the same machine does without us, in another process: the least that anyone would have to do."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import redis

from shared.contract.events import EVENTS
from shared.redis.keys import DATA_FIELD

READ: Final = 1000
"""Entries a read, as many as the evaluator takes."""

ADD: Final = 500
"""Events a script call, as many as ingest adds."""

_ADD: Final = """
for i = 1, #ARGV do redis.call('XADD', KEYS[1], '*', '__data__', ARGV[i]) end
"""

_Reply = list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]


@dataclass(frozen=True)
class Pace:
    """How fast it went."""

    per_second: float
    cpu_us: float
    """Microseconds of the process' own computing for each event."""


def read_and_validate(url: str, stream: str, thresholds: tuple[int, int, int] | None) -> Pace:
    """XREAD the stream to its end and validate each batch as one JSON array; nothing is kept.

    ``thresholds`` are the garbage collector's; ``None`` leaves Python's own.
    """
    before = gc.get_threshold()
    try:
        gc.set_threshold(*(thresholds or before))
        return _read_and_validate(url, stream)
    finally:
        gc.set_threshold(*before)


def _read_and_validate(url: str, stream: str) -> Pace:
    field = DATA_FIELD.encode()
    with redis.Redis.from_url(url) as client:
        count, last = 0, b"0-0"
        began, computed = time.perf_counter(), time.process_time()
        while reply := cast("_Reply", client.xread({stream: last}, count=READ)):
            entries = reply[0][1]
            bodies = b",".join([fields[field] for _, fields in entries])
            count += len(EVENTS.validate_json(b"[" + bodies + b"]"))
            last = entries[-1][0]
        return _pace(count, began, computed)


def add(url: str, stream: str, bodies: Sequence[bytes]) -> Pace:
    """XADD all bodies, one Lua call for every 500; one call after the other."""
    with redis.Redis.from_url(url) as client:
        script = client.register_script(_ADD)
        script(keys=[stream], args=[])
        began, computed = time.perf_counter(), time.process_time()
        for start in range(0, len(bodies), ADD):
            script(keys=[stream], args=bodies[start : start + ADD])
        return _pace(len(bodies), began, computed)


def _pace(count: int, began: float, computed: float) -> Pace:
    return Pace(count / (time.perf_counter() - began), (time.process_time() - computed) / count * 1e6)

"""Stream entries, before anybody knows what they say. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.instants import END_MS
from shared.redis.keys import DATA_FIELD

BEGINNING: Final = "0-0"
"""The offset before the first entry."""

_DATA: Final = DATA_FIELD.encode()


@dataclass(frozen=True, slots=True)
class Batch:
    """Stream entries as they came: ids, and for each the content of its data field."""

    ids: Sequence[str]
    bodies: Sequence[bytes | None]
    more: bool = False
    """Whether more stands behind them already."""

    def without(self, entries: Collection[str]) -> Batch:
        """Return the others."""
        left = [pair for pair in zip(self.ids, self.bodies, strict=True) if pair[0] not in entries]
        return Batch([entry for entry, _ in left], [body for _, body in left], self.more)


def batch_of(entries: Iterable[tuple[bytes, Mapping[bytes, bytes]]]) -> Batch:
    """Return stream entries as a batch."""
    ids, bodies = [], []
    for entry, content in entries:
        ids.append(entry.decode())
        bodies.append(content.get(_DATA))
    return Batch(ids, bodies)


def arrived_ms(entry: str) -> int:
    """Return when an entry arrived on the stream: the first part of its id, UTC ms.

    Whoever writes an entry may give it any id; one beyond all instants arrived at their end.
    """
    return min(int(entry.partition("-")[0]), END_MS)


def order(entry: str) -> tuple[int, int]:
    """Return what entries of a stream are in the order of."""
    ms, _, number = entry.partition("-")
    return int(ms), int(number or 0)

"""Which entry of a stream our own code fails on, and how a consumer gets past it. Pure.

::

    whole batches ──TRIES failures──► entry by entry ──one fails alone──► it is set aside
          ▲                               │  ▲                               │
          └──past the end of that batch───┘  └───────────────────────────────┘
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Self

from shared.process.code_failures import CodeFailure
from shared.redis.stream_entries import Batch, order

TRIES: Final = 3
"""How often in a row the same is tried: what failed once may go well, as with a machine out of memory."""

MOST_IN_A_ROW: Final = 20
"""Entries set aside with none in between that goes well. If even the next one fails, it is not the entries:
setting all of them aside would lose them, so everything waits until somebody mends it."""


class PoisonEntry(NamedTuple):
    """An entry that goes to the dead letters instead of being worked on."""

    entry: str
    failure: CodeFailure


@dataclass(frozen=True, slots=True)
class PoisonSearch:
    """Where a consumer stands in that."""

    tries: int = 0
    """Failures since something went well."""
    until: str = ""
    """Up to this entry they are taken one by one."""
    aside: PoisonEntry | None = None
    """To be set aside as soon as it comes again."""
    in_a_row: int = 0
    """Entries set aside since one went well."""

    @property
    def is_stuck(self) -> bool:
        """Whether nothing helps any more: neither trying again nor setting aside."""
        return self.tries >= TRIES

    def portions(self, batch: Batch) -> Iterator[Batch]:
        """Yield a batch in the pieces in which it is to be worked on."""
        alone = 0
        if self.until:
            alone = sum(order(entry) <= order(self.until) for entry in batch.ids)
        for number in range(alone):
            more = batch.more or number + 1 < len(batch.ids)
            yield Batch(batch.ids[number : number + 1], batch.bodies[number : number + 1], more)
        if alone < len(batch.ids):
            yield Batch(batch.ids[alone:], batch.bodies[alone:], batch.more)

    def poison_in(self, portion: Batch) -> PoisonEntry | None:
        """Return what a portion is, if it is not to be worked on but to be set aside."""
        return self.aside if self.aside is not None and self.aside.entry == portion.ids[0] else None

    def failed(self, ids: Sequence[str], failure: CodeFailure) -> Self:
        """Go on after our own code failed on these entries."""
        entry, tries = ids[-1], self.tries + 1
        if self.aside is not None:
            return replace(self, tries=tries)
        is_narrow = bool(self.until) and order(entry) <= order(self.until)
        if tries < TRIES and not (len(ids) == 1 and is_narrow):
            return replace(self, tries=tries)
        if len(ids) > 1:
            return replace(self, tries=0, until=entry)
        if self.in_a_row >= MOST_IN_A_ROW:
            return replace(self, tries=tries)
        return replace(self, tries=0, until=self.until or entry, aside=PoisonEntry(entry, failure))

    def went_well(self, ids: Sequence[str]) -> Self:
        """Go on after these entries were worked on, or set aside, and that was committed."""
        past = order(ids[-1])
        was_aside = self.aside is not None and self.aside.entry == ids[-1]
        return replace(
            self,
            tries=0,
            until=self.until if self.until and past < order(self.until) else "",
            aside=self.aside if self.aside is not None and past < order(self.aside.entry) else None,
            in_a_row=self.in_a_row + 1 if was_aside else 0,
        )

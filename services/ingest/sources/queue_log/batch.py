"""A batch of a followed log's lines: its facts, its dead letters, and what is left out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.ingest.admission import AdmissionRules, RefusedItem
from services.ingest.sources.queue_log.door import read_line
from services.ingest.sources.queue_log.translate import (
    LinePlace,
    QueueLogTranslator,
    SameQueueError,
    SkippedLine,
)
from shared.contract.dead_letters import EXCERPT, DeadLetter, DeadLetterReason
from shared.contract.events import Event
from shared.process.code_failures import CodeFailure, attempt

_OUTCOMES: Final = frozenset({"call.answered", "call.missed"})


@dataclass
class LeftOut:
    """What is too old to come in by a followed log: no dead letters, for ``history import`` takes it."""

    lines: int = 0
    calls: int = 0
    """Outcomes among them."""

    def add(self, other: LeftOut) -> None:
        self.lines += other.lines
        self.calls += other.calls


@dataclass
class IngestedLines:
    """What a batch of lines says."""

    events: list[Event] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    ahead: list[tuple[bytes, LinePlace]] = field(default_factory=list)
    """Lines from the future, and where they stand: dead letters, until a clock turns out to be wrong."""
    left: LeftOut = field(default_factory=LeftOut)
    unknown_verbs: int = 0
    unusable_waits: int = 0
    """Outcomes that told no wait that can be; they are events all the same."""
    failures: dict[int, CodeFailure] = field(default_factory=dict)
    """Where our own code failed, by the byte at which the line begins; it is a dead letter."""


def tell(
    lines: Sequence[bytes],
    places: Sequence[LinePlace],
    translator: QueueLogTranslator,
    rules: AdmissionRules,
    now: datetime,
    moment: Callable[[int], int],
) -> IngestedLines:
    """Return the facts of a batch, and why its other lines are none.

    ``places``: where each line stands. ``moment``: which one a line's own (UTC ms) means.
    """
    ingested = IngestedLines()
    before = translator.unusable_waits
    source = rules.sender.source if rules.sender else ""
    for line, place in zip(lines, places, strict=True):
        said = attempt(_read, line, translator, rules, now, moment)
        if isinstance(said, CodeFailure):
            ingested.failures[place.byte] = said
            said = RefusedItem.ours(said)
        if isinstance(said, SkippedLine):
            ingested.unknown_verbs += said is SkippedLine.UNKNOWN_VERB
        elif not isinstance(said, RefusedItem):
            ingested.events.append(said)
        elif said.reason is DeadLetterReason.LATE:
            ingested.left.add(LeftOut(1, said.kept.get("kind") in _OUTCOMES))
        else:
            ingested.letters.append(said.letter(now, source, f"byte {place.byte}", place.file, place.number))
            if said.reason is DeadLetterReason.FUTURE:
                ingested.ahead.append((line, place))
    ingested.unusable_waits = translator.unusable_waits - before
    unreadable = [one for one in ingested.letters if one.reason is DeadLetterReason.UNREADABLE]
    if len(unreadable) == len(lines) > 1:
        # Another program's log, or ours in another dress: thousands of letters would push others out.
        detail = f"not one of {len(lines)} lines can be read; the first: {unreadable[0].detail}"[:EXCERPT]
        ingested.letters = [unreadable[0].model_copy(update={"detail": detail})]
    return ingested


def _read(
    line: bytes,
    translator: QueueLogTranslator,
    rules: AdmissionRules,
    now: datetime,
    moment: Callable[[int], int],
) -> Event | SkippedLine | RefusedItem:
    try:
        return read_line(line, translator, rules, now, moment)
    except SameQueueError as error:
        detail = f"two of the exchange's names would be {error.queue}; map each of them in the city file"
        return RefusedItem(DeadLetterReason.UNKNOWN_QUEUE, detail, "queue")

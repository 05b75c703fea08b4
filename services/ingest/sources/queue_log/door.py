"""One line of a queue_log at the door: what it says, and whether that may come in. Pure.

A followed log and whole files go through here, so they admit and refuse alike.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from services.ingest.admission import AdmissionRules, RefusedItem, admit, untimely
from services.ingest.sources.queue_log.translate import (
    QueueLogTranslator,
    SameQueueError,
    SkippedLine,
    UnreadableLine,
    instant,
    moment_ms,
)
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.events import Event


def read_line(
    line: bytes,
    translator: QueueLogTranslator,
    rules: AdmissionRules,
    now: datetime,
    moment: Callable[[int], int] = lambda told_ms: told_ms,
) -> Event | SkippedLine | RefusedItem:
    """Return what a line says, why it says nothing to us, or why it stays outside.

    ``moment`` is which one a line's own (UTC ms) means. A line from the future is not even translated: it
    must not move what the translator remembers. Raises ``SameQueueError`` where that is about a queue that
    counts.
    """
    told_ms = moment_ms(line)
    at_ms = None if told_ms is None else moment(told_ms)
    ahead = None if at_ms is None else untimely(instant(at_ms), rules, now)
    if ahead is not None and ahead.reason is DeadLetterReason.FUTURE:
        return ahead
    try:
        said = translator.translate(line)
    except SameQueueError as error:
        if rules.known is None or rules.known.has(error.queue):
            raise
        return RefusedItem(DeadLetterReason.UNKNOWN_QUEUE, "no queue of the city", "queue")
    except UnreadableLine as error:
        return RefusedItem(DeadLetterReason.UNREADABLE, str(error))
    if isinstance(said, SkippedLine):
        return said
    event = said if at_ms is None or at_ms == told_ms else said.model_copy(update={"at": instant(at_ms)})
    return admit(event, rules, now) or event

"""One line of a queue_log at the door: what it says, and whether that may come in. Pure.

A followed log and whole files go through here, so they admit and refuse alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from services.ingest.admission import AdmissionRules, RefusedItem, admit, has_few_digits, untimely
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

LONGEST_NAME: Final = 64
"""Signs of an exchange's name that are kept: as of ours."""


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
    refused = admit(event, rules, now)
    if refused is None or refused.reason is not DeadLetterReason.UNKNOWN_QUEUE:
        return refused or event
    return _named(refused, translator)


def _named(refused: RefusedItem, translator: QueueLogTranslator) -> RefusedItem:
    """Tell what the exchange calls an unknown queue, by which the city file would map it.

    No person's name is told, wherever it stands: a plain word is, and what several calls named.
    """
    queue = refused.kept.get("queue")
    called = translator.exchanges_name(queue) if isinstance(queue, str) else None
    if called is None or called == queue:
        return refused
    if has_few_digits(called) and translator.is_often_named(str(queue)):
        return replace(refused, kept={**refused.kept, "exchange_queue": called[:LONGEST_NAME]})
    return replace(refused, kept={name: value for name, value in refused.kept.items() if name != "queue"})

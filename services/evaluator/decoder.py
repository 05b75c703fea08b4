"""Stream entries become facts, or dead letters with the reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError

from domain.aggregator import StreamEvent
from shared.contract.dead_letters import EXCERPT, DeadLetter, DeadLetterReason
from shared.contract.events import EVENT, Event
from shared.process.code_failures import CodeFailure
from shared.redis.stream_entries import Batch, arrived_ms

_validate: Final[Callable[[bytes], Event]] = EVENT.validator.validate_json
"""Without ``TypeAdapter``'s own wrapping, which costs a quarter as much again."""

_LIMITS: Final = frozenset({"ge", "gt", "le", "lt"})
"""What pydantic calls the limits of the contract; whatever else it says about a mistake may quote it."""


def parse(batch: Batch) -> list[StreamEvent | DeadLetter]:
    """Return a fact or a dead letter for each entry, in order.

    Entry by entry: no slower than the whole batch as one JSON array, and pieces of JSON in
    neighbouring entries can never make sense together.
    """
    return [_parse_one(entry, body) for entry, body in zip(batch.ids, batch.bodies, strict=True)]


def set_aside(entry: str, failure: CodeFailure) -> DeadLetter:
    """Return the dead letter of an entry that our own code fails on."""
    return _letter(entry, arrived_ms(entry), DeadLetterReason.INTERNAL_ERROR, failure.place)


def _parse_one(entry: str, body: bytes | None) -> StreamEvent | DeadLetter:
    arrived = arrived_ms(entry)
    if body is None:
        return _letter(entry, arrived, DeadLetterReason.UNREADABLE, "the entry has no data field")
    try:
        return StreamEvent(entry, arrived, _validate(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            return _letter(entry, arrived, DeadLetterReason.UNREADABLE, "the data field is not JSON")
        # The location names a kind and a field of ours; a message could quote what was sent.
        where = ".".join(str(part) for part in first["loc"]) or "kind"
        limits = [f" {limit}" for name, limit in first.get("ctx", {}).items() if name in _LIMITS]
        return _letter(entry, arrived, DeadLetterReason.INVALID, f"{where}: {first['type']}{''.join(limits)}")


def _letter(entry: str, arrived: int, reason: DeadLetterReason, detail: str) -> DeadLetter:
    return DeadLetter(
        reason=reason,
        detail=detail[:EXCERPT],
        at=datetime.fromtimestamp(arrived / 1000, UTC),
        where=entry,
    )

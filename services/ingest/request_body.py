"""A request's body → its items, pure: one JSON object, a JSON array, or lines of JSON (NDJSON).

What stands there decides, not the content type: senders get that wrong.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue
from pydantic_core import from_json, to_json

from services.ingest.admission import RefusedItem, read_event
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.events import EVENTS, Event
from shared.process.code_failures import CodeFailure, attempt

_MOST_COMMAS: Final = 32
"""Commas per item up to which an array is validated in one go: more than any event has. Cheap to count,
and it keeps an array of a million tiny items from making a million errors."""

_POSITION: Final = re.compile(r" at line (\d+) column (\d+)$")


class UnreadableBodyError(ValueError):
    """The body is no JSON at all."""

    def __init__(self, why: str, byte: int) -> None:
        super().__init__(f"{why} at byte {byte}")
        self.byte = byte


class TooManyItemsError(ValueError):
    """The body holds more items than are judged in one go."""


def items(body: bytes, limit: int) -> Sequence[Event | RefusedItem]:
    """Return what each item is, in order: an event of the contract, or why it is none.

    Raises ``UnreadableBodyError`` and ``TooManyItemsError`` (more than ``limit`` items).
    """
    text = body.removeprefix(codecs.BOM_UTF8).lstrip()
    start = len(body) - len(text)
    if not text:
        raise UnreadableBodyError("expected a JSON object, array or lines of them, found nothing", start)
    if text.startswith(b"["):
        return _array(text, start, limit)
    return _lines(text, start, limit)


def _array(text: bytes, start: int, limit: int) -> Sequence[Event | RefusedItem]:
    """All of it in one go; only when something is wrong with it, item by item."""
    if text.count(b",") <= _MOST_COMMAS * limit:
        events = attempt(EVENTS.validate_json, text, extra="forbid")
        if not isinstance(events, CodeFailure):
            _bound(len(events), limit)
            return events
    parsed = _parsed(text, start)
    if not isinstance(parsed, list):
        raise TypeError("an array was parsed as something else")
    _bound(len(parsed), limit)
    return [_one(to_json(item)) for item in parsed]


def _lines(text: bytes, start: int, limit: int) -> Sequence[Event | RefusedItem]:
    """Line by line, which is as fast as all in one go. When lines are no JSON, perhaps all of them
    together are one object, written over several lines."""
    _bound(text.count(b"\n"), 2 * limit)
    lines = [line for line in text.split(b"\n") if line and not line.isspace()]
    judged = [_one(line) for line in lines[: limit + 1]]
    unreadable = [
        isinstance(one, RefusedItem) and one.reason is DeadLetterReason.UNREADABLE for one in judged
    ]
    if any(unreadable):
        try:
            return [_one(to_json(_parsed(text, start)))]
        except UnreadableBodyError:
            if all(unreadable):
                raise
    _bound(len(lines), limit)
    return judged


def _bound(count: int, limit: int) -> None:
    if count > limit:
        raise TooManyItemsError


def _parsed(text: bytes, start: int) -> JsonValue:
    try:
        parsed: JsonValue = from_json(text)
    except ValueError as error:
        why = str(error)
        position = _POSITION.search(why)
        if position is None:
            raise UnreadableBodyError(f"not JSON: {why}", start) from None
        line, column = (int(part) for part in position.groups())
        before = sum(len(one) + 1 for one in text.split(b"\n", line - 1)[: line - 1])
        raise UnreadableBodyError(
            f"not JSON: {why[: position.start()]}", start + before + max(0, column - 1)
        ) from None
    return parsed


def _one(source: bytes) -> Event | RefusedItem:
    judged = attempt(read_event, source)
    return RefusedItem.ours(judged) if isinstance(judged, CodeFailure) else judged

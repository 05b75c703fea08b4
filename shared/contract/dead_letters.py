"""What was refused, and why: the entries of the dead-letter stream.

A dead letter helps to mend the sender. It never holds what a sender said in free form: phone
numbers and names travel in unexpected fields, so no text of an item is kept but the city's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

KEEP: Final = 100_000
"""Dead letters kept (about); the oldest go first. The counter never forgets."""

EXCERPT: Final = 200
"""Characters of a detail that are kept."""


class DeadLetterReason(StrEnum):
    UNREADABLE = "unreadable"
    """Not JSON, or not a log line."""
    INVALID = "invalid"
    """JSON, but not an event of the contract."""
    UNKNOWN_QUEUE = "unknown_queue"
    """A queue or site that the city file does not have."""
    WRONG_KIND = "wrong_kind"
    """A call at a counter, or a visit or an appointment at a phone queue."""
    NOT_ALLOWED = "not_allowed"
    """The API key may not speak for this source or queue."""
    PERSONAL = "personal"
    """An id that looks like a phone number."""
    FUTURE = "future"
    """The sender's clock is ahead."""
    LATE = "late"
    """Older than what is remembered for telling duplicates; belongs to ``history import``."""
    INTERNAL_ERROR = "internal_error"
    """Our own code failed on it, and only on it; the detail says where."""
    WENT_BACK = "went_back"
    """Redis went back to an older state: what of this source is lost, from when to when, or is read again."""


class DeadLetter(BaseModel):
    """One refused item."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reason: DeadLetterReason
    detail: Annotated[str, Field(max_length=EXCERPT)]
    """What is wrong and what would be right, without the refused value itself."""
    at: AwareDatetime
    """When it was refused."""
    source: str = "unknown"
    where: str = ""
    """Where in the request, file or stream it stood: ``item 3``, ``byte 1024``, an entry id."""
    file: str = ""
    """The file in which it stood."""
    line: Annotated[int, Field(ge=1)] | None = None
    """The number of its line there, where that is known."""
    item: Mapping[str, JsonValue] = {}
    """What is kept of the refused item: its kind, instants and numbers, and plain names of source, site and
    queue."""

    @property
    def place(self) -> str:
        """Where it stood, as editors and ``grep -n`` write it where that can be."""
        if self.line is not None:
            return f"{self.file}:{self.line}"
        return ", ".join(filter(None, [self.file, self.where]))

    def encode(self) -> bytes:
        """Return the JSON for the stream."""
        return self.__pydantic_serializer__.to_json(self)

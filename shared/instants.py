"""Instants that can be meant. Pure.

A desk has no calls before 2000 and books nothing for 2100. What lies outside, most often a clock that was
never set or a field left at its lowest or highest value, is refused wherever it would come in, and does no
harm where it is in a state already: near the years 1 and 9999 arithmetic on dates fails.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import AwareDatetime, Field

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
END: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""The first one that is too late."""

_RANGE: Final[dict[str, object]] = {
    "formatMinimum": "2000-01-01T00:00:00Z",
    "formatExclusiveMaximum": "2100-01-01T00:00:00Z",
}
"""As JSON Schema says it of what is no number."""

Instant = Annotated[AwareDatetime, Field(ge=EARLIEST, lt=END, json_schema_extra=_RANGE)]
"""An instant as it comes from outside, in whatever offset: within the years 2000 to 2099 of UTC."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
EARLIEST_MS: Final = (EARLIEST - _EPOCH) // _MILLISECOND
END_MS: Final = (END - _EPOCH) // _MILLISECOND
"""The same as UTC ms since 1970."""


def can_be_meant(at_ms: int) -> bool:
    """Whether UTC ms since 1970 are an ``Instant``."""
    return EARLIEST_MS <= at_ms < END_MS

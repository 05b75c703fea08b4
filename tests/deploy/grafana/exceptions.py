"""Where a board may break a rule of the lint, and why. An entry that nothing needs any more fails a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

Excepted: TypeAlias = tuple[str, int | None, str]
"""Board (without its language), panel id (none: the board itself), rule."""

SLIDING: Final = "it shows the whole hour or day before each moment, and its title and description say so"

EXCEPTIONS: Final[Mapping[Excepted, str]] = {
    ("live", 15, "rate-interval"): SLIDING,
    ("counters", 3, "rate-interval"): SLIDING,
    ("appointments", 7, "rate-interval"): SLIDING,
}

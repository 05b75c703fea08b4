"""Durations as options of a command."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import durationpy
import typer

LONGEST: Final = timedelta(days=366)
"""Beyond this it is a slip of the finger."""


def duration(text: str) -> timedelta:
    """Return ``30s``, ``5m`` or ``1h30m`` as a duration; raises ``typer.BadParameter``."""
    try:
        length: timedelta = durationpy.from_str(text)
    except (durationpy.DurationError, OverflowError):
        raise typer.BadParameter('write a duration such as "30s" or "5m"') from None
    if length <= timedelta(0):
        raise typer.BadParameter("write a duration above 0s")
    if length > LONGEST:
        raise typer.BadParameter(f"write a duration of at most {LONGEST.days} days, such as 8h")
    return length

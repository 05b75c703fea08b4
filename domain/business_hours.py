"""How many minutes a desk is open, over the hours of all its queues. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from shared.calendar import MINUTE_MS, Calendar, Stretch, joined


def open_minutes(calendar: Calendar, hours: Collection[str | None], day: date) -> int:
    """Return for how many minutes of a local day any of these opening hours are on.

    Real minutes: hours over a clock change lose the skipped one or have the repeated one twice. ``None``
    is always open. Raises ``KeyError`` for a name the city file does not have.
    """
    return sum(end - start for start, end in _any(calendar, hours, day)) // MINUTE_MS


def open_minutes_from(calendar: Calendar, hours: Collection[str | None], now_ms: int) -> int:
    """Return for how many whole minutes of the local day of ``now_ms`` (UTC) they are on from then on."""
    stretches = _any(calendar, hours, calendar.local_day(now_ms))
    return sum(max(0, end - max(start, now_ms)) // MINUTE_MS for start, end in stretches)


def _any(calendar: Calendar, hours: Collection[str | None], day: date) -> tuple[Stretch, ...]:
    return joined(stretch for name in hours for stretch in calendar.stretches(name, day))

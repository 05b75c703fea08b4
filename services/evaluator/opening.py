"""How many minutes a desk is open, over the hours of all its queues. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

from shared.calendar import DAY, MIDNIGHT, MILLISECOND, Calendar, Minutes

MINUTE_MS: Final = 60_000
USUAL_DAY_MS: Final = DAY // MILLISECOND


def open_minutes(calendar: Calendar, hours: Collection[str | None], day: date) -> int:
    """Return for how many minutes of a local day any of these opening hours are on.

    Real minutes: hours over a clock change lose the skipped one or have the repeated one twice. ``None``
    is always open. Raises ``KeyError`` for a name the city file does not have.
    """
    start, end = calendar.day_bounds(day)
    if end - start != USUAL_DAY_MS:
        return _counted(calendar, hours, start, end)
    minutes = latest = 0
    for opens, closes in sorted(span for name in hours for span in _spans(calendar, name, day)):
        minutes += max(0, closes - max(opens, latest))
        latest = max(latest, closes)
    return minutes


def open_minutes_from(calendar: Calendar, hours: Collection[str | None], now_ms: int) -> int:
    """Return for how many whole minutes of the local day of ``now_ms`` (UTC) they are on from then on."""
    _, end = calendar.day_bounds(calendar.local_day(now_ms))
    return _counted(calendar, hours, -(-now_ms // MINUTE_MS) * MINUTE_MS, end)


def _spans(calendar: Calendar, name: str | None, day: date) -> tuple[Minutes, ...]:
    return ((0, MIDNIGHT),) if name is None else calendar.spans(name, day)


def _counted(calendar: Calendar, hours: Collection[str | None], start_ms: int, end_ms: int) -> int:
    return sum(any(calendar.is_open(name, at) for name in hours) for at in range(start_ms, end_ms, MINUTE_MS))

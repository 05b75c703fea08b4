"""Quiet hours: when less urgent messages wait, and until when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.config.alerting import MuteTimes
from shared.contract.breach_events import Severity

IsOpen = Callable[[str | None, int], bool]
"""``shared.calendar.Calendar.is_open``: whether hours of that name are on at an instant (UTC ms)."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE: Final = timedelta(minutes=1)
_REACH: Final = timedelta(days=8)
"""Hours repeat every week; quiet that lasts longer is looked at again after this."""


def quiet_until(
    quiet: Iterable[MuteTimes], severity: Severity, is_open: IsOpen, now: datetime
) -> datetime | None:
    """Return when messages of that severity may be sent again; ``None`` when they may now.

    Hours begin and end on whole minutes, in every time zone of today.
    """
    hours = [q.hours for q in quiet if severity not in q.unless]

    def is_quiet(at: datetime) -> bool:
        return any(is_open(name, (at - _EPOCH) // timedelta(milliseconds=1)) for name in hours)

    if not is_quiet(now):
        return None
    end = now - (now - _EPOCH) % _MINUTE + _MINUTE
    while end < now + _REACH and is_quiet(end):
        end += _MINUTE
    return end

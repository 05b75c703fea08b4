"""Holes in hours: minutes that were forgotten, nights that are not quiet. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from shared.calendar import DAY, Calendar
from shared.config.model import CityFile
from shared.config.references import ReferenceMistake
from shared.config.tables import KeyPath
from shared.config.types import MIDNIGHT, WEEKDAYS, Span, WeekHours, joined

SMALL_GAP: Final = 5
"""Minutes between two hours of a day, at most, that are no lunch break but a slip of the pen."""

QUIET_AHEAD: Final = 366
"""How many days ahead holidays are looked for."""


def gaps(city: CityFile) -> Iterator[ReferenceMistake]:
    """Minutes that were forgotten: hours that end at 23:59, or a moment before the next begin."""
    for name, week in city.hours.items():
        for weekday, spans in zip(WEEKDAYS, week.by_weekday, strict=True):
            for number, span in enumerate(spans):
                at: KeyPath = ("hours", name, weekday, number)
                after = [other.start_minute for other in spans if other.start_minute > span.end_minute]
                if span.end_minute == MIDNIGHT - 1:
                    yield ReferenceMistake(at, "last_minute")
                elif after and min(after) - span.end_minute <= SMALL_GAP:
                    known = f"{_clock(span.end_minute)}-{_clock(min(after))}"
                    yield ReferenceMistake(at, "small_gap", known=(known,))


def _quiet(city: CityFile) -> list[tuple[KeyPath, WeekHours]]:
    return [
        (("notify", "quiet", number, "hours"), city.hours[quiet.hours])
        for number, quiet in enumerate(city.notify.quiet)
    ]


def nights_left_out(city: CityFile) -> Iterator[ReferenceMistake]:
    """Days without quiet hours, and nights in which they stop at midnight."""
    quiet = _quiet(city)
    if not quiet:
        return
    together = [
        [span for _, week in quiet for span in week.by_weekday[weekday]] for weekday in range(len(WEEKDAYS))
    ]
    at = quiet[0][0]
    without = tuple(name for name, spans in zip(WEEKDAYS, together, strict=True) if not spans)
    if without:
        yield ReferenceMistake(at, "never_quiet_on", known=without)
    broken = tuple(
        f"{WEEKDAYS[weekday]}/{WEEKDAYS[(weekday + 1) % len(WEEKDAYS)]}"
        for weekday, spans in enumerate(together)
        if _ends_at_midnight(spans) and not _begins_at_midnight(together[(weekday + 1) % len(WEEKDAYS)])
    )
    if broken:
        yield ReferenceMistake(at, "quiet_till_midnight", known=broken)


def _ends_at_midnight(spans: list[Span]) -> bool:
    return any(span.end_minute >= MIDNIGHT - 1 for span in spans)


def _begins_at_midnight(spans: list[Span]) -> bool:
    return any(span.start_minute == 0 for span in spans)


def holidays_left_out(city: CityFile, calendar: Calendar, today: date) -> Iterator[ReferenceMistake]:
    """Quiet hours that a holiday, a closing day or a half day switches off, like opening hours."""
    quiet = _quiet(city)
    names = {one.hours for one in city.notify.quiet}
    for ahead in range(QUIET_AHEAD):
        day = today + ahead * DAY
        usual = joined(
            (span.start_minute, span.end_minute)
            for _, week in quiet
            for span in week.by_weekday[day.weekday()]
        )
        left = joined(span for name in names for span in calendar.spans(name, day))
        if usual != left:
            at = next(at for at, week in quiet if not week.on_holidays)
            yield ReferenceMistake(at, "quiet_not_on_holidays", known=(str(day),))
            return


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"

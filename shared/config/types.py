"""What the sections of the city file are made of: durations, windows, names, opening hours and mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Final, Self, TypeVar

import durationpy
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    Tag,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.config.messages import MISTAKES
from shared.contract.events import NAME
from shared.contract.kpis import UNITS, Kpi, Measure, Unit
from shared.periods import Period

ALL_QUEUES: Final = "all"
"""The queue name under which a site's total is shown; no queue may be called so."""

EVERY_QUEUE: Final = "*"
"""In a rule: each queue that has the KPI is judged by itself."""

PERIODS: Final = ("today", "month", "year")
"""The windows of a rule that begin with the calendar."""

MIDNIGHT: Final = 24 * 60
"""The end of a day, in minutes of the wall clock."""

_T = TypeVar("_T")

WINDOW_STEP: Final = timedelta(seconds=10)
FINE_REACH: Final = timedelta(hours=2)
COARSE_STEP: Final = timedelta(minutes=5)
COARSE_REACH: Final = timedelta(hours=26)
"""How far back and how finely rolling windows can look: 10 s steps for 2 h, 5 min steps for 26 h."""


def on_histogram_edge(bound: timedelta) -> bool:
    """Whether the wait histogram has an edge at ``bound``, so that counts up to it are exact.

    Edges: every second up to 10 min, every 10 s up to 1 h, every minute up to 4 h.
    """
    if bound <= timedelta(minutes=10):
        return bound % timedelta(seconds=1) == timedelta(0)
    if bound <= timedelta(hours=1):
        return bound % timedelta(seconds=10) == timedelta(0)
    return bound <= timedelta(hours=4) and bound % timedelta(minutes=1) == timedelta(0)


def mistake(kind: str, **filled: str) -> PydanticCustomError:
    """Return the mistake of that kind; its words stand in ``shared.config.messages``."""
    return PydanticCustomError(kind, MISTAKES[kind].text, dict(filled))


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise mistake("duration")
    try:
        duration: timedelta = durationpy.from_str(value)
    except (durationpy.DurationError, ValueError, OverflowError):
        raise mistake("duration") from None
    if duration < timedelta(0):
        raise mistake("duration_negative")
    return duration


def must(fit: Callable[[_T], bool], kind: str, **filled: str) -> AfterValidator:
    """Return the check that a value fits; the mistake is of that kind."""

    def check(value: _T) -> _T:
        if not fit(value):
            raise mistake(kind, **filled)
        return value

    return AfterValidator(check)


def from_to(least: str, most: str) -> AfterValidator:
    """Return the check of a duration from ``least`` up to and including ``most``."""
    shortest, longest = _duration(least), _duration(most)

    def within(value: timedelta) -> bool:
        return shortest <= value <= longest

    return must(within, "duration_range", least=least, most=most)


Duration = Annotated[timedelta, BeforeValidator(_duration)]
WaitBound = Annotated[Duration, must(on_histogram_edge, "histogram_edge")]
Name = Annotated[str, Field(pattern=NAME)]


class ConfigSection(BaseModel):
    """A table of the city file: frozen, and unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _no_ratio_above_1(value: float, so_far: ValidationInfo) -> float:
    kpi: Kpi | Measure | None = so_far.data.get("kpi")
    if kpi is not None and UNITS[Measure(kpi)] is Unit.RATIO and value > 1:
        raise mistake("ratio")
    return value


Figure = Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(_no_ratio_above_1)]
"""In the unit of the field ``kpi`` that stands before it: a ratio from 0 to 1, seconds, working days."""

Limit = Annotated[Figure, Field(strict=True)]


def is_window(value: timedelta) -> bool:
    """Whether a rolling window of this length can be computed exactly."""
    step = WINDOW_STEP if value <= FINE_REACH else COARSE_STEP
    return timedelta(0) < value <= COARSE_REACH - COARSE_STEP and not value % step


Window = Annotated[Duration, must(is_window, "window")]

LEAST_GAP: Final = 0.1
"""What lies nearer to the usual share takes hundreds of contacts to tell from it: that is no alarm."""


def is_shift(usual: float, bad: float) -> bool:
    """Whether a bad share is far enough from the usual one, in decimals as they were written."""
    return 0 < usual < 1 and bad < 1 and round(bad - usual, 9) >= LEAST_GAP


MOST_CONTACTS: Final = 1000
"""A window by count looks back over so many contacts at most."""

_LAST: Final = re.compile(r"last ([1-9]\d{0,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class LastContacts:
    """A window by count: the smallest one that holds so many contacts. Written ``last 20``."""

    count: int

    def __str__(self) -> str:
        return f"last {self.count}"

    @classmethod
    def parse(cls, text: str) -> LastContacts | None:
        """Return the window that a text says; ``None``: it says none."""
        found = _LAST.fullmatch(text.strip())
        count = int(found[1]) if found else 0
        return cls(count) if 2 <= count <= MOST_CONTACTS else None


def _last_contacts(value: object) -> LastContacts:
    window = value if isinstance(value, LastContacts) else LastContacts.parse(str(value))
    if window is None:
        raise mistake("last_contacts")
    return window


def is_count(value: object) -> bool:
    """Whether somebody means a window by count: ``last 20``, right or wrong."""
    return isinstance(value, LastContacts) or (isinstance(value, str) and value.strip().startswith("last"))


CountWindow = Annotated[LastContacts, PlainValidator(_last_contacts), PlainSerializer(str)]

LiveWindow = Annotated[
    Annotated[Window, Tag("length")] | Annotated[CountWindow, Tag("count")],
    Discriminator(lambda value: "count" if is_count(value) else "length"),
]
"""Back over a length of time, or over so many contacts."""


def _period(value: object) -> Period:
    if isinstance(value, Period):
        return value
    try:
        return Period.parse(str(value))
    except ValueError:
        raise mistake("period") from None


PeriodName = Annotated[Period, PlainValidator(_period), PlainSerializer(lambda period: period.name)]
"""Written as its name: ``2026``, ``2026-10``, ``2026-H1`` or ``2026-Q3``."""


# --- opening hours: spans of a local day, the same every week ----------------------------------------


class Span(ConfigSection):
    """Part of a local day, from inclusive to exclusive; ``until = 24:00`` is written ``"24:00"``."""

    start_minute: Annotated[int, Field(ge=0, lt=1440)]
    end_minute: Annotated[int, Field(gt=0, le=1440)]

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, dict | Span):
            return value
        if not isinstance(value, str):
            raise mistake("span")
        start, _, end = value.partition("-")
        return {"start_minute": minute_of(start), "end_minute": minute_of(end)}

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end_minute <= self.start_minute:
            raise mistake("span_order")
        return self


def minute_of(text: str) -> int:
    """Return the minute of the local day that a text such as ``09:30`` or ``24:00`` says."""
    text = text.strip()
    if text == "24:00":
        return 1440
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text, re.ASCII):
        raise mistake("span")
    hour, minute = map(int, text.split(":"))
    return hour * 60 + minute


def _no_overlap(spans: tuple[Span, ...]) -> bool:
    ordered = sorted(spans, key=lambda span: span.start_minute)
    return all(one.end_minute <= other.start_minute for one, other in pairwise(ordered))


Spans = Annotated[tuple[Span, ...], must(_no_overlap, "span_overlap")]
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class WeekHours(ConfigSection):
    """Opening hours of a week; a day without hours is closed."""

    monday: Spans = ()
    tuesday: Spans = ()
    wednesday: Spans = ()
    thursday: Spans = ()
    friday: Spans = ()
    saturday: Spans = ()
    sunday: Spans = ()
    on_holidays: Annotated[bool, Field(strict=True)] = False
    """Open as usual on public holidays, closing days and half days too."""

    @property
    def by_weekday(self) -> tuple[Spans, ...]:
        """Monday first, as in ``date.weekday()``."""
        return (
            self.monday,
            self.tuesday,
            self.wednesday,
            self.thursday,
            self.friday,
            self.saturday,
            self.sunday,
        )


def joined(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return spans (from inclusive to exclusive) in order; those that touch or overlap become one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return tuple(found)


def longest_opening(weeks: Iterable[WeekHours]) -> timedelta | None:
    """Return for how long any of these hours are on at a stretch, at most; ``None``: day and night.

    In a week without holidays; over midnight, and from Sunday to Monday.
    """
    spans = [
        (at * MIDNIGHT + span.start_minute, at * MIDNIGHT + span.end_minute)
        for week in weeks
        for at, day in enumerate(week.by_weekday * 2)
        for span in day
    ]
    longest = max((end - start for start, end in joined(spans)), default=0)
    return None if longest >= len(WEEKDAYS) * MIDNIGHT else timedelta(minutes=longest)

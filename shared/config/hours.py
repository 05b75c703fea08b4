"""Opening hours as the city file has them: spans of a local day, the same every week."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import Field, field_validator, model_validator

from shared.config.types import ConfigSection, mistake

MIDNIGHT: Final = 24 * 60
"""The end of a day, in minutes of the wall clock."""


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


Spans = tuple[Span, ...]
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

    @field_validator(*WEEKDAYS)
    @classmethod
    def _no_overlap(cls, spans: Spans) -> Spans:
        ordered = sorted(spans, key=lambda span: span.start_minute)
        if any(other.start_minute < one.end_minute for one, other in pairwise(ordered)):
            raise mistake("span_overlap")
        return spans

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

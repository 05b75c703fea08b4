"""What the sections of the city file are made of: durations, bounds, windows, names and mistakes."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

import durationpy
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
)
from pydantic_core import PydanticCustomError

from shared.config.messages import MISTAKES
from shared.contract.events import NAME
from shared.contract.kpis import KPIS, Kpi, Unit
from shared.periods import Period

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


def _wait_bound(value: timedelta) -> timedelta:
    if not on_histogram_edge(value):
        raise mistake("histogram_edge")
    return value


def from_to(least: str, most: str) -> AfterValidator:
    """Return the check of a duration from ``least`` up to and including ``most``."""
    shortest, longest = _duration(least), _duration(most)

    def within(value: timedelta) -> timedelta:
        if not shortest <= value <= longest:
            raise mistake("duration_range", least=least, most=most)
        return value

    return AfterValidator(within)


Duration = Annotated[timedelta, BeforeValidator(_duration)]
WaitBound = Annotated[Duration, AfterValidator(_wait_bound)]
Name = Annotated[str, Field(pattern=NAME)]


class ConfigSection(BaseModel):
    """A table of the city file: frozen, and unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def no_ratio_above_1(value: float, kpi: Kpi | None) -> float:
    """Let a number pass, unless it is a ratio of more than 1; ``None``: the file names no KPI there is."""
    if kpi is not None and KPIS[kpi].unit is Unit.RATIO and value > 1:
        raise mistake("ratio")
    return value


def check_window(value: timedelta) -> timedelta:
    step = WINDOW_STEP if value <= FINE_REACH else COARSE_STEP
    if not timedelta(0) < value <= COARSE_REACH - COARSE_STEP or value % step:
        raise mistake("window")
    return value


Window = Annotated[Duration, AfterValidator(check_window)]


def _period(value: object) -> Period:
    if isinstance(value, Period):
        return value
    try:
        return Period.parse(str(value))
    except ValueError:
        raise mistake("period") from None


PeriodName = Annotated[Period, PlainValidator(_period), PlainSerializer(lambda period: period.name)]
"""Written as its name: ``2026``, ``2026-10``, ``2026-H1`` or ``2026-Q3``."""

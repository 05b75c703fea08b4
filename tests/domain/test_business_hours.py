"""How many minutes a desk is open: real ones, over the hours of all its queues."""

from __future__ import annotations

from datetime import date, datetime
from itertools import product

import pytest

from domain.business_hours import open_minutes, open_minutes_from
from shared.calendar import Calendar
from shared.config.model import WEEKDAYS, CityFile
from shared.contract.kpis import QueueKind
from tests.support.report_city import city

HOURS = {
    "dag": {day: ["09:00-12:00", "13:00-17:00"] for day in WEEKDAYS},
    "avond": {day: ["16:00-20:00"] for day in WEEKDAYS},
    "nacht": {day: ["02:30-03:30"] for day in WEEKDAYS},
    "kort": {day: ["10:00-11:00"] for day in WEEKDAYS},
}
QUEUES = [{"id": "lijn", "kind": QueueKind.PHONE, "hours": "dag"}]
CITY: CityFile = city(hours=HOURS, targets=[], sites=[{"id": "lier", "queues": QUEUES}])
CALENDAR = Calendar(CITY)
MONDAY, HALF_DAY, CLOSED = date(2026, 3, 2), date(2026, 3, 13), date(2026, 3, 11)
FORWARD, BACK = date(2026, 3, 29), date(2026, 10, 25)


@pytest.mark.parametrize(
    ("hours", "day", "minutes"),
    [
        (["dag"], MONDAY, 420),
        (["dag", "avond"], MONDAY, 600),  # 16 to 17 counts once
        (["dag", "kort"], MONDAY, 420),
        (["avond", "nacht"], MONDAY, 300),
        ([None], MONDAY, 1440),
        (["dag", None], MONDAY, 1440),
        ([], MONDAY, 0),
        (["dag", "avond"], HALF_DAY, 60),
        (["dag"], CLOSED, 0),
        ([None], CLOSED, 1440),
        (["nacht"], FORWARD, 30),  # from two to three the clock skips
        (["nacht"], BACK, 90),  # and here it has that hour twice
        (["dag"], FORWARD, 420),
        ([None], FORWARD, 1380),
        ([None], BACK, 1500),
    ],
)
def test_minutes_of_a_day(hours: list[str | None], day: date, minutes: int) -> None:
    assert open_minutes(CALENDAR, hours, day) == minutes


@pytest.mark.parametrize(
    ("hours", "now", "minutes"),
    [
        (["dag", "avond"], "2026-03-02T10:30:00+01:00", 90 + 7 * 60),
        (["dag", "avond"], "2026-03-02T10:30:01+01:00", 89 + 7 * 60),  # the minute has begun
        (["dag", "avond"], "2026-03-02T23:00:00+01:00", 0),
        ([None], "2026-03-29T01:00:00+01:00", 22 * 60),
        (["nacht"], "2026-10-25T02:45:00+02:00", 75),
    ],
)
def test_minutes_that_are_left(hours: list[str | None], now: str, minutes: int) -> None:
    now_ms = int(datetime.fromisoformat(now).timestamp() * 1000)
    assert open_minutes_from(CALENDAR, hours, now_ms) == minutes


@pytest.mark.parametrize(
    ("hours", "day"),
    list(product([["dag", "avond"], ["nacht", "kort"], [None]], [MONDAY, HALF_DAY, FORWARD, BACK])),
)
def test_a_whole_day_is_what_is_left_at_midnight(hours: list[str | None], day: date) -> None:
    midnight, _ = CALENDAR.day_bounds(day)
    assert open_minutes_from(CALENDAR, hours, midnight) == open_minutes(CALENDAR, hours, day)

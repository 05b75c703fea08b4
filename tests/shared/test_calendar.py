"""The calendar: what day it is in Lier, who is open, what counts as a working day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar import Calendar
from shared.config.model import WEEKDAYS, CityFile

BRUSSELS = ZoneInfo("Europe/Brussels")

DAY_AND_NIGHT = {day: ["00:00-24:00"] for day in WEEKDAYS}
DOCUMENT: dict[str, object] = {
    "city": {"name": "Lier"},
    "hours": {
        "desk": {
            "monday": ["09:00-12:30", "13:30-16:30"],
            "tuesday": ["09:00-12:30", "13:30-19:00"],
            "wednesday": ["09:00-16:00"],
            "thursday": ["09:00-16:00"],
            "friday": ["09:00-12:30"],
            "saturday": ["09:00-12:00"],
        },
        "night": {"saturday": ["22:00-24:00"], "sunday": ["00:00-02:30", "03:00-04:00"]},
        "always": DAY_AND_NIGHT | {"on_holidays": True},
    },
    "calendar": {
        "closing_days": [
            {"every_year": "07-11"},
            {"on": "2026-05-15"},
            {"every_year": "12-24", "closes_at": "12:00"},
            {"every_year": "12-31", "closes_at": "12:00"},
        ]
    },
    "sites": [{"id": "lier", "queues": [{"id": "onthaal", "kind": "phone", "hours": "desk"}]}],
}
CITY = CityFile.model_validate(DOCUMENT)
CALENDAR = Calendar(CITY)

DAYS = st.dates(date(2024, 1, 1), date(2028, 12, 31))
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def lier(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BRUSSELS, fold=fold)


def wall(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else lier(text)


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        ("2025-12-31T22:59:59.999", date(2025, 12, 31)),
        ("2025-12-31T23:00", date(2026, 1, 1)),  # the year turns an hour before UTC
        ("2026-03-28T23:00", date(2026, 3, 29)),
        ("2026-03-29T21:59", date(2026, 3, 29)),
        ("2026-03-29T22:00", date(2026, 3, 30)),  # summer time began: two hours before UTC
        ("2026-10-25T22:59", date(2026, 10, 25)),
        ("2026-10-25T23:00", date(2026, 10, 26)),
        ("1969-12-31T23:30", date(1970, 1, 1)),
    ],
)
def test_an_instant_belongs_to_the_day_on_the_citys_wall(utc: str, day: date) -> None:
    assert CALENDAR.local_day(ms(datetime.fromisoformat(utc).replace(tzinfo=UTC))) == day


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 1, 1), 24), (date(2026, 12, 31), 24)],
)
def test_a_local_day_has_23_24_or_25_hours(day: date, hours: int) -> None:
    start, end = CALENDAR.day_bounds(day)
    assert end - start == hours * 3_600_000


@given(DAYS)
def test_days_follow_each_other_without_gap_or_overlap(day: date) -> None:
    start, end = CALENDAR.day_bounds(day)
    assert CALENDAR.day_bounds(day + timedelta(days=1))[0] == end
    assert [CALENDAR.local_day(at) for at in (start - 1, start, end - 1, end)] == [
        day - timedelta(days=1),
        day,
        day,
        day + timedelta(days=1),
    ]


def test_a_day_starts_at_its_first_instant_where_the_clock_skips_midnight() -> None:
    city = CITY.model_copy(update={"city": CITY.city.model_copy(update={"time_zone": "Africa/Cairo"})})
    start, end = Calendar(city).day_bounds(date(2026, 4, 24))
    assert (start, end - start) == (ms(datetime(2026, 4, 23, 22, tzinfo=UTC)), 23 * 3_600_000)


@pytest.mark.parametrize(
    ("at", "is_open", "why"),
    [
        ("2026-03-02T08:59:59", False, "Monday, not yet"),
        ("2026-03-02T09:00", True, "the first second"),
        ("2026-03-02T12:29:59", True, "the last second"),
        ("2026-03-02T12:30", False, "lunch"),
        ("2026-03-02T13:30", True, "after lunch"),
        ("2026-03-03T18:00", True, "Tuesday evening"),
        ("2026-03-02T18:00", False, "Monday evening"),
        ("2026-03-01T10:00", False, "Sunday"),
        ("2026-03-30T09:00", True, "first Monday of summer time, by the wall clock"),
        ("2026-10-26T09:00", True, "first Monday of winter time"),
        ("2026-01-01T10:00", False, "New Year"),
        ("2026-04-06T10:00", False, "Easter Monday"),
        ("2026-05-14T10:00", False, "Ascension Day"),
        ("2026-05-15T10:00", False, "the bridge day"),
        ("2026-07-11T10:00", False, "11 July 2026, a Saturday"),
        ("2025-07-11T10:00", False, "11 July 2025, a Friday"),
        ("2026-07-21T10:00", False, "the national holiday"),
        ("2026-12-24T11:59:59", True, "Christmas Eve, before noon"),
        ("2026-12-24T12:00", False, "Christmas Eve, closed at noon"),
        ("2026-12-31T15:00", False, "New Year's Eve, closed at noon"),
    ],
)
def test_the_desk_is_open_when_the_city_says_so(at: str, is_open: bool, why: str) -> None:
    assert CALENDAR.is_open("desk", ms(lier(at))) is is_open, why


def test_a_half_day_cuts_the_span_it_falls_in_and_drops_those_after() -> None:
    assert CALENDAR.spans("desk", date(2026, 12, 24)) == ((540, 720),)
    assert CALENDAR.spans("desk", date(2024, 12, 31)) == ((540, 720),)


def test_a_queue_without_hours_and_hours_that_ignore_holidays_are_open_on_new_year() -> None:
    new_year = ms(lier("2026-01-01T00:00"))
    assert CALENDAR.is_open(None, new_year)
    assert CALENDAR.is_open("always", new_year)
    assert CALENDAR.is_open("always", ms(lier("2026-12-24T23:59:59")))


def test_hours_the_city_does_not_have_are_an_error() -> None:
    with pytest.raises(KeyError):
        CALENDAR.is_open("nowhere", 0)


@pytest.mark.parametrize(
    ("utc", "is_open", "why"),
    [
        ("2026-03-28T23:30", True, "spring: 00:30"),
        ("2026-03-29T00:59:59", True, "01:59:59, the last second before the clock jumps"),
        ("2026-03-29T01:00", True, "02:00 to 03:00 does not exist: it is 03:00"),
        ("2026-03-29T02:00", False, "04:00"),
        ("2026-10-25T00:29", True, "autumn: 02:29 in summer time"),
        ("2026-10-25T00:30", False, "02:30 in summer time"),
        ("2026-10-25T01:00", True, "02:00 again: open once more"),
        ("2026-10-25T01:30", False, "02:30 again"),
        ("2026-10-25T02:00", True, "03:00"),
        ("2026-10-24T21:59", True, "Saturday 23:59"),
    ],
)
def test_night_hours_follow_the_wall_clock_over_its_changes(utc: str, is_open: bool, why: str) -> None:
    assert CALENDAR.is_open("night", ms(datetime.fromisoformat(utc).replace(tzinfo=UTC))) is is_open, why


@given(INSTANTS, st.sampled_from(["desk", "night"]))
def test_open_is_what_the_wall_clock_reads_minute_by_minute(at: datetime, name: str) -> None:
    wall = at.astimezone(BRUSSELS)
    week = CITY.hours[name]
    minutes = {
        m for span in week.by_weekday[wall.weekday()] for m in range(span.start_minute, span.end_minute)
    }
    if f"{wall:%m-%d}" in {"12-24", "12-31"}:
        minutes &= set(range(12 * 60))
    shut = wall.date() in BELGIAN_HOLIDAYS or f"{wall:%m-%d}" == "07-11" or wall.date() == date(2026, 5, 15)
    expected = not shut and wall.hour * 60 + wall.minute in minutes
    assert CALENDAR.is_open(name, ms(at)) is expected


ZONES = (
    "Europe/Brussels",
    "Africa/Cairo",  # its clocks skip a midnight
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # half an hour of summer time
    "America/St_Johns",
)
CLOCKS = st.sampled_from(["00:00", "01:30", "02:00", "02:30", "03:00", "08:00", "12:00", "23:30", "24:00"])
MINUTE, HOUR = 60_000, 3_600_000


@st.composite
def weeks(draw: st.DrawFn) -> dict[str, object]:
    """Opening hours of a week out of few clock times, so that many spans touch."""

    def a_day() -> list[str]:
        edges = sorted(set(draw(st.lists(CLOCKS, min_size=2, max_size=6))))
        spans = [f"{one}-{other}" for one, other in pairwise(edges)]
        return draw(st.permutations([span for span in spans if draw(st.booleans())]))

    return {day: a_day() for day in WEEKDAYS} | {"on_holidays": draw(st.booleans())}


@st.composite
def moments(draw: st.DrawFn) -> tuple[Calendar, int]:
    """The calendar of any city, and an instant; every other one near a clock change."""
    file = DOCUMENT | {
        "city": {"name": "Elders", "time_zone": draw(st.sampled_from(ZONES))},
        "hours": {"desk": draw(weeks())},
    }
    near = draw(st.sampled_from([None, "2026-03-29", "2026-10-25", "2026-04-24", "2026-04-05", "2026-10-04"]))
    if near is None:
        return Calendar(CityFile.model_validate(file)), ms(draw(INSTANTS))
    hours = draw(st.integers(-48 * 12, 48 * 12)) / 12
    day = datetime.fromisoformat(near).replace(tzinfo=UTC)
    return Calendar(CityFile.model_validate(file)), ms(day) + round(hours * HOUR)


@given(moments())
def test_stretches_say_when_the_desk_is_open_and_never_touch(moment: tuple[Calendar, int]) -> None:
    calendar, at = moment
    stretches = calendar.stretches("desk", calendar.local_day(at))
    assert any(start <= at < end for start, end in stretches) is calendar.is_open("desk", at)
    assert all(start < end for start, end in stretches)
    assert all(one[1] < other[0] for one, other in pairwise(stretches))


@given(moments())
def test_opened_is_the_instant_at_which_a_shut_desk_opened(moment: tuple[Calendar, int]) -> None:
    calendar, at = moment
    since = calendar.opened("desk", at)
    if since is None:
        long_ago = at - 380 * 24 * HOUR
        assert not calendar.is_open("desk", at) or calendar.is_open("desk", long_ago)
        return
    assert calendar.is_open("desk", since)
    assert not calendar.is_open("desk", since - 1)
    assert all(
        calendar.is_open("desk", minute) for minute in range(since, min(at, since + 9 * 24 * HOUR), MINUTE)
    )


@pytest.mark.parametrize(
    ("hours", "at", "opened"),
    [
        ({"monday": ["08:00-12:00", "12:00-17:00"]}, "2026-03-02T15:00", "2026-03-02T08:00"),
        ({"monday": ["12:00-17:00", "08:00-12:00"]}, "2026-03-02T15:00", "2026-03-02T08:00"),
        ({"monday": ["08:00-12:00", "13:00-17:00"]}, "2026-03-02T15:00", "2026-03-02T13:00"),
        ({"sunday": ["20:00-24:00"], "monday": ["00:00-06:00"]}, "2026-03-02T03:00", "2026-03-01T20:00"),
        (DAY_AND_NIGHT, "2026-03-02T03:00", "2026-01-02T00:00"),  # New Year
        (DAY_AND_NIGHT | {"on_holidays": True}, "2026-03-02T03:00", None),
        ({"saturday": ["22:00-24:00"], "sunday": ["00:00-05:00"]}, "2026-03-29T04:00", "2026-03-28T22:00"),
        # 2 to 3 is skipped
        ({"sunday": ["01:00-02:00", "03:00-05:00"]}, "2026-03-29T04:00", "2026-03-29T01:00"),
        ({"sunday": ["02:30-05:00"]}, "2026-03-29T04:00", "2026-03-29T03:00"),  # no 2:30 on that day
        ({"sunday": ["00:00-02:30"]}, "2026-10-25T02:15+01:00", "2026-10-25T02:00+01:00"),  # 2:00 comes twice
        ({"monday": ["08:00-17:00"]}, "2026-03-02T18:00", None),
        ({"thursday": ["08:00-24:00"], "friday": ["00:00-17:00"]}, "2026-12-25T10:00", None),
    ],
)
def test_a_desk_opened_when_it_had_been_shut(hours: dict[str, object], at: str, opened: str | None) -> None:
    calendar = Calendar(CityFile.model_validate(DOCUMENT | {"hours": {"desk": hours}}))
    assert calendar.opened("desk", ms(wall(at))) == (None if opened is None else ms(wall(opened)))


@given(moments())
def test_the_next_change_is_when_the_desk_opens_or_closes(moment: tuple[Calendar, int]) -> None:
    calendar, at = moment
    change, is_open = calendar.next_change(["desk"], at), calendar.is_open("desk", at)
    until = change or at + 13 * 24 * HOUR
    assert until > at
    assert all(calendar.is_open("desk", minute) is is_open for minute in range(at, until, MINUTE))
    assert calendar.is_open("desk", until) is (is_open if change is None else not is_open)


@pytest.mark.parametrize(
    ("desks", "at", "change"),
    [
        (("desk", "day"), "2026-03-02T07:00", "2026-03-02T08:00"),
        (("desk", "day"), "2026-03-02T08:00", "2026-03-02T18:00"),  # one shuts at 12, the other goes on
        (("desk", "day"), "2026-03-02T18:00", "2026-03-05T10:00"),
        (("desk",), "2026-03-02T09:00", "2026-03-02T12:00"),
        (("desk", "night"), "2026-03-02T12:00", "2026-03-07T22:00"),
        (("night",), "2026-03-07T23:00", "2026-03-08T05:00"),  # over midnight
        (("day",), "2026-12-24T19:00", "2026-12-28T10:00"),  # Christmas is a Friday
    ],
)
def test_several_desks_are_shut_when_none_is_open(desks: tuple[str, ...], at: str, change: str) -> None:
    hours = {
        "desk": {"monday": ["08:00-12:00"]},
        "day": {day: ["10:00-18:00"] for day in ("monday", "thursday", "friday")},
        "night": {"saturday": ["22:00-24:00"], "sunday": ["00:00-05:00"]},
    }
    calendar = Calendar(CityFile.model_validate(DOCUMENT | {"hours": hours}))
    assert calendar.next_change(desks, ms(wall(at))) == ms(wall(change))


def test_a_desk_that_never_shuts_or_never_opens_changes_never() -> None:
    at = ms(lier("2026-03-02T10:00"))
    assert CALENDAR.next_change([None], at) is None
    assert CALENDAR.next_change([], at) is None


def test_without_hours_nobody_opened() -> None:
    assert CALENDAR.opened(None, ms(lier("2026-03-02T10:00"))) is None


@given(moments())
def test_an_hour_is_one_of_the_citys_clock(moment: tuple[Calendar, int]) -> None:
    calendar, at = moment
    began = calendar.local_hour(at)
    assert began <= at < began + HOUR
    wall, start = (datetime.fromtimestamp(instant / 1000, calendar.zone) for instant in (at, began))
    if wall.utcoffset() == start.utcoffset():
        assert (start.minute, start.second, start.hour) == (0, 0, wall.hour)


def easter(year: int) -> date:
    """Gauss' rule in the form of Meeus/Jones/Butcher."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    n = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * n) // 451
    month, day = divmod(h + n - 7 * m + 114, 31)
    return date(year, month, day + 1)


BELGIAN_HOLIDAYS = {
    day
    for year in range(2023, 2031)
    for day in (
        *(easter(year) + timedelta(days=offset) for offset in (0, 1, 39, 49, 50)),
        *(date(year, m, d) for m, d in ((1, 1), (5, 1), (7, 21), (8, 15), (11, 1), (11, 11), (12, 25))),
    )
}


@pytest.mark.parametrize(
    ("day", "works", "why"),
    [
        (date(2026, 3, 2), True, "a Monday"),
        (date(2026, 3, 7), False, "a Saturday, though the desk is open"),
        (date(2026, 4, 6), False, "Easter Monday"),
        (date(2025, 7, 11), False, "11 July, a Friday"),
        (date(2026, 5, 15), False, "the bridge day"),
        (date(2026, 12, 24), True, "a half day is a working day"),
        (date(2026, 12, 25), False, "Christmas"),
    ],
)
def test_working_days(day: date, works: bool, why: str) -> None:
    assert CALENDAR.is_working_day(day) is works, why


@pytest.mark.parametrize(
    ("booked", "starts", "days", "why"),
    [
        ("2026-03-06T16:00", "2026-03-09T09:00", 1, "Friday to Monday"),
        ("2026-03-06T09:00", "2026-03-06T15:00", 0, "the same day"),
        ("2026-03-09T09:00", "2026-03-06T09:00", 0, "backwards"),
        ("2026-03-06T23:59", "2026-03-07T10:00", 0, "Friday to Saturday"),
        ("2026-03-02T10:00", "2026-03-09T10:00", 5, "a week"),
        ("2026-04-03T10:00", "2026-04-07T10:00", 1, "over Easter Monday"),
        ("2026-05-13T10:00", "2026-05-18T10:00", 1, "over Ascension Day and its bridge"),
        ("2026-12-23T10:00", "2026-12-28T10:00", 2, "the half day counts, Christmas does not"),
        ("2025-12-31T10:00", "2026-01-02T10:00", 1, "over the turn of the year"),
        ("2026-03-27T10:00", "2026-03-30T10:00", 1, "over the change to summer time"),
        ("2026-10-23T10:00", "2026-10-26T10:00", 1, "over the change to winter time"),
    ],
)
def test_lead_time_counts_working_days(booked: str, starts: str, days: int, why: str) -> None:
    assert CALENDAR.lead_days(lier(booked), lier(starts)) == days, why


def test_lead_time_knows_local_days_from_instants_in_utc() -> None:
    late_sunday = datetime(2026, 3, 8, 22, 59, tzinfo=UTC)
    assert CALENDAR.lead_days(late_sunday, late_sunday + timedelta(hours=1)) == 1
    assert CALENDAR.lead_days(late_sunday + timedelta(minutes=1), late_sunday + timedelta(hours=1)) == 0


@given(DAYS, DAYS)
def test_lead_time_is_the_naive_loop_over_days(booked: date, starts: date) -> None:
    days = (booked + timedelta(days=n) for n in range(1, (starts - booked).days + 1))
    closed = BELGIAN_HOLIDAYS | {date(2026, 5, 15)}
    naive = sum(d.weekday() < 5 and d not in closed and (d.month, d.day) != (7, 11) for d in days)
    assert CALENDAR.lead_days(lier(f"{booked}T12:00"), lier(f"{starts}T12:00")) == naive


@pytest.mark.parametrize("zone", ["Europe/Brussels", "Pacific/Auckland", "America/Los_Angeles"])
def test_a_slip_in_the_year_is_counted_to_the_last_known_year_and_breaks_nothing(zone: str) -> None:
    city = CITY.model_copy(update={"city": CITY.city.model_copy(update={"time_zone": zone})})
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    calendar = Calendar(city)
    assert calendar.lead_days(last, first) == 0
    assert calendar.lead_days(first, last) == calendar.lead_days(
        datetime(1970, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC)
    )


def test_a_country_without_holidays_has_only_weekends() -> None:
    plain = CITY.model_copy(
        update={"calendar": CITY.calendar.model_copy(update={"public_holidays": "", "closing_days": ()})}
    )
    assert Calendar(plain).is_working_day(date(2026, 1, 1))


def test_the_shipped_city_file_closes_lier_on_the_days_lier_closes() -> None:
    from shared.config.model import load

    calendar = Calendar(load(Path(__file__).parents[2] / "examples" / "lier" / "city.toml"))
    closed = [date(2025, 7, 11), date(2026, 5, 15), date(2026, 11, 2), date(2026, 12, 25)]
    assert [calendar.is_working_day(day) for day in closed] == [False] * 4
    assert calendar.spans("contactcentrum", date(2026, 12, 24)) == ((510, 720),)

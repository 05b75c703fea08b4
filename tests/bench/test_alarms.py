"""The simulated years stand on something: a desk that misses what is usual, and outages that are ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from random import Random

import pytest

from domain.aggregator import StreamEvent
from shared.calendar import DAY, MINUTE_MS, Calendar
from shared.contract.events import CallAnswered, CallMissed, CallQueued, StaffChanged
from tests.bench.alarms import (
    BEGIN,
    END,
    FIRST,
    PAGE,
    Job,
    Whose,
    all_of,
    city_of,
    rule_names,
    run,
    with_table,
)
from tests.bench.report import Measured
from tests.bench.simulated_desk import (
    DESKS,
    USUAL_MISSED,
    Outage,
    Trouble,
    phones_day,
    trouble_on,
)

CITY = city_of(DESKS[18])
CALENDAR = Calendar(CITY)
SITE = CITY.sites[0]
HOURS = "contactcentrum"


def days(
    calls: int, number: int, outage: Outage | None = None
) -> Iterator[tuple[Trouble | None, list[StreamEvent]]]:
    for n in range(number):
        day = FIRST + n * DAY
        if CALENDAR.stretches(HOURS, day):
            dice = Random(f"{calls}/{day}")
            trouble = None if outage is None else trouble_on(outage, CALENDAR, HOURS, day, dice)
            yield trouble, list(phones_day(SITE, DESKS[calls], CALENDAR, day, dice, trouble))


def missed_share(told: list[StreamEvent]) -> float:
    missed = sum(isinstance(one.event, CallMissed) for one in told)
    return missed / (missed + sum(isinstance(one.event, CallAnswered) for one in told))


def mean_wait_s(told: list[StreamEvent]) -> float:
    waits = [one.event.wait_ms for one in told if isinstance(one.event, CallAnswered)]
    return sum(waits) / len(waits) / 1000


@pytest.mark.parametrize(
    ("calls", "number"),
    [(18, 365), pytest.param(60, 120, marks=pytest.mark.slow), pytest.param(600, 14, marks=pytest.mark.slow)],
)
def test_a_desk_as_usual_misses_what_is_usual(calls: int, number: int) -> None:
    told = [one for _, day in days(calls, number) for one in day]
    assert missed_share(told) == pytest.approx(USUAL_MISSED, abs=0.01)
    assert mean_wait_s(told) == pytest.approx(DESKS[calls].wait_s, abs=2)
    minutes = sum(
        (end - start) / MINUTE_MS
        for n in range(number)
        for start, end in CALENDAR.stretches(HOURS, FIRST + n * DAY)
    )
    assert sum(isinstance(one.event, CallQueued) for one in told) == pytest.approx(
        calls * minutes / 60, rel=0.05
    )


@pytest.mark.parametrize(
    ("outage", "missed"),
    [
        (Outage.NOBODY, (0.85, 1.0)),  # who calls at its end waits until somebody is back
        (Outage.HALF_ILL, (0.2, 0.6)),
        (Outage.MENU, (0.4, 0.55)),
    ],
)
def test_an_outage_is_one(outage: Outage, missed: tuple[float, float]) -> None:
    """Of the calls that come while it lasts."""
    during: list[StreamEvent] = []
    for trouble, told in days(60, 28, outage):
        assert trouble is not None
        came = {
            one.event.contact
            for one in told
            if isinstance(one.event, CallQueued) and trouble.begins <= one.arrived < trouble.ends
        }
        during += [one for one in told if getattr(one.event, "contact", None) in came]
    assert missed[0] <= missed_share(during) <= missed[1]


def test_a_day_without_anybody_says_so() -> None:
    for trouble, told in days(18, 7, Outage.NOBODY):
        assert trouble is not None
        reports = [
            one for one in told if isinstance(one.event, StaffChanged) and one.arrived >= trouble.begins
        ]
        assert reports
        assert any(
            one.event.available + one.event.busy == 0
            for one in reports
            if isinstance(one.event, StaffChanged)
        )


def test_the_same_days_say_the_same() -> None:
    job = Job(DESKS[18], Outage.NOBODY, date(2027, 3, 1), 2)
    first, again = run(job), run(job)
    assert first == again
    assert set(first.delays_s) <= {
        name for whose in Whose for name in (*rule_names(CITY, whose), all_of(whose))
    }


def test_a_page_gets_its_table() -> None:
    measured = Measured("alarms", "", ("rule", "a year"), [("x", 0.5)], "Means.")
    page = with_table(f"before\n{BEGIN}\nold\n{END}\nafter\n", measured)
    assert (
        page
        == f"before\n{BEGIN}\n\n| rule | a year |\n| --- | ---: |\n| x | 0.5 |\n\nMeans.\n\n{END}\nafter\n"
    )


def test_the_page_is_about_the_rules_that_ship() -> None:
    """Where they changed, the years are to be simulated anew."""
    rows = [
        line.split(" | ")
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| 18 ")
    ]
    told = [row[2] for row in rows if row[1] == Whose.SHIPPED]
    assert told == [*rule_names(CITY, Whose.SHIPPED), all_of(Whose.SHIPPED)]

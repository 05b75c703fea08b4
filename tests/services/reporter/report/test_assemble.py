"""What a report is put together from: which days count, which years stand beside them, what is still open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from domain.bucket import Bucket
from domain.how_sure import Verdict
from domain.period_kpis import months_of
from domain.queue_ref import QueueRef
from services.reporter.report.assemble import (
    BeforeFirstDayError,
    CommentTooLongError,
    Counted,
    NotBegunError,
    assemble,
)
from services.reporter.report.document import MOST_COMMENT, Report, SiteReport
from services.reporter.report.render import ReportFormat, render
from services.reporter.report.rows import rows
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.history_file import HistoryFile
from shared.periods import Period
from shared.translation import translator
from tests.support import report_city, report_year
from tests.support.report_city import calls

MONDAY = date(2026, 3, 2)


def made(
    name: str,
    now: datetime,
    *counted: tuple[str, str, Bucket],
    city: CityFile = report_city.CITY,
    history: tuple[HistoryFile, ...] = (),
    comment: str = "",
    sites: tuple[str, ...] = (),
) -> Report:
    days = report_city.days(*counted)
    first = min((day for shelf in days.values() for day in shelf), default=None)
    return assemble(
        city,
        Calendar(city),
        Counted(months_of(days), days, first),
        history,
        Period.parse(name),
        now,
        sites=sites,
        comment=comment,
    )


def at(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def lier(report: Report) -> SiteReport:
    return next(site for site in report.sites if site.id == "lier")


def test_the_switchboard_shows_callers_and_entries_and_what_is_in_neither() -> None:
    queues = report_city.overflow()
    queues["onthaal"].cut_off, queues["onthaal"].unfinished = 2, 1
    month = made(
        "2026-03", at("2026-04-02"), *((queue, "2026-03-02", bucket) for queue, bucket in queues.items())
    )
    assert [(one.count, one.offered, one.missed) for one in lier(month).counts] == [
        ("callers", 103, 10),
        ("entries", 133, 40),
    ]
    told = " ".join(render(month, ReportFormat.MARKDOWN, translator("en")).decode().split())
    callers = "103 | 90 | 10 | 10.0% (10 of 100) | 11.7 s | 60.0% (60 of 100)"
    assert f"| callers (of target and boards) | {callers} |" in told
    assert "| entries | 133 | 90 | 40 | 30.8% (40 of 130) | 1.7 s | 69.2% (90 of 130) |" in told
    assert "the exchange itself cut off (2), and calls that got no outcome (1)." in told


def test_handling_time_is_reported_where_a_source_tells_it() -> None:
    timed = calls(9, missed=1)
    timed.ended, timed.talk_ms = 8, 8 * 245_000
    quarter = made("2026-Q1", at("2026-04-02"), ("onthaal", "2026-03-02", timed))
    assert [(one.value, one.samples) for one in lier(quarter).handle_times] == [
        (None, 0),
        (None, 0),
        (245.0, 8),
    ]
    told = render(quarter, ReportFormat.MARKDOWN, translator("en")).decode()
    assert "Mean handling time of calls" in told
    assert ("handle_times", 245.0, "seconds") in {(row.part, row.value, row.unit) for row in rows(quarter)}
    untold = made("2026-Q1", at("2026-04-02"), ("onthaal", "2026-03-02", calls(9, missed=1)))
    assert lier(untold).handle_times == ()
    assert "handling time" not in render(untold, ReportFormat.MARKDOWN, translator("en")).decode()


ONE_DAY = ("onthaal", "2026-03-02", calls(9, 1))


@pytest.mark.parametrize(
    ("name", "now", "error"),
    [
        ("2026-04", "2026-03-31", NotBegunError),
        ("2027", "2026-12-31", NotBegunError),
        ("2026-02", "2026-03-31", BeforeFirstDayError),
        ("2025", "2026-03-31", BeforeFirstDayError),
    ],
)
def test_a_period_without_any_day_of_its_own_is_refused(name: str, now: str, error: type[Exception]):
    with pytest.raises(error):
        made(name, at(now), ONE_DAY)


def test_a_city_that_has_counted_nothing_has_no_report():
    with pytest.raises(BeforeFirstDayError) as caught:
        made("2026-03", at("2026-03-31"))
    assert caught.value.first_day is None


def test_midnight_at_the_desk_begins_the_period_not_midnight_in_utc():
    # 23:30 UTC on 31 March is half past one on 1 April in Brussels.
    now = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
    assert made("2026-04", now, ONE_DAY, ("onthaal", "2026-04-01", calls(1))).running


@pytest.mark.parametrize(("length", "fits"), [(MOST_COMMENT, True), (MOST_COMMENT + 1, False)])
def test_a_comment_has_at_most_4000_characters(length: int, fits: bool):
    comment = "x" * length
    if fits:
        assert made("2026-03", at("2026-03-31"), ONE_DAY, comment=f"\n{comment}  ").comment == comment
    else:
        with pytest.raises(CommentTooLongError):
            made("2026-03", at("2026-03-31"), ONE_DAY, comment=comment)


def test_the_report_of_a_month_says_the_same_whenever_it_is_made():
    later_days = [("onthaal", f"2026-04-{day:02}", calls(3, 40)) for day in range(1, 30)]
    soon = made("2026-03", at("2026-04-01"), ONE_DAY)
    late = made("2026-03", at("2026-06-20"), ONE_DAY, *later_days)
    assert replace(late, made_at=soon.made_at) == soon


def test_a_year_that_runs_is_judged_by_its_days_and_not_by_how_many_called() -> None:
    """Ninety calls with 17 % missed keep the promise so far; of one day nobody knows where that goes."""
    one_day = ("onthaal", "2026-03-02", calls(75, missed=15))
    running, over = (
        lier(made("2026", at(day), one_day)).missed_years[0] for day in ("2026-03-10", "2027-01-02")
    )
    assert (running.verdict, running.met) == (Verdict.UNDECIDED, None)
    assert (over.verdict, over.met) == (Verdict.WITHIN, True)


def test_few_contacts_stand_beside_their_counts_and_their_range() -> None:
    report = made("2026", at("2026-03-10"), ("onthaal", "2026-03-02", calls(14, missed=6)))
    told = " ".join(render(report, ReportFormat.MARKDOWN, translator("nl")).decode().split())
    assert "| 30 % (6 van 20, 15–52 %) | ≤ 20 % | nog niet te zeggen | 20 |" in told
    assert "| 14 | 6 | 30 % (6 van 20, 15–52 %) |" in told  # as callers, and as entries
    assert "| lier-1 v4 (van doel en borden) | 30 % (15–52 %) | 6 | 20 |" in told
    assert "(14, 78–100 %)" in told  # all that were answered in one speed category


def test_a_running_period_ends_today():
    report = made("2026-03", at("2026-03-10"), ONE_DAY)
    assert (report.running, report.until) == (True, date(2026, 3, 10))
    assert not lier(report).call_waits[0].complete


def test_a_period_that_is_over_ends_with_its_last_day():
    report = made("2026-03", at("2026-04-01"), ONE_DAY)
    assert (report.running, report.until) == (False, date(2026, 3, 31))
    assert lier(report).call_waits[0].complete
    assert not lier(report).missed_years[-1].complete  # the year goes on


def test_every_counted_year_stands_beside_the_reported_ones():
    report = report_year.report("2026-05", date(2026, 6, 3))
    years = [(one.period.name, one.reported) for one in report.sites[0].missed_years]
    assert years == [(str(year), True) for year in range(2016, 2023)] + [("2025", False), ("2026", False)]


def test_a_year_reported_and_counted_is_shown_twice_unless_nothing_was_counted():
    history = HistoryFile.model_validate(
        {"figures": [{"kpi": "missed_ratio", "period": "2025", "value": 0.1, "site": "lier"}]}
    )
    both = made(
        "2026-03", at("2026-04-01"), ONE_DAY, ("onthaal", "2025-12-30", calls(1, 1)), history=(history,)
    )
    assert [(y.period.name, y.reported) for y in lier(both).missed_years] == [
        ("2025", True),
        ("2025", False),
        ("2026", False),
    ]
    nothing = made(
        "2026-03", at("2026-04-01"), ONE_DAY, ("loket-a", "2025-12-30", Bucket(visits=1)), history=(history,)
    )
    assert [(y.period.name, y.reported) for y in lier(nothing).missed_years] == [
        ("2025", True),
        ("2026", False),
    ]


def test_reported_months_stand_in_the_period_they_are_about_only():
    history = HistoryFile.model_validate(
        {
            "source": "jaarverslag",
            "figures": [
                {"kpi": "call_wait_mean", "period": month, "value": 30.0} for month in ("2026-02", "2026-03")
            ],
        }
    )
    report = made("2026-03", at("2026-04-01"), ONE_DAY, history=(history,))
    assert [(one.period.name, one.reported) for one in lier(report).call_waits] == [
        ("2026-03", True),
        ("2026-03", False),
    ]
    assert {one.text for one in report.sources} == {"jaarverslag"}


def test_a_source_of_figures_that_are_not_shown_is_not_named():
    history = HistoryFile.model_validate(
        {"source": "oud", "figures": [{"kpi": "call_wait_mean", "period": "2024-02", "value": 30.0}]}
    )
    assert made("2026-03", at("2026-04-01"), ONE_DAY, history=(history,)).sources == ()


def test_the_budget_is_that_of_the_last_month_and_its_year():
    report = made("2026-Q1", at("2026-06-01"), ONE_DAY)
    assert [(b.of.period.name, b.judged) for b in lier(report).budgets] == [
        ("2026-03", False),
        ("2026", True),
    ]


def test_the_last_day_of_a_period_is_enough_for_a_report():
    assert made("2026-02", at("2026-03-31"), ("onthaal", "2026-02-28", calls(1))).until == date(2026, 2, 28)


def test_a_budget_that_is_overdrawn_now_is_not_lost_while_calls_are_to_come():
    days = [("onthaal", f"2026-01-{day:02}", calls(70, 30)) for day in (5, 6, 7, 8, 12, 13)]
    _, year = lier(made("2026-01", at("2026-01-14"), *days)).budgets
    assert year.of.left < 0
    assert not year.lost


def test_a_budget_is_lost_when_even_answering_everyone_does_not_help():
    # 40 of 60 missed on five days before the year ends: no 120 calls are still to come.
    days = [("onthaal", f"2026-12-{day}", calls(4, 8)) for day in ("14", "15", "16", "17", "21")]
    report = made("2026-12", at("2026-12-30", 20), *days)
    month, year = lier(report).budgets
    assert year.lost
    assert month.of.missed == 40


def test_gaps_begin_with_the_first_day_that_was_counted():
    report = made("2026-03", at("2026-04-01"), ("onthaal", "2026-03-30", calls(5)))
    assert {gap.first for gap in lier(report).gaps} == {date(2026, 3, 30), date(2026, 3, 31)}


def test_one_site_of_many():
    report = made("2026-03", at("2026-04-01"), ONE_DAY, sites=("bel",))
    assert [site.id for site in report.sites] == ["bel"]
    with pytest.raises(KeyError):
        made("2026-03", at("2026-04-01"), ONE_DAY, sites=("elders",))


def test_a_site_without_counters_has_only_phone_figures():
    bel = made("2026-03", at("2026-04-01"), ONE_DAY).sites[1]
    assert (bel.clusters, bel.lead_times) == ((), ())
    assert bel.call_waits


def test_days_of_other_sites_do_not_count():
    report = made("2026-03", at("2026-04-01"), ONE_DAY)
    elsewhere = {QueueRef("bel", "lijn"): {MONDAY: calls(5, 5)}}
    days = {**report_city.days(ONE_DAY), **elsewhere}
    counted = Counted(months_of(days), days, MONDAY)
    city = report_city.CITY
    other = assemble(city, Calendar(city), counted, (), Period.parse("2026-03"), at("2026-04-01"))
    assert lier(other) == lier(report)
    assert other.sites[1].call_waits[0].samples == 5

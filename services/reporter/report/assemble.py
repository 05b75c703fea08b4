"""Puts a policy report together from the days that were counted and the figures from before. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from operator import attrgetter
from typing import Final, TypeVar

from domain.bucket import Bucket
from domain.error_budget import error_budget
from domain.period_kpis import (
    Days,
    Gap,
    Months,
    PeriodKpi,
    gaps,
    period_kpi,
    period_kpis,
    under_counts,
    under_missed_definitions,
    under_service_levels,
    with_reported,
)
from domain.queue_ref import QueueRef
from services.reporter.report.document import (
    MOST_COMMENT,
    BudgetReport,
    ClusterWaits,
    Report,
    ReportedSource,
    SiteReport,
)
from shared.calendar import DAY, EPOCH, MILLISECOND, Calendar
from shared.config.model import CityFile, Site
from shared.config.types import ALL_QUEUES
from shared.contract.kpis import Kpi, QueueKind
from shared.history_file import HistoryFile
from shared.periods import Period

Start = TypeVar("Start", date, str)

BUDGET_KINDS: Final = (Period.month_of, Period.year_of)


class NotBegunError(Exception):
    """The period lies in the future."""

    def __init__(self, period: Period) -> None:
        super().__init__(f"{period.name} has not begun")
        self.period = period


class BeforeFirstDayError(Exception):
    """The period was over before Wachtpost counted anything; ``first_day`` is ``None`` if it never did."""

    def __init__(self, period: Period, first_day: date | None) -> None:
        super().__init__(f"{period.name} is over before the first day, {first_day}")
        self.period = period
        self.first_day = first_day


class CommentTooLongError(Exception):
    """The comment does not fit in the field of the policy follow-up."""

    def __init__(self, length: int) -> None:
        super().__init__(f"{length} characters, at most {MOST_COMMENT}")
        self.length = length


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted, up to the end of the period at least."""

    months: Months
    """All of them."""
    days: Days
    """Those of the period's year, and what error budgets ask for from before it."""
    first_day: date | None


def assemble(
    city: CityFile,
    calendar: Calendar,
    counted: Counted,
    history: tuple[HistoryFile, ...],
    period: Period,
    now: datetime,
    *,
    sites: Collection[str] | None = None,
    comment: str = "",
) -> Report:
    """Return the report of a period for the sites of that id, or for all.

    Nothing after the period counts. Raises ``NotBegunError``, ``BeforeFirstDayError``,
    ``CommentTooLongError``, or ``KeyError`` for a site that the city file does not have.
    """
    now_ms = (now - EPOCH) // MILLISECOND
    today = calendar.local_day(now_ms)
    comment = comment.strip()
    if len(comment) > MOST_COMMENT:
        raise CommentTooLongError(len(comment))
    if period.first > today:
        raise NotBegunError(period)
    if counted.first_day is None or period.last < counted.first_day:
        raise BeforeFirstDayError(period, counted.first_day)
    chosen = [city.site(site) for site in sites] if sites else city.sites
    end = calendar.day_bounds(period.last)[1]
    made = _Maker(
        city,
        calendar,
        _up_to(counted.months, f"{period.last:%Y-%m}"),
        _up_to(counted.days, period.last),
        history,
        period,
        min(today, period.last + DAY),
        EPOCH + min(now_ms, end) * MILLISECOND,
        counted.first_day,
    )
    reports = tuple(made.site(site) for site in chosen)
    return Report(
        city=city.city.name,
        language=city.city.language,
        period=period,
        until=min(today, period.last),
        running=period.last >= today,
        made_at=now.astimezone(city.city.zone),
        first_day=counted.first_day,
        definition=city.live_definition,
        bounds=city.speed_categories.bounds,
        breaks=tuple(one for file in history for one in file.breaks if one.period.first <= period.last),
        sources=tuple(_sources(history, reports)),
        sites=reports,
        comment=comment,
    )


def _up_to(
    counted: Mapping[QueueRef, Mapping[Start, Bucket]], last: Start
) -> dict[QueueRef, dict[Start, Bucket]]:
    return {
        queue_ref: {start: bucket for start, bucket in buckets.items() if start <= last}
        for queue_ref, buckets in counted.items()
    }


@dataclass(frozen=True, slots=True)
class _Maker:
    city: CityFile
    calendar: Calendar
    months: Months
    days: Days
    history: tuple[HistoryFile, ...]
    period: Period
    today: date
    """Or the day after the period."""
    now: datetime
    """Or the end of the period."""
    first_day: date

    def site(self, site: Site) -> SiteReport:
        block = period_kpis(self.city, self.months, site.id, self.period, self.today)
        phones, counters = site.of_kind(QueueKind.PHONE), site.of_kind(QueueKind.COUNTER)
        of_total = (self.city, self.months, site.id, ALL_QUEUES, self.period)
        budgets = tuple(self._budgets(site)) if phones else ()
        return SiteReport(
            id=site.id,
            name=site.title,
            queue_names={queue.id: queue.title for queue in site.queues},
            clusters=tuple(
                ClusterWaits(
                    queue.id,
                    queue.title,
                    self._months(one for one in block.visit_waits if one.queue == queue.id),
                )
                for queue in counters
            ),
            call_waits=self._months(block.call_waits),
            speeds=block.speeds,
            handle_times=self._months(block.handle_times) if _known(block.handle_times) else (),
            missed_years=_as_it_will_end(self._years(site), budgets) if phones else (),
            missed_months=_as_it_will_end(self._months(block.missed_months), budgets),
            lead_times=self._months(block.lead_times),
            others=tuple(
                month
                for _, months in groupby(block.others, key=attrgetter("kpi"))
                if _known(known := tuple(months))
                for month in self._months(known)
            ),
            counts=under_counts(self.city, self.months, site.id, self.period) if phones else (),
            missed_definitions=under_missed_definitions(*of_total) if phones else (),
            service_levels=under_service_levels(*of_total) if phones else (),
            budgets=budgets,
            gaps=self._gaps(site),
            phone_queues=frozenset(queue.id for queue in phones),
        )

    def _months(self, computed: Iterable[PeriodKpi]) -> tuple[PeriodKpi, ...]:
        return _without_empty(
            one
            for one in with_reported(computed, self.city, self.history)
            if self.period.first <= one.period.first <= one.period.last <= self.period.last
        )

    def _years(self, site: Site) -> tuple[PeriodKpi, ...]:
        """Every year that was counted, up to the period's end, beside those that were reported."""
        own = (
            period_kpi(
                self.city,
                self.months,
                Kpi.MISSED_RATIO,
                site.id,
                ALL_QUEUES,
                Period.parse(f"{year:04}"),
                self.today,
            )
            for year in range(self.first_day.year, self.period.last.year + 1)
        )
        return _without_empty(
            one
            for one in with_reported(own, self.city, self.history)
            if not one.reported or one.period.last <= self.period.last
        )

    def _budgets(self, site: Site) -> Iterator[BudgetReport]:
        for kind in BUDGET_KINDS:
            period = kind(min(self.today, self.period.last))
            budget = error_budget(self.city, self.calendar, self.days, site.id, period, self.now)
            target = self.city.target(
                Kpi.MISSED_RATIO, site.id, ALL_QUEUES, "year" if period.is_year else "month"
            )
            if budget is not None and target is not None:
                yield BudgetReport(budget, target.period)

    def _gaps(self, site: Site) -> tuple[Gap, ...]:
        """Before the first day nothing is missing: nobody counted yet."""
        since = max(self.period.first, self.first_day)
        counted = Period(since, self.period.last, self.period.name)
        found = gaps(self.city, self.calendar, self.days, counted, self.today)
        return tuple(one for one in found if one.site == site.id)


def _without_empty(series: Iterable[PeriodKpi]) -> tuple[PeriodKpi, ...]:
    """Where a period was reported and nothing was counted, the report of nothing is left out."""
    series = tuple(series)
    reported = {one.period for one in series if one.reported}
    return tuple(one for one in series if one.reported or one.samples or one.period not in reported)


def _as_it_will_end(missed: Iterable[PeriodKpi], budgets: Collection[BudgetReport]) -> tuple[PeriodKpi, ...]:
    """Judge a share that is still counted by where its period is heading: days say more than contacts do."""
    heading = {budget.of.period: budget.of.verdict for budget in budgets if budget.judged}
    return tuple(
        one if one.complete or one.reported else replace(one, verdict=heading.get(one.period, one.verdict))
        for one in missed
    )


def _known(series: Iterable[PeriodKpi]) -> bool:
    return any(one.samples for one in series)


def _sources(history: Iterable[HistoryFile], reports: Iterable[SiteReport]) -> Iterator[ReportedSource]:
    shown = {
        (one.kpi, one.queue, one.period)
        for report in reports
        for one in (
            *report.missed_years,
            *report.missed_months,
            *report.call_waits,
            *report.handle_times,
            *report.lead_times,
            *report.others,
            *(month for cluster in report.clusters for month in cluster.months),
        )
        if one.reported
    }
    for file in history:
        for figure in file.figures:
            if (figure.kpi, figure.queue, figure.period) in shown:
                yield ReportedSource(figure.kpi, file.source)

"""Metrics of months and years: the policy report's KPIs, error budgets, and what was reported before us.

Worked out when they are asked for, like those of ``metrics``; what is over for good was worked out once
(``ShownPeriods``). Only the owner of a partition shows anything. Names and labels: ``docs/metrics.md``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.counts import ms_of
from domain.error_budget import ErrorBudget, error_budget
from domain.how_sure import Verdict
from domain.period_kpis import judged
from domain.queue_ref import QueueRef
from domain.site_kpis import SiteKpis, first_month
from services.evaluator.consumer import EvaluatorSession
from services.evaluator.metric_families import bare_gauge
from services.evaluator.rolling_metrics import VERDICTS
from shared.calendar import Calendar
from shared.config.model import CityFile, Site
from shared.config.types import ALL_QUEUES
from shared.contract.kpis import KPIS, Kpi, QueueKind, kpis_of
from shared.history_file import HistoryFile, ReportedFigure
from shared.periods import Period
from shared.process.clock import Clock
from shared.process.metrics_server import Drops
from shared.redis.partition_owner import PartitionOwner

BUDGET_EVERY: Final = timedelta(seconds=10)
"""An error budget goes through a year of days: no use doing that at every scrape."""

COUNTED: Final = "counted"
REPORTED: Final = "reported"
"""Where a figure is from (label ``origin``): our own days, or the city's publications from before."""

EVERY_KPI: Final = "all"
"""Label ``kpi`` of a break in every series."""

Span = Literal["month", "year"]
SPANS: Final[tuple[Span, ...]] = ("month", "year")


class _SeriesQueue(NamedTuple):
    site: str
    queue: str


class _Series(NamedTuple):
    queue_ref: _SeriesQueue
    kpi: Kpi
    period: Period


@dataclass(frozen=True, slots=True)
class _SeriesValue:
    value: float
    samples: int | None


@dataclass(frozen=True, slots=True)
class _Budgets:
    """A site's error budgets as they were worked out last."""

    session: EvaluatorSession
    at: float
    """On the monotonic clock."""
    budgets: tuple[tuple[Span, ErrorBudget], ...]


class _Families:
    """One scrape's families."""

    def __init__(self) -> None:
        self.values = {
            name: _gauge(KPIS[name].metric, f"{name.replace('_', ' ').capitalize()} of a month or year")
            for name in Kpi
        }
        self.shares = bare_gauge(
            "indicator_speed_category_ratio",
            "Share of a period's answered calls per range of waits",
            *AT_PERIOD,
            "category",
        )
        self.samples = bare_gauge(
            "indicator_samples", "Contacts that a period's figure rests on", *AT_PERIOD, "origin", "kpi"
        )
        self.verdicts = bare_gauge(
            "indicator_verdict", "0 within its target, 1 not yet to say, 2 beyond", *AT_PERIOD, "kpi"
        )
        self.periods = bare_gauge(
            "indicator_period", "Months and years that are told", "site", "period", "span", "state"
        )
        self.targets = bare_gauge(
            "indicator_target", "What a period of that span is judged by", *AT_PLACE, "kpi", "period"
        )
        self.breaks = bare_gauge(
            "indicator_break", "Where figures before and after differ", "kpi", "period", "what", "text"
        )
        self.left = bare_gauge(
            "error_budget_contacts", "Contacts that may still be missed", "site", "kpi", "period"
        )
        self.projected = bare_gauge(
            "error_budget_projected_ratio",
            "Share missed at the end of the period, with its 95 % interval",
            "site",
            "kpi",
            "period",
            "bound",
        )

    def __iter__(self) -> Iterator[Metric]:
        yield from self.values.values()
        yield from (self.shares, self.samples, self.verdicts, self.periods, self.targets, self.breaks)
        yield from (self.left, self.projected)


class PeriodCollector(Collector):
    """Yields months and years of every partition that this process owns right now."""

    def __init__(
        self,
        city: CityFile,
        calendar: Calendar,
        history: Iterable[HistoryFile],
        partitions: Sequence[PartitionOwner[EvaluatorSession]],
        now: Clock,
        drops: Drops | None = None,
    ) -> None:
        self._city = city
        self._calendar = calendar
        self._partitions = partitions
        self._now = now
        self._drops = drops or Drops()
        files = tuple(history)
        self._reported = _reported(city, (figure for file in files for figure in file.figures))
        self._breaks = {
            (kpi, one.period.name, one.what, one.text)
            for file in files
            for one in file.breaks
            for kpi in one.kpis or (EVERY_KPI,)
        }
        self._budgets: dict[str, _Budgets] = {}

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are not known to collide, and asking would work everything out at start."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every family once, over all owned partitions."""
        now = self._now()
        found = _Families()
        owned = [(one.number, session) for one in self._partitions if (session := one.session) is not None]
        for number, session in owned:
            # As the rolling figures are: a rule about a month is read beside it.
            today = self._calendar.local_day(ms_of(session.shown_at(now)))
            for site in self._city.partition_sites(number):
                with self._drops("months and years", site.id):
                    self._site(found, site, session, today)
        if owned:
            for labels in sorted(self._breaks):
                found.breaks.add_metric(labels, 1)
        yield from found

    def _site(self, found: _Families, site: Site, session: EvaluatorSession, today: date) -> None:
        heading: dict[Span, Verdict | None] = {}
        with self._drops(found.left.name, site.id):
            for span, budget in self._budgets_of(site, session, today):
                _show_budget(found, span, budget)
                heading[span] = budget.verdict
        shown = {Period.month_of(today), Period.year_of(today)}
        for period in session.shown.periods(today):
            with self._drops("months and years", site.id, period.name):
                kpis = session.shown.kpis(site, period)
                if period in shown or not kpis.empty:
                    shown.add(period)
                    _show(found, site, period, kpis)
                    self._judge(found, site, period, kpis, heading if today in period else None)
        shown |= self._show_reported(found, site, today)
        for period in sorted(shown):
            state = "running" if today in period else "complete"
            found.periods.add_metric([site.id, period.name, _span(period), state], 1)
        self._targets(found, site)

    def _judge(
        self,
        found: _Families,
        site: Site,
        period: Period,
        kpis: SiteKpis,
        heading: Mapping[Span, Verdict | None] | None,
    ) -> None:
        """Hold a period against its targets, as the report does. ``heading``: while it runs, where the site's
        error budgets say that it ends."""
        span = _span(period)
        for queue, name, reading in kpis.values:
            target = self._city.target(name, site.id, queue, span)
            if target is None or reading.value is None:
                continue
            likely = kpis.ranges.get((queue, name))
            said = judged(target, period, reading, likely, complete=heading is None)
            if said is not None and heading and (queue, name) == (ALL_QUEUES, Kpi.MISSED_RATIO):
                said = heading.get(span, said)
            if said is not None:
                found.verdicts.add_metric([site.id, queue, period.name, name], VERDICTS[said])

    def _show_reported(self, found: _Families, site: Site, today: date) -> set[Period]:
        shown = set()
        oldest = first_month(today)
        for series, reading in self._reported.items():
            if series.queue_ref.site != site.id or (series.period.is_month and series.period < oldest):
                continue
            shown.add(series.period)
            labels = [*series.queue_ref, series.period.name, REPORTED]
            found.values[series.kpi].add_metric(labels, reading.value)
            if reading.samples is not None:
                found.samples.add_metric([*labels, series.kpi], reading.samples)
        return shown

    def _targets(self, found: _Families, site: Site) -> None:
        for name, queues in site.with_total:
            for kpi in kpis_of(queue.kind for queue in queues):
                for span in SPANS:
                    target = self._city.target(kpi, site.id, name, span)
                    if target is not None and target.period == span:
                        found.targets.add_metric([site.id, name, kpi, span], target.limit)

    def _budgets_of(
        self, site: Site, session: EvaluatorSession, today: date
    ) -> tuple[tuple[Span, ErrorBudget], ...]:
        known = self._budgets.get(site.id)
        at = time.monotonic()
        if known is not None and known.session is session and at - known.at < BUDGET_EVERY.total_seconds():
            return known.budgets
        phones = [QueueRef(site.id, queue.id) for queue in site.of_kind(QueueKind.PHONE)]
        days = {queue_ref: session.aggregator.days(queue_ref) for queue_ref in phones}
        now = self._now()
        periods: dict[Span, Period] = {"month": Period.month_of(today), "year": Period.year_of(today)}
        worked_out = [
            (span, error_budget(self._city, self._calendar, days, site.id, period, now))
            for span, period in periods.items()
        ]
        budgets = tuple((span, budget) for span, budget in worked_out if budget is not None)
        self._budgets[site.id] = _Budgets(session, at, budgets)
        return budgets


AT_PLACE: Final = ("site", "queue")
AT_PERIOD: Final = (*AT_PLACE, "period")


def _show(found: _Families, site: Site, period: Period, kpis: SiteKpis) -> None:
    for queue, kpi, value in kpis.values:
        labels = [site.id, queue, period.name, COUNTED]
        found.samples.add_metric([*labels, kpi], value.samples)
        if value.value is not None:
            found.values[kpi].add_metric(labels, value.value)
    for queue, category, share in kpis.shares:
        found.shares.add_metric([site.id, queue, period.name, category], share)


def _show_budget(found: _Families, span: Span, budget: ErrorBudget) -> None:
    labels = [budget.site, budget.kpi, span]
    found.left.add_metric(labels, budget.left)
    if (forecast := budget.forecast) is not None:
        bounds = {"low": forecast.low, "middle": forecast.projected, "high": forecast.high}
        for bound, share in bounds.items():
            found.projected.add_metric([*labels, bound], share)


def _reported(city: CityFile, figures: Iterable[ReportedFigure]) -> dict[_Series, _SeriesValue]:
    """Return the months and years that were reported, each once: what is said of one site goes first, then
    what is said last."""
    found: dict[_Series, _SeriesValue] = {}
    for figure in sorted(figures, key=lambda one: one.site is not None):
        for site in city.sites:
            if figure.site in {None, site.id} and _has(site, figure) and _is_shown(figure.period):
                series = _Series(_SeriesQueue(site.id, figure.queue), figure.kpi, figure.period)
                found[series] = _SeriesValue(figure.value, figure.samples)
    return found


def _has(site: Site, figure: ReportedFigure) -> bool:
    return any(figure.queue in {queue.id, ALL_QUEUES} for queue in site.of_kind(KPIS[figure.kpi].kind))


def _is_shown(period: Period) -> bool:
    return period.is_month or period.is_year


def _span(period: Period) -> Span:
    return "year" if period.is_year else "month"


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return bare_gauge(f"indicator_{name}", text, *AT_PERIOD, "origin")

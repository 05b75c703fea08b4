"""The KPIs of the policy report: per month and per year, from the sums of the months. Pure.

Everything is a sum until the last division, so a month or a year is as exact as a day, and any definition can
be worked out afterwards from the same buckets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from domain import kpi
from domain.bucket import Bucket
from domain.business_hours import open_minutes
from domain.how_sure import Range, Verdict, held_against, range_of, verdict
from domain.kpi import KpiValue
from domain.queue_ref import QueueRef
from shared.calendar import DAY, Calendar
from shared.config.model import (
    COUNTS,
    CityFile,
    Count,
    MissedDefinition,
    Queue,
    ServiceLevelDefinition,
    Site,
    Target,
)
from shared.config.types import ALL_QUEUES
from shared.contract.events import Outcome
from shared.contract.kpis import KPIS, Contacts, Kpi, QueueKind
from shared.history_file import HistoryFile, ReportedFigure
from shared.periods import Period

COUNTED_KPIS: Final = tuple(kpi for kpi in Kpi if KPIS[kpi].contacts in {Contacts.CALLS, Contacts.ANSWERED})
"""Those that come out otherwise for callers than for entries."""

BY_NAME: Final = frozenset(
    {
        Kpi.VISIT_WAIT_MEAN,
        Kpi.CALL_WAIT_MEAN,
        Kpi.SERVICE_LEVEL,
        Kpi.HANDLE_TIME_MEAN,
        Kpi.MISSED_RATIO,
        Kpi.LEAD_TIME_MEAN,
    }
)
"""KPIs that a report tells in a way of their own; of any other it has the months."""

Days = Mapping[QueueRef, Mapping[date, Bucket]]
"""What was counted within opening hours, per queue and local day. No bucket: nothing happened."""

Months = Mapping[QueueRef, Mapping[str, Bucket]]
"""The same per local month, by its name: ``2026-10``. Every longer period is made of whole months."""


@dataclass(frozen=True, slots=True)
class PeriodKpi:
    """One figure of one period, held against what the city promised."""

    kpi: Kpi
    site: str
    queue: str
    """``all``: the site's total over the queues that have the KPI."""
    period: Period
    value: float | None
    """A ratio from 0 to 1, seconds, or working days; ``None`` without any contact."""
    samples: int | None
    """Contacts it rests on; ``None`` where a reported figure does not say."""
    target: float | None = None
    target_period: Literal["month", "year"] | None = None
    """What kind of period the city judges the target over."""
    verdict: Verdict | None = None
    """``None`` without a value, without a target, and for a period that the target is not about. A period
    that is over has kept the promise or not, however few came; while it runs, that may not be to say yet."""
    definition: str | None = None
    """``lier-1 v2``; of a service level with both its definitions: ``binnen-20s v1, lier-1 v2``."""
    count: Count | None = None
    """What its calls are; ``None`` for what is not about calls, and for what was reported."""
    complete: bool = True
    """False while the period is running."""
    reported: bool = False
    """Published before Wachtpost; nobody computed it here."""
    note: str = ""
    """What the history file says about it."""
    part: int | None = None
    """Of a ratio, how many of the samples make it."""
    likely: Range | None = None
    """Where the true figure lies, of few contacts (``how_sure.range_of``)."""

    @property
    def met(self) -> bool | None:
        """Whether the promise is kept; ``None`` where there is no verdict, or none yet."""
        return None if self.verdict in {None, Verdict.UNDECIDED} else self.verdict is Verdict.WITHIN


@dataclass(frozen=True, slots=True)
class SpeedShares:
    """Answered calls of a period by speed category."""

    site: str
    queue: str
    period: Period
    counts: Mapping[str, int]
    """By the names of ``kpi.category_names``, in their order."""
    answered: int
    complete: bool
    count: Count

    def share(self, category: str) -> float | None:
        """Return the share of a category, 0 to 1; ``None`` when no call was answered."""
        return self.counts[category] / self.answered if self.answered else None


@dataclass(frozen=True, slots=True)
class PeriodKpis:
    """The indicators of the policy report for one site and period, months that have begun in order."""

    site: str
    period: Period
    visit_waits: tuple[PeriodKpi, ...]
    """Per counter queue, in the order of the city file, then per month."""
    call_waits: tuple[PeriodKpi, ...]
    speeds: tuple[SpeedShares, ...]
    handle_times: tuple[PeriodKpi, ...]
    missed_years: tuple[PeriodKpi, ...]
    """The year that the period is in, up to the end of the period."""
    missed_months: tuple[PeriodKpi, ...]
    lead_times: tuple[PeriodKpi, ...]
    others: tuple[PeriodKpi, ...]
    """Every other KPI, month by month."""


@dataclass(frozen=True, slots=True)
class UnderMissedDefinition:
    """What one missed definition makes of a period, and how that differs from the active one.

    ``counted``, ``not_counted`` and ``short_abandons`` together are all calls that nobody answered.
    """

    definition: MissedDefinition
    active: bool
    value: float | None
    missed: int
    samples: int
    """Answered + missed."""
    counted: Mapping[Outcome, int]
    not_counted: Mapping[Outcome, int]
    """Calls with an outcome that the definition leaves out."""
    short_abandons: int
    """Hang-ups that were too quick to count."""
    difference: Mapping[Outcome, int]
    """Missed here less missed under the active definition, by outcome, where it differs."""
    value_difference: float | None


@dataclass(frozen=True, slots=True)
class UnderCount:
    """What the calls of a period come to, as callers or as entries, under the active definition."""

    count: Count
    active: bool
    offered: int
    answered: int
    missed: int
    cut_off: int
    unfinished: int
    readings: Mapping[Kpi, KpiValue]
    """Of ``COUNTED_KPIS``."""


@dataclass(frozen=True, slots=True)
class UnderServiceLevel:
    """What one service-level definition makes of a period, and how that differs from the active one."""

    definition: ServiceLevelDefinition
    active: bool
    value: float | None
    answered_within: int
    samples: int
    """What is divided by."""
    within_difference: int
    """Calls within the time here, less those under the active definition."""
    samples_difference: int
    value_difference: float | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Days on which a queue was open and not one contact was counted. Closing days are none.

    A feed that died, or a quiet counter: ``expected`` tells them apart.
    """

    site: str
    queue: str
    first: date
    last: date
    open_days: int
    open_minutes: int
    expected: float
    """Contacts that so many open minutes have on the other days of the period."""


def months_of(days: Days) -> dict[QueueRef, dict[str, Bucket]]:
    """Return the sums of days by month."""
    months: dict[QueueRef, dict[str, Bucket]] = {}
    for queue_ref, shelf in days.items():
        of_queue = months.setdefault(queue_ref, {})
        for day, bucket in shelf.items():
            of_queue.setdefault(f"{day:%Y-%m}", Bucket()).add(bucket)
    return months


def period_kpi(
    city: CityFile, months: Months, figure: Kpi, site: str, queue: str, period: Period, today: date
) -> PeriodKpi:
    """Return a KPI of a queue, or of the site's total (``all``), over a period.

    ``today`` is the local day it is: a period that has not ended before it is not complete. Raises
    ``KeyError`` for a site that the city file does not have, or a queue that does not have the KPI.
    """
    bucket = _counted_at(city, months, figure, site, queue, period)
    reading, likely = kpi.read(figure, bucket, city), range_of(figure, bucket, city)
    complete = period.last < today
    target = city.target(figure, site, queue, _kind_of(period))
    return PeriodKpi(
        kpi=figure,
        site=site,
        queue=queue,
        period=period,
        value=reading.value,
        samples=reading.samples,
        target=target.limit if target else None,
        target_period=target.period if target else None,
        verdict=None if target is None else judged(target, period, reading, likely, complete=complete),
        definition=_definition(city, figure),
        count=kpi.counted_as(queue, city.live_definition) if figure in COUNTED_KPIS else None,
        complete=complete,
        part=reading.part,
        likely=likely,
    )


def period_kpis(city: CityFile, months: Months, site_id: str, period: Period, today: date) -> PeriodKpis:
    """Return the block of the policy report. Only months of the period and earlier ones count.

    So the report of a month stays the same when it is made again later. Raises ``KeyError`` for a site
    that the city file does not have.
    """
    site = city.site(site_id)
    today = min(today, period.last + DAY)
    last = period.months()[-1].name
    months = {
        queue_ref: {month: bucket for month, bucket in shelf.items() if month <= last}
        for queue_ref, shelf in months.items()
        if queue_ref.site == site_id
    }
    begun = [month for month in period.months() if month.first <= today]

    def by_month(figure: Kpi, queue: str = ALL_QUEUES) -> tuple[PeriodKpi, ...]:
        if not _of_kind(site, figure):
            return ()
        return tuple(period_kpi(city, months, figure, site_id, queue, month, today) for month in begun)

    phones = site.of_kind(QueueKind.PHONE)
    year = Period.year_of(period.first)
    return PeriodKpis(
        site=site_id,
        period=period,
        visit_waits=tuple(
            one
            for queue in site.of_kind(QueueKind.COUNTER)
            for one in by_month(Kpi.VISIT_WAIT_MEAN, queue.id)
        ),
        call_waits=by_month(Kpi.CALL_WAIT_MEAN),
        speeds=tuple(speed(city, months, site_id, ALL_QUEUES, month, today) for month in begun if phones),
        handle_times=by_month(Kpi.HANDLE_TIME_MEAN),
        missed_years=(period_kpi(city, months, Kpi.MISSED_RATIO, site_id, ALL_QUEUES, year, today),)
        if phones and begun
        else (),
        missed_months=by_month(Kpi.MISSED_RATIO),
        lead_times=by_month(Kpi.LEAD_TIME_MEAN),
        others=tuple(one for kpi in Kpi if kpi not in BY_NAME for one in by_month(kpi)),
    )


def speed(city: CityFile, months: Months, site: str, queue: str, period: Period, today: date) -> SpeedShares:
    """Return the answered calls of a phone queue, or of all (``all``), by speed category.

    Raises ``KeyError`` for a site or a phone queue that the city file does not have.
    """
    bucket = _counted_at(city, months, Kpi.CALL_WAIT_MEAN, site, queue, period)
    counts = kpi.speed_categories(bucket, city.speed_categories.bounds)
    complete = period.last < today
    return SpeedShares(
        site, queue, period, counts, bucket.answered, complete, kpi.counted_as(queue, city.live_definition)
    )


def under_counts(city: CityFile, months: Months, site: str, period: Period) -> tuple[UnderCount, ...]:
    """Return a site's total over a period as callers, and as entries.

    Raises ``KeyError`` for a site that the city file does not have, or that has no phone queue.
    """
    active = city.live_definition
    refs = _queue_refs(city, Kpi.MISSED_RATIO, site, ALL_QUEUES)
    found = []
    for count in COUNTS:
        bucket = kpi.counted(ALL_QUEUES, _buckets(months, refs, period), active.counting(count))
        found.append(
            UnderCount(
                count=count,
                active=count == active.count,
                offered=bucket.offered,
                answered=bucket.answered,
                missed=kpi.missed(bucket, active),
                cut_off=bucket.cut_off,
                unfinished=bucket.unfinished,
                readings={one: kpi.read(one, bucket, city) for one in COUNTED_KPIS},
            )
        )
    return tuple(found)


def under_missed_definitions(
    city: CityFile, months: Months, site: str, queue: str, period: Period
) -> tuple[UnderMissedDefinition, ...]:
    """Return a period under every configured missed definition, as it counts, in the order of the city file.

    Raises ``KeyError`` for a site or a phone queue that the city file does not have.
    """
    refs = _queue_refs(city, Kpi.MISSED_RATIO, site, queue)
    active = city.live_definition
    bucket_of_active = kpi.counted(queue, _buckets(months, refs, period), active)
    of_active = _counted(bucket_of_active, active)
    value_of_active = kpi.missed_ratio(bucket_of_active, active).value
    found = []
    for definition in city.missed_definitions:
        bucket = kpi.counted(queue, _buckets(months, refs, period), definition)
        counted = _counted(bucket, definition)
        reading = kpi.missed_ratio(bucket, definition)
        missed = kpi.missed(bucket, definition)
        left_out = {o: n for o, n in bucket.outcomes.items() if o not in definition.outcomes}
        changes = {o: counted.get(o, 0) - of_active.get(o, 0) for o in Outcome}
        found.append(
            UnderMissedDefinition(
                definition=definition,
                active=definition == active,
                value=reading.value,
                missed=missed,
                samples=reading.samples,
                counted=counted,
                not_counted=left_out,
                short_abandons=bucket.unanswered - missed - sum(left_out.values()),
                difference={outcome: change for outcome, change in changes.items() if change},
                value_difference=_less(reading.value, value_of_active),
            )
        )
    return tuple(found)


def under_service_levels(
    city: CityFile, months: Months, site: str, queue: str, period: Period
) -> tuple[UnderServiceLevel, ...]:
    """Return a period under every service-level definition; the active one stands first if none is it.

    Raises ``KeyError`` for a site or a phone queue that the city file does not have.
    """
    bucket = _counted_at(city, months, Kpi.SERVICE_LEVEL, site, queue, period)
    active = active_service_level(city)
    listed = city.service_level_definitions
    of_active = _level(bucket, active, city.live_definition)
    value_of_active = of_active.value
    found = []
    for definition in listed if active in listed else (active, *listed):
        level = _level(bucket, definition, city.live_definition)
        found.append(
            UnderServiceLevel(
                definition=definition,
                active=definition == active,
                value=level.value,
                answered_within=level.answered_within,
                samples=level.samples,
                within_difference=level.answered_within - of_active.answered_within,
                samples_difference=level.samples - of_active.samples,
                value_difference=_less(level.value, value_of_active),
            )
        )
    return tuple(found)


def active_service_level(city: CityFile) -> ServiceLevelDefinition:
    """Return the service level of boards and rules, under the city's own name for it if it has one."""
    within = city.service_level.within
    for definition in city.service_level_definitions:
        if definition.within == within and definition.of == "answered_and_missed":
            return definition
    return ServiceLevelDefinition(id=f"within-{within // timedelta(seconds=1)}s", within=within)


def gaps(city: CityFile, calendar: Calendar, days: Days, period: Period, until: date) -> tuple[Gap, ...]:
    """Return where data is missing in a period, before the day ``until`` (which may not be over yet).

    Open days in a row make one gap, however many closing days lie between. Appointments do not count:
    they are booked at any hour, and come from another feed than the people who wait.
    """
    wanted = [day for day in period.days() if day < until]
    return tuple(
        gap
        for site in city.sites
        for queue in site.queues
        for gap in _gaps_of(calendar, QueueRef(site.id, queue.id), queue, days, wanted)
    )


def with_reported(
    computed: Iterable[PeriodKpi], city: CityFile, history: Iterable[HistoryFile]
) -> tuple[PeriodKpi, ...]:
    """Return computed figures and the reported ones of the same series, by period.

    A series is a KPI at a queue over one kind of period. Reported figures carry no target: nobody says
    what the city had promised then. Where both are known for a period, the reported one goes first.
    """
    computed = tuple(computed)
    series = {_series_of(one) for one in computed}
    reported = (one for file in history for figure in file.figures for one in _reported(city, figure))
    fitting = (one for one in reported if _series_of(one) in series)
    return tuple(sorted((*fitting, *computed), key=lambda one: one.period))


def _series_of(one: PeriodKpi) -> tuple[Kpi, str, str, int]:
    months = len(one.period.months())
    return one.kpi, one.site, one.queue, months


def _reported(city: CityFile, figure: ReportedFigure) -> Iterator[PeriodKpi]:
    for site in city.sites:
        if figure.site in {None, site.id}:
            yield PeriodKpi(
                kpi=figure.kpi,
                site=site.id,
                queue=figure.queue,
                period=figure.period,
                value=figure.value,
                samples=figure.samples,
                reported=True,
                note=figure.note,
            )


def _of_kind(site: Site, figure: Kpi) -> tuple[Queue, ...]:
    return site.of_kind(KPIS[figure].kind)


def _queue_refs(city: CityFile, figure: Kpi, site: str, queue: str) -> tuple[QueueRef, ...]:
    fitting = [one.id for one in _of_kind(city.site(site), figure) if queue in {one.id, ALL_QUEUES}]
    if not fitting:
        raise KeyError(queue)
    return tuple(QueueRef(site, name) for name in fitting)


def _counted_at(city: CityFile, months: Months, figure: Kpi, site: str, queue: str, period: Period) -> Bucket:
    buckets = _buckets(months, _queue_refs(city, figure, site, queue), period)
    return kpi.counted(queue, buckets, city.live_definition)


def _buckets(months: Months, queue_refs: Iterable[QueueRef], period: Period) -> Iterator[Bucket]:
    shelves = [months[queue_ref] for queue_ref in queue_refs if queue_ref in months]
    return (shelf[month.name] for shelf in shelves for month in period.months() if month.name in shelf)


def _kind_of(period: Period) -> str | None:
    if period.is_year:
        return "year"
    return "month" if period.is_month else None


def judged(
    target: Target, period: Period, reading: KpiValue, likely: Range | None, *, complete: bool
) -> Verdict | None:
    """Hold a figure, unrounded, against a target that is about periods of this kind.

    The division rounds to the nearest float, and so was the limit read: what is over the limit as a
    fraction could only meet it with more contacts than there are people on earth.
    """
    if reading.value is None or target.period != _kind_of(period):
        return None
    if complete:
        return held_against(target.kpi, Range(reading.value, reading.value), target.limit)
    return verdict(target.kpi, reading, likely, target.limit)


def _definition(city: CityFile, figure: Kpi) -> str | None:
    missed = _named(city.live_definition)
    match figure:
        case Kpi.MISSED_RATIO:
            return missed
        case Kpi.SERVICE_LEVEL:
            return f"{_named(active_service_level(city))}, {missed}"
        case _:
            return None


def _named(definition: MissedDefinition | ServiceLevelDefinition) -> str:
    return f"{definition.id} v{definition.version}"


def _counted(bucket: Bucket, definition: MissedDefinition) -> dict[Outcome, int]:
    """Missed calls by outcome. Only hang-ups can be too short to count, so they carry that difference."""
    counts = {outcome: n for outcome, n in bucket.outcomes.items() if outcome in definition.outcomes}
    short = sum(counts.values()) - kpi.missed(bucket, definition)
    if short:
        counts[Outcome.ABANDONED] -= short
    return counts


@dataclass(frozen=True, slots=True)
class _Level:
    answered_within: int
    samples: int

    @property
    def value(self) -> float | None:
        return self.answered_within / self.samples if self.samples else None


def _level(bucket: Bucket, definition: ServiceLevelDefinition, missed: MissedDefinition) -> _Level:
    besides = kpi.missed(bucket, missed) if definition.of == "answered_and_missed" else 0
    return _Level(kpi.answered_within(bucket, definition.within), bucket.answered + besides)


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def _gaps_of(
    calendar: Calendar, queue_ref: QueueRef, queue: Queue, days: Days, wanted: Iterable[date]
) -> Iterator[Gap]:
    shelf = days.get(queue_ref, {})
    contacts = minutes = 0
    silent: list[list[tuple[date, int]]] = [[]]
    for day in wanted:
        open_today = open_minutes(calendar, (queue.hours,), day)
        came = _contacts(shelf[day]) if day in shelf else 0
        if came:
            contacts += came
            minutes += open_today
            silent.append([])
        elif open_today:
            silent[-1].append((day, open_today))
    for run in filter(None, silent):
        lasted = sum(open_for for _, open_for in run)
        expected = contacts * lasted / minutes if minutes else 0.0
        yield Gap(queue_ref.site, queue_ref.queue, run[0][0], run[-1][0], len(run), lasted, expected)


def _contacts(bucket: Bucket) -> int:
    return bucket.offered + bucket.visitors

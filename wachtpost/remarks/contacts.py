"""Rules for which contacts are too few, or that chance fires, by what a desk has. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, exp, log, sqrt
from typing import Final

from domain import kpi
from domain.bucket import Bucket
from domain.how_sure import LEAST_CONTACTS, Verdict, ratio_range, verdict
from domain.kpi import KpiValue
from domain.period_kpis import Days
from domain.queue_ref import QueueRef
from domain.shift import run_length, shift_design, usual_share
from shared.calendar import DAY, Calendar
from shared.config.alerting import KpiCondition, ShiftRule
from shared.config.model import CityFile, Queue, Site
from shared.config.references import ReferenceMistake
from shared.config.tables import KeyPath
from shared.config.types import ALL_QUEUES, EVERY_QUEUE, LastContacts, is_shift, joined
from shared.contract.kpis import KPIS, Kpi, Measure, Unit
from wachtpost.remarks.limits import conditions

BUSY: Final = 200
"""Contacts an hour that no queue of a desk has, as far as is known: Lier's information number rang 15 to 20
times an hour (2014), and ten agents with three minutes a call do not answer more."""

LONG_DAY: Final = timedelta(hours=10)
"""No desk is open for longer, as a rule."""

PEAK: Final = 2
"""The busiest window of a day has at most so many times what the day has on average."""

SPREAD: Final = 3
"""And then by chance so many standard deviations more (Poisson): once in 700 windows."""

WORKING_DAYS: Final = 250
"""Of a year."""

MONTHLY: Final = 12
"""Alarms by chance a year that are worth a remark: one a month."""

ROUNDED: Final = timedelta(minutes=5)
"""To this a silence is rounded up that somebody is to write down."""

PERIOD_DAYS: Final[Mapping[str, int]] = {"today": 1, "month": 23, "year": WORKING_DAYS}
"""Working days of the windows that begin with the calendar, at most."""


@dataclass(frozen=True)
class _Asked:
    """How many contacts a rule wants in its window, at a queue or at all of a site together."""

    at: KeyPath
    kpi: Kpi
    window: timedelta | LastContacts | str
    least: int
    site: Site
    queue: str
    queues: tuple[Queue, ...]

    @property
    def _days(self) -> int | None:
        """Working days of a window that has whole ones; by count it is a day at most."""
        if isinstance(self.window, timedelta):
            return None
        return PERIOD_DAYS[self.window] if isinstance(self.window, str) else 1

    @property
    def lasts(self) -> timedelta:
        """For how long people can come in a window, at most."""
        return self.window if isinstance(self.window, timedelta) else LONG_DAY * (self._days or 1)

    def of_a_day(self, contacts: int, opened: timedelta) -> float:
        """Return how many contacts a window has on average, if every day were like this one."""
        if isinstance(self.window, timedelta):
            return contacts * min(1.0, self.window / opened)
        return contacts * (self._days or 1)

    def most(self, of_busiest: float) -> float:
        """Return how many contacts a window has at the very most, from what it has on the busiest day."""
        peak = PEAK * of_busiest if isinstance(self.window, timedelta) else of_busiest
        return peak + SPREAD * sqrt(peak)


def _asked(city: CityFile) -> Iterator[_Asked]:
    usual = city.live.min_samples or LEAST_CONTACTS
    for at, rule, condition in conditions(city):
        if not isinstance(condition, KpiCondition):
            continue
        least, of = condition.min_samples or usual, condition.window
        key = "window" if condition.min_samples is None else "min_samples"
        if isinstance(of, LastContacts):
            least, key = of.count, "window"
        yield from _asked_at(city, (*at, key), condition.kpi, of, least, rule.site, rule.queue)
    for number, budget in enumerate(city.budget_rules):
        key = "long_window" if budget.min_samples is None else "min_samples"
        at = ("budget_rules", number, key)
        least = budget.min_samples or usual
        yield from _asked_at(city, at, budget.kpi, budget.long_window, least, budget.site, ALL_QUEUES)


def _asked_at(
    city: CityFile,
    at: KeyPath,
    of: Kpi,
    window: timedelta | LastContacts | str,
    least: int,
    at_site: str | None,
    queue: str,
) -> Iterator[_Asked]:
    for site in city.sites:
        fitting = site.of_kind(KPIS[of].kind)
        if at_site not in {None, site.id} or not fitting:
            continue
        if queue == ALL_QUEUES:
            yield _Asked(at, of, window, least, site, queue, fitting)
        for one in fitting:
            if queue in {one.id, EVERY_QUEUE}:
                yield _Asked(at, of, window, least, site, one.id, (one,))


def too_few(city: CityFile, calendar: Calendar, days: Days) -> Iterator[ReferenceMistake]:
    """Rules that want more contacts than their queue ever had in a window, or than any queue has."""
    for at, _, condition in conditions(city):
        if isinstance(condition, KpiCondition) and isinstance(condition.window, LastContacts):
            count = condition.window.count
            if condition.min_samples is not None and condition.min_samples > count:
                yield ReferenceMistake((*at, "min_samples"), "more_than_the_last", number=count)
    for asked in _asked(city):
        busiest = max(
            (_QueueDay(city, calendar, days, asked, day) for day in _days(days, asked)),
            key=lambda day: day.within_window,
            default=None,
        )
        if busiest is not None and busiest.contacts:
            if asked.least > asked.most(busiest.within_window):
                had = round(busiest.within_window, 1)
                kind = "last_is_today" if isinstance(asked.window, LastContacts) else "contacts_never_had"
                yield ReferenceMistake(asked.at, kind, asked.queue, known=(str(busiest.day),), number=had)
        elif asked.least > BUSY * len(asked.queues) * (asked.lasts / timedelta(hours=1)):
            pace = asked.least / len(asked.queues) * (timedelta(hours=1) / asked.lasts)
            yield ReferenceMistake(asked.at, "contacts_not_plausible", asked.queue, number=round(pace))


def never_surely(city: CityFile) -> Iterator[ReferenceMistake]:
    """Windows of so few contacts that even the worst of them are not surely beyond the limit."""
    for at, rule, condition in conditions(city):
        if not isinstance(condition, KpiCondition) or not isinstance(condition.window, LastContacts):
            continue
        if condition.min_samples is not None or city.live.min_samples is not None:
            continue
        count, of = condition.window.count, condition.kpi
        for asked in _asked_at(city, (*at, "window"), of, condition.window, count, rule.site, rule.queue):
            limit = city.limit_of(condition, asked.site.id, asked.queue)
            if limit is not None and not _can_be_beyond(of, count, limit):
                yield ReferenceMistake(asked.at, "never_surely", asked.queue, number=count)


def _can_be_beyond(of: Kpi, count: int, limit: float) -> bool:
    """Whether so many contacts can be surely beyond a limit: all of them are missed, say."""
    if KPIS[of].unit is not Unit.RATIO:
        return count >= LEAST_CONTACTS
    part = 0 if KPIS[of].more_is_better else count
    worst = KpiValue(part / count, count, part)
    return verdict(of, worst, ratio_range(part, count), limit) is Verdict.BEYOND


def _days(days: Days, asked: _Asked) -> set[date]:
    return {day for queue in asked.queues for day in days.get(QueueRef(asked.site.id, queue.id), {})}


class _QueueDay:
    """What a rule's queues had on a day."""

    def __init__(self, city: CityFile, calendar: Calendar, days: Days, asked: _Asked, day: date) -> None:
        self.day = day
        self.contacts = kpi.read(asked.kpi, _counted_on(city, days, asked, day), city).samples
        self.within_window = asked.of_a_day(self.contacts, _opened(calendar, asked.queues, day))
        """On average."""


def _counted_on(city: CityFile, days: Days, asked: _Asked, day: date) -> Bucket:
    buckets = (days.get(QueueRef(asked.site.id, queue.id), {}).get(day) for queue in asked.queues)
    return kpi.counted(asked.queue, (one for one in buckets if one is not None), city.live_definition)


def _opened(calendar: Calendar, queues: Iterable[Queue], day: date) -> timedelta:
    """For how long any of these queues was open on a day that had contacts."""
    stretches = joined(span for queue in queues for span in calendar.stretches(queue.hours, day))
    return timedelta(milliseconds=sum(end - start for start, end in stretches)) or DAY


def shifts_by_chance(city: CityFile, days: Days) -> Iterator[ReferenceMistake]:
    """Shift rules that a day is too short for, or that chance fires every month, by the calls there were."""
    for number, rule in enumerate(city.rules):
        if not isinstance(rule, ShiftRule) or rule.kpi is not Measure.MISSED_RATIO:
            continue
        at: KeyPath = ("rules", number)
        for asked in _asked_at(city, at, Kpi.MISSED_RATIO, "today", 1, rule.site, rule.queue):
            had = [_counted_on(city, days, asked, day) for day in sorted(_days(days, asked))]
            calls = [kpi.missed_ratio(bucket, city.live_definition).samples for bucket in had]
            usual = usual_share(had, city.live_definition)
            if not any(calls):
                continue
            if usual is None:
                if rule.usual is None:
                    yield ReferenceMistake(at, "usual_not_known", asked.queue, number=sum(calls))
                continue
            yield from _shift_at(at, rule, asked, usual, calls)


def _shift_at(
    at: KeyPath, rule: ShiftRule, asked: _Asked, had: float, calls: Sequence[int]
) -> Iterator[ReferenceMistake]:
    """``had``: the share that was missed in fact."""
    usual = rule.usual or had
    if not is_shift(usual, rule.bad):
        yield ReferenceMistake((*at, "bad"), "shift_too_near", asked.queue, number=usual)
        return
    design = shift_design(usual, rule.bad, rule.false_alarm_every)
    in_a_row = ceil(design.limit / design.miss)
    if in_a_row > asked.most(max(calls)):
        yield ReferenceMistake(at, "shift_too_long", asked.queue, number=in_a_row)
    a_year = WORKING_DAYS * sum(calls) / len(calls) / run_length(design, had)
    if a_year > MONTHLY:
        yield ReferenceMistake(at, "shift_by_chance", asked.queue, number=round(a_year))


def silent_by_chance(city: CityFile, calendar: Calendar, days: Days) -> Iterator[ReferenceMistake]:
    """No-data rules that fire every month though nothing is wrong: their source is usually as quiet as that.

    As if contacts came evenly over the open hours, each by itself (Poisson): at a desk it is more often.
    """
    for number, rule in enumerate(city.no_data_rules):
        source = next(one for one in city.sources if one.id == rule.source)
        queues = source.queues_of(city.site(source.site))
        queue_refs = [QueueRef(source.site, queue.id) for queue in queues]
        counted = {day for queue_ref in queue_refs for day in days.get(queue_ref, {})}
        had = [bucket for queue_ref in queue_refs for bucket in days.get(queue_ref, {}).values()]
        contacts = sum(one.offered + one.visitors for one in had)
        if not contacts:
            continue
        opened = sum((_opened(calendar, queues, day) for day in counted), timedelta(0))
        a_month = WORKING_DAYS / 12 * contacts / len(counted) * exp(-contacts * (rule.after / opened))
        if a_month > 1:
            once_a_year = log(WORKING_DAYS * contacts / len(counted)) * (opened / contacts)
            minutes = ceil(once_a_year / ROUNDED) * (ROUNDED // timedelta(minutes=1))
            at = ("no_data_rules", number, "after")
            yield ReferenceMistake(at, "silent_by_chance", number=round(a_month), known=(f"{minutes}m",))

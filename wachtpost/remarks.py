"""What a good city file says and cannot mean: rules that never fire or never clear, holes in hours. Pure.

A mistake is refused (``shared.config.references``): what the file says can never hold. A remark is only made:
it can, but as far as anybody can tell it will not at this desk, or it leaves a hole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, exp, log, sqrt
from typing import Final

from domain import kpi
from domain.period_kpis import Days
from domain.queue_ref import QueueRef
from shared.calendar import DAY, Calendar
from shared.config.alerting import CombinedRule, KpiRule, QueueRule, StateRule
from shared.config.model import CityFile, Queue, Site, queues_about
from shared.config.references import ReferenceMistake
from shared.config.tables import KeyPath
from shared.config.types import (
    ALL_QUEUES,
    EVERY_QUEUE,
    MIDNIGHT,
    WEEKDAYS,
    LastContacts,
    Span,
    WeekHours,
    joined,
    longest_opening,
)
from shared.contract.kpis import KPIS, Kpi, Measure, Unit

SMALL_GAP: Final = 5
"""Minutes between two hours of a day, at most, that are no lunch break but a slip of the pen."""

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

ROUNDED: Final = timedelta(minutes=5)
"""To this a silence is rounded up that somebody is to write down."""

PERIOD_DAYS: Final[Mapping[str, int]] = {"today": 1, "month": 23, "year": WORKING_DAYS}
"""Working days of the windows that begin with the calendar, at most."""

QUIET_AHEAD: Final = 366
"""How many days ahead holidays are looked for."""


def remarks(
    city: CityFile, calendar: Calendar, today: date, days: Days | None = None
) -> list[ReferenceMistake]:
    """Return what can be remarked of a city file; a kind is a key of ``shared.config.messages.REMARKS``.

    ``days``: what the archive has of its queues, if that could be asked.
    """
    return [
        *_never_fires(city),
        *_never_clears(city),
        *_too_few(city, calendar, days or {}),
        *_silent_by_chance(city, calendar, days or {}),
        *_gaps(city),
        *_nights_left_out(city),
        *_holidays_left_out(city, calendar, today),
    ]


# --- rules that never fire ----------------------------------------------------------------------------


def _queues(city: CityFile, rule: QueueRule) -> list[Queue]:
    """The queues that a rule is about, at all sites."""
    return [
        queue for site in city.sites if rule.site in {None, site.id} for queue in queues_about(rule, site)
    ]


def _longest_opening(city: CityFile, queues: Iterable[Queue]) -> timedelta | None:
    """For how long these queues are open at a stretch; ``None``: day and night."""
    names = {queue.hours for queue in queues}
    return None if None in names else longest_opening(city.hours[name] for name in names if name)


def _never_fires(city: CityFile) -> Iterator[ReferenceMistake]:
    """Rules that are judged nowhere or never, or whose limit is beyond what can be measured here."""
    for number, rule in enumerate(city.rules):
        at: KeyPath = ("rules", number)
        queues = _queues(city, rule)
        opening = _longest_opening(city, queues)
        longest = _longest_wait(city, rule, opening)
        if not queues:
            yield ReferenceMistake(at, "judged_nowhere")
        elif opening == timedelta(0) and _open_only(rule):
            yield ReferenceMistake(at, "never_open")
        elif longest is not None and _limit(rule) >= longest.total_seconds():
            yield ReferenceMistake((*at, "limit"), "wait_unreachable", number=longest.total_seconds())
    for number, no_data in enumerate(city.no_data_rules):
        if no_data.hours is not None and longest_opening([city.hours[no_data.hours]]) == timedelta(0):
            yield ReferenceMistake(("no_data_rules", number, "hours"), "never_open")


def _limit(rule: QueueRule) -> float:
    return rule.limit or 0 if isinstance(rule, KpiRule | StateRule) else 0


def _open_only(rule: QueueRule) -> bool:
    return rule.open_only if isinstance(rule, KpiRule | StateRule | CombinedRule) else True


def _longest_wait(city: CityFile, rule: QueueRule, opening: timedelta | None) -> timedelta | None:
    """The longest wait that a rule can see: after that a contact is unfinished. ``None``: any."""
    pipeline = city.pipeline
    if isinstance(rule, CombinedRule):
        return None
    if rule.kpi is Measure.LONGEST_WAIT:
        return min(pipeline.open_timeout, opening or pipeline.open_timeout)
    return pipeline.visit_timeout if rule.kpi is Kpi.VISIT_WAIT_MEAN else None


# --- rules that never clear ---------------------------------------------------------------------------


def _never_clears(city: CityFile) -> Iterator[ReferenceMistake]:
    """Rules that are over only at a value that is hardly ever seen, or after more time than there is."""
    for number, rule in enumerate(city.rules):
        at: KeyPath = ("rules", number)
        opening = _longest_opening(city, _queues(city, rule))
        if opening and _open_only(rule) and rule.keep_firing >= opening:
            yield ReferenceMistake((*at, "keep_firing"), "clears_at_closing")
        if isinstance(rule, KpiRule):
            yield from _clears_at_best(at, rule)


def _clears_at_best(at: KeyPath, rule: KpiRule) -> Iterator[ReferenceMistake]:
    facts = KPIS[rule.kpi]
    best = facts.highest if facts.more_is_better else 0.0
    # A ratio at its best is common in a quarter of an hour, and gone for good in a month that had one miss.
    if facts.unit is Unit.RATIO and isinstance(rule.window, timedelta):
        return
    clear_at = rule.limit if rule.clear_at is None else rule.clear_at
    if clear_at == best:
        key = "limit" if rule.clear_at is None else "clear_at"
        yield ReferenceMistake((*at, key), "clears_at_best", number=best)
    if rule.warn_at is None or rule.limit is None or clear_at is None:
        return
    if abs(rule.warn_at - best) <= abs(rule.limit - clear_at):  # as far below it as clear_at below the limit
        yield ReferenceMistake((*at, "warn_at"), "clears_at_best", number=best)


# --- rules that ask for more contacts than there are --------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """How many contacts a rule wants in its window, at a queue or at all of a site together."""

    at: KeyPath
    kpi: Kpi
    window: timedelta | str
    least: int
    site: Site
    queue: str
    queues: tuple[Queue, ...]

    @property
    def lasts(self) -> timedelta:
        """For how long people can come in a window, at most."""
        return LONG_DAY * PERIOD_DAYS[self.window] if isinstance(self.window, str) else self.window

    def of_a_day(self, contacts: int, opened: timedelta) -> float:
        """Return how many contacts a window has on average, if every day were like this one."""
        if isinstance(self.window, str):
            return contacts * PERIOD_DAYS[self.window]
        return contacts * min(1.0, self.window / opened)

    def most(self, of_busiest: float) -> float:
        """Return how many contacts a window has at the very most, from what it has on the busiest day."""
        peak = of_busiest if isinstance(self.window, str) else PEAK * of_busiest
        return peak + SPREAD * sqrt(peak)


def _asked(city: CityFile) -> Iterator[_Asked]:
    for number, rule in enumerate(city.rules):
        if isinstance(rule, KpiRule) and not isinstance(rule.window, LastContacts):
            at: KeyPath = ("rules", number, "window" if rule.min_samples is None else "min_samples")
            least = rule.min_samples or city.live.min_samples or 1
            yield from _asked_at(city, at, rule.kpi, rule.window, least, rule.site, rule.queue)
    for number, budget in enumerate(city.budget_rules):
        at = ("budget_rules", number, "long_window" if budget.min_samples is None else "min_samples")
        least = budget.min_samples or city.live.min_samples or 1
        yield from _asked_at(city, at, budget.kpi, budget.long_window, least, budget.site, ALL_QUEUES)


def _asked_at(
    city: CityFile,
    at: KeyPath,
    of: Kpi,
    window: timedelta | str,
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


def _too_few(city: CityFile, calendar: Calendar, days: Days) -> Iterator[ReferenceMistake]:
    """Rules that want more contacts than their queue ever had in a window, or than any queue has."""
    for asked in _asked(city):
        busiest = max(
            (_QueueDay(city, calendar, days, asked, day) for day in _days(days, asked)),
            key=lambda day: day.within_window,
            default=None,
        )
        if busiest is not None and busiest.contacts:
            if asked.least > asked.most(busiest.within_window):
                had = round(busiest.within_window, 1)
                yield ReferenceMistake(
                    asked.at, "contacts_never_had", asked.queue, known=(str(busiest.day),), number=had
                )
        elif asked.least > BUSY * len(asked.queues) * (asked.lasts / timedelta(hours=1)):
            pace = asked.least / len(asked.queues) * (timedelta(hours=1) / asked.lasts)
            yield ReferenceMistake(asked.at, "contacts_not_plausible", asked.queue, number=round(pace))


def _days(days: Days, asked: _Asked) -> set[date]:
    return {day for queue in asked.queues for day in days.get(QueueRef(asked.site.id, queue.id), {})}


class _QueueDay:
    """What a rule's queues had on a day."""

    def __init__(self, city: CityFile, calendar: Calendar, days: Days, asked: _Asked, day: date) -> None:
        self.day = day
        buckets = (days.get(QueueRef(asked.site.id, queue.id), {}).get(day) for queue in asked.queues)
        there = kpi.counted(asked.queue, (one for one in buckets if one is not None), city.live_definition)
        self.contacts = kpi.read(asked.kpi, there, city).samples
        self.within_window = asked.of_a_day(self.contacts, _opened(calendar, asked.queues, day))
        """On average."""


def _opened(calendar: Calendar, queues: Iterable[Queue], day: date) -> timedelta:
    """For how long any of these queues was open on a day that had contacts."""
    stretches = joined(span for queue in queues for span in calendar.stretches(queue.hours, day))
    return timedelta(milliseconds=sum(end - start for start, end in stretches)) or DAY


# --- sources that are silent by chance ----------------------------------------------------------------


def _silent_by_chance(city: CityFile, calendar: Calendar, days: Days) -> Iterator[ReferenceMistake]:
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


# --- holes in hours -----------------------------------------------------------------------------------


def _gaps(city: CityFile) -> Iterator[ReferenceMistake]:
    """Minutes that were forgotten: hours that end at 23:59, or a moment before the next begin."""
    for name, week in city.hours.items():
        for weekday, spans in zip(WEEKDAYS, week.by_weekday, strict=True):
            for number, span in enumerate(spans):
                at: KeyPath = ("hours", name, weekday, number)
                after = [other.start_minute for other in spans if other.start_minute > span.end_minute]
                if span.end_minute == MIDNIGHT - 1:
                    yield ReferenceMistake(at, "last_minute")
                elif after and min(after) - span.end_minute <= SMALL_GAP:
                    known = f"{_clock(span.end_minute)}-{_clock(min(after))}"
                    yield ReferenceMistake(at, "small_gap", known=(known,))


def _quiet(city: CityFile) -> list[tuple[KeyPath, WeekHours]]:
    return [
        (("notify", "quiet", number, "hours"), city.hours[quiet.hours])
        for number, quiet in enumerate(city.notify.quiet)
    ]


def _nights_left_out(city: CityFile) -> Iterator[ReferenceMistake]:
    """Days without quiet hours, and nights in which they stop at midnight."""
    quiet = _quiet(city)
    if not quiet:
        return
    together = [
        [span for _, week in quiet for span in week.by_weekday[weekday]] for weekday in range(len(WEEKDAYS))
    ]
    at = quiet[0][0]
    without = tuple(name for name, spans in zip(WEEKDAYS, together, strict=True) if not spans)
    if without:
        yield ReferenceMistake(at, "never_quiet_on", known=without)
    broken = tuple(
        f"{WEEKDAYS[weekday]}/{WEEKDAYS[(weekday + 1) % len(WEEKDAYS)]}"
        for weekday, spans in enumerate(together)
        if _ends_at_midnight(spans) and not _begins_at_midnight(together[(weekday + 1) % len(WEEKDAYS)])
    )
    if broken:
        yield ReferenceMistake(at, "quiet_till_midnight", known=broken)


def _ends_at_midnight(spans: list[Span]) -> bool:
    return any(span.end_minute >= MIDNIGHT - 1 for span in spans)


def _begins_at_midnight(spans: list[Span]) -> bool:
    return any(span.start_minute == 0 for span in spans)


def _holidays_left_out(city: CityFile, calendar: Calendar, today: date) -> Iterator[ReferenceMistake]:
    """Quiet hours that a holiday, a closing day or a half day switches off, like opening hours."""
    quiet = _quiet(city)
    names = {one.hours for one in city.notify.quiet}
    for ahead in range(QUIET_AHEAD):
        day = today + ahead * DAY
        usual = joined(
            (span.start_minute, span.end_minute)
            for _, week in quiet
            for span in week.by_weekday[day.weekday()]
        )
        left = joined(span for name in names for span in calendar.spans(name, day))
        if usual != left:
            at = next(at for at, week in quiet if not week.on_holidays)
            yield ReferenceMistake(at, "quiet_not_on_holidays", known=(str(day),))
            return


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"

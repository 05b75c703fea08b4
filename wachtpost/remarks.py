"""What a good city file says and cannot mean: rules that never fire or never clear, holes in hours. Pure.

A mistake is refused (``shared.config.references``): what the file says can never hold. A remark is only made:
it can, but as far as anybody can tell it will not at this desk, or it leaves a hole.
"""

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
from shared.config.alerting import (
    CombinedRule,
    Condition,
    KpiCondition,
    KpiRule,
    NobodyCondition,
    QueueRule,
    ShiftRule,
    StateCondition,
    StateRule,
)
from shared.config.model import CityFile, Queue, QueueLogSource, Site, queues_about
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
    is_shift,
    joined,
    longest_opening,
)
from shared.contract.kpis import KPIS, Kpi, Measure, QueueKind, Unit

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

MONTHLY: Final = 12
"""Alarms by chance a year that are worth a remark: one a month."""

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
        *_never_surely(city),
        *_too_few(city, calendar, days or {}),
        *_shifts(city, days or {}),
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


def _conditions(city: CityFile) -> Iterator[tuple[KeyPath, QueueRule, QueueRule | Condition]]:
    """Every condition of a rule, with its place; of most rules that is the rule itself."""
    for number, rule in enumerate(city.rules):
        at: KeyPath = ("rules", number)
        if isinstance(rule, CombinedRule):
            yield from (((*at, "all", place), rule, part) for place, part in enumerate(rule.all))
        else:
            yield at, rule, rule


def _never_fires(city: CityFile) -> Iterator[ReferenceMistake]:
    """Rules that are judged nowhere or never, or whose limit is beyond what can be measured here."""
    for number, rule in enumerate(city.rules):
        at: KeyPath = ("rules", number)
        queues = _queues(city, rule)
        if not queues:
            yield ReferenceMistake(at, "judged_nowhere")
        elif _longest_opening(city, queues) == timedelta(0) and _open_only(rule):
            yield ReferenceMistake(at, "never_open")
    for at, rule, condition in _conditions(city):
        longest = _longest_wait(city, condition, _queues(city, rule))
        if longest is not None and _limit(condition) >= longest.total_seconds():
            yield ReferenceMistake((*at, "limit"), "wait_unreachable", number=longest.total_seconds())
        if isinstance(condition, NobodyCondition) and _staff_is_never_told(city, _queues(city, rule)):
            yield ReferenceMistake((*at, "kpi"), "staff_never_told")
    for number, no_data in enumerate(city.no_data_rules):
        if no_data.hours is not None and longest_opening([city.hours[no_data.hours]]) == timedelta(0):
            yield ReferenceMistake(("no_data_rules", number, "hours"), "never_open")


def _limit(condition: QueueRule | Condition) -> float:
    return condition.limit or 0 if isinstance(condition, KpiCondition | StateCondition) else 0


def _open_only(rule: QueueRule) -> bool:
    return rule.open_only if isinstance(rule, KpiRule | StateRule | CombinedRule) else True


def _longest_wait(
    city: CityFile, condition: QueueRule | Condition, queues: Sequence[Queue]
) -> timedelta | None:
    """The longest wait that can be seen: after that a contact is unfinished. ``None``: any."""
    calls, visits = city.pipeline.open_timeout, city.pipeline.visit_timeout
    if isinstance(condition, StateCondition) and condition.kpi is Measure.LONGEST_WAIT:
        at_phones = any(queue.kind is QueueKind.PHONE for queue in queues)
        bounds = (calls if at_phones else visits, _longest_opening(city, queues))
        return min(filter(None, bounds), default=None)
    of_visits = isinstance(condition, KpiCondition) and condition.kpi is Kpi.VISIT_WAIT_MEAN
    return visits if of_visits else None


def _staff_is_never_told(city: CityFile, queues: Sequence[Queue]) -> bool:
    """Whether sources speak for these queues, and all of them are logs of calls."""
    names = {queue.id for queue in queues}
    speaking = [
        source
        for source in city.sources
        if names & {queue.id for queue in source.queues_of(city.site(source.site))}
    ]
    return bool(speaking) and all(isinstance(source, QueueLogSource) for source in speaking)


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
    if facts.unit is Unit.RATIO and not isinstance(rule.window, str):
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
    for at, rule, condition in _conditions(city):
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


def _too_few(city: CityFile, calendar: Calendar, days: Days) -> Iterator[ReferenceMistake]:
    """Rules that want more contacts than their queue ever had in a window, or than any queue has."""
    for at, _, condition in _conditions(city):
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


def _never_surely(city: CityFile) -> Iterator[ReferenceMistake]:
    """Windows of so few contacts that even the worst of them are not surely beyond the limit."""
    for at, rule, condition in _conditions(city):
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


# --- shifts that chance makes, or that a day cannot show -------------------------------------------------


def _shifts(city: CityFile, days: Days) -> Iterator[ReferenceMistake]:
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

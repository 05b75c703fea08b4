"""A breach as a template sees it: every name looked up, every figure written in the language. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from services.notifier.model import Breach
from shared.config.alerting import measure_of
from shared.config.model import CityFile, Target
from shared.config.types import ALL_QUEUES
from shared.contract.breach_events import Cause, Hour, Level, Severity
from shared.contract.kpis import KPIS, UNITS, Kpi, Measure, QueueKind, more_is_better
from shared.formatting import clock_time
from shared.translation import Translator, translator

_WINDOW: Final = re.compile(r"(\d+)([smh])", re.ASCII)
"""A rolling window as the evaluator labels it: ``90s``, ``15m``, ``1h``."""

STEADY: Final = 0.05
"""A change of less than this part of the figure is no trend: nobody would act on it."""


class Trend(StrEnum):
    RISING = "rising"
    FALLING = "falling"
    STEADY = "steady"


class FeedKind(StrEnum):
    """What kind of source fell silent."""

    EXCHANGE = "exchange"
    """The telephone exchange: its queue_log."""
    OTHER = "other"


@dataclass(frozen=True)
class HourView:
    """The clock hour so far and the one before it."""

    started: str
    offered: str
    offered_count: int
    offered_before: str
    staff: str | None
    staff_before: str | None


@dataclass(frozen=True)
class BudgetView:
    """What is left of a target's period."""

    left: str
    """How many more calls may be missed; how many too many were when it is ``spent``."""
    calls: int
    """The same as a number."""
    spent: bool
    single: bool
    period: str
    target: str


@dataclass(frozen=True)
class AcknowledgementView:
    """Who took it on, and when."""

    by: str
    at: str


@dataclass(frozen=True)
class BreachView:
    """One breach. Texts are written for people; what is empty or ``None`` has nothing to say."""

    rule: str
    measure: Measure
    kpi: Kpi | None
    """The figure it is about; of a burn rate the one that burns; none for no data."""
    severity: Severity
    cause: Cause | None
    over: bool
    more_is_better: bool
    approaching: bool
    """A warning, and the limit itself still holds."""
    warning: bool
    """It is the early limit of its rule."""
    place: str
    """A queue's name, or what all of them are called; of no data the source's id."""
    counter: bool
    """About visitors, not about calls."""
    site: str
    """Empty when the city has one site only."""
    feed: FeedKind
    """Of no data: what kind of source it is."""
    value: str | None
    limit: str
    """Of what is promised: of a warning the limit that it comes close to."""
    threshold: str
    """Where the watch looks, in the unit of the figure."""
    is_target: bool
    """The limit is the city's target, not one of the rule's own."""
    period: str
    """today, month or year; empty for a rolling window."""
    target_period: str
    """Which target burns: month, year or empty."""
    within: str
    """The time of the service level, in seconds."""
    window: str
    samples: str
    sample_count: int
    single: bool
    """The figure rests on one contact."""
    heard: str
    """When a silent source was last heard; empty for anything else."""
    since: str
    until: str
    lasted: str
    trend: Trend | None
    before: str
    waiting: int | None
    longest: str | None
    worst: str | None
    hour: HourView | None
    budget: BudgetView | None
    taken: AcknowledgementView | None


class Viewer:
    """Makes views, in the language and with the names of a city file."""

    def __init__(self, city: CityFile) -> None:
        self._city = city
        self._say = translator(city.city.language)

    def view(self, breach: Breach, now: datetime) -> BreachView:
        """Return what can be said of a breach at ``now``."""
        reading, kpi = breach.reading, self._kpi(breach)
        counter = kpi is not None and KPIS[kpi].kind is QueueKind.COUNTER
        limit = self._promise(breach)
        target = self._target_of(breach)
        until = breach.closed_at or now
        return BreachView(
            rule=breach.rule,
            measure=breach.measure,
            kpi=kpi,
            severity=breach.severity,
            cause=breach.cause,
            over=breach.closed_at is not None,
            more_is_better=more_is_better(breach.measure),
            approaching=breach.level is Level.WARNING and not _beyond(breach, limit),
            warning=breach.level is Level.WARNING,
            place=self._place(breach, counter=counter),
            counter=counter,
            site=self._site_title(breach.site),
            feed=self._feed(breach.queue),
            value=self._figure(breach, reading.value, now),
            limit=self._limit_figure(breach, limit),
            threshold=self._limit_figure(breach, breach.limit),
            is_target=target is not None and target.limit == limit,
            period=breach.window if breach.window in {"today", "month", "year"} else "",
            target_period="" if target is None else target.period,
            within=self._say.number(self._city.service_level.within // timedelta(seconds=1)),
            window=_window(breach.window, self._say),
            samples=self._say.number(reading.samples),
            sample_count=reading.samples,
            single=reading.samples == 1,
            heard=self._heard(breach, now),
            since=self._moment(breach.opened_at, now),
            until=self._moment(until, now),
            lasted=self._say.duration(until - breach.opened_at),
            trend=_trend(reading.value, reading.before),
            before=self._figure(breach, reading.before, breach.at) or "",
            waiting=reading.waiting,
            longest=None if reading.longest_wait_s is None else clock_time(reading.longest_wait_s),
            worst=self._figure(breach, breach.worst, breach.at),
            hour=None if reading.hour is None else self._hour(reading.hour),
            budget=self._budget(breach),
            taken=self._taken(breach, now),
        )

    def instant(self, at: datetime) -> str:
        """Return a moment in full, in local time."""
        return self._say.instant(at.astimezone(self._city.city.zone))

    def receiver(self, name: str) -> str:
        """Return what a receiver is called; of a role or one that is gone the id."""
        return next((receiver.title for receiver in self._city.receivers if receiver.id == name), name)

    def _moment(self, at: datetime, now: datetime) -> str:
        zone = self._city.city.zone
        return self._say.moment(at.astimezone(zone), now.astimezone(zone))

    def _kpi(self, breach: Breach) -> Kpi | None:
        match breach.measure:
            case Measure.BURN_RATE:
                return next((rule.kpi for rule in self._city.budget_rules if rule.id == breach.rule), None)
            case _:
                return Kpi(breach.measure) if breach.measure in KPIS else None

    def _place(self, breach: Breach, *, counter: bool) -> str:
        if breach.measure is Measure.NO_DATA:
            return breach.queue
        if breach.queue == ALL_QUEUES:
            return self._say.gettext("All counters") if counter else self._say.gettext("All phone lines")
        queues = (queue for site in self._city.sites if site.id == breach.site for queue in site.queues)
        return next((queue.title for queue in queues if queue.id == breach.queue), breach.queue)

    def _site_title(self, name: str) -> str:
        if len(self._city.sites) == 1:
            return ""
        return next((site.title for site in self._city.sites if site.id == name), name)

    def _feed(self, name: str) -> FeedKind:
        kinds = {source.id: source.kind for source in self._city.sources}
        return FeedKind.EXCHANGE if kinds.get(name) == "queue_log" else FeedKind.OTHER

    def _target_of(self, breach: Breach) -> Target | None:
        """The city's target for a figure; a queue without one is held against the total's."""
        kpi = self._kpi(breach)
        if kpi is None:
            return None
        own = self._city.target(kpi, breach.site, breach.queue, breach.window)
        return own or self._city.target(kpi, breach.site, ALL_QUEUES, breach.window)

    def _promise(self, breach: Breach) -> float:
        """The limit that a message names: of a warning that of its rule, not the earlier limit."""
        if breach.level is Level.LIMIT:
            return breach.limit
        fitting = (r for r in self._city.rules if r.id == breach.rule and measure_of(r) is breach.measure)
        rule = next(fitting, None)
        limit = None if rule is None else self._city.limit_of(rule, breach.site, breach.queue)
        return breach.limit if limit is None else limit

    def _figure(self, breach: Breach, value: float | None, now: datetime) -> str | None:
        """Return a figure in the unit of its measure, beside the limits that a message names."""
        if value is None:
            return None
        if breach.measure is Measure.NO_DATA:
            # There was no data after the evaluator said so either.
            return self._say.duration(timedelta(seconds=value) + max(now - breach.at, timedelta(0)))
        return self._say.value(UNITS[breach.measure], value, breach.limit, self._promise(breach))

    def _heard(self, breach: Breach, now: datetime) -> str:
        value = breach.reading.value
        if breach.measure is not Measure.NO_DATA or value is None:
            return ""
        return self._moment(breach.at - timedelta(seconds=value), now)

    def _limit_figure(self, breach: Breach, limit: float) -> str:
        if breach.measure is Measure.NO_DATA:
            return self._say.duration(timedelta(seconds=limit))
        return self._say.limit(UNITS[breach.measure], limit)

    def _hour(self, hour: Hour) -> HourView:
        number = self._say.number
        zone = self._city.city.zone
        started = hour.started_at.astimezone(zone)
        return HourView(
            started=self._say.moment(started, started),
            offered=number(hour.offered),
            offered_count=hour.offered,
            offered_before=number(hour.offered_before),
            staff=None if hour.staff is None else number(hour.staff),
            staff_before=None if hour.staff_before is None else number(hour.staff_before),
        )

    def _budget(self, breach: Breach) -> BudgetView | None:
        left = breach.reading.budget_left
        target = self._city.target(Kpi.MISSED_RATIO, breach.site, ALL_QUEUES)
        if left is None or target is None:
            return None
        return BudgetView(
            left=self._say.number(abs(left)),
            calls=abs(left),
            spent=left < 0,
            single=abs(left) == 1,
            period=target.period,
            target=self._say.ratio_limit(target.limit),
        )

    def _taken(self, breach: Breach, now: datetime) -> AcknowledgementView | None:
        taken = breach.acknowledged
        if taken is None:
            return None
        return AcknowledgementView(by=self.receiver(taken.by), at=self._moment(taken.at, now))


def _window(label: str, say: Translator) -> str:
    """Return a rolling window as ``laatste 15 minuten``; any other label as it is."""
    parts = _WINDOW.fullmatch(label)
    match parts and (int(parts[1]), parts[2]):
        case number, "s":
            return say.ngettext("last second", "last {number} seconds", number)
        case number, "m":
            return say.ngettext("last minute", "last {number} minutes", number)
        case number, "h":
            return say.ngettext("last hour", "last {number} hours", number)
    return label


def _beyond(breach: Breach, limit: float) -> bool:
    """Whether the figure is on the wrong side of ``limit``."""
    value = breach.reading.value
    if value is None:
        return False
    return value < limit if more_is_better(breach.measure) else value > limit


def _trend(value: float | None, before: float | None) -> Trend | None:
    if value is None or before is None:
        return None
    if abs(value - before) <= STEADY * max(abs(value), abs(before)):
        return Trend.STEADY
    return Trend.RISING if value > before else Trend.FALLING

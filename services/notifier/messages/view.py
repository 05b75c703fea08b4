"""A breach as a template sees it: every name looked up, every figure written in the language. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.kpi_words import KPI_WORDS
from services.notifier.messages import figures
from services.notifier.messages.rules import is_about_visitors, is_target, kpi_of, rule_of
from services.notifier.model import Breach
from shared.config.alerting import QueueRule, ShiftRule
from shared.config.model import CityFile
from shared.config.types import ALL_QUEUES, PERIODS, LastContacts
from shared.contract.breach_events import BreachState, Cause, ConditionReading, Hour, Level, Severity
from shared.contract.kpis import KPIS, UNITS, Contacts, Kpi, Measure, Unit, more_is_better
from shared.formatting import clock_time
from shared.translation import translator

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
class FigureView:
    """One figure: what a breach is about, or one of several that hold at once."""

    measure: Measure
    value: str | None
    """None: no reading. Whether somebody is available is no figure: then it is empty."""
    people: int
    """How many wait, where that is the figure; 0 too where it is how long they do, and nobody does."""
    counts: str
    """Of a share: ``6 van 19``, or of the latest contacts ``7 van de laatste 20``; else empty."""
    counted: str
    """The same without a word of the latest."""
    over: str
    """What it looks back over, as in a headline: of contacts as many as there are. Empty: it is so now."""
    over_brief: str
    """The same where there is little room: ``15 min``."""
    by_count: bool
    """It looks back over so many contacts: then ``counts`` say over how many."""
    back: bool
    """The figure is where it should be: of a breach that is over, or that has several and recovers."""
    limit: str
    """Of what is promised; of a warning the limit that it comes close to. Empty: it has none that we know."""
    more_is_better: bool
    period: str
    """today, month or year; empty for anything else."""
    window: str
    """What it looks back over, in words; empty for what is so at this moment, and for a period."""
    wanted: str
    """How many contacts a window by count asks for, where there have not been so many yet."""
    since: str
    """When a window by count begins, or a shift began."""
    sample_count: int
    contacts: Contacts
    """What these are; calls, where it is no KPI."""
    sentence: str = ""
    """Of a KPI: the figure as a part of a headline; empty for anything else, and without a figure."""
    brief: str = ""
    """The same in a subject."""


@dataclass(frozen=True)
class BreachView:
    """One breach. Texts are written for people; what is empty or ``None`` has nothing to say."""

    rule: str
    measure: Measure
    name: str
    """What a figure of its KPI is called; empty for what is no KPI."""
    figure: FigureView
    also: tuple[FigureView, ...]
    """Of a rule with several conditions the further ones."""
    kpi: Kpi | None
    """The figure it is about; of a burn rate the one that burns; none for what is no KPI."""
    severity: Severity
    cause: Cause | None
    over: bool
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
    is_target: bool
    """The limit is the city's target, not one of the rule's own."""
    threshold: str
    """Where the watch looks, in the unit of the figure."""
    usual: str
    """Of a shift the share that is usual; empty: it is no shift."""
    late_after: str
    """Of late answers: how long is too long."""
    span: str
    """From where to where the true figure may lie; empty where that says nothing."""
    target_period: str
    """Which target burns: month, year or empty."""
    within: str
    """The time of the service level, in seconds."""
    heard: str
    """When a silent source was last heard; empty for anything else."""
    since: str
    until: str
    lasted: str
    trend: Trend | None
    before: str
    before_counts: str
    """Of what it was counted then: ``8 van 32``; empty for what is no share."""
    waiting: int | None
    longest: str | None
    worst: str | None
    worst_sentence: str
    worst_brief: str
    """Of a KPI: how far it went, as a part of a headline."""
    worst_counts: str
    worst_people: int
    """How many waited then, where that is the figure."""
    hour: HourView | None
    budget: BudgetView | None
    taken: AcknowledgementView | None

    @property
    def told(self) -> tuple[FigureView, ...]:
        """The figures of a headline: all; of several that do not all hold any more, what is back."""
        figures = (self.figure, *self.also)
        return tuple(one for one in figures if one.back) or figures


class Viewer:
    """Makes views, in the language and with the names of a city file."""

    def __init__(self, city: CityFile) -> None:
        self._city = city
        self._say = translator(city.city.language)

    def view(self, breach: Breach, now: datetime) -> BreachView:
        """Return what can be said of a breach at ``now``."""
        reading, rule = breach.reading, rule_of(self._city, breach)
        promise = self._promise(breach, rule)
        figure, *also = (self._told(one) for one in self._figures(breach, promise, now))
        worst = self._worst(breach, promise)
        kpi = kpi_of(self._city, breach)
        target = None if kpi is None else figures.target_of(self._city, kpi, breach)
        counter = is_about_visitors(self._city, breach)
        until = breach.closed_at or now
        return BreachView(
            rule=breach.rule,
            measure=breach.measure,
            name="" if breach.measure not in KPIS else self._say.text(KPI_WORDS[Kpi(breach.measure)].short),
            figure=figure,
            also=tuple(also),
            kpi=kpi,
            severity=breach.severity,
            cause=breach.cause,
            over=breach.closed_at is not None,
            approaching=breach.level is Level.WARNING
            and promise is not None
            and not _beyond(breach.measure, reading.value, promise),
            warning=breach.level is Level.WARNING,
            place=self._place(breach, counter=counter),
            counter=counter,
            site=self._site_title(breach.site),
            feed=self._feed(breach.queue),
            is_target=is_target(self._city, breach),
            threshold=self._limit(breach.measure, breach.limit),
            usual=""
            if breach.usual is None
            else self._say.ratio_limit(round(breach.usual, figures.USUAL_DIGITS)),
            late_after=self._late_after(breach, rule),
            span=self._span(breach, promise),
            target_period="" if target is None else target.period,
            within=self._say.number(self._city.service_level.within // timedelta(seconds=1)),
            heard=self._heard(breach, now),
            since=self._moment(breach.opened_at, now),
            until=self._moment(until, now),
            lasted=self._say.duration(until - breach.opened_at),
            trend=None if breach.usual is not None else _trend(reading.value, reading.before),
            before=self._written(breach, reading.before, promise, reading.before_samples) or "",
            before_counts=figures.counts(self._say, reading.before_part, reading.before_samples),
            waiting=reading.waiting,
            longest=None if reading.longest_wait_s is None else clock_time(reading.longest_wait_s),
            worst=worst,
            worst_sentence=self._worst_told(breach.measure, worst),
            worst_brief=self._worst_told(breach.measure, worst, brief=True),
            worst_counts=figures.counts(
                self._say,
                breach.worst_part,
                breach.worst_samples,
                latest=LastContacts.parse(breach.window) is not None,
            ),
            worst_people=_people(breach.measure, breach.worst),
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

    def _promise(self, breach: Breach, rule: QueueRule | None) -> float | None:
        """The limit that a message names: of a warning that of its rule, not the earlier limit.

        ``None``: it has none (nobody available, a shift), or the city file does not say it any more.
        """
        if breach.measure is Measure.NOBODY_AVAILABLE or breach.usual is not None:
            return None
        if breach.level is Level.LIMIT:
            return breach.limit
        return None if rule is None else self._city.limit_of(rule, breach.site, breach.queue)

    def _figures(self, breach: Breach, promise: float | None, now: datetime) -> Iterator[FigureView]:
        """Yield the figure that the breach is about, and of a rule with several conditions the others."""
        reading = breach.reading
        own = ConditionReading(
            measure=breach.measure,
            limit=breach.limit,
            window="" if breach.usual is not None else breach.window,
            value=reading.value,
            samples=reading.samples,
            part=reading.part,
        )
        written = self._written(breach, reading.value, promise, reading.samples, now)
        since = "" if reading.since is None else self._moment(reading.since, now)
        limit = "" if promise is None else self._limit(breach.measure, promise)
        yield replace(self._figure(breach, own), value=written, since=since, limit=limit)
        yield from (self._figure(breach, other) for other in reading.also)

    def _figure(self, breach: Breach, one: ConditionReading) -> FigureView:
        full = figures.is_full(one.window, one.samples)
        latest = full is not None or breach.usual is not None
        counts = figures.counts(self._say, one.part, one.samples, latest=latest)
        samples = one.samples or breach.worst_samples
        nobody = one.measure is Measure.NOBODY_AVAILABLE
        several = bool(breach.reading.also) and breach.state in {BreachState.CLEARING, BreachState.OK}
        kept = one.value is not None and not _beyond(one.measure, one.value, one.limit)
        return FigureView(
            measure=one.measure,
            value=None
            if one.value is None
            else figures.figure(self._say, one.measure, one.value, one.samples, one.limit),
            people=_people(one.measure, one.value),
            counts=counts,
            counted=figures.counts(self._say, one.part, one.samples),
            over=figures.looks_back(self._say, one.window, samples),
            over_brief=figures.looks_back(self._say, one.window, samples, brief=True),
            by_count=full is not None,
            back=kept if nobody or several else breach.closed_at is not None,
            limit="" if nobody else self._limit(one.measure, one.limit),
            more_is_better=more_is_better(one.measure),
            period=one.window if one.window in PERIODS else "",
            window=figures.looks_back(self._say, one.window),
            wanted=figures.wanted(self._say, one.window) if full is False else "",
            since="",
            sample_count=one.samples,
            contacts=self._contacts(breach, one.measure),
        )

    def _contacts(self, breach: Breach, measure: Measure) -> Contacts:
        kpi = Kpi(measure) if measure in KPIS else kpi_of(self._city, breach)
        return Contacts.CALLS if kpi is None else KPIS[kpi].contacts

    def _told(self, one: FigureView) -> FigureView:
        """Return a figure with the sentences of its KPI."""
        if one.measure not in KPIS or one.value is None:
            return one
        words, say = KPI_WORDS[Kpi(one.measure)], self._say
        fields = {
            # Translators: the figure is within its target again; of "weer 18 % van de oproepen gemist".
            "back": say.pgettext("in a headline", "back to") if one.back else "",
            "value": one.value,
            "during": figures.during(say, one.period),
            "seconds": say.number(self._city.service_level.within // timedelta(seconds=1)),
        }
        sentence, brief = (say.text(text, **fields) for text in (words.told, words.briefly or words.told))
        return replace(one, sentence=sentence, brief=brief)

    def _worst_told(self, measure: Measure, worst: str | None, *, brief: bool = False) -> str:
        if measure not in KPIS or worst is None:
            return ""
        words = KPI_WORDS[Kpi(measure)]
        return self._say.text(words.worst_briefly or words.worst if brief else words.worst, worst=worst)

    def _written(
        self,
        breach: Breach,
        value: float | None,
        promise: float | None,
        samples: int | None,
        now: datetime | None = None,
    ) -> str | None:
        """Return a figure on so many contacts in the unit of its measure, beside the limits of a message."""
        if value is None:
            return None
        if breach.measure is Measure.NO_DATA:
            # There was no data after the evaluator said so either.
            value += max((now or breach.at) - breach.at, timedelta(0)).total_seconds()
        known, beside = samples or breach.reading.samples, _beside(breach, promise)
        return figures.figure(self._say, breach.measure, value, known, *beside)

    def _worst(self, breach: Breach, promise: float | None) -> str | None:
        """Return the furthest that the figure has been; of a shift nothing: it grows surer, not worse."""
        if breach.usual is not None:
            return None
        return self._written(breach, breach.worst, promise, breach.worst_samples)

    def _span(self, breach: Breach, promise: float | None) -> str:
        """Return the range of a figure. The counts of a shift say enough, and what is over needs none."""
        low, high = breach.reading.low, breach.reading.high
        if low is None or high is None or breach.usual is not None or breach.closed_at is not None:
            return ""
        return self._say.span(UNITS[breach.measure], low, high, *_beside(breach, promise))

    def _late_after(self, breach: Breach, rule: QueueRule | None) -> str:
        if breach.measure is not Measure.LATE_RATIO:
            return ""
        own = rule.within if isinstance(rule, ShiftRule) else None
        limit = self._city.promise(Kpi.CALL_WAIT_MEAN, breach.site, breach.queue)
        seconds = limit if own is None else own.total_seconds()
        return "" if seconds is None else self._say.limit(Unit.SECONDS, seconds)

    def _heard(self, breach: Breach, now: datetime) -> str:
        value = breach.reading.value
        if breach.measure is not Measure.NO_DATA or value is None:
            return ""
        return self._moment(breach.at - timedelta(seconds=value), now)

    def _limit(self, measure: Measure, limit: float) -> str:
        return figures.limit(self._say, measure, limit)

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


def _beside(breach: Breach, promise: float | None) -> tuple[float, ...]:
    """The limits that stand next to a figure."""
    return (breach.limit,) if promise is None else (breach.limit, promise)


def _people(measure: Measure, value: float | None) -> int:
    """How many wait, of a figure about them; of how long they wait no more than whether anybody does."""
    return math.ceil(value) if value is not None and measure in {Measure.WAITING, Measure.LONGEST_WAIT} else 0


def _beyond(measure: Measure, value: float | None, limit: float) -> bool:
    """Whether a figure is on the wrong side of ``limit``."""
    if value is None:
        return False
    return value < limit if more_is_better(measure) else value > limit


def _trend(value: float | None, before: float | None) -> Trend | None:
    if value is None or before is None:
        return None
    if abs(value - before) <= STEADY * max(abs(value), abs(before)):
        return Trend.STEADY
    return Trend.RISING if value > before else Trend.FALLING

"""Rules over days of the archive: those that days can say anything of, once a day, at closing time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.aggregator import Aggregator
from domain.bucket import Bucket, Resolution
from domain.bucket_store import Slot
from domain.counts import EPOCH, MILLISECOND
from domain.facts import SECOND_MS
from domain.period_kpis import Days
from domain.windows import RunningPeriod
from services.evaluator.alerting.judge import Judge
from services.evaluator.alerting.rules import Rule, rules_of
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.kpis import STATE_MEASURES, Measure
from wachtpost.rules.simulation import Look


class WhyNot(StrEnum):
    """Why days cannot say what a rule would have said; the name is what ``--json`` says."""

    WITHIN_THE_DAY = "within_the_day"
    """It looks at minutes or hours, or contact by contact; a day is one sum."""
    AT_A_MOMENT = "at_a_moment"
    """Who waits, or serves, at a moment."""
    SOURCE = "source"
    """When a source spoke."""


@dataclass(frozen=True, slots=True)
class Untried:
    """A rule that days say nothing of."""

    rule: Rule
    why: WhyNot


class DaySimulation:
    """The rules on a month or a year so far over whole days. Good for one run."""

    def __init__(self, city: CityFile, calendar: Calendar) -> None:
        self.judge = Judge(city, calendar, city.sites)
        self._calendar = calendar
        self._aggregator = Aggregator(city, calendar, city.sites)
        every = {rule.key.name: rule for rule in rules_of(city, city.sites)}
        whys = {name: _why_not(rule) for name, rule in every.items()}
        self.rules: Mapping[str, Rule] = {name: rule for name, rule in every.items() if whys[name] is None}
        """Those that can be tried, by ``RuleKey.name``."""
        self.untried = [Untried(every[name], why) for name, why in whys.items() if why is not None]

    def run(self, days: Days) -> Iterator[Look]:
        """Yield a look a day, in its last second of opening hours, with what the day has come to by then."""
        names = list(self.rules)
        for day in sorted({day for found in days.values() for day in found}):
            for queue_ref, found in days.items():
                if (bucket := found.get(day)) is not None:
                    self._add(Slot(queue_ref, Resolution.MONTH, f"{day:%Y-%m}"), bucket)
                    self._add(Slot(queue_ref, Resolution.YEAR, f"{day:%Y}"), bucket)
            now = EPOCH + self._closing(day) * MILLISECOND
            yield Look(now, names, self.judge.judge(self._aggregator, now, names).events)

    def _add(self, slot: Slot, bucket: Bucket) -> None:
        self._aggregator.bucket_store.add(slot, bucket)

    def _closing(self, day: date) -> int:
        """The last second of a day in which any rule is judged, UTC ms; a day that is closed has its end."""
        hours = {name for rule in self.rules.values() for name in rule.hours}
        ends = [end for name in hours for _, end in self._calendar.stretches(name, day)]
        return max(ends, default=self._calendar.day_bounds(day)[1]) - SECOND_MS


def _why_not(rule: Rule) -> WhyNot | None:
    measures = {condition.measure for condition in rule.conditions}
    if Measure.NO_DATA in measures:
        return WhyNot.SOURCE
    if measures & {*STATE_MEASURES}:
        return WhyNot.AT_A_MOMENT
    months = {RunningPeriod.MONTH, RunningPeriod.YEAR}
    whole = all(one.windows and months.issuperset(one.windows) for one in rule.conditions)
    return None if whole else WhyNot.WITHIN_THE_DAY

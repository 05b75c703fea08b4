"""What is wrong with a rule, as the past has shown it, in plain words; and what would be better. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from statistics import median
from typing import Final

from domain.shift import shift_design
from domain.windows import RunningPeriod
from shared.config.model import CityFile
from shared.contract.kpis import UNITS, Measure
from shared.translation import Msg, Translator
from wachtpost.rules.trial import RuleTrial, Trial

HARDLY_EVER: Final = 0.05
"""A rule that has a reading for a smaller part of its hours is as good as blind."""

TOO_LONG: Final = 0.25
"""A rule that fires for a larger part of its hours is heeded by nobody."""

SHORT: Final = timedelta(minutes=5)
"""A breach that is over sooner is over before anybody has looked."""

OFTEN: Final = 10
"""So many of them in one stretch of the past are a habit, and no chance."""

MUCH: Final = 0.95
"""A suggested limit is one under which a figure stayed for so much of its time."""


# Translators: behind "so many contacts in".
_PERIODS: Final = {
    RunningPeriod.TODAY: Msg("one day"),
    RunningPeriod.MONTH: Msg("one month"),
    RunningPeriod.YEAR: Msg("one year"),
}


class FindingKind(StrEnum):
    """What can be wrong with a rule; the name is what ``--json`` says."""

    NEVER_ON = "never_on"
    NOTHING_HEARD = "nothing_heard"
    USUAL_UNKNOWN = "usual_unknown"
    NEVER_ENOUGH = "never_enough"
    NEVER_SO_MANY = "never_so_many"
    TOO_SHORT = "too_short"
    HARDLY_EVER = "hardly_ever"
    NEVER_SURE = "never_sure"
    NEVER_HELD = "never_held"
    FIRES_TOO_LONG = "fires_too_long"
    COMES_AND_GOES = "comes_and_goes"
    NEVER_OVER = "never_over"


FAULTS: Final = frozenset(FindingKind) - {
    FindingKind.NEVER_OVER,
    FindingKind.NEVER_ON,
    FindingKind.NOTHING_HEARD,
    FindingKind.TOO_SHORT,
}
"""What the rule is to blame for; the others say how it is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is to be said of a rule, and what would be better, if anything."""

    kind: FindingKind
    text: str
    better: str = ""


def findings(tried: RuleTrial, whole: Trial, city: CityFile, say: Translator) -> list[Finding]:
    """Return what is to be said of a rule, the worst first."""
    return list(_Words(tried, whole, city, say).found())


@dataclass(frozen=True, slots=True)
class _Words:
    tried: RuleTrial
    whole: Trial
    city: CityFile
    say: Translator

    def found(self) -> Iterator[Finding]:
        tried, measured = self.tried, self.tried.measured
        if tried.occurrences:
            yield from self._too_much()
        elif not measured.judged:
            text = self.say.gettext("It was never judged: its hours were not on while there were facts.")
            yield Finding(FindingKind.NEVER_ON, text)
        elif self._so_many() is not None:
            yield self._never_so_many()
        elif not measured.read:
            yield self._blind()
        elif tried.brief:
            yield self._never_held()
        else:
            yield self._silent()
        share = measured.read / measured.judged if measured.judged else 1.0
        if measured.read and share < HARDLY_EVER and tried.rule.first.min_samples is not None:
            yield self._hardly_ever(share)

    def _blind(self) -> Finding:
        """It never had a reading."""
        say, first, most = self.say, self.tried.rule.first, self.tried.measured.most_samples
        if first.min_samples is not None and most and self._is_longer_than_the_past():
            return Finding(
                FindingKind.TOO_SHORT,
                say.gettext(
                    "Says nothing yet: of the {least} contacts that it wants in {window}, "
                    "{most} came in {past}.",
                    least=say.number(first.min_samples),
                    window=self._window(),
                    past=past(self.whole, say),
                    most=say.number(most),
                ),
            )
        if first.min_samples is not None and most:
            return Finding(
                FindingKind.NEVER_ENOUGH,
                say.gettext(
                    "Can never fire: {least} contacts in {window} never happened in {past}; largest: {most}.",
                    least=say.number(first.min_samples),
                    window=self._window(),
                    past=past(self.whole, say),
                    most=say.number(most),
                ),
                self._fewer(),
            )
        if first.shift is not None and first.shift.usual is None:
            return Finding(
                FindingKind.USUAL_UNKNOWN,
                say.gettext("Says nothing: which share is usual is not known from so few days."),
                say.gettext("Write down the usual share, such as usual = 0.12."),
            )
        text = say.gettext("Nothing was heard of what it is about, so it says nothing.")
        return Finding(FindingKind.NOTHING_HEARD, text)

    def _is_longer_than_the_past(self) -> bool:
        lengths = {RunningPeriod.MONTH: 31, RunningPeriod.YEAR: 366}
        return any(
            isinstance(window, RunningPeriod) and self.whole.days < lengths.get(window, 1)
            for window in self.tried.rule.first.windows
        )

    def _so_many(self) -> int | None:
        """How many bad contacts a shift takes at least; only where no day has so many contacts."""
        terms, most = self.tried.rule.first.shift, self.tried.most_a_day
        if terms is None or terms.usual is None or most is None:
            return None
        design = shift_design(terms.usual, terms.bad, terms.false_alarm_every)
        least = -(-design.limit // design.miss)
        return least if most < least else None

    def _never_so_many(self) -> Finding:
        say, most = self.say, self.tried.most_a_day
        return Finding(
            FindingKind.NEVER_SO_MANY,
            say.gettext(
                "Can never fire: a shift takes {least} contacts of one day, which never came in {past}; "
                "largest: {most}.",
                least=say.number(self._so_many() or 0),
                past=past(self.whole, say),
                most=say.number(most or 0),
            ),
        )

    def _hardly_ever(self, share: float) -> Finding:
        say = self.say
        return Finding(
            FindingKind.HARDLY_EVER,
            say.gettext(
                "Sees next to nothing: it had enough contacts for {share} of its hours only.",
                share=say.ratio(share),
            ),
            self._fewer(),
        )

    def _fewer(self) -> str:
        """What sees more with as few contacts."""
        first = self.tried.rule.first
        over_time = all(isinstance(window, timedelta) for window in first.windows)
        if first.measure is Measure.BURN_RATE or not over_time:
            return self.say.gettext("Leave min_samples out: then few contacts say what they can.")
        return self.say.gettext(
            'Take window = "last 20" and leave min_samples out: then few contacts say what they can.'
        )

    def _never_held(self) -> Finding:
        say, tried = self.say, self.tried
        return Finding(
            FindingKind.NEVER_HELD,
            say.ngettext(
                "Never fired: it was over its limit {number} time, and back within {hold}.",
                "Never fired: it was over its limit {number} times, and each time back within {hold}.",
                tried.brief,
                hold=say.duration(tried.rule.patience.hold),
            ),
            say.gettext("If that should have been told, take a shorter hold."),
        )

    def _silent(self) -> Finding:
        """It had readings, and was never over its limit."""
        say, tried, furthest = self.say, self.tried, self.tried.furthest
        if len(tried.rule.conditions) > 1:
            text = say.gettext("Never fired: its conditions never held all at once.")
        elif furthest is None:
            text = say.gettext("Never fired.")
        elif tried.rule.first.limits.over(furthest):
            return Finding(
                FindingKind.NEVER_SURE,
                say.gettext(
                    "Never fired: it read {furthest} (limit {limit}), but on too few contacts to be sure.",
                    furthest=value_text(tried, furthest, say),
                    limit=limit_text(tried, say),
                ),
            )
        else:
            text = say.gettext(
                "Never fired: it read {furthest} at worst, and its limit is {limit}.",
                furthest=value_text(tried, furthest, say),
                limit=limit_text(tried, say),
            )
        return Finding(FindingKind.NEVER_OVER, text)

    def _too_much(self) -> Iterator[Finding]:
        say, tried, measured = self.say, self.tried, self.tried.measured
        share = min(1.0, tried.total / measured.judged) if measured.judged else 0.0
        if share >= TOO_LONG and not self._is_of_period():
            limit = self._usual_limit()
            better = "" if limit is None else say.gettext("A limit of {limit} would be rare.", limit=limit)
            yield Finding(
                FindingKind.FIRES_TOO_LONG,
                say.gettext(
                    "Fired for {share} of its hours: nobody heeds that any more.", share=say.ratio(share)
                ),
                better,
            )
        lengths = [one.lasted.total_seconds() for one in tried.occurrences]
        if len(lengths) >= OFTEN and median(lengths) < SHORT.total_seconds():
            yield Finding(
                FindingKind.COMES_AND_GOES,
                say.gettext(
                    "Comes and goes: half of its {number} breaches were over within {time}.",
                    number=say.number(len(lengths)),
                    time=say.duration(timedelta(seconds=median(lengths))),
                ),
                say.gettext("A longer hold, or clear_at further from the limit, makes fewer of them."),
            )

    def _is_of_period(self) -> bool:
        return any(isinstance(window, RunningPeriod) for window in self.tried.rule.first.windows)

    def _usual_limit(self) -> str | None:
        """A limit that the figure kept for most of the time."""
        if self.tried.furthest is None:
            return None
        better_first = self.tried.rule.first.limits.more_is_better
        values = sorted(self.tried.measured.values.items(), reverse=better_first)
        wanted, passed = MUCH * sum(seconds for _, seconds in values), 0.0
        for value, seconds in values:
            passed += seconds
            if passed >= wanted:
                return value_text(self.tried, value, self.say)
        return None

    def _window(self) -> str:
        window = self.tried.rule.first.windows[0]
        if isinstance(window, timedelta):
            return self.say.duration(window)
        return self.say.text(_PERIODS[window]) if isinstance(window, RunningPeriod) else str(window)


def value_text(tried: RuleTrial, value: float, say: Translator) -> str:
    """Return a value of a rule in the unit of its measure, beside its limit."""
    if tried.key.measure is Measure.NO_DATA:
        return say.duration(timedelta(seconds=value))
    return say.value(UNITS[tried.key.measure], value, tried.key.limit)


def limit_text(tried: RuleTrial, say: Translator) -> str:
    """Return the limit of a rule in the unit of its measure; whether anybody serves has none."""
    if tried.key.measure is Measure.NOBODY_AVAILABLE:
        return "–"
    if tried.key.measure is Measure.NO_DATA:
        return say.duration(timedelta(seconds=tried.key.limit))
    return say.limit(UNITS[tried.key.measure], tried.key.limit)


def past(whole: Trial, say: Translator) -> str:
    """Return how long a stretch of the past was, in days or weeks."""
    weeks, left = divmod(whole.days, 7)
    if weeks > 1 and not left:
        return say.ngettext("{number} week", "{number} weeks", weeks)
    return say.ngettext("{number} day", "{number} days", whole.days)

"""What is wrong with a rule, as the past has shown it, in plain words; and what would be better. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from statistics import median
from typing import Final

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
    NEVER_ENOUGH = "never_enough"
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
            yield self._never_on()
        elif not measured.read:
            yield self._blind()
        else:
            yield self._silent()
        share = measured.read / measured.judged if measured.judged else 1.0
        if measured.read and share < HARDLY_EVER and tried.rule.kpi is not None:
            yield self._hardly_ever(share)

    def _never_on(self) -> Finding:
        return Finding(
            FindingKind.NEVER_ON,
            self.say.gettext("It was never judged: its hours were not on while there were facts."),
        )

    def _blind(self) -> Finding:
        """It never had a reading."""
        say, rule, most = self.say, self.tried.rule, self.tried.measured.most_samples
        if rule.kpi is None or not most:
            return Finding(
                FindingKind.NEVER_ON,
                say.gettext("Nothing was heard of what it is about, so it says nothing."),
            )
        return Finding(
            FindingKind.NEVER_ENOUGH,
            say.gettext(
                "Can never fire: {least} contacts in {window} never happened in {past}; largest: {most}.",
                least=say.number(rule.min_samples),
                window=self._window(),
                past=self._past(),
                most=say.number(most),
            ),
            self._fewer(),
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
        return self.say.gettext(
            'Take window = "last 20" and leave min_samples out: then few contacts say what they can.'
        )

    def _silent(self) -> Finding:
        """It had readings, and never fired."""
        say, tried = self.say, self.tried
        furthest = tried.furthest
        if tried.brief:
            return Finding(
                FindingKind.NEVER_HELD,
                say.ngettext(
                    "Never fired: it was over its limit {number} time, and back within {hold}.",
                    "Never fired: it was over its limit {number} times, and each time back within {hold}.",
                    tried.brief,
                    hold=say.duration(tried.rule.limits.hold),
                ),
                say.gettext("If that should have been told, take a shorter hold."),
            )
        if furthest is not None and tried.rule.limits.over(furthest):
            return Finding(
                FindingKind.NEVER_SURE,
                say.gettext(
                    "Never fired: it read {furthest} (limit {limit}), but on too few contacts to be sure.",
                    furthest=value_text(tried, furthest, say),
                    limit=limit_text(tried, say),
                ),
                self._fewer(),
            )
        return Finding(
            FindingKind.NEVER_OVER,
            say.gettext(
                "Never fired: it read {furthest} at worst, and its limit is {limit}.",
                furthest="–" if furthest is None else value_text(tried, furthest, say),
                limit=limit_text(tried, say),
            ),
        )

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
        return any(isinstance(window, RunningPeriod) for window in self.tried.rule.windows)

    def _usual_limit(self) -> str | None:
        """A limit that the figure kept for most of the time."""
        values = sorted(self.tried.measured.values.items(), reverse=self.tried.rule.limits.more_is_better)
        wanted, passed = MUCH * sum(seconds for _, seconds in values), 0.0
        for value, seconds in values:
            passed += seconds
            if passed >= wanted:
                return value_text(self.tried, value, self.say)
        return None

    def _window(self) -> str:
        window = self.tried.rule.windows[0]
        if isinstance(window, timedelta):
            return self.say.duration(window)
        return self.say.text(_PERIODS[window])

    def _past(self) -> str:
        return past(self.whole, self.say)


def value_text(tried: RuleTrial, value: float, say: Translator) -> str:
    """Return a value of a rule in the unit of its measure, beside its limit."""
    if tried.key.measure is Measure.NO_DATA:
        return say.duration(timedelta(seconds=value))
    return say.value(UNITS[tried.key.measure], value, tried.key.limit)


def limit_text(tried: RuleTrial, say: Translator) -> str:
    """Return the limit of a rule in the unit of its measure."""
    if tried.key.measure is Measure.NO_DATA:
        return say.duration(timedelta(seconds=tried.key.limit))
    return say.limit(UNITS[tried.key.measure], tried.key.limit)


def past(whole: Trial, say: Translator) -> str:
    """Return how long a stretch of the past was, in days or weeks."""
    weeks, left = divmod(whole.days, 7)
    if weeks > 1 and not left:
        return say.ngettext("{number} week", "{number} weeks", weeks)
    return say.ngettext("{number} day", "{number} days", whole.days)

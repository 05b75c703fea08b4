"""How the figures of a report are written: numbers, waits, days and periods in one language. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from domain.outcome_names import OUTCOME_NAMES
from domain.period_kpis import PeriodKpi
from services.reporter.report.blocks import TargetVerdict
from services.reporter.report.sheet_words import SHEET_WORDS
from services.reporter.report.words import Words
from shared.config.model import MissedDefinition, ServiceLevelDefinition
from shared.contract.events import Outcome
from shared.contract.kpis import KPIS, Kpi, Shown, more_is_better
from shared.numerals import NUMERALS, Numerals, clock_time, round_down, round_up
from shared.periods import Period
from shared.translation import translator

PERCENT_DIGITS: Final = 2
"""As the policy follow-up publishes them."""

SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class Writing:
    """One language's way of writing."""

    words: Words

    @property
    def numerals(self) -> Numerals:
        return NUMERALS[self.words.language]

    def number(self, count: int) -> str:
        return self.numerals.number(count)

    def change(self, count: int) -> str:
        """Return a difference with its sign, ``+12`` or ``−3``."""
        return f"{'−' if count < 0 else '+'}{self.number(abs(count))}"

    def ratio(self, value: float) -> str:
        """Return 0.1614 as ``16,14 %``; rounded up: what is over its target never looks equal to it."""
        return self._percent(round_up(value * 100, PERCENT_DIGITS))

    def ratio_least(self, value: float) -> str:
        """Return a share of which more is better; rounded down."""
        return self._percent(round_down(value * 100, PERCENT_DIGITS))

    def share(self, value: float) -> str:
        """Return a share that is held against nothing, rounded to the nearest tenth of a percent."""
        return self.numerals.percent.format(self.numerals.number(value * 100, 1))

    def more_calls(self, count: int) -> str:
        """Return a difference of two counts of calls in words."""
        words = self.words
        pattern = words.more if count > 0 else words.fewer if count else words.as_many
        return pattern.format(self.number(abs(count)))

    def points(self, difference: float) -> str:
        """Return a difference of two shares in words: in percentage points, to the nearest hundredth."""
        points = round(difference * 100, PERCENT_DIGITS)
        if not points:
            return self.words.points_same
        pattern = self.words.points_more if points > 0 else self.words.points_less
        return pattern.format(self.numerals.number(abs(points), PERCENT_DIGITS))

    def value(self, kpi: Kpi, value: float | None) -> str:
        """Return a figure in its unit; in words when there is none."""
        if value is None:
            return self.words.no_figures
        match KPIS[kpi].shown:
            case Shown.PERCENT:
                return self.ratio_least(value) if more_is_better(kpi) else self.ratio(value)
            case Shown.SECONDS:
                return f"{self.numerals.number(round_up(value, 1), 1)} s"
            case Shown.MINUTES:
                return clock_time(value)
            case Shown.WORKDAYS:
                return self.numerals.days(value)

    def limit(self, kpi: Kpi, limit: float | None) -> str:
        """Return a target, ``≤ 20 %``; in words when there is none."""
        if limit is None:
            return self.words.no_target
        return (self.words.at_least if more_is_better(kpi) else self.words.at_most).format(
            self._limit(kpi, limit)
        )

    def samples(self, one: PeriodKpi) -> str:
        return self.words.unknown_samples if one.samples is None else self.number(one.samples)

    def verdict(self, one: PeriodKpi) -> TargetVerdict | None:
        return None if one.met is None else TargetVerdict.MET if one.met else TargetVerdict.NOT_MET

    def verdict_text(self, one: PeriodKpi) -> str:
        words = self.words
        if one.value is None:
            return words.no_figures
        match one.met, one.complete:
            case None, _:
                return words.not_judged if one.target is not None or one.reported else words.no_target
            case True, True:
                return words.met
            case False, True:
                return words.not_met
            case True, False:
                return words.met_so_far
        return words.not_met_so_far

    def day(self, day: date) -> str:
        """Return ``31 oktober 2026``."""
        return f"{day.day} {self.month_names[day.month - 1]} {day.year}"

    def day_of_year(self, day: date) -> str:
        """Return ``31 oktober``, where the year is clear."""
        return f"{day.day} {self.month_names[day.month - 1]}"

    def period(self, period: Period) -> str:
        return SHEET_WORDS[self.words.language].period_name(period)

    def short_month(self, period: Period) -> str:
        return self.words.short_months[period.first.month - 1]

    @property
    def month_names(self) -> tuple[str, ...]:
        return SHEET_WORDS[self.words.language].months

    def outcome(self, outcome: Outcome) -> str:
        return translator(self.words.language).text(OUTCOME_NAMES[outcome])

    def outcomes_of(self, definition: MissedDefinition) -> str:
        """Return what a definition counts, in the order of the outcomes."""
        return ", ".join(self.outcome(one) for one in Outcome if one in definition.outcomes)

    def category(self, name: str) -> str:
        """Return a speed category (``kpi.category_names``) for people."""
        if name.startswith(">"):
            return self.words.category_above.format(low=name[1:])
        low, _, high = name.partition("-")
        return self.words.category.format(low=low, high=high)

    def days_unit(self, kpi: Kpi, text: str) -> str:
        """Return a figure with the unit it needs outside a table."""
        if KPIS[kpi].shown is not Shown.WORKDAYS or text == self.words.no_figures:
            return text
        return (self.words.day_unit if text in {"1", "1,0", "1.0"} else self.words.days_unit).format(text)

    def _percent(self, percent: float) -> str:
        return self.numerals.percent.format(self.numerals.number(percent, PERCENT_DIGITS))

    def _limit(self, kpi: Kpi, limit: float) -> str:
        match KPIS[kpi].shown:
            case Shown.PERCENT:
                return self.numerals.ratio_limit(limit)
            case Shown.SECONDS:
                return f"{self.numerals.number(limit, 0 if limit == int(limit) else 1)} s"
            case Shown.MINUTES:
                return clock_time(limit)
            case Shown.WORKDAYS:
                return self.days_unit(kpi, self.numerals.days_limit(limit))


def named(definition: MissedDefinition | ServiceLevelDefinition) -> str:
    """Return a definition as reports call it, ``lier-1 v1``."""
    return f"{definition.id} v{definition.version}"


def seconds(duration: timedelta) -> int:
    return duration // SECOND

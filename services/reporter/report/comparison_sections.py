"""The same calls under every definition, and how many may still be missed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from domain.error_budget import ErrorBudget, Forecast
from domain.period_kpis import UnderMissedDefinition, UnderServiceLevel
from services.reporter.report.blocks import (
    Block,
    Cell,
    Column,
    Paragraph,
    ReportSection,
    Table,
    TableRow,
    Tone,
)
from services.reporter.report.document import BudgetReport, Report, SiteReport
from services.reporter.report.words import Words
from services.reporter.report.writing import Writing, named, seconds
from shared.contract.kpis import Kpi

HOUR: Final = 60
NOTHING: Final = "–"
"""Where a period that is over has nothing left to say."""


@dataclass(frozen=True)
class Definitions:
    """The definition switchboard of a site."""

    report: Report
    site: SiteReport
    write: Writing

    @property
    def words(self) -> Words:
        return self.write.words

    def section(self) -> ReportSection:
        """Return both tables: missed, and answered in time."""
        return ReportSection(
            "definitions",
            self.words.definitions,
            (Paragraph(self.words.definitions_about, Tone.NOTE), self._missed(), self._levels()),
        )

    def _missed(self) -> Table:
        words, write = self.words, self.write
        found = sorted(self.site.missed_definitions, key=lambda one: not one.active)
        active = named(next(one.definition for one in found if one.active))
        return Table(
            words.missed_caption.format(period=write.period(self.report.period)),
            (
                Column(words.definition),
                Column(words.share_missed, number=True),
                Column(words.missed, number=True),
                Column(words.contacts, number=True),
                Column(words.counts),
                Column(words.explained),
            ),
            tuple(
                TableRow(
                    named(one.definition),
                    (
                        Cell(write.value(Kpi.MISSED_RATIO, one.value), number=True),
                        Cell(write.number(one.missed), number=True),
                        Cell(write.number(one.contacts), number=True),
                        Cell(write.outcomes_of(one.definition)),
                        Cell(self._missed_difference(one, active)),
                    ),
                    words.active if one.active else "",
                )
                for one in found
            ),
        )

    def _missed_difference(self, one: UnderMissedDefinition, active: str) -> str:
        words, write = self.words, self.write
        said = []
        if one.value is None:
            return words.no_calls
        if one.active:
            said.append(words.active_is)
        elif not one.difference:
            said.append(words.same.format(active=active))
        else:
            changes = ", ".join(
                words.change.format(outcome=write.outcome(outcome), count=write.change(count))
                for outcome, count in one.difference.items()
            )
            said.append(
                words.other_missed.format(
                    active=active, changes=changes, points=self._points(one.value_difference)
                )
            )
        left_out = {outcome: count for outcome, count in one.not_counted.items() if count}
        if left_out:
            listed = ", ".join(
                f"{write.outcome(outcome)} ({write.number(n)})" for outcome, n in left_out.items()
            )
            said.append(words.not_counted.format(outcomes=listed))
        if one.short_abandons:
            bound = seconds(one.definition.short_abandon)
            said.append(words.short_left_out.format(count=write.number(one.short_abandons), seconds=bound))
        return " ".join(said)

    def _levels(self) -> Table:
        words, write = self.words, self.write
        found = sorted(self.site.service_levels, key=lambda one: not one.active)
        active = named(next(one.definition for one in found if one.active))
        return Table(
            words.levels_caption.format(period=write.period(self.report.period)),
            (
                Column(words.definition),
                Column(words.on_time, number=True),
                Column(words.answered_within, number=True),
                Column(words.divided_by),
                Column(words.explained),
            ),
            tuple(
                TableRow(
                    named(one.definition),
                    (
                        Cell(write.value(Kpi.SERVICE_LEVEL, one.value), number=True),
                        Cell(
                            write.number(one.answered_within),
                            number=True,
                            notes=(words.level.format(seconds=seconds(one.definition.within)),),
                        ),
                        Cell(self._divided_by(one)),
                        Cell(self._level_difference(one, active)),
                    ),
                    words.active if one.active else "",
                )
                for one in found
            ),
        )

    def _divided_by(self, one: UnderServiceLevel) -> str:
        pattern = self.words.of_answered if one.definition.of == "answered" else self.words.of_all
        return pattern.format(count=self.write.number(one.contacts))

    def _level_difference(self, one: UnderServiceLevel, active: str) -> str:
        words, write = self.words, self.write
        if one.value is None:
            return words.no_calls
        if one.active:
            return words.active_is
        if not (one.within_difference or one.contacts_difference):
            return words.same.format(active=active)
        return words.other_level.format(
            active=active,
            within=write.more_calls(one.within_difference),
            contacts=write.more_calls(one.contacts_difference),
            points=self._points(one.value_difference),
        )

    def _points(self, difference: float | None) -> str:
        return self.words.points_same if difference is None else self.write.points(difference)


@dataclass(frozen=True)
class Budgets:
    """The error budgets of a site: of the month and of the year."""

    report: Report
    site: SiteReport
    write: Writing

    @property
    def words(self) -> Words:
        return self.write.words

    def section(self) -> ReportSection:
        """Return what is left, in sentences and as a table, and how it is worked out."""
        words, budgets = self.words, self.site.budgets
        if not budgets:
            return ReportSection("budget", words.budget, (Paragraph(words.no_budget),))
        blocks: list[Block] = [Paragraph(words.budget_about, Tone.NOTE)]
        for budget in budgets:
            blocks += self._sentences(budget)
        blocks.append(self._table())
        if not all(budget.judged for budget in budgets):
            blocks.append(Paragraph(words.budget_other_period, Tone.NOTE))
        forecast = next(
            (b.of.forecast for b in reversed(budgets) if b.of.forecast is not None and not b.over), None
        )
        if forecast is not None:
            method = words.method.format(rate=forecast.rate_days, used=forecast.days_used, id=forecast.method)
            blocks.append(Paragraph(method, Tone.NOTE))
        return ReportSection("budget", words.budget, tuple(blocks))

    def _sentences(self, budget: BudgetReport) -> Iterator[Paragraph]:
        words, write, of = self.words, self.write, budget.of
        period, limit = _capital(write.period(of.period)), self._limit(of)
        so_far = {"missed": write.number(of.missed), "contacts": write.number(of.contacts)}
        forecast = of.forecast
        if forecast is None:
            yield Paragraph(words.budget_no_projection.format(period=period, **so_far))
            return
        if budget.over:
            pattern = words.budget_over_lost if budget.lost else words.budget_over_met
            yield Paragraph(
                pattern.format(
                    period=period,
                    value=write.ratio(forecast.projected),
                    limit=limit,
                    room=write.number(forecast.affordable),
                    over=write.number(-forecast.affordable),
                    **so_far,
                ),
            )
            return
        expected = write.number(forecast.expected_contacts)
        if budget.lost:
            over = write.number(-forecast.affordable)
            yield self._warned(
                budget,
                words.budget_lost.format(
                    period=write.period(of.period), limit=limit, expected=expected, over=over
                ),
            )
            return
        yield Paragraph(
            words.budget_open.format(
                period=period,
                expected=expected,
                affordable=write.number(forecast.affordable),
                will_miss=write.number(forecast.expected_missed),
                limit=limit,
                projected=write.ratio(forecast.projected),
                low=write.ratio(forecast.low),
                high=write.ratio(forecast.high),
            )
        )
        if forecast.expected_missed > forecast.affordable:
            yield self._warned(
                budget, words.budget_expect_lost.format(period=write.period(of.period), limit=limit)
            )

    def _warned(self, budget: BudgetReport, text: str) -> Paragraph:
        """A warning, unless the target is another period's."""
        return Paragraph(self.words.warning.format(text), Tone.WARNING) if budget.judged else Paragraph(text)

    def _table(self) -> Table:
        words, write, budgets = self.words, self.write, self.site.budgets
        first = budgets[-1].of

        def row(title: str, told: Callable[[ErrorBudget], str]) -> TableRow:
            return TableRow(title, tuple(Cell(told(budget.of), number=True) for budget in budgets))

        return Table(
            words.budget_caption.format(
                limit=self._limit(first), definition=first.definition, until=write.day(self.report.until)
            ),
            (Column(""), *(Column(_capital(write.period(b.of.period)), number=True) for b in budgets)),
            (
                row(words.contacts, lambda of: write.number(of.contacts)),
                row(words.so_far, lambda of: write.number(of.missed)),
                row(words.share_missed, self._share),
                row(words.left, self._left),
                row(words.open_left, self._open_left),
                row(words.expected, self._of_forecast(lambda f: write.number(f.expected_contacts))),
                row(words.affordable, self._of_forecast(lambda f: self._room(f.affordable))),
                row(words.will_miss, self._of_forecast(lambda f: write.number(f.expected_missed))),
                row(words.projected, self._of_forecast(lambda f: write.ratio(f.projected))),
                row(
                    words.interval,
                    self._of_forecast(
                        lambda f: words.from_to.format(low=write.ratio(f.low), high=write.ratio(f.high))
                    ),
                ),
            ),
        )

    def _share(self, of: ErrorBudget) -> str:
        return self.write.value(Kpi.MISSED_RATIO, of.missed / of.contacts if of.contacts else None)

    def _left(self, of: ErrorBudget) -> str:
        return NOTHING if not of.open_minutes_left else self._room(of.left)

    def _room(self, left: int) -> str:
        if left < 0:
            return self.words.too_many.format(self.write.number(-left))
        return self.write.number(left)

    def _open_left(self, of: ErrorBudget) -> str:
        if not of.open_minutes_left:
            return self.words.nothing_more
        hours = self.write.numerals.number(
            of.open_minutes_left / HOUR, 0 if of.open_minutes_left % HOUR == 0 else 1
        )
        return self.words.open_hours.format(hours=hours, days=self.write.number(of.open_days_left))

    def _of_forecast(self, told: Callable[[Forecast], str]) -> Callable[[ErrorBudget], str]:
        def text(of: ErrorBudget) -> str:
            if not of.open_minutes_left:
                return NOTHING
            return self.words.no_projection if of.forecast is None else told(of.forecast)

        return text

    def _limit(self, of: ErrorBudget) -> str:
        return self.write.numerals.ratio_limit(of.target)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

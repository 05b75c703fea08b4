"""The same calls under every definition, and how many may still be missed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from domain.error_budget import ErrorBudget, Forecast
from domain.kpi_words import KPI_WORDS
from domain.period_kpis import COUNTED_KPIS, UnderMissedDefinition, UnderServiceLevel
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
from services.reporter.report.document import BudgetReport
from services.reporter.report.writing import SiteSections, capital, named, seconds
from shared.contract.kpis import Kpi
from shared.translation import Msg, Translator

NOTHING: Final = "–"
"""Where a period that is over has nothing left to say."""


# Translators: over a column of a table.
_HEADINGS: Final[Mapping[Kpi, Msg]] = {
    Kpi.MISSED_RATIO: Msg("Share missed"),
    Kpi.CALL_WAIT_MEAN: Msg("Mean wait"),
    Kpi.SERVICE_LEVEL: Msg("Answered in time"),
}


def _heading(kpi: Kpi, say: Translator) -> str:
    """Return what stands over a column of a KPI; of one that has no place of its own its name."""
    return say.text(_HEADINGS[kpi]) if kpi in _HEADINGS else capital(say.text(KPI_WORDS[kpi].short))


class Definitions(SiteSections):
    """The definition switchboard of a site."""

    def section(self) -> ReportSection:
        """Return the tables: callers and entries, missed, and answered in time."""
        return ReportSection(
            "definitions",
            self.say.gettext("The same calls under other definitions"),
            (
                Paragraph(
                    self.say.gettext(
                        "Each definition works with the same calls. Only the first, that of target and "
                        "boards, makes the figures above."
                    ),
                    Tone.NOTE,
                ),
                self._counts(),
                *(
                    Paragraph(
                        f"{self.write.count(one.count)}: {self.write.counted_in_full(one.count)}", Tone.NOTE
                    )
                    for one in self.site.counts
                ),
                *self._apart(),
                self._missed(),
                self._levels(),
            ),
        )

    def _counts(self) -> Table:
        say, write = self.say, self.write
        return Table(
            say.gettext("Callers and entries, {period}", period=self.period),
            (
                Column(say.gettext("Counted are")),
                Column(say.gettext("Calls"), number=True),
                Column(say.gettext("Answered"), number=True),
                Column(say.gettext("Missed"), number=True),
                *(Column(_heading(kpi, say), number=True) for kpi in COUNTED_KPIS),
            ),
            tuple(
                TableRow(
                    write.count(one.count),
                    (
                        Cell(write.number(one.offered), number=True),
                        Cell(write.number(one.answered), number=True),
                        Cell(write.number(one.missed), number=True),
                        *(
                            Cell(
                                write.value(k, reading.value, reading.samples),
                                number=True,
                                notes=write.made_of(reading),
                            )
                            for k, reading in one.readings.items()
                        ),
                    ),
                    say.gettext("of target and boards") if one.active else "",
                )
                for one in self.site.counts
            ),
        )

    def _apart(self) -> Iterator[Paragraph]:
        """Say which calls are in no figure, if there are any."""
        say, write = self.say, self.write
        for one in self.site.counts:
            if one.active and (one.cut_off or one.unfinished):
                told = say.gettext(
                    "In no share: calls that the exchange itself cut off ({cut_off}), and calls that got no "
                    "outcome ({unfinished}).",
                    cut_off=write.number(one.cut_off),
                    unfinished=write.number(one.unfinished),
                )
                yield Paragraph(told, Tone.NOTE)

    def _missed(self) -> Table:
        say, write = self.say, self.write
        found = sorted(self.site.missed_definitions, key=lambda one: not one.active)
        active = named(next(one.definition for one in found if one.active))
        return Table(
            say.gettext(
                "Share of missed calls under each definition, {period}",
                period=self.period,
            ),
            (
                Column(say.gettext("Definition")),
                Column(say.gettext("Share missed"), number=True),
                Column(say.gettext("Missed"), number=True),
                Column(say.gettext("Answered and missed"), number=True),
                Column(say.gettext("Counted are")),
                Column(say.gettext("Counts as missed")),
                Column(say.gettext("Difference")),
            ),
            tuple(
                TableRow(
                    named(one.definition),
                    (
                        Cell(
                            write.value(Kpi.MISSED_RATIO, one.value, one.samples),
                            number=True,
                            notes=write.likely_share(one.missed, one.samples),
                        ),
                        Cell(write.number(one.missed), number=True),
                        Cell(write.number(one.samples), number=True),
                        Cell(write.count(one.definition.count)),
                        Cell(write.outcomes_of(one.definition)),
                        Cell(self._missed_difference(one, active)),
                    ),
                    say.gettext("of target and boards") if one.active else "",
                )
                for one in found
            ),
        )

    def _missed_difference(self, one: UnderMissedDefinition, active: str) -> str:
        say, write = self.say, self.write
        said = []
        if one.value is None:
            return say.gettext("There were no calls.")
        if one.active:
            said.append(say.gettext("This is the definition of target and boards."))
        elif not one.difference:
            said.append(say.gettext("In this period this gives the same as {active}.", active=active))
        else:
            changes = ", ".join(
                f"{write.outcome(outcome)} {write.change(count)}" for outcome, count in one.difference.items()
            )
            said.append(
                say.gettext(
                    "Compared with {active}: {changes}; {points}.",
                    active=active,
                    changes=changes,
                    points=write.points(one.value_difference, one.samples),
                )
            )
        left_out = {outcome: count for outcome, count in one.not_counted.items() if count}
        if left_out:
            listed = ", ".join(
                f"{write.outcome(outcome)} ({write.number(n)})" for outcome, n in left_out.items()
            )
            said.append(say.gettext("Does not count as missed: {outcomes}.", outcomes=listed))
        if one.short_abandons:
            bound = seconds(one.definition.short_abandon)
            said.append(
                say.ngettext(
                    "{number} call that hung up within {seconds} s counts on neither side.",
                    "{number} calls that hung up within {seconds} s count on neither side.",
                    one.short_abandons,
                    seconds=bound,
                )
            )
        return " ".join(said)

    def _levels(self) -> Table:
        say, write = self.say, self.write
        found = sorted(self.site.service_levels, key=lambda one: not one.active)
        active = named(next(one.definition for one in found if one.active))
        return Table(
            say.gettext("Answered in time under each definition, {period}", period=self.period),
            (
                Column(say.gettext("Definition")),
                Column(say.gettext("In time"), number=True),
                Column(say.gettext("Answered in time"), number=True),
                Column(say.gettext("Divided by")),
                Column(say.gettext("Difference")),
            ),
            tuple(
                TableRow(
                    named(one.definition),
                    (
                        Cell(
                            write.value(Kpi.SERVICE_LEVEL, one.value, one.samples),
                            number=True,
                            notes=write.likely_share(one.answered_within, one.samples),
                        ),
                        Cell(
                            write.number(one.answered_within),
                            number=True,
                            notes=(
                                say.gettext("within {seconds} s", seconds=seconds(one.definition.within)),
                            ),
                        ),
                        Cell(self._divided_by(one)),
                        Cell(self._level_difference(one, active)),
                    ),
                    say.gettext("of target and boards") if one.active else "",
                )
                for one in found
            ),
        )

    def _divided_by(self, one: UnderServiceLevel) -> str:
        count = self.write.number(one.samples)
        if one.definition.of == "answered":
            return self.say.gettext("answered ({count})", count=count)
        return self.say.gettext("answered and missed ({count})", count=count)

    def _level_difference(self, one: UnderServiceLevel, active: str) -> str:
        say, write = self.say, self.write
        if one.value is None:
            return say.gettext("There were no calls.")
        if one.active:
            return say.gettext("This is the definition of target and boards.")
        if not (one.within_difference or one.samples_difference):
            return say.gettext("In this period this gives the same as {active}.", active=active)
        return say.gettext(
            "Compared with {active}: {within} in time, {contacts} to divide by; {points}.",
            active=active,
            within=write.more_calls(one.within_difference),
            contacts=write.more_calls(one.samples_difference),
            points=write.points(one.value_difference, one.samples),
        )


class Budgets(SiteSections):
    """The error budgets of a site: of the month and of the year."""

    def section(self) -> ReportSection:
        """Return what is left, in sentences and as a table, and how it is worked out."""
        say, budgets = self.say, self.site.budgets
        title = say.gettext("Room up to the target: how many calls may still be missed?")
        if not budgets:
            return ReportSection(
                "budget", title, (Paragraph(say.gettext("There is no target for missed calls.")),)
            )
        blocks: list[Block] = [
            Paragraph(
                say.gettext(
                    "The target allows a share of the calls to be missed. What is left of that, and "
                    "where the period is expected to end:"
                ),
                Tone.NOTE,
            )
        ]
        for budget in budgets:
            blocks += self._sentences(budget)
        blocks.append(self._table())
        if not all(budget.judged for budget in budgets):
            blocks.append(
                Paragraph(
                    say.gettext("The target is for a year; the month stands here to compare."), Tone.NOTE
                )
            )
        forecast = next(
            (b.of.forecast for b in reversed(budgets) if b.of.forecast is not None and not b.over), None
        )
        if forecast is not None:
            method = say.gettext(
                "How this is worked out: calls per open minute of the last 20 days with calls (here "
                "{rate}), times the open minutes still to come in the calendar. Of these, the same "
                "share is taken to be missed as so far. The interval comes from how much the days of "
                "the period (here {used}) differ from one another, with Student's distribution; it "
                "does not foresee a strike or a failure. Method: {id}.",
                rate=forecast.rate_days,
                used=forecast.days_used,
                id=forecast.method,
            )
            blocks.append(Paragraph(method, Tone.NOTE))
        return ReportSection("budget", title, tuple(blocks))

    def _sentences(self, budget: BudgetReport) -> Iterator[Paragraph]:
        say, write, of = self.say, self.write, budget.of
        period, limit = capital(write.period(of.period)), say.ratio_limit(of.target)
        so_far = {"missed": write.number(of.missed), "contacts": write.number(of.contacts)}
        forecast = of.forecast
        if forecast is None:
            yield Paragraph(
                say.ngettext(
                    "{period}: {missed} of {contacts} call has been missed. There are too few days "
                    "with calls (at least five) to expect anything.",
                    "{period}: {missed} of {contacts} calls have been missed. There are too few days "
                    "with calls (at least five) to expect anything.",
                    of.contacts,
                    period=period,
                    **so_far,
                )
            )
            return
        if budget.over:
            so_far |= {"value": self._share(of), "limit": limit}
            yield Paragraph(
                say.gettext(
                    "{period} is over: {missed} of {contacts} calls were missed, {value}. "
                    "That is {over} too many for {limit}.",
                    period=period,
                    over=write.number(-forecast.affordable),
                    **so_far,
                )
                if budget.lost
                else say.ngettext(
                    "{period} is over: {missed} of {contacts} calls were missed, {value}. "
                    "Within {limit} there was room for another {number} missed call.",
                    "{period} is over: {missed} of {contacts} calls were missed, {value}. "
                    "Within {limit} there was room for another {number} missed calls.",
                    forecast.affordable,
                    period=period,
                    **so_far,
                )
            )
            return
        if budget.lost:
            over = write.number(-forecast.affordable)
            yield self._warned(
                budget,
                say.ngettext(
                    "In {period}, {limit} can no longer be met. Even if the {number} expected call "
                    "is answered, {over} too many have been missed.",
                    "In {period}, {limit} can no longer be met. Even if all {number} expected calls "
                    "are answered, {over} too many have been missed.",
                    forecast.expected_contacts,
                    period=write.period(of.period),
                    limit=limit,
                    over=over,
                ),
            )
            return
        yield Paragraph(
            say.ngettext(
                "{period}: of the {number} call still expected, {affordable} may be missed to "
                "stay within {limit}. It will probably be {will_miss}, and the period ends at "
                "{projected} (95% interval: {low} to {high}).",
                "{period}: of the {number} calls still expected, {affordable} may be missed to "
                "stay within {limit}. It will probably be {will_miss}, and the period ends at "
                "{projected} (95% interval: {low} to {high}).",
                forecast.expected_contacts,
                period=period,
                affordable=write.number(forecast.affordable),
                will_miss=write.number(forecast.expected_missed),
                limit=limit,
                projected=say.ratio(forecast.projected, of.target),
                low=say.ratio(forecast.low, of.target),
                high=say.ratio(forecast.high, of.target),
            )
        )
        if forecast.expected_missed > forecast.affordable:
            yield self._warned(
                budget,
                say.gettext(
                    "The way it goes now, {period} ends above {limit}.",
                    period=write.period(of.period),
                    limit=limit,
                ),
            )

    def _warned(self, budget: BudgetReport, text: str) -> Paragraph:
        """A warning, unless the target is another period's."""
        if not budget.judged:
            return Paragraph(text)
        return Paragraph(self.say.gettext("Warning: {text}", text=text), Tone.WARNING)

    def _table(self) -> Table:
        say, write, budgets = self.say, self.write, self.site.budgets
        first = budgets[-1].of

        def row(title: str, text_of: Callable[[ErrorBudget], str]) -> TableRow:
            return TableRow(title, tuple(Cell(text_of(budget.of), number=True) for budget in budgets))

        return Table(
            say.gettext(
                "Missed calls and the target of {limit}, definition {definition}, as of {until}",
                limit=say.ratio_limit(first.target),
                definition=first.definition,
                until=write.day(self.report.until),
            ),
            (Column(""), *(Column(capital(write.period(b.of.period)), number=True) for b in budgets)),
            (
                row(say.gettext("Answered and missed"), lambda of: write.number(of.contacts)),
                row(say.gettext("Missed so far"), lambda of: write.number(of.missed)),
                row(say.gettext("Share missed"), self._share),
                row(say.gettext("Of the very next calls, may still be missed"), self._left),
                row(say.gettext("Still open"), self._open_left),
                row(
                    say.gettext("Calls still expected"),
                    self._of_forecast(lambda f: write.number(f.expected_contacts)),
                ),
                row(
                    say.gettext("Of these, may be missed within the target"),
                    self._of_forecast(lambda f: self._room(f.affordable)),
                ),
                row(
                    say.gettext("Of these, expected to be missed"),
                    self._of_forecast(lambda f: write.number(f.expected_missed)),
                ),
                row(say.gettext("Expected end value"), self._of_forecast(lambda f: say.ratio(f.projected))),
                row(
                    say.gettext("95% interval"),
                    self._of_forecast(
                        lambda f: say.gettext("{low} to {high}", low=say.ratio(f.low), high=say.ratio(f.high))
                    ),
                ),
            ),
        )

    def _share(self, of: ErrorBudget) -> str:
        ratio = of.missed / of.contacts if of.contacts else None
        return self.write.value(Kpi.MISSED_RATIO, ratio, of.contacts, of.target)

    def _left(self, of: ErrorBudget) -> str:
        return NOTHING if not of.open_minutes_left else self._room(of.left)

    def _room(self, left: int) -> str:
        if left < 0:
            return self.say.ngettext("{number} too many", "{number} too many", -left)
        return self.write.number(left)

    def _open_left(self, of: ErrorBudget) -> str:
        if not of.open_minutes_left:
            return self.say.gettext("the period is over")
        return self.say.ngettext(
            "{hours} on {number} day",
            "{hours} on {number} days",
            of.open_days_left,
            hours=self.write.hours(of.open_minutes_left),
        )

    def _of_forecast(self, text_of: Callable[[Forecast], str]) -> Callable[[ErrorBudget], str]:
        def text(of: ErrorBudget) -> str:
            if not of.open_minutes_left:
                return NOTHING
            return self.say.gettext("none, too few days") if of.forecast is None else text_of(of.forecast)

        return text

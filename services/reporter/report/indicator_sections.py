"""The indicators of a site, each as a section: what it is, chart, table, breaks, gaps, source. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress, groupby
from operator import attrgetter
from typing import Final

from domain import kpi
from domain.kpi_words import KPI_WORDS
from domain.period_kpis import PeriodKpi, SpeedShares
from services.reporter.report.blocks import (
    Block,
    Cell,
    Column,
    Paragraph,
    Pictures,
    ReportSection,
    Table,
    TableRow,
    Tone,
)
from services.reporter.report.missing_data import missing_in
from services.reporter.report.pictures import MOST_BESIDE, Marks, Pictured, marks, years_between
from services.reporter.report.writing import SiteSections, capital, named, seconds
from shared.contract.kpis import KPIS, Contacts, Kpi, QueueKind
from shared.periods import Period
from shared.translation import Msg

# Translators: why figures before and after cannot be compared.
_BREAKS: Final[Mapping[str, Msg]] = {
    "definition": Msg("another definition"),
    "software": Msg("other software"),
    "organisation": Msg("another organisation"),
}


_CONTACTS: Final[Mapping[Contacts, Msg]] = {
    Contacts.CALLS: Msg("Calls"),
    Contacts.ANSWERED: Msg("Answered calls"),
    Contacts.CONVERSATIONS: Msg("Conversations"),
    Contacts.VISITS: Msg("Visitors with an appointment"),
    Contacts.APPOINTMENTS: Msg("Appointments made"),
}


class IndicatorSections(SiteSections):
    """The indicators of one site, in one language."""

    @property
    def pictured(self) -> Pictured:
        return Pictured(self.report, self.write)

    def sections(self) -> Iterator[ReportSection]:
        """Yield those that the site has queues for, in the order of the policy follow-up."""
        if self.site.clusters:
            yield self.visit_waits()
        if self.site.phone_queues:
            yield self.call_waits()
            yield self.speeds()
            yield self.missed_years()
        if self.site.handle_times:
            yield self.handle_times()
        if self.site.clusters:
            yield self.lead_times()
        for figure, months in groupby(self.site.others, key=attrgetter("kpi")):
            yield self.other(figure, tuple(months))

    def visit_waits(self) -> ReportSection:
        """Return the waits at the counters, by cluster and month."""
        say, clusters = self.say, self.site.clusters
        series = [one for cluster in clusters for one in cluster.months]
        breaks = self._marks(Kpi.VISIT_WAIT_MEAN, [one.period for one in series])
        if len({(one.period, one.reported) for one in series}) == 1:
            pictures = Pictures(
                (self.pictured.clusters(clusters),),
                say.gettext("Upright line: the target. Hatched: not met."),
            )
        else:
            beside = max(len(cluster.months) for cluster in clusters) <= MOST_BESIDE
            pictures = Pictures(
                tuple(
                    self.pictured.months(cluster.name, cluster.months, breaks, half=beside)
                    for cluster in clusters
                ),
                say.gettext(
                    "Each chart has its own scale. Dashed line: the target. Hatched: over the target."
                ),
                side_by_side=beside,
            )
        blocks = (
            Paragraph(
                say.gettext(
                    "Minutes and seconds (m:ss) from the booked time, or from arrival if that is later, "
                    "to the call at the counter. Visitors without an appointment and those called before "
                    "their time are left out."
                ),
                Tone.NOTE,
            ),
            pictures,
            self._cluster_table(),
        )
        return self._section(
            "visit-waits",
            say.gettext("Visitor wait per activity cluster at the town hall (monthly)"),
            Kpi.VISIT_WAIT_MEAN,
            blocks,
            breaks,
        )

    def call_waits(self) -> ReportSection:
        """Return the mean wait of answered calls, by month."""
        say = self.say
        return self._by_month(
            "call-waits",
            say.gettext("Mean wait of answered calls to the customer contact centre (monthly)"),
            self.site.call_waits,
            about=say.gettext(
                "Sum of the waits of answered calls divided by their number (ASA), over all phone "
                "queues within opening hours."
            )
            + " "
            + self._counted,
            chart=say.gettext("Mean wait of answered calls per month"),
            caption=say.gettext("Mean wait of answered calls, {period}", period=self.period),
            columns=(say.gettext("Mean wait"), say.gettext("Answered calls")),
        )

    @property
    def _counted(self) -> str:
        return self.write.counted(self.report.definition.count)

    def handle_times(self) -> ReportSection:
        """Return the mean length of a conversation, by month."""
        say = self.say
        return self._by_month(
            "handle-times",
            say.gettext("Mean handling time of calls to the customer contact centre (monthly)"),
            self.site.handle_times,
            about=say.gettext(
                "Sum of the lengths of the conversations that are known, divided by their number (AHT), over "
                "all phone queues within opening hours. This indicator is Wachtpost's addition."
            ),
            chart=say.gettext("Mean handling time per month"),
            caption=say.gettext("Mean length of a conversation, {period}", period=self.period),
            columns=(say.gettext("Mean handling time"), say.gettext("Conversations")),
        )

    def lead_times(self) -> ReportSection:
        """Return the mean lead time to an appointment, by month."""
        say = self.say
        return self._by_month(
            "lead-times",
            say.gettext("Mean lead time to an appointment (monthly)"),
            self.site.lead_times,
            about=say.gettext(
                "Working days after the day of booking, up to and including the day of the "
                "appointment; holidays and closing days do not count. This indicator is Wachtpost's "
                "addition."
            ),
            chart=say.gettext("Mean lead time to an appointment per month"),
            caption=say.gettext(
                "Mean number of working days between making an appointment and having it, {period}",
                period=self.period,
            ),
            columns=(say.gettext("Mean lead time"), say.gettext("Appointments made")),
        )

    def other(self, figure: Kpi, months: Sequence[PeriodKpi]) -> ReportSection:
        """Return a KPI that has no part of its own, by month."""
        say, of_calls = self.say, KPIS[figure].kind is QueueKind.PHONE
        name = capital(say.text(KPI_WORDS[figure].name))
        about = say.gettext("Within opening hours. This indicator is Wachtpost's addition.")
        return self._by_month(
            f"kpi-{figure}",
            # Translators: {figure} is the name of an indicator, such as "Mean handling time".
            say.gettext("{figure} (monthly)", figure=name),
            months,
            about=f"{about} {self._counted}" if of_calls else about,
            chart=name,
            # Translators: {figure} is the name of an indicator, such as "Mean handling time".
            caption=say.gettext("{figure}, {period}", figure=name, period=self.period),
            columns=(name, say.text(_CONTACTS[KPIS[figure].contacts])),
        )

    def speeds(self) -> ReportSection:
        """Return the answered calls by speed category, by month."""
        say, write = self.say, self.write
        names = kpi.category_names(self.report.bounds)
        table = Table(
            say.gettext("Answered calls by wait: share and number, {period}", period=self.period),
            (
                Column(say.gettext("Month")),
                *(Column(write.category(name), number=True) for name in names),
                Column(say.gettext("Answered calls"), number=True),
            ),
            tuple(self._speed_row(one, names) for one in self.site.speeds),
        )
        blocks = (
            Paragraph(
                say.gettext(
                    "Each category begins above its lower bound and ends with its upper one: a wait of "
                    "exactly {bound} s is in 0–{bound} s.",
                    bound=seconds(self.report.bounds[0]),
                ),
                Tone.NOTE,
            ),
            Paragraph(self._counted, Tone.NOTE),
            Pictures((self.pictured.shares(self.site.speeds, names),)),
            table,
        )
        breaks = self._marks(Kpi.CALL_WAIT_MEAN, [one.period for one in self.site.speeds])
        return self._section(
            "speeds",
            say.gettext(
                "Percentage of answered calls to the customer contact centre by speed category (monthly)"
            ),
            Kpi.CALL_WAIT_MEAN,
            blocks,
            breaks,
            reported=False,
        )

    def missed_years(self) -> ReportSection:
        """Return the share of missed calls by year, reported and counted; and by month, to compare."""
        say, write, years = self.say, self.write, self.site.missed_years
        definition = self.report.definition
        about = say.gettext(
            "Missed calls divided by answered and missed calls together, within opening hours."
        )
        counts = say.gettext(
            "Definition {definition}: missed is {outcomes}.",
            definition=named(definition),
            outcomes=write.outcomes_of(definition),
        )
        if definition.short_abandon:
            counts += " " + say.gettext(
                "Those who hang up within {seconds} s count on neither side.",
                seconds=seconds(definition.short_abandon),
            )
        slots = [one if isinstance(one, Period) else one.period for one in years_between(years)]
        breaks = self._marks(Kpi.MISSED_RATIO, slots)
        blocks: list[Block] = [
            Paragraph(f"{about} {counts} {self._counted}", Tone.NOTE),
            Pictures((self.pictured.years(years, breaks),)),
            self._years_table(),
            self._months_table(
                say.gettext(
                    "To compare: share of missed calls per month, {period}",
                    period=self.period,
                ),
                self.site.missed_months,
                (say.gettext("Share missed"), say.gettext("Calls")),
                judged=any(one.verdict is not None for one in self.site.missed_months),
                defined=True,
            ),
        ]
        if any(one.target_period == "year" for one in years):
            blocks.append(
                Paragraph(say.gettext("The target is for a year; a month is not judged by it."), Tone.NOTE)
            )
        return self._section(
            "missed-years",
            say.gettext(
                "Percentage of missed calls to the customer contact centre at the town hall (yearly)"
            ),
            Kpi.MISSED_RATIO,
            blocks,
            breaks,
        )

    def _section(
        self,
        name: str,
        title: str,
        figure: Kpi,
        blocks: Iterable[Block],
        breaks: Marks,
        *,
        reported: bool = True,
    ) -> ReportSection:
        notes = [
            Paragraph(
                self.say.gettext(
                    "Break {mark} in the series, from {period} on ({what}): {text}",
                    mark=mark,
                    period=self.write.period(one.period),
                    what=self.say.text(_BREAKS[one.what]),
                    text=one.text,
                ),
                Tone.NOTE,
            )
            for one, mark in breaks.items()
        ]
        # Appointments are booked at any hour, so nobody can say on which days their feed was dead.
        if figure is not Kpi.LEAD_TIME_MEAN:
            calls = figure is not Kpi.VISIT_WAIT_MEAN
            notes.append(Paragraph(missing_in(self.report, self.site, self.write, calls=calls), Tone.NOTE))
        source = Paragraph(self._source(figure, reported=reported), Tone.SOURCE)
        return ReportSection(name, title, (*blocks, *notes, source))

    def _by_month(
        self,
        name: str,
        title: str,
        months: Sequence[PeriodKpi],
        *,
        about: str,
        chart: str,
        caption: str,
        columns: tuple[str, str],
    ) -> ReportSection:
        figure = months[0].kpi
        breaks = self._marks(figure, [one.period for one in months])
        if len(months) == 1:
            target_bars = self.pictured.target_bars(chart, [(self.write.period(months[0].period), months[0])])
            pictures = Pictures(
                (target_bars,), self.say.gettext("Upright line: the target. Hatched: not met.")
            )
        else:
            pictures = Pictures((self.pictured.months(chart, months, breaks),))
        blocks = (Paragraph(about, Tone.NOTE), pictures, self._months_table(caption, months, columns))
        return self._section(name, title, figure, blocks, breaks)

    def _months_table(
        self,
        caption: str,
        months: Sequence[PeriodKpi],
        columns: tuple[str, str],
        *,
        judged: bool = True,
        defined: bool = False,
    ) -> Table:
        """Months with their figures; ``columns``: what the figure is called, and what it rests on."""
        say = self.say
        mixed = any(one.reported for one in months)
        shown = (
            (Column(say.gettext("Month")), True),
            (Column(columns[0], number=True), True),
            (Column(say.gettext("Target"), number=True), judged),
            (Column(say.gettext("Verdict")), judged),
            (Column(columns[1], number=True), True),
            (Column(say.gettext("Definition")), defined),
            (Column(say.gettext("Origin")), mixed),
        )
        rows = (
            (
                one,
                (
                    *self._judged_cells(one),
                    Cell(one.definition or say.gettext("not stated")),
                    Cell(self._origin(one)),
                ),
            )
            for one in months
        )
        kept = [is_shown for _, is_shown in shown]
        return Table(
            caption,
            tuple(compress((column for column, _ in shown), kept)),
            tuple(self._figure_row(one, tuple(compress(cells, kept[1:]))) for one, cells in rows),
        )

    def _judged_cells(self, one: PeriodKpi) -> tuple[Cell, ...]:
        """Value, target, verdict and what it rests on."""
        write = self.write
        return (
            Cell(write.figure(one), number=True, notes=(*write.counts(one), *write.likely(one))),
            Cell(write.limit(one.kpi, one.target), number=True),
            Cell(write.verdict_text(one), verdict=write.verdict(one)),
            Cell(write.samples(one), number=True),
        )

    def _origin(self, one: PeriodKpi) -> str:
        return self.say.gettext("reported") if one.reported else self.say.gettext("counted")

    def _figure_row(self, one: PeriodKpi, cells: tuple[Cell, ...]) -> TableRow:
        return TableRow(
            self.write.period(one.period), cells, self._row_note(one.period, complete=one.complete)
        )

    def _row_note(self, period: Period, *, complete: bool) -> str:
        """Which part of the period the figure is about, where it is not all of it."""
        notes = []
        if self.report.first_day in period and self.report.first_day != period.first:
            notes.append(
                self.say.gettext("counted from {first}", first=self.write.day_of_year(self.report.first_day))
            )
        if not complete:
            notes.append(
                self.say.gettext("up to and including {last}", last=self.write.day_of_year(self.report.until))
            )
        return ", ".join(notes)

    def _cluster_table(self) -> Table:
        say, write, clusters, until = self.say, self.write, self.site.clusters, self.report.until
        figures = {(one.queue, one.period, one.reported): one for c in clusters for one in c.months}
        rows = sorted({(one.period, not one.reported) for c in clusters for one in c.months})
        return Table(
            say.gettext(
                "Mean wait at the counter of visitors with an appointment, {period}",
                period=self.period,
            ),
            (
                Column(say.gettext("Month")),
                *(
                    Column(
                        cluster.name,
                        write.limit(Kpi.VISIT_WAIT_MEAN, self._limit_of(cluster.months)),
                        number=True,
                    )
                    for cluster in clusters
                ),
            ),
            tuple(
                TableRow(
                    write.period(period),
                    tuple(
                        self._cluster_cell(figures.get((cluster.queue, period, not counted)))
                        for cluster in clusters
                    ),
                    self._row_note(
                        period,
                        complete=period.last <= until and not (self.report.running and until in period),
                    )
                    if counted
                    else say.gettext("reported"),
                )
                for period, counted in rows
            ),
        )

    def _limit_of(self, months: Sequence[PeriodKpi]) -> float | None:
        return next((one.target for one in months if one.target is not None), None)

    def _cluster_cell(self, one: PeriodKpi | None) -> Cell:
        say, write = self.say, self.write
        if one is None or one.value is None:
            return Cell(write.no_data(), number=True)
        visits = (
            say.gettext("number not stated")
            if one.samples is None
            else say.ngettext("{number} visitor", "{number} visitors", one.samples)
        )
        judged = "" if one.verdict is None else write.verdict_text(one)
        return Cell(
            write.figure(one),
            number=True,
            verdict=write.verdict(one),
            judged=judged,
            notes=(visits, *write.likely(one)),
        )

    def _speed_row(self, one: SpeedShares, names: Sequence[str]) -> TableRow:
        write = self.write
        cells = [
            Cell(
                write.share(share, one.answered),
                number=True,
                notes=()
                if share is None
                else (
                    write.number(one.counts[name]),
                    *write.likely_share(one.counts[name], one.answered),
                ),
            )
            for name, share in ((name, one.share(name)) for name in names)
        ]
        return TableRow(
            write.period(one.period),
            (*cells, Cell(write.number(one.answered), number=True)),
            self._row_note(one.period, complete=one.complete),
        )

    def _years_table(self) -> Table:
        say, years = self.say, self.site.missed_years
        columns = (
            Column(say.gettext("Year")),
            Column(say.gettext("Share missed"), number=True),
            Column(say.gettext("Target"), number=True),
            Column(say.gettext("Verdict")),
            Column(say.gettext("Calls"), number=True),
            Column(say.gettext("Definition")),
            Column(say.gettext("Origin")),
        )
        rows: list[TableRow] = []
        for one in _runs_of_nothing(years_between(years)):
            if not isinstance(one, PeriodKpi):
                empty = (
                    Cell(self.write.no_data(), number=True),
                    *(Cell("–", number=n in {0, 2}) for n in range(5)),
                )
                rows.append(TableRow(one, empty))
                continue
            known = one.definition or (
                say.gettext("not stated") if one.reported else say.gettext("no target")
            )
            value, limit, verdict, samples = self._judged_cells(one)
            if one.reported:
                limit = Cell("–", number=True)
            origin = Cell(self._origin(one), notes=(one.note,) if one.note else ())
            rows.append(self._figure_row(one, (value, limit, verdict, samples, Cell(known), origin)))
        return Table(say.gettext("Share of missed calls per year"), columns, tuple(rows))

    def _marks(self, figure: Kpi, shown: Sequence[Period]) -> Marks:
        return marks(self.report.breaks_of(figure), shown)

    def _source(self, figure: Kpi, *, reported: bool) -> str:
        say, report = self.say, self.report
        first = max(report.period.first, report.first_day)
        if figure is Kpi.MISSED_RATIO:
            first = report.first_day
        own = say.gettext(
            "Wachtpost, own count within opening hours, {site}, {first} up to and including {last}",
            site=self.site.name,
            first=self.write.day(first),
            last=self.write.day(report.until),
        )
        listed = [own]
        if reported:
            listed += [
                say.gettext("reported figures: {source}", source=text) for text in report.sources_of(figure)
            ]
        return say.gettext("Source: {sources}.", sources=self.write.parts(listed))


def _runs_of_nothing(slots: Sequence[Period | PeriodKpi]) -> Iterator[PeriodKpi | str]:
    """Yield the figures, and for years in a row that nobody knows anything of: ``2023–2025``."""
    run: list[Period] = []
    for slot in slots:
        if isinstance(slot, Period):
            run.append(slot)
            continue
        if run:
            yield _span(run)
            run = []
        yield slot


def _span(run: Sequence[Period]) -> str:
    return run[0].name if len(run) == 1 else f"{run[0].name}–{run[-1].name}"

"""The indicators of a site, each as a section: what it is, chart, table, breaks, gaps, source. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from domain import kpi
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
from services.reporter.report.document import Report, SiteReport
from services.reporter.report.gap_words import missing_in
from services.reporter.report.pictures import MOST_BESIDE, Marks, Pictured, marks, years_between
from services.reporter.report.words import Words
from services.reporter.report.writing import Writing, named, seconds
from shared.contract.kpis import Kpi
from shared.periods import Period


@dataclass(frozen=True)
class IndicatorSections:
    """The indicators of one site, in one language."""

    report: Report
    site: SiteReport
    write: Writing

    @property
    def words(self) -> Words:
        return self.write.words

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
        if self.site.clusters:
            yield self.lead_times()

    def visit_waits(self) -> ReportSection:
        """Return the waits at the counters, by cluster and month."""
        words, clusters = self.words, self.site.clusters
        series = [one for cluster in clusters for one in cluster.months]
        breaks = self._marks(Kpi.VISIT_WAIT_MEAN, [one.period for one in series])
        if len({(one.period, one.reported) for one in series}) == 1:
            pictures = Pictures((self.pictured.clusters(clusters),), words.target_bars_note)
        else:
            beside = max(len(cluster.months) for cluster in clusters) <= MOST_BESIDE
            pictures = Pictures(
                tuple(
                    self.pictured.months(cluster.name, cluster.months, breaks, half=beside)
                    for cluster in clusters
                ),
                words.own_scale,
                side_by_side=beside,
            )
        blocks = (Paragraph(words.visit_about, Tone.NOTE), pictures, self._cluster_table())
        return self._section("visit-waits", words.visit_waits, Kpi.VISIT_WAIT_MEAN, blocks, breaks)

    def call_waits(self) -> ReportSection:
        """Return the mean wait of answered calls, by month."""
        words = self.words
        blocks, breaks = self._by_month(
            self.site.call_waits,
            (words.call_about, words.call_chart, words.call_caption),
            (words.mean_wait, words.answered),
        )
        return self._section("call-waits", words.call_waits, Kpi.CALL_WAIT_MEAN, blocks, breaks)

    def lead_times(self) -> ReportSection:
        """Return the mean lead time to an appointment, by month."""
        words = self.words
        blocks, breaks = self._by_month(
            self.site.lead_times,
            (words.lead_about, words.lead_chart, words.lead_caption),
            (words.mean_lead, words.booked),
        )
        return self._section("lead-times", words.lead_times, Kpi.LEAD_TIME_MEAN, blocks, breaks)

    def speeds(self) -> ReportSection:
        """Return the answered calls by speed category, by month."""
        words, write = self.words, self.write
        names = kpi.category_names(self.report.bounds)
        table = Table(
            words.speed_caption.format(period=write.period(self.report.period)),
            (
                Column(words.month),
                *(Column(write.category(name), number=True) for name in names),
                Column(words.answered, number=True),
            ),
            tuple(self._speed_row(one, names) for one in self.site.speeds),
        )
        blocks = (
            Paragraph(words.speed_about.format(bound=seconds(self.report.bounds[0])), Tone.NOTE),
            Pictures((self.pictured.shares(self.site.speeds, names),)),
            table,
        )
        breaks = self._marks(Kpi.CALL_WAIT_MEAN, [one.period for one in self.site.speeds])
        return self._section("speeds", words.speeds, Kpi.CALL_WAIT_MEAN, blocks, breaks, reported=False)

    def missed_years(self) -> ReportSection:
        """Return the share of missed calls by year, reported and counted; and by month, to compare."""
        words, write, years = self.words, self.write, self.site.missed_years
        definition = self.report.definition
        counts = words.what_counts.format(
            definition=named(definition), outcomes=write.outcomes_of(definition)
        )
        if definition.short_abandon:
            counts += " " + words.short_abandon.format(seconds=seconds(definition.short_abandon))
        slots = [one if isinstance(one, Period) else one.period for one in years_between(years)]
        breaks = self._marks(Kpi.MISSED_RATIO, slots)
        blocks: list[Block] = [
            Paragraph(f"{words.years_about} {counts}", Tone.NOTE),
            Pictures((self.pictured.years(years, breaks),)),
            self._years_table(),
            self._missed_months_table(),
        ]
        if any(one.target_period == "year" for one in years):
            blocks.append(Paragraph(words.not_for_month, Tone.NOTE))
        return self._section("missed-years", words.missed_years, Kpi.MISSED_RATIO, blocks, breaks)

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
                self.words.break_note.format(
                    mark=mark,
                    period=self.write.period(one.period),
                    what=self.words.break_kinds[one.what],
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
        self, months: Sequence[PeriodKpi], said: tuple[str, str, str], columns: tuple[str, str]
    ) -> tuple[tuple[Block, ...], Marks]:
        about, chart, caption = said
        breaks = self._marks(months[0].kpi, [one.period for one in months])
        if len(months) == 1:
            target_bars = self.pictured.target_bars(chart, [(self.write.period(months[0].period), months[0])])
            pictures = Pictures((target_bars,), self.words.target_bars_note)
        else:
            pictures = Pictures((self.pictured.months(chart, months, breaks),))
        mixed = any(one.reported for one in months)
        table = Table(
            caption.format(period=self.write.period(self.report.period)),
            (
                Column(self.words.month),
                Column(columns[0], number=True),
                Column(self.words.target, number=True),
                Column(self.words.verdict),
                Column(columns[1], number=True),
                *((Column(self.words.origin),) if mixed else ()),
            ),
            tuple(
                self._figure_row(one, (*self._judged_cells(one), *self._origin(one, mixed))) for one in months
            ),
        )
        return (Paragraph(about, Tone.NOTE), pictures, table), breaks

    def _judged_cells(self, one: PeriodKpi) -> tuple[Cell, ...]:
        """Value, target, verdict and what it rests on."""
        write = self.write
        return (
            Cell(write.value(one.kpi, one.value), number=True),
            Cell(write.limit(one.kpi, one.target), number=True),
            Cell(write.verdict_text(one), verdict=write.verdict(one)),
            Cell(write.samples(one), number=True),
        )

    def _origin(self, one: PeriodKpi, mixed: bool) -> tuple[Cell, ...]:
        words = self.words
        return (Cell(words.reported if one.reported else words.counted),) if mixed else ()

    def _figure_row(self, one: PeriodKpi, cells: tuple[Cell, ...]) -> TableRow:
        return TableRow(
            self.write.period(one.period), cells, self._row_note(one.period, complete=one.complete)
        )

    def _row_note(self, period: Period, *, complete: bool) -> str:
        """Which part of the period the figure is about, where it is not all of it."""
        notes = []
        if self.report.first_day in period and self.report.first_day != period.first:
            notes.append(self.words.partly_from.format(first=self.write.day_of_year(self.report.first_day)))
        if not complete:
            notes.append(self.words.running.format(last=self.write.day_of_year(self.report.until)))
        return ", ".join(notes)

    def _cluster_table(self) -> Table:
        words, write, clusters = self.words, self.write, self.site.clusters
        figures = {(one.queue, one.period, one.reported): one for c in clusters for one in c.months}
        rows = sorted({(one.period, not one.reported) for c in clusters for one in c.months})
        return Table(
            words.visit_caption.format(period=write.period(self.report.period)),
            (
                Column(words.month),
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
                        period, complete=period.last <= self.report.until and not self._runs(period)
                    )
                    if counted
                    else words.reported,
                )
                for period, counted in rows
            ),
        )

    def _runs(self, period: Period) -> bool:
        return self.report.running and self.report.until in period

    def _limit_of(self, months: Sequence[PeriodKpi]) -> float | None:
        return next((one.target for one in months if one.target is not None), None)

    def _cluster_cell(self, one: PeriodKpi | None) -> Cell:
        write, words = self.write, self.words
        if one is None or one.value is None:
            return Cell(words.no_figures, number=True)
        visits = (
            words.visits_unknown if one.samples is None else words.visits.format(write.number(one.samples))
        )
        judged = "" if one.met is None else write.verdict_text(one)
        return Cell(
            write.value(one.kpi, one.value),
            number=True,
            verdict=write.verdict(one),
            judged=judged,
            notes=(visits,),
        )

    def _speed_row(self, one: SpeedShares, names: Sequence[str]) -> TableRow:
        write = self.write
        cells = [
            Cell(
                self.words.no_figures if share is None else write.share(share),
                number=True,
                notes=() if share is None else (write.number(one.counts[name]),),
            )
            for name, share in ((name, one.share(name)) for name in names)
        ]
        return TableRow(
            write.period(one.period),
            (*cells, Cell(write.number(one.answered), number=True)),
            self._row_note(one.period, complete=one.complete),
        )

    def _years_table(self) -> Table:
        words, years = self.words, self.site.missed_years
        columns = (
            Column(words.year),
            Column(words.share_missed, number=True),
            Column(words.target, number=True),
            Column(words.verdict),
            Column(words.calls, number=True),
            Column(words.definition),
            Column(words.origin),
        )
        rows: list[TableRow] = []
        for one in _runs_of_nothing(years_between(years)):
            if not isinstance(one, PeriodKpi):
                empty = (
                    Cell(words.no_figures, number=True),
                    *(Cell("–", number=n in {0, 2}) for n in range(5)),
                )
                rows.append(TableRow(one, empty))
                continue
            known = one.definition or (words.unknown_definition if one.reported else words.no_target)
            origin = words.reported if one.reported else words.counted
            limit = Cell("–", number=True) if one.reported else self._judged_cells(one)[1]
            value, _, verdict, samples = self._judged_cells(one)
            cells = (
                value,
                limit,
                verdict,
                samples,
                Cell(known),
                Cell(origin, notes=(one.note,) if one.note else ()),
            )
            rows.append(self._figure_row(one, cells))
        return Table(words.years_caption, columns, tuple(rows))

    def _missed_months_table(self) -> Table:
        words, write, months = self.words, self.write, self.site.missed_months
        mixed = any(one.reported for one in months)
        judged = any(one.met is not None for one in months)
        return Table(
            words.missed_months_caption.format(period=write.period(self.report.period)),
            (
                Column(words.month),
                Column(words.share_missed, number=True),
                *((Column(words.target, number=True), Column(words.verdict)) if judged else ()),
                Column(words.calls, number=True),
                Column(words.definition),
                *((Column(words.origin),) if mixed else ()),
            ),
            tuple(
                self._figure_row(
                    one,
                    (
                        *(
                            cell
                            for cell, shown in zip(
                                self._judged_cells(one), (True, judged, judged, True), strict=True
                            )
                            if shown
                        ),
                        Cell(one.definition or words.unknown_definition),
                        *self._origin(one, mixed),
                    ),
                )
                for one in months
            ),
        )

    def _marks(self, figure: Kpi, shown: Sequence[Period]) -> Marks:
        return marks(self.report.breaks_of(figure), shown)

    def _source(self, figure: Kpi, *, reported: bool) -> str:
        words, report = self.words, self.report
        first = max(report.period.first, report.first_day)
        if figure is Kpi.MISSED_RATIO:
            first = report.first_day
        own = words.own_source.format(
            site=self.site.name, first=self.write.day(first), last=self.write.day(report.until)
        )
        listed = [own]
        if reported:
            listed += [words.reported_source.format(source=text) for text in report.sources_of(figure)]
        return f"{words.source}: {'; '.join(listed)}."


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

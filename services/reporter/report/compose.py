"""A report in words: its title, and its sections in order, ready for any format. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.period_kpis import PeriodKpi
from services.reporter.report.blocks import (
    Cell,
    Column,
    Paragraph,
    ReportSection,
    Table,
    TableRow,
    TargetVerdict,
)
from services.reporter.report.comparison_sections import Budgets, Definitions
from services.reporter.report.document import Report, SiteReport
from services.reporter.report.indicator_sections import IndicatorSections
from services.reporter.report.missing_data import gap_section
from services.reporter.report.sheet import paragraphs
from services.reporter.report.writing import Writing
from shared.translation import Translator


@dataclass(frozen=True, slots=True)
class SiteText:
    """The sections of a site; its name is a heading where there are more of them."""

    id: str
    name: str
    sections: tuple[ReportSection, ...]


@dataclass(frozen=True, slots=True)
class ReportText:
    """A whole report in one language."""

    title: str
    about: tuple[str, ...]
    comment: ReportSection | None
    sites: tuple[SiteText, ...]


def compose(report: Report, say: Translator) -> ReportText:
    """Return a report in the language of ``say``."""
    write = Writing(say)
    comment = tuple(Paragraph(text) for text in paragraphs(report.comment))
    return ReportText(
        title=title_of(report, write),
        about=tuple(_about(report, write)),
        comment=ReportSection("comment", say.gettext("Comment"), comment) if comment else None,
        sites=tuple(
            SiteText(site.id, site.name, tuple(_sections(report, site, write))) for site in report.sites
        ),
    )


def title_of(report: Report, write: Writing) -> str:
    """Return the title of a report: of its one site, or of the city."""
    name = report.sites[0].name if len(report.sites) == 1 else report.city
    return write.say.gettext(
        "Policy indicators {city}, {period}", city=name, period=write.period(report.period)
    )


def _about(report: Report, write: Writing) -> Iterator[str]:
    say = write.say
    first = write.day(max(report.period.first, report.first_day))
    if report.running:
        yield say.gettext(
            "The period is still running: figures up to and including {last}.", last=write.day(report.until)
        )
    else:
        yield say.gettext(
            "Figures of {first} up to and including {last}.", first=first, last=write.day(report.until)
        )
    if report.first_day > report.period.first:
        yield say.gettext(
            "Wachtpost has counted since {first}; the days before are not counted.",
            first=write.day(report.first_day),
        )
    time = f"{report.made_at:%H:%M}"
    yield say.gettext("Made on {day} at {time}.", day=write.day(report.made_at.date()), time=time)


def _sections(report: Report, site: SiteReport, write: Writing) -> Iterator[ReportSection]:
    yield _summary(site, write)
    yield from IndicatorSections(report, site, write).sections()
    if site.phone_queues:
        yield Definitions(report, site, write).section()
        yield Budgets(report, site, write).section()
    yield gap_section(report, site, write)


def _summary(site: SiteReport, write: Writing) -> ReportSection:
    say = write.say
    own_year = [one for one in site.missed_years if not one.reported][-1:]
    listed: list[tuple[str, Sequence[PeriodKpi]]] = [
        (say.gettext("Missed calls"), own_year),
        (say.gettext("Wait on the phone"), site.call_waits),
        (say.gettext("Lead time to an appointment"), site.lead_times),
        *((say.gettext("Wait, {name}", name=cluster.name), cluster.months) for cluster in site.clusters),
    ]
    rows = tuple(
        _summary_row(title, [one for one in series if not one.reported], write)
        for title, series in listed
        if series
    )
    columns = (
        Column(say.gettext("Indicator")),
        Column(say.gettext("Target"), number=True),
        Column(say.gettext("Latest value"), number=True),
        Column(say.gettext("Verdict")),
    )
    return ReportSection(
        "summary",
        say.gettext("The targets at a glance"),
        (Table(say.gettext("Each target, the latest value and the verdict"), columns, rows),),
    )


def _summary_row(title: str, series: Sequence[PeriodKpi], write: Writing) -> TableRow:
    latest = next((one for one in reversed(series) if one.value is not None), series[-1])
    target = next((one for one in reversed(series) if one.target is not None), None)
    judged = [one for one in series if one.met is not None and (one.complete or len(series) == 1)]
    if len(series) > 1 and judged:
        met = sum(bool(one.met) for one in judged)
        sign = {len(judged): TargetVerdict.MET, 0: TargetVerdict.NOT_MET}.get(met)
        verdict = Cell(write.met_months(met, len(judged)), verdict=sign)
    else:
        verdict = Cell(write.verdict_text(latest), verdict=write.verdict(latest))
    value = Cell(
        write.figure_with_unit(latest),
        number=True,
        notes=(write.period(latest.period), *write.counts(latest), *write.likely(latest)),
    )
    limit = Cell(write.limit(latest.kpi, target.target if target else None), number=True)
    return TableRow(title, (limit, value, verdict))

"""The mail of a report: subject, the main figures in a few sentences, and what is attached. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from domain.period_kpis import PeriodKpi
from services.reporter.report.document import ClusterWaits, Report, SiteReport
from services.reporter.report.writing import Writing
from shared.contract.report_events import MOST_BYTES, Attachment, Document, MediaType, weight
from shared.periods import Period
from shared.translation import Msg, Translator, translator

MEDIA_TYPES: Final[dict[str, MediaType]] = {
    "pdf": "application/pdf",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "md": "text/markdown",
}
"""By kind, which is also the end of the file's name."""

KINDS: Final = {
    # Translators: what a file is for, behind its name.
    "html": Msg("to read in a browser and print on A4"),
    "pdf": Msg("to read and print"),
    "csv": Msg("the figures, for a spreadsheet"),
    "json": Msg("the figures, for software"),
    "md": Msg("as text"),
}
"""What each kind is for."""

_MET: Final = Msg("Wait at the counter (minutes:seconds), target met: {names}")
_NOT_MET: Final = Msg("Wait at the counter (minutes:seconds), target not met: {names}")
_NOT_JUDGED: Final = Msg("Wait at the counter (minutes:seconds), not judged: {names}")

READABLE: Final = "html"
"""What is attached alone when everything together is too large: it holds all of the report."""

SLUG: Final = re.compile(r"[^a-z0-9]+")

SLUG_LENGTH: Final = 60
"""Characters of a city's name in the name of a file."""


def compose(
    name: str, report: Report, files: Sequence[Attachment], not_made: Collection[str] = ()
) -> Document:
    """Return the mail of a report, in the city's language. ``name`` is its id.

    What is too large together is left out, all but the readable file, and the mail says so; ``not_made`` are
    kinds of files that are missing.
    """
    say = translator(report.language)
    write = Writing(say)
    attached = that_fits(files)
    heavy = [kind_of(one) for one in files if one not in attached]
    period = write.period(report.period)
    lines = [
        say.gettext("This is the policy report of {city} for {period}.", city=report.city, period=period)
    ]
    if report.running:
        lines.append(say.gettext("That period is not over yet: the figures are provisional."))
    lines += ["", *_figures(report, write), *_papers(attached, say)]
    if heavy:
        lines.append(
            say.gettext(
                "Not attached, because too large for a mail together (more than {most} MB): {kinds}.",
                most=MOST_BYTES // 2**20,
                kinds=", ".join(heavy),
            )
        )
    if not_made:
        lines.append(
            say.gettext("Not attached, because it could not be made: {kinds}.", kinds=", ".join(not_made))
        )
    if heavy or not_made:
        lines.append(say.gettext("To make it yourself: wachtpost report {period}", period=report.period.name))
    lines += ["", say.gettext("This mail was made and sent automatically by Wachtpost.")]
    subject = say.gettext("Policy report {city}: {period}", city=report.city, period=period)
    return Document(id=name, subject=subject, text="\n".join(lines) + "\n", attachments=attached)


def that_fits(files: Sequence[Attachment]) -> tuple[Attachment, ...]:
    """Return the files if a mail can carry them all, else the readable one alone, if that can be carried."""
    if weight(files) <= MOST_BYTES:
        return tuple(files)
    return tuple(one for one in files if kind_of(one) == READABLE and weight([one]) <= MOST_BYTES)


def file_name(city: str, period: Period, kind: str) -> str:
    """Return what a file is called: ``wachtpost-lier-2026-10.html``."""
    plain = unicodedata.normalize("NFKD", city).encode("ascii", "ignore").decode().lower()
    slug = SLUG.sub("-", plain)[:SLUG_LENGTH].strip("-")
    return "-".join(filter(None, ("wachtpost", slug, period.name.lower()))) + f".{kind}"


def kind_of(file: Attachment) -> str:
    """Return which kind of file it is: ``html``."""
    return file.name.rpartition(".")[2]


def _figures(report: Report, write: Writing) -> Iterator[str]:
    """A paragraph for each site, with its name if there are several."""
    for site in report.sites:
        if len(report.sites) > 1:
            yield write.say.gettext("In short, {site}:", site=site.name)
        else:
            yield write.say.gettext("In short:")
        yield from (f"- {line}" for line in _of_site(site, report, write))
        yield ""


def _of_site(site: SiteReport, report: Report, write: Writing) -> Iterator[str]:
    say = write.say
    years = [one for one in site.missed_years if report.period.last in one.period]
    year = min(years, key=lambda one: one.reported, default=None)  # what was counted here goes first
    if year is not None:
        name, value = year.period.name, _judged([year], write)
        if year.period.last == report.until:
            yield say.gettext("Missed calls in {year}: {value}", year=name, value=value)
        else:
            yield say.gettext(
                "Missed calls in {year} up to and including {day}: {value}",
                year=name,
                day=write.day_of_year(report.until),
                value=value,
            )
    if site.call_waits:
        yield say.gettext(
            "Mean wait on the phone in {period}: {value}",
            period=write.period(report.period),
            value=_judged(site.call_waits, write),
        )
    yield from _counters(site.clusters, write)


def _judged(months: Sequence[PeriodKpi], write: Writing) -> str:
    """One figure and its verdict; of several in how many the target was met, for means do not add up."""
    if len(months) == 1:
        (one,) = months
        if one.value is None:
            return write.figure(one)
        limit = "" if one.target is None else f" ({write.limit(one.kpi, one.target)})"
        counts = "".join(f" ({text})" for text in write.counts(one))
        return f"{write.figure(one)}{counts} – {write.verdict_text(one)}{limit}"
    judged = [one for one in months if one.met is not None]
    if not judged:
        return write.verdict_text(months[-1])
    met = sum(one.met is True for one in judged)
    limit = write.limit(judged[-1].kpi, judged[-1].target)
    return f"{write.met_months(met, len(judged))} ({limit})"


def _counters(clusters: Iterable[ClusterWaits], write: Writing) -> Iterator[str]:
    """The clusters that met their target, those that did not, and those of which nobody can say."""
    met: list[str] = []
    not_met: list[str] = []
    other: list[str] = []
    for cluster in clusters:
        judged = [one for one in cluster.months if one.met is not None]
        said = f"{cluster.name} ({_figure(cluster.months, write)})"
        (other if not judged else met if all(one.met for one in judged) else not_met).append(said)
    for text, names in ((_MET, met), (_NOT_MET, not_met), (_NOT_JUDGED, other)):
        if names:
            yield write.say.text(text, names=", ".join(names))


def _figure(months: Sequence[PeriodKpi], write: Writing) -> str:
    """A counter's figure beside its target."""
    if len(months) != 1:
        return _judged(months, write)
    (one,) = months
    value = write.figure(one)
    return value if one.value is None else f"{value}, {write.limit(one.kpi, one.target)}"


def _papers(attached: Sequence[Attachment], say: Translator) -> Iterator[str]:
    if not attached:
        yield say.gettext("The full report could not be attached.")
        return
    yield say.gettext("The full report is attached to this mail:")
    yield from (f"- {one.name} ({say.text(KINDS[kind_of(one)])})" for one in attached)

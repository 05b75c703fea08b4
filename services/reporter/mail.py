"""The mail of a report: subject, the main figures in a few sentences, and what is attached. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from domain.period_kpis import PeriodKpi
from services.reporter.report.document import ClusterWaits, Report, SiteReport
from services.reporter.report.words import WORDS as REPORT_WORDS
from services.reporter.report.writing import Writing
from services.reporter.words import WORDS, Words
from shared.contract.report_events import MOST_BYTES, Attachment, Document, MediaType, weight
from shared.periods import Period

MEDIA_TYPES: Final[dict[str, MediaType]] = {
    "pdf": "application/pdf",
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "md": "text/markdown",
}
"""By kind, which is also the end of the file's name."""

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
    words, writing = WORDS[report.language], Writing(REPORT_WORDS[report.language])
    attached = that_fits(files)
    heavy = [kind_of(one) for one in files if one not in attached]
    period = writing.period(report.period)
    lines = [
        words.opening.format(city=report.city, period=period),
        *([words.running] if report.running else []),
        "",
        *_figures(report, words, writing),
        *_papers(attached, words),
        *([words.too_large.format(most=MOST_BYTES // 2**20, kinds=", ".join(heavy))] if heavy else []),
        *([words.not_made.format(kinds=", ".join(not_made))] if not_made else []),
        *([words.by_hand.format(period=report.period.name)] if heavy or not_made else []),
        "",
        words.closing,
    ]
    subject = words.subject.format(city=report.city, period=period)
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


def _figures(report: Report, words: Words, writing: Writing) -> Iterator[str]:
    """A paragraph for each site, with its name if there are several."""
    for site in report.sites:
        yield f"{words.in_short}, {site.name}:" if len(report.sites) > 1 else f"{words.in_short}:"
        yield from (f"- {line}" for line in _of_site(site, report, words, writing))
        yield ""


def _of_site(site: SiteReport, report: Report, words: Words, writing: Writing) -> Iterator[str]:
    years = [one for one in site.missed_years if report.period.last in one.period]
    year = min(years, key=lambda one: one.reported, default=None)  # what was counted here goes first
    if year is not None:
        whole = year.period.last == report.until
        yield (words.missed if whole else words.missed_until).format(
            year=year.period.name,
            day=writing.day_of_year(report.until),
            value=_judged([year], writing),
        )
    if site.call_waits:
        yield words.call_wait.format(
            period=writing.period(report.period), value=_judged(site.call_waits, writing)
        )
    yield from _counters(site.clusters, words, writing)


def _judged(months: Sequence[PeriodKpi], writing: Writing) -> str:
    """One figure and its verdict; of several in how many the target was met, for means do not add up."""
    if len(months) == 1:
        (one,) = months
        if one.value is None:
            return writing.value(one.kpi, one.value)
        limit = "" if one.target is None else f" ({writing.limit(one.kpi, one.target)})"
        return f"{writing.value(one.kpi, one.value)} – {writing.verdict_text(one)}{limit}"
    judged = [one for one in months if one.met is not None]
    if not judged:
        return writing.verdict_text(months[-1])
    met = sum(one.met is True for one in judged)
    limit = writing.limit(judged[-1].kpi, judged[-1].target)
    return f"{writing.words.met_months.format(met=met, all=len(judged))} ({limit})"


def _counters(clusters: Iterable[ClusterWaits], words: Words, writing: Writing) -> Iterator[str]:
    """The clusters that met their target, those that did not, and those of which nobody can say."""
    met: list[str] = []
    not_met: list[str] = []
    other: list[str] = []
    for cluster in clusters:
        judged = [one for one in cluster.months if one.met is not None]
        said = f"{cluster.name} ({_figure(cluster.months, writing)})"
        (other if not judged else met if all(one.met for one in judged) else not_met).append(said)
    texts = (words.counters_met, words.counters_not_met, words.counters_other)
    for text, names in zip(texts, (met, not_met, other), strict=True):
        if names:
            yield text.format(names=", ".join(names))


def _figure(months: Sequence[PeriodKpi], writing: Writing) -> str:
    """A counter's figure beside its target."""
    if len(months) != 1:
        return _judged(months, writing)
    (one,) = months
    value = writing.value(one.kpi, one.value)
    return value if one.value is None else f"{value}, {writing.limit(one.kpi, one.target)}"


def _papers(attached: Sequence[Attachment], words: Words) -> Iterator[str]:
    if not attached:
        yield words.nothing_attached
        return
    yield words.attached
    yield from (f"- {one.name} ({words.kinds[kind_of(one)]})" for one in attached)

"""Where data is missing, in words: days on which a queue was open and nobody came. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from domain.period_kpis import Gap
from services.reporter.report.blocks import Block, Listing, Paragraph, ReportSection, Tone
from services.reporter.report.document import Report, SiteReport
from services.reporter.report.writing import Writing

MOST_LISTED: Final = 2
"""Gaps of a queue that get a sentence each; more are a quiet queue, and share one."""

HOUR: Final = 60


def missing_in(report: Report, site: SiteReport, write: Writing, *, calls: bool) -> str:
    """Return one sentence about the phone queues, or about the counters."""
    period = write.period(report.period)
    gaps = [gap for gap in site.gaps if (gap.queue in site.phone_queues) == calls]
    if not gaps:
        return write.words.gaps_none_of.format(period=period)
    listed = (
        f"{site.queue_names[queue]} {_days(sum(gap.open_days for gap in found), write)}"
        for queue, found in groupby(gaps, key=lambda gap: gap.queue)
    )
    return write.words.gaps_of.format(period=period, list=", ".join(listed))


def gap_section(report: Report, site: SiteReport, write: Writing) -> ReportSection:
    """Return every gap of the period, with the contacts that the other days let one expect."""
    words = write.words
    blocks: list[Block] = []
    if report.period.first < report.first_day:
        blocks.append(Paragraph(words.before_first.format(first=write.day(report.first_day)), Tone.NOTE))
    sentences = tuple(_sentences(site, write))
    blocks.append(Listing(sentences) if sentences else Paragraph(words.no_gaps))
    return ReportSection("gaps", words.gaps, tuple(blocks))


def _sentences(site: SiteReport, write: Writing) -> Iterator[str]:
    for queue, found in groupby(site.gaps, key=lambda gap: gap.queue):
        gaps = list(found)
        if len(gaps) > MOST_LISTED:
            yield _of_many(site.queue_names[queue], gaps, write)
        else:
            yield from (_of_one(site.queue_names[queue], gap, write) for gap in gaps)


def _of_one(queue: str, gap: Gap, write: Writing) -> str:
    pattern = write.words.gap_day if gap.open_days == 1 else write.words.gap
    return pattern.format(
        queue=queue,
        days=_days(gap.open_days, write),
        first=write.day(gap.first),
        last=write.day(gap.last),
        hours=_hours(gap.open_minutes, write),
        expected=_expected(gap.expected, write),
    )


def _of_many(queue: str, gaps: Sequence[Gap], write: Writing) -> str:
    longest = max(gaps, key=lambda gap: (gap.open_days, gap.first))
    pattern = write.words.gap_many if longest.open_days > 1 else write.words.gap_many_days
    return pattern.format(
        queue=queue,
        times=len(gaps),
        days=_days(sum(gap.open_days for gap in gaps), write),
        hours=_hours(sum(gap.open_minutes for gap in gaps), write),
        first=write.day(longest.first),
        last=write.day(longest.last),
        expected=_expected(sum(gap.expected for gap in gaps), write),
    )


def _days(days: int, write: Writing) -> str:
    return write.words.gap_days[days == 1].format(write.number(days))


def _hours(minutes: int, write: Writing) -> str:
    return write.numerals.number(minutes / HOUR, 0 if minutes % HOUR == 0 else 1)


def _expected(contacts: float, write: Writing) -> str:
    words = write.words
    if not contacts:
        return words.expected_unknown
    if contacts < 1:
        return words.expected_less
    return words.expected_some.format(count=write.number(round(contacts)))

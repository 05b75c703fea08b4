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


def missing_in(report: Report, site: SiteReport, write: Writing, *, calls: bool) -> str:
    """Return one sentence about the phone queues, or about the counters."""
    period = write.period(report.period)
    gaps = [gap for gap in site.gaps if (gap.queue in site.phone_queues) == calls]
    if not gaps:
        return write.say.gettext("Missing data in {period}: none.", period=period)
    listed = (
        f"{site.queue_names[queue]} {_days(sum(gap.open_days for gap in found), write)}"
        for queue, found in groupby(gaps, key=lambda gap: gap.queue)
    )
    return write.say.gettext("Missing data in {period}: {list}.", period=period, list=", ".join(listed))


def gap_section(report: Report, site: SiteReport, write: Writing) -> ReportSection:
    """Return every gap of the period, with the contacts that the other days let one expect."""
    say = write.say
    blocks: list[Block] = []
    if report.period.first < report.first_day:
        blocks.append(
            Paragraph(
                say.gettext(
                    "Wachtpost has counted since {first}; what happened before is missing from all "
                    "figures that are not reported ones.",
                    first=write.day(report.first_day),
                ),
                Tone.NOTE,
            )
        )
    sentences = tuple(_sentences(site, write))
    blocks.append(
        Listing(sentences)
        if sentences
        else Paragraph(
            say.gettext("None: in every queue at least one contact was counted on every open day.")
        )
    )
    return ReportSection("gaps", say.gettext("Missing data"), tuple(blocks))


def _sentences(site: SiteReport, write: Writing) -> Iterator[str]:
    for queue, found in groupby(site.gaps, key=lambda gap: gap.queue):
        gaps = list(found)
        if len(gaps) > MOST_LISTED:
            yield _of_many(site.queue_names[queue], gaps, write)
        else:
            yield from (_of_one(site.queue_names[queue], gap, write) for gap in gaps)


def _of_one(queue: str, gap: Gap, write: Writing) -> str:
    fields = {
        "queue": queue,
        "first": write.day(gap.first),
        "hours": write.hours(gap.open_minutes),
        "expected": _expected(gap.expected, write),
    }
    if gap.open_days == 1:
        return write.say.gettext(
            "{queue}: one open day without a single contact, {first} ({hours} open); {expected}.",
            **fields,
        )
    return write.say.gettext(
        "{queue}: {days} without a single contact, {first} up to and including {last} ({hours} open); "
        "{expected}.",
        days=_days(gap.open_days, write),
        last=write.day(gap.last),
        **fields,
    )


def _of_many(queue: str, gaps: Sequence[Gap], write: Writing) -> str:
    longest = max(gaps, key=lambda gap: (gap.open_days, gap.first))
    fields = {
        "queue": queue,
        "days": _days(sum(gap.open_days for gap in gaps), write),
        "hours": write.hours(sum(gap.open_minutes for gap in gaps)),
        "expected": _expected(sum(gap.expected for gap in gaps), write),
    }
    if longest.open_days == 1:
        return write.say.gettext(
            "{queue}: {days} without a single contact, one day each time ({hours} open); {expected}.",
            **fields,
        )
    return write.say.gettext(
        "{queue}: {times} times, {days} together without a single contact ({hours} open); the "
        "longest from {first} up to and including {last}; {expected}.",
        times=len(gaps),
        first=write.day(longest.first),
        last=write.day(longest.last),
        **fields,
    )


def _days(days: int, write: Writing) -> str:
    return write.say.ngettext("{number} open day", "{number} open days", days)


def _expected(contacts: float, write: Writing) -> str:
    if not contacts:
        return write.say.gettext("how many were to be expected cannot be said")
    if contacts < 1:
        return write.say.gettext("judging by the other days, less than one contact was to be expected")
    return write.say.ngettext(
        "judging by the other days, about {number} contact is missing",
        "judging by the other days, about {number} contacts are missing",
        round(contacts),
    )

"""What a KPI is called, and how its figures are told: the one place with words about KPIs.

Whoever shows a figure takes its words from here: messages, boards, annotations, tables. A KPI without a row
is named by ``tests/shared/contract/test_kpis.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.contract.kpis import Kpi
from shared.translation import Msg


@dataclass(frozen=True, slots=True)
class KpiWords:
    """One KPI in words. A value comes without a word for its unit."""

    name: Msg
    """In a table."""
    short: Msg
    """On a board, and of a figure that is not there."""
    told: Msg
    """In a headline: ``{back}`` is "back to" or nothing, ``{during}`` what it looks back over; ``{seconds}``
    the time of the service level."""
    worst: Msg
    """How far it went, ``{worst}``."""
    noted: Msg
    """On a chart, with ``{amount}``."""
    briefly: Msg | None = None
    """In a subject, which has no room for all of it; none: as in a headline."""
    worst_briefly: Msg | None = None
    """How far it went, likewise."""


KPI_WORDS: Final[Mapping[Kpi, KpiWords]] = {
    # Translators: in headlines {during} is "today", "this month", "this year" or nothing; {back} is "back to"
    # or nothing. On charts: "gemist 31,0 % (doel 20 %), sinds 10:05".
    Kpi.MISSED_RATIO: KpiWords(
        name=Msg("missed calls"),
        short=Msg("missed calls"),
        told=Msg("{back} {value} of calls missed {during}"),
        # Translators: the short form of "35 % van de oproepen gemist".
        briefly=Msg("{back} {value} missed {during}"),
        worst=Msg("up to {worst} of calls missed"),
        # Translators: the short form of "tot 31 % van de oproepen gemist".
        worst_briefly=Msg("up to {worst} missed"),
        noted=Msg("missed {amount}", "annotation"),
    ),
    Kpi.CALL_WAIT_MEAN: KpiWords(
        name=Msg("mean phone wait"),
        short=Msg("phone wait"),
        told=Msg("average wait {back} {value} {during}"),
        worst=Msg("average wait up to {worst}"),
        # Translators: the short form of "gemiddeld tot 7:30 gewacht".
        worst_briefly=Msg("on average up to {worst}"),
        noted=Msg("mean wait {amount}", "annotation"),
    ),
    Kpi.SERVICE_LEVEL: KpiWords(
        name=Msg("answered in time"),
        short=Msg("service level"),
        told=Msg("{back} {value} answered within {seconds} s {during}"),
        # Translators: the short form of "62 % beantwoord binnen 20 s".
        briefly=Msg("{back} {value} within {seconds} s {during}"),
        worst=Msg("down to {worst} answered in time"),
        # Translators: the short form of "slechts 55 % op tijd beantwoord".
        worst_briefly=Msg("down to {worst} in time"),
        noted=Msg("service level {amount}", "annotation"),
    ),
    Kpi.HANDLE_TIME_MEAN: KpiWords(
        name=Msg("mean handling time"),
        short=Msg("handling time"),
        told=Msg("average handling time {back} {value} {during}"),
        worst=Msg("average handling time up to {worst}"),
        noted=Msg("mean handling time {amount}", "annotation"),
    ),
    Kpi.VISIT_WAIT_MEAN: KpiWords(
        name=Msg("mean counter wait"),
        short=Msg("counter wait"),
        told=Msg("visitors' average wait {back} {value} {during}"),
        worst=Msg("average wait up to {worst}"),
        worst_briefly=Msg("on average up to {worst}"),
        noted=Msg("mean wait at the counter {amount}", "annotation"),
    ),
    Kpi.LEAD_TIME_MEAN: KpiWords(
        name=Msg("mean lead time to an appointment"),
        short=Msg("lead time"),
        told=Msg("average lead time to an appointment {back} {value} working days {during}"),
        briefly=Msg("lead time {back} {value} working days {during}"),
        worst=Msg("lead time up to {worst} working days"),
        noted=Msg("{amount} working days to an appointment", "annotation"),
    ),
}

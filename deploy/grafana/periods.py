"""Months and years on a board: the questions about them, and panels with a bar or a row for each.

Their axis is no time axis: a month is an answer of now with the label ``period``. So every question is about
now, and the board's time range has nothing to say about them. Label ``x`` is what stands on the axis; Grafana
sorts it letter by letter, which is the order of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from grafana_foundation_sdk.builders import barchart, table
from grafana_foundation_sdk.models.common import TableAutoCellOptions, VisibilityMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardRegexMapOptions,
    DataTransformerConfig,
    RegexMap,
    ValueMapping,
    ValueMappingResult,
)

from deploy.grafana import labels
from deploy.grafana.breaches import WORDS_ON_COLOUR
from deploy.grafana.labels import bracketed, joined, replaced
from deploy.grafana.palette import BAD, GOOD, PLAIN, UNKNOWN, Colour, scale
from deploy.grafana.panels import (
    TEXT,
    axis_of,
    columns,
    columns_per_row,
    fixed,
    given,
    line_at,
    listing,
    matrix,
    rows,
    sorted_by,
    untold,
)
from deploy.grafana.promql import BEYOND, SITE, TOTAL, UNDECIDED, WITHIN, KpiQuery, by_speed, counted, named
from deploy.grafana.words import (
    ABOVE_TARGET,
    NO_TARGET,
    NOT_YET,
    ON_TARGET,
    TARGET,
    Edition,
    PanelText,
    PolicyWords,
    Text,
)
from domain.kpi import category_names
from shared.config.types import ALL_QUEUES
from shared.contract.kpis import KPIS

MONTH: Final = "month"
YEAR: Final = "year"

_STATE: Final = f"max by (period, state) (wachtpost_indicator_period{{{SITE}}})"
_MONTHS: Final = f'max by (site, period) (wachtpost_indicator_period{{{SITE}, span="{MONTH}"}})'


@dataclass(frozen=True, slots=True)
class RunningKpi(KpiQuery):
    """A figure of the month or year that is running; ``window`` says nothing here."""

    span: str = MONTH

    @classmethod
    def of(cls, kpi: KpiQuery, span: str) -> RunningKpi:
        """Return a rolling figure's sister over a month or year."""
        given = {field.name: getattr(kpi, field.name) for field in fields(KpiQuery)}
        return cls(**{**given, "series": indicator(kpi), "span": span})

    def value(self, places: str, window: str = "") -> str:
        """The figure so far; no answer without any contact."""
        return self._of_now(f'{self.series}{{{places}, origin="counted"}}')

    def samples(self, places: str, window: str = "") -> str:
        """On how many contacts it rests."""
        return self._of_now(f'wachtpost_indicator_samples{{{places}, kpi="{self.name}", origin="counted"}}')

    def part(self, places: str, window: str = "") -> str:
        """How many of these make a share."""
        return f"round({self.value(places)} * {self.samples(places)})"

    def range(self, places: str, window: str = "") -> tuple[tuple[Text, str], ...]:
        """None: days differ more than chance does, and the error budget has their range."""
        return ()

    def stands(self, places: str, window: str = "") -> str:
        """How it stands against the period's target, as the evaluator and the report say."""
        return self._of_now(f'wachtpost_indicator_verdict{{{places}, kpi="{self.name}"}}')

    def shut(self) -> str:
        """A month has too few contacts by day and by night."""
        return ""

    def target(self) -> str:
        """What a period of this span is judged by; no answer where the city judges another one, or none."""
        return target(self, SITE, self.span)

    def _of_now(self, series: str) -> str:
        running = f'wachtpost_indicator_period{{{SITE}, span="{self.span}", state="running"}}'
        told = f"{series}\n  * on (site, period) group_left () max by (site, period) ({running})"
        return f"max by (site, queue) (\n  {told}\n)"


def indicator(kpi: KpiQuery) -> str:
    """Return the series of a figure's months and years."""
    return kpi.series.replace("wachtpost_", "wachtpost_indicator_")


def target(kpi: KpiQuery, places: str, span: str) -> str:
    """Return what periods of a span are judged by, per place."""
    series = f'wachtpost_indicator_target{{{places}, kpi="{kpi.name}", period="{span}"}}'
    return f"max by (site, queue) ({series})"


def judged(kpi: KpiQuery, periods: str, code: int | None = None) -> str:
    """Those of a figure's periods, which have ``period``, that stand so against their target; without a code
    those that have none."""
    told = f'max by (site, queue, period) (wachtpost_indicator_verdict{{{SITE}, kpi="{kpi.name}"}})'
    if code is None:
        return f"{periods}\nunless on (site, queue, period) {told}"
    return f"{periods}\nand on (site, queue, period) ({told} == {code})"


def on_axis(say: Edition, query: str) -> str:
    """Give answers with a label ``period`` the label ``x``; a period that is running says so."""
    stated = f"(\n{query}\n)\n* on (period) group_left (state)\n{_STATE}"
    running = replaced(stated, "state", say(PolicyWords.SO_FAR), "state", "running")
    return joined(replaced(running, "state", "", "state", "complete"), "x", "", "period", "state")


def starred(kpi: KpiQuery, query: str) -> str:
    """Put a star behind the ``x`` of years, which is in the answers, in which a figure's series breaks."""
    breaks = f'wachtpost_indicator_break{{kpi=~"all|{kpi.name}"}}'
    broken = f"group by (period) (\n{replaced(breaks, 'period', '$1', 'period', '([0-9]+).*')}\n)"
    with_star = replaced(f"{query}\nand on (period)\n{broken}", "x", "$1 *", "x", "(.+)")
    return f"{with_star}\nor\n({query}\nunless on (period)\n{broken})"


def with_counts(say: Edition, kpi: KpiQuery, query: str) -> str:
    """Put the counts of what we counted behind the ``x``, which is in the answers: "61 of 480" of a share."""
    at = f'{TOTAL}, origin="counted"'
    contacts = f'max by (period) (wachtpost_indicator_samples{{{at}, kpi="{kpi.name}"}})'
    samples = labels.number(say, "samples", contacts, "period")
    part = labels.number(say, "part", f"{contacts} * max by (period) ({indicator(kpi)}{{{at}}})", "period")
    counts = counted(say, f"{samples}\n* on (period) group_left (part) {part}")
    return joined(
        f"{bracketed(query)}\n* on (period) group_left (counts) {counts}", "x", " · ", "x", "counts"
    )


# --- Panels ----------------------------------------------------------------------------------------------


def history(say: Edition, text: PanelText, kpi: KpiQuery, span: str) -> barchart.Panel:
    """A site's figure per month or per year: what was reported, and what we counted, by its verdict.

    The last bar is the target and carries its line: that of these periods, or else the other one, which is no
    promise of a single month. No two bars have the same place on the axis, for a reported one says so there:
    so they are not added up, though Grafana calls them stacked, and each is as wide as there is room.
    """
    counted = _of_span(kpi, span, "counted")
    reported = _of_span(kpi, span, "reported")
    drawn = (
        (PolicyWords.REPORTED, Colour.PURPLE, reported),
        (ON_TARGET, GOOD, judged(kpi, counted, WITHIN)),
        (kpi.bad, BAD, judged(kpi, counted, BEYOND)),
        (NOT_YET, UNKNOWN, judged(kpi, counted, UNDECIDED)),
        (PolicyWords.COUNTED, PLAIN, judged(kpi, counted)),
    )
    bars = [_bars(say, kpi, query, span, series) for series, _, query in drawn]
    lines = _promised(say, kpi, span)
    asked = [rows("\nor\n".join((*bars, *lines)))]
    if lines:
        asked.append(rows(f"max(\n{lines[0]}\nor\n{lines[1]}\n)"))
    panel = columns_per_row(say, text, *asked).color_scheme(fixed(PLAIN))
    for series, colour in (*((series, colour) for series, colour, _ in drawn), (TARGET, Colour.TEXT)):
        panel.override_by_name(say(series), given(color=fixed(colour)))
    return _per_period(panel, say, kpi.decimals, say(kpi.unit), "series", sorted_by("x"))


def speeds(say: Edition, text: PanelText) -> barchart.Panel:
    """The speed categories of a site's answered calls, a bar of shares per month, from light waits to heavy
    ones."""
    share = (
        "max by (site, period, category) (\n"
        f"  wachtpost_indicator_speed_category_ratio{{{TOTAL}}}\n"
        f"  * on (site, period) group_left () {_MONTHS}\n)"
    )
    in_seconds = replaced(by_speed(share), "category", "$1 s", "category", "(.+)")
    asked = rows(f"max by (x, order, category) (\n{on_axis(say, f'100 * {in_seconds}')}\n)")
    panel = columns_per_row(say, text, asked).max(100).show_value(VisibilityMode.NEVER)
    names = [_shown_speed(name) for name in category_names(say.city.speed_categories.bounds)]
    for name, colour in zip(names, scale(len(names)), strict=True):
        panel.override_by_name(name, given(color=fixed(colour)))
    return _per_period(panel, say, 0, "%", "category", sorted_by("order"), sorted_by("x"))


def _shown_speed(name: str) -> str:
    """A speed category as ``by_speed`` calls it."""
    return f"{name[1:]}+ s" if name.startswith(">") else f"{name} s"


def _per_period(
    panel: barchart.Panel,
    say: Edition,
    decimals: int,
    unit: str,
    series: str,
    *sorting: DataTransformerConfig,
) -> barchart.Panel:
    """The answers to query A as upright bars on their ``x``; query B, if there is one, as a line."""
    axis = given(unit=TEXT, mappings=_months(say))
    # With one query there is no #A: both names become one.
    value = columns(dict.fromkeys(("Value", "Value #A"), _CELL))
    drawn = (line_at("B", Colour.TEXT), value, *sorting, matrix("x", series, _CELL))
    panel.override_by_name(axis_of("x", series), axis).axis_label(unit)
    panel.decimals(decimals).no_value(say(PolicyWords.NOTHING_YET))
    return panel.transformations(list(drawn))


_CELL: Final = "cell"


def _months(say: Edition) -> Sequence[ValueMapping]:
    """A month as people write it: ``nov 2026`` for 2026-11, with what stands behind it."""
    return [
        RegexMap(DashboardRegexMapOptions(f"([0-9]{{4}})-{month:02}(.*)", ValueMappingResult(f"{name} $1$2")))
        for month, name in enumerate(say.months, start=1)
    ]


def waits_by_place(say: Edition, text: PanelText, kpi: KpiQuery) -> table.Panel:
    """A row per month and a column per place; every cell with its verdict in words."""
    value = (
        "max by (site, queue, period) (\n"
        f'  {indicator(kpi)}{{{SITE}, queue!="all", origin="counted"}}\n'
        f"  * on (site, period) group_left () {_MONTHS}\n)"
    )
    verdict = "\nor\n".join(
        (
            _with_verdict(judged(kpi, value, BEYOND), _ABOVE, say(ABOVE_TARGET)),
            _with_verdict(judged(kpi, value, WITHIN), _WITHIN, say(ON_TARGET)),
            _with_verdict(judged(kpi, value, UNDECIDED), _UNJUDGED, say(NOT_YET)),
            _with_verdict(judged(kpi, value), _UNJUDGED, say(NO_TARGET)),
        )
    )
    shown = labels.value(say, "shown", KPIS[kpi.name].unit, value, "site, queue, period")
    told = f"{shown}\n* on (site, queue, period) group_left (mark, verdict)\n{bracketed(verdict)}"
    cell = joined(replaced(told, "dot", "·"), "cell", " ", "mark", "shown", "dot", "verdict")
    asked = rows(f"max by (x, name, cell) (\n{on_axis(say, named(cell))}\n)")
    cells = given(mappings=_painted(), custom_cellOptions=WORDS_ON_COLOUR, custom_minWidth=140)
    months = given(
        displayName=say(PolicyWords.MONTH),
        unit=TEXT,
        mappings=_months(say),
        custom_cellOptions=TableAutoCellOptions(),
        custom_width=150,
    )
    return (
        listing(say, text, asked)
        .no_value(say(PolicyWords.NOTHING_YET))
        .override_by_regexp("/.*/", cells)
        .override_by_name(axis_of("x", "name"), months)
        .transformations([sorted_by("name"), sorted_by("x", highest_first=True), matrix("x", "name", "cell")])
        .with_transformation(
            columns({}, hidden=("Time", "Value"))
        )  # what a matrix leaves where there is no month
    )


_ABOVE, _WITHIN, _UNJUDGED = "▲", "▼", "○"
"""Stand before a figure in a cell: for the eye, and for the colour, in every language."""


def _painted() -> Sequence[ValueMapping]:
    return [
        *(
            RegexMap(DashboardRegexMapOptions(f"({mark}.*)", ValueMappingResult("$1", colour)))
            for mark, colour in ((_ABOVE, BAD), (_WITHIN, GOOD), (_UNJUDGED, Colour.GREY))
        ),
        untold(),
    ]


def _with_verdict(query: str, mark: str, word: str) -> str:
    return replaced(replaced(query, "mark", mark), "verdict", word)


def _of_span(kpi: KpiQuery, span: str, origin: str) -> str:
    periods = f'max by (site, period) (wachtpost_indicator_period{{{SITE}, span="{span}"}})'
    series = f'{indicator(kpi)}{{{TOTAL}, origin="{origin}"}}'
    return f"max by (site, queue, period) (\n  {series}\n  * on (site, period) group_left () {periods}\n)"


def _promised(say: Edition, kpi: KpiQuery, span: str) -> tuple[str, ...]:
    """The bar of what such periods are judged by, and that of what the others are, for where the first has
    none; no questions where the city file promises nothing of all places together."""
    if not any(one.kpi == kpi.name and one.queue == ALL_QUEUES for one in say.city.targets):
        return ()
    other, word = (
        (YEAR, PolicyWords.TARGET_OF_YEAR) if span == MONTH else (MONTH, PolicyWords.TARGET_OF_MONTH)
    )
    own, instead = (f"max({kpi.scaled(target(kpi, TOTAL, one))})" for one in (span, other))
    bars = ((own, TARGET), (f"{instead} unless on () {own}", word))
    return tuple(replaced(replaced(query, "x", say(x)), "series", say(TARGET)) for query, x in bars)


def _bars(say: Edition, kpi: KpiQuery, query: str, span: str, text: Text) -> str:
    """The bars of one series: no answers where nothing is reported, judged, or on that side of the target."""
    bars = on_axis(say, kpi.scaled(f"max by (period) (\n{query}\n)"))
    if text is PolicyWords.REPORTED:
        bars = replaced(bars, "x", f"$1 {say(PolicyWords.REPORTED_MARK)}", "x", "(.+)")
    elif kpi.is_share and span == YEAR:
        bars = with_counts(say, kpi, bars)
    shown = starred(kpi, bars) if span == YEAR else bars
    return replaced(f"max by (x) (\n{shown}\n)", "series", say(text))

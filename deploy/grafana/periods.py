"""Months and years on a board: the questions about them, and panels with a bar or a row for each.

Their axis is no time axis: a month is an answer of now with the label ``period``. So every question is about
now, and the board's time range has nothing to say about them. Label ``x`` is what stands on the axis; Grafana
sorts it letter by letter, which is the order of time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from deploy.grafana.breaches import WORDS_ON_COLOUR
from deploy.grafana.palette import BAD, GOOD, PLAIN, Colour
from deploy.grafana.panels import (
    RATIO,
    Answer,
    Fields,
    Json,
    JsonObject,
    Panel,
    Query,
    fixed,
    of_name,
    of_pattern,
    shades,
    sorted_by,
    table,
)
from deploy.grafana.promql import SITE, TOTAL, Kpi, named
from deploy.grafana.words import ABOVE_TARGET, BELOW_TARGET, NO_TARGET, ON_TARGET, TARGET, Policy, Say, Text

MONTH: Final = "month"
YEAR: Final = "year"

_STATE: Final = f"max by (period, state) (wachtpost_indicator_period{{{SITE}}})"
_MONTHS: Final = f'max by (site, period) (wachtpost_indicator_period{{{SITE}, span="{MONTH}"}})'


@dataclass(frozen=True, slots=True)
class Running(Kpi):
    """A figure of the month or year that is running; ``window`` says nothing here."""

    span: str = MONTH

    @classmethod
    def of(cls, kpi: Kpi, span: str) -> Running:
        """Return a rolling figure's sister over a month or year."""
        given = {field.name: getattr(kpi, field.name) for field in fields(Kpi)}
        return cls(**{**given, "series": indicator(kpi), "span": span})

    def value(self, places: str, window: str = "") -> str:
        """The figure so far; no answer without any contact."""
        return self._of_now(f'{self.series}{{{places}, origin="computed"}}')

    def samples(self, places: str, window: str = "") -> str:
        """On how many contacts it rests."""
        return self._of_now(f'wachtpost_indicator_samples{{{places}, kpi="{self.name}", origin="computed"}}')

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


def indicator(kpi: Kpi) -> str:
    """Return the series of a figure's months and years."""
    return kpi.series.replace("wachtpost_", "wachtpost_indicator_")


def target(kpi: Kpi, places: str, span: str) -> str:
    """Return what periods of a span are judged by, per place."""
    series = f'wachtpost_indicator_target{{{places}, kpi="{kpi.name}", period="{span}"}}'
    return f"max by (site, queue) ({series})"


def on_axis(say: Say, query: str) -> str:
    """Give answers with a label ``period`` the label ``x``; a period that is running says so."""
    stated = f"(\n{query}\n)\n* on (period) group_left (state)\n{_STATE}"
    running = put(stated, "state", say(Policy.SO_FAR), where="running")
    return f'label_join(\n{put(running, "state", "", where="complete")},\n"x", "", "period", "state"\n)'


def starred(kpi: Kpi, query: str) -> str:
    """Put a star behind the ``x`` of years, which is in the answers, in which a figure's series breaks."""
    breaks = f'wachtpost_indicator_break{{kpi=~"all|{kpi.name}"}}'
    broken = f'group by (period) (\nlabel_replace({breaks}, "period", "$1", "period", "([0-9]+).*")\n)'
    with_star = f'label_replace({query}\nand on (period)\n{broken}, "x", "$1 *", "x", "(.+)")'
    return f"{with_star}\nor\n({query}\nunless on (period)\n{broken})"


def put(query: str, label: str, text: str, where: str = "") -> str:
    """Set a label to a text, everywhere or where it says ``where``."""
    source = label if where else ""
    return f'label_replace(\n{query},\n"{label}", "{text}", "{source}", "{where}"\n)'


# --- Panels ----------------------------------------------------------------------------------------------


def bar_chart(
    words: tuple[str, str],
    queries: Sequence[Query],
    looks: Fields,
    *,
    transformations: tuple[JsonObject, ...],
    slanted: bool = False,
) -> Panel:
    """Bars on the first column of a ``matrix``, one on top of the other where there are several."""
    custom: JsonObject = {
        "axisBorderShow": False,
        "axisColorMode": "text",
        "axisLabel": "",
        "axisPlacement": "auto",
        "axisSoftMin": 0,
        "fillOpacity": 85,
        "gradientMode": "none",
        "lineWidth": 0,
        "scaleDistribution": {"type": "linear"},
        "thresholdsStyle": {"mode": "off"},
    }
    return Panel(
        kind="barchart",
        title=words[0],
        about=words[1],
        queries=tuple(queries),
        fields=replace(looks, custom=custom),
        transformations=transformations,
        options={
            "barRadius": 0,
            "barWidth": 0.9,
            "fullHighlight": False,
            "groupWidth": 0.7,
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
            "orientation": "vertical",
            "showValue": "auto",
            "stacking": "normal",
            "text": {"valueSize": 12},
            "tooltip": {"hideZeros": False, "mode": "multi", "sort": "none"},
            "xTickLabelRotation": -45 if slanted else 0,
            "xTickLabelSpacing": 0,
        },
    )


def history(say: Say, words: tuple[str, str], kpi: Kpi, span: str) -> Panel:
    """A site's figure per month or per year: what was reported, and what we counted, by its verdict.

    No two bars have the same place on the axis, for a reported one says so there: so they are not added up,
    though Grafana calls them stacked, and each is as wide as there is room.
    """
    judged = target(kpi, TOTAL, span)
    computed = _of_span(kpi, span, "computed")
    reported = _of_span(kpi, span, "reported")
    kept = ">=" if kpi.more_is_better else "<="
    broken = "<" if kpi.more_is_better else ">"
    bad = BELOW_TARGET if kpi.more_is_better else ABOVE_TARGET
    drawn = (
        (Policy.REPORTED, PLAIN, reported),
        (ON_TARGET, GOOD, f"{computed} {kept} on (site, queue) group_left () {judged}"),
        (bad, BAD, f"{computed} {broken} on (site, queue) group_left () {judged}"),
        (NO_TARGET, Colour.GREY, f"{computed} unless on (site, queue) {judged}"),
    )
    bars = [_bars(say, kpi, query, span, text) for text, _, query in drawn]
    promised = put(put(f"max({_rounded(kpi, judged)})", "x", say(TARGET)), "series", say(TARGET))
    colours = {text: colour for text, colour, _ in drawn} | {TARGET: Colour.TEXT}
    return bar_chart(
        words,
        [Query("\nor\n".join((*bars, promised)), Answer.ROWS)],
        Fields(
            unit=say(kpi.unit),
            decimals=kpi.decimals,
            least=0,
            colour=fixed(PLAIN),
            no_value=say(Policy.NOTHING_YET),
            overrides=tuple(of_name(say(text), color=fixed(colour)) for text, colour in colours.items()),
        ),
        transformations=(sorted_by("x"), matrix("x", "series", "Value")),
        slanted=span == MONTH,
    )


def speeds(say: Say, words: tuple[str, str]) -> Panel:
    """The speed categories of a site's answered calls, a bar of shares per month."""
    share = (
        "max by (site, period, category) (\n"
        f"  wachtpost_indicator_speed_category_ratio{{{TOTAL}}}\n"
        f"  * on (site, period) group_left () {_MONTHS}\n)"
    )
    # By their lower bound in five digits: Grafana sorts letter by letter. ">180" becomes "180+".
    bounded = f'label_replace({share}, "category", "$1+", "category", ">(.+)")'
    padded = f'label_replace({bounded}, "order", "0000$1", "category", "([0-9]+).*")'
    ordered = f'label_replace({padded}, "order", "$1", "order", ".*([0-9]{{5}})")'
    in_seconds = f'label_replace({ordered}, "category", "$1 s", "category", "(.+)")'
    return bar_chart(
        words,
        [Query(f"max by (x, order, category) (\n{on_axis(say, in_seconds)}\n)", Answer.ROWS)],
        Fields(
            unit=RATIO,
            decimals=0,
            least=0,
            most=1,
            colour=shades(Colour.BLUE),
            no_value=say(Policy.NOTHING_YET),
        ),
        transformations=(sorted_by("order"), sorted_by("x"), matrix("x", "category", "Value")),
        slanted=True,
    )


def waits_by_place(say: Say, words: tuple[str, str], kpi: Kpi) -> Panel:
    """A row per month and a column per place; every cell with its verdict in words."""
    value = (
        "max by (site, queue, period) (\n"
        f'  {indicator(kpi)}{{{SITE}, queue!="all", origin="computed"}}\n'
        f"  * on (site, period) group_left () {_MONTHS}\n)"
    )
    judged = target(kpi, SITE, MONTH)
    verdict = "\nor\n".join(
        (
            _with_verdict(f"{value} > on (site, queue) group_left () {judged}", _ABOVE, say(ABOVE_TARGET)),
            _with_verdict(f"{value} <= on (site, queue) group_left () {judged}", _WITHIN, say(ON_TARGET)),
            _with_verdict(f"{value} unless on (site, queue) {judged}", _UNJUDGED, say(NO_TARGET)),
        )
    )
    text = f'count_values by (site, queue, period) ("shown", {_rounded(kpi, value)})'
    told = f"{text}\n* on (site, queue, period) group_left (mark, verdict)\n(\n{verdict}\n)"
    unit = put(told, "unit", f"{say(kpi.target_unit)} ·")
    cell = f'label_join(\n{unit},\n"cell", " ", "mark", "shown", "unit", "verdict"\n)'
    return table(
        words,
        [Query(f"max by (x, name, cell) (\n{on_axis(say, named(cell))}\n)", Answer.ROWS)],
        Fields(
            colour=fixed(Colour.TEXT),
            no_value=say(Policy.NOTHING_YET),
            overrides=(
                of_pattern(".*", mappings=_PAINTED, custom_cellOptions=WORDS_ON_COLOUR),
                of_pattern(
                    "^x.name$",
                    displayName=say(Policy.MONTH),
                    custom_cellOptions={"type": "auto"},
                    custom_width=150,
                ),
            ),
        ),
        transformations=(
            sorted_by("name"),
            {"id": "sortBy", "options": {"fields": {}, "sort": [{"desc": True, "field": "x"}]}},
            matrix("x", "name", "cell"),
        ),
    )


_ABOVE, _WITHIN, _UNJUDGED = "▲", "▼", "○"
"""Stand before a figure in a cell: for the eye, and for the colour, in every language."""


def _painted(mark: str, colour: Colour) -> Json:
    result: JsonObject = {"text": "$1", "color": colour}
    return {"type": "regex", "options": {"pattern": f"({mark}.*)", "result": result}}


_PAINTED: Final[Sequence[Json]] = (
    _painted(_ABOVE, BAD),
    _painted(_WITHIN, GOOD),
    _painted(_UNJUDGED, Colour.GREY),
    {"type": "special", "options": {"match": "null", "result": {"text": "–", "color": "transparent"}}},
)


def _with_verdict(query: str, mark: str, word: str) -> str:
    return put(put(query, "mark", mark), "verdict", word)


def matrix(row: str, column: str, cell: str) -> JsonObject:
    """A row per value of one column, a column per value of another, in the order in which they come."""
    options = {"rowField": row, "columnField": column, "valueField": cell, "emptyValue": "null"}
    return {"id": "groupingToMatrix", "options": options}


def _of_span(kpi: Kpi, span: str, origin: str) -> str:
    periods = f'max by (site, period) (wachtpost_indicator_period{{{SITE}, span="{span}"}})'
    series = f'{indicator(kpi)}{{{TOTAL}, origin="{origin}"}}'
    return f"max by (site, queue, period) (\n  {series}\n  * on (site, period) group_left () {periods}\n)"


def _bars(say: Say, kpi: Kpi, query: str, span: str, text: Text) -> str:
    """The bars of one series: no answers where nothing is reported, judged, or on that side of the target."""
    bars = on_axis(say, _rounded(kpi, f"max by (period) (\n{query}\n)"))
    if text is Policy.REPORTED:
        bars = f'label_replace(\n{bars},\n"x", "$1 {say(Policy.REPORTED_MARK)}", "x", "(.+)"\n)'
    shown = starred(kpi, bars) if span == YEAR else bars
    return put(f"max by (x) (\n{shown}\n)", "series", say(text))


def _rounded(kpi: Kpi, query: str) -> str:
    return kpi.rounded(kpi.scaled(query))

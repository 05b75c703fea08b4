"""The panels that the boards are made of: Grafana's own builders, told what all of ours have in common.

What a function here leaves open is said with the builder's own methods: ``stat(…).unit(COUNT).decimals(0)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from string import ascii_uppercase
from typing import Final, TypeAlias, TypeVar

from grafana_foundation_sdk.builders import (
    barchart,
    bargauge,
    heatmap,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    HideSeriesConfig,
    LineStyle,
    ReduceDataOptions,
    StackingConfig,
    TableSortByFieldState,
    VizLegendOptions,
    VizTextDisplayOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.builders.heatmap import (
    CellValues,
    FilterValueRange,
    HeatmapColorOptions,
    YAxisConfig,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery as AnyQuery
from grafana_foundation_sdk.models.common import (
    BarGaugeNamePlacement,
    BarGaugeSizing,
    BarGaugeValueMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueJustifyMode,
    BigValueTextMode,
    DataSourceRef,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TableCellHeight,
    TimelineValueAlignment,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardSpecialValueMapOptions,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode, HeatmapColorScale
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

from deploy.grafana.palette import UNKNOWN, Colour
from deploy.grafana.words import NO_DATA, NO_FIGURE, RANGE_FROM, Edition, PanelText, Text

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")

COUNT: Final = "locale"
"""A number by itself, with the comma and the thousands of the reader's browser; ``short`` would make 1 K of
1,000. On the axis of bars, whose unit stands there: two years of units would lie over each other."""
TEXT: Final = "string"
"""What looks like a number and is none: of the year 2025 Grafana would make 2,025."""
CLOCK: Final = "dthms"
"""Seconds as hh:mm:ss: the same in every language, and right above an hour."""
MOMENT: Final = "time:DD/MM HH:mm"
"""Milliseconds since 1970."""


def behind(unit: str) -> str:
    """Return Grafana's unit for a number with this behind it, written as the reader's browser writes numbers:
    of all its units with a word only sums of money know a comma."""
    return f"currency:financial:{unit}:suffix"


PER_SECOND: Final = behind("/s")
PER_MINUTE: Final = behind("/min")
LATENCY: Final = behind(" s")
"""Seconds that stay seconds: Grafana's own make "1.67 mins" of 100. A panel says with how many decimals."""

AnyPanel = TypeVar(
    "AnyPanel",
    barchart.Panel,
    bargauge.Panel,
    heatmap.Panel,
    stat.Panel,
    statetimeline.Panel,
    table.Panel,
    timeseries.Panel,
)
Spoken: TypeAlias = Mapping[str, tuple[str, Colour | None]]
"""What values are called, and in which colour."""


# --- Questions -------------------------------------------------------------------------------------------


def over_time(expr: str, legend: str = "__auto") -> Dataquery:
    """Ask for series over the board's time range. ``legend``: how one is called; labels in ``{{}}``."""
    asked = Dataquery().expr(expr).legend_format(legend).format(PromQueryFormat.TIME_SERIES).range()
    return asked.datasource(SOURCE).editor_mode(QueryEditorMode.CODE)


def instant(expr: str, legend: str = "__auto") -> Dataquery:
    """Ask for one value per series."""
    return over_time(expr, legend).instant()


def rows(expr: str) -> Dataquery:
    """Ask for one row per series, its labels as columns."""
    return instant(expr).format(PromQueryFormat.TABLE)


# --- Pieces ----------------------------------------------------------------------------------------------


def fixed(colour: str) -> FieldColor:
    return FieldColor().mode(FieldColorModeId.FIXED).fixed_color(colour)


def shades(colour: Colour) -> FieldColor:
    """Shades of one colour, for series whose number and names nobody knows beforehand."""
    return FieldColor().mode(FieldColorModeId.SHADES).fixed_color(colour)


def numbers_as_shades() -> FieldColor:
    """Light to dark by worth; the number itself stands in the bar."""
    return FieldColor().mode(FieldColorModeId.CONTINUOUS_BLUES)


def mapped(words: Spoken) -> list[ValueMapping]:
    """Return words for values as Grafana has them."""
    results = {
        value: ValueMappingResult(text, colour, index=index)
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    return [ValueMap(results)]


def untold() -> ValueMapping:
    """A dash without a colour where a cell has nothing to say."""
    dash = ValueMappingResult(NO_FIGURE, "transparent")
    return SpecialValueMap(DashboardSpecialValueMapOptions(SpecialValueMatch.NULL_AND_NAN, dash))


def calm_at_none() -> list[ValueMapping]:
    """Return the word for none of what is coloured: none of it is no alarm."""
    return mapped({"0": ("0", Colour.TEXT)})


def link(title: str, url: str) -> DashboardLink:
    return DashboardLink(title).url(url)


def given(**settings: object) -> list[DynamicConfigValue]:
    """Return the settings of an override; ``custom_lineStyle`` is ``custom.lineStyle``, what keywords cannot
    say."""
    return [
        DynamicConfigValue(
            name.replace("custom_", "custom."), value.build() if isinstance(value, Builder) else value
        )
        for name, value in settings.items()
    ]


def not_shown() -> list[DynamicConfigValue]:
    """The settings of a table's column that is there for a link and for nobody to read."""
    return [DynamicConfigValue("custom.hideFrom.viz", True)]


def with_words(
    panel: AnyPanel, say: Edition, texts: Mapping[str, Text], colours: Iterable[Colour]
) -> AnyPanel:
    """Give series that are called by a label's value another name, and each its colour."""
    for (name, text), colour in zip(texts.items(), colours, strict=False):
        panel.override_by_name(name, given(displayName=say(text), color=fixed(colour)))
    return panel


def target_line() -> list[DynamicConfigValue]:
    """A dashed line, so that it is no series among others."""
    return given(
        color=fixed(Colour.TEXT),
        custom_fillOpacity=0,
        custom_lineStyle=LineStyle().fill("dash").dash([8, 6]),
        custom_lineWidth=2,
        custom_stacking=StackingConfig().group("target").mode(StackingMode.NONE),
    )


def range_band(
    panel: timeseries.Panel, say: Edition, queries: tuple[str, str], colour: Colour
) -> timeseries.Panel:
    """Draw two queries, called ``RANGE_FROM`` and ``RANGE_TO``, as the band around a line of that colour:
    what lies between them is filled."""
    edge = given(
        color=fixed(colour),
        custom_fillOpacity=20,
        custom_hideFrom=HideSeriesConfig().legend(True),
        custom_lineWidth=0,
    )
    low, high = queries
    panel.override_by_query(low, [*edge, *given(custom_fillOpacity=0)])
    return panel.override_by_query(high, [*edge, *given(custom_fillBelowTo=say(RANGE_FROM))])


def _reduced(per_row: bool = False) -> ReduceDataOptions:
    # Grafana shows no more than 25 by itself, and says nothing of the others.
    return ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(per_row).limit(_MOST)


_MOST: Final = 1000
"""Tiles or bars."""


def _legend(shown: bool) -> VizLegendOptions:
    legend = VizLegendOptions().calcs([]).display_mode(LegendDisplayMode.LIST)
    return legend.placement(LegendPlacement.BOTTOM).show_legend(shown)


def _tooltip(mode: TooltipDisplayMode, sort: SortOrder = SortOrder.NONE) -> VizTooltipOptions:
    return VizTooltipOptions().mode(mode).sort(sort).hide_zeros(False)


# --- Panels ----------------------------------------------------------------------------------------------


def _of_ours(panel: AnyPanel, say: Edition, text: PanelText, queries: Sequence[Dataquery]) -> AnyPanel:
    targets: list[Builder[AnyQuery]] = [
        query.ref_id(ref) for ref, query in zip(ascii_uppercase, queries, strict=False)
    ]
    # Without thresholds Grafana would fill in its own: green, and red from 80.
    thresholds = ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(color=Colour.TEXT)])
    return (
        panel.title(say(text.title))
        .description(say(text.about))
        .datasource(SOURCE)
        .targets(targets)
        .thresholds(thresholds)
        .color_scheme(fixed(UNKNOWN))
        .unit(COUNT)
        .no_value(say(NO_DATA))
    )


def number(
    say: Edition,
    text: PanelText,
    *queries: Dataquery,
    named: bool = False,
    solid: bool = False,
    listed: bool = False,
) -> stat.Panel:
    """A number as large as fits. ``named``: with the series' name above it; ``solid``: on its colour;
    ``listed``: one below the other, each name beside its number.

    Sizes are left to Grafana: it leaves no room for a name whose size is set, and cuts it off.
    """
    return (
        _of_ours(stat.Panel(), say, text, queries)
        .color_mode(BigValueColorMode.BACKGROUND_SOLID if solid else BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .justify_mode(BigValueJustifyMode.AUTO if listed else BigValueJustifyMode.CENTER)
        .orientation(VizOrientation.HORIZONTAL if listed else VizOrientation.AUTO)
        .text_mode(BigValueTextMode.VALUE_AND_NAME if named or listed else BigValueTextMode.VALUE)
        .wide_layout(listed)
        .reduce_options(_reduced())
    )


def bars(
    say: Edition,
    text: PanelText,
    *queries: Dataquery,
    upright: bool = False,
    beside: bool = False,
    per_row: bool = False,
    title_size: int = 16,
    value_size: int = 22,
) -> bargauge.Panel:
    """A bar per series, or ``per_row`` of a table; its name above it, before it if ``beside``, or below it if
    ``upright``.

    More bars than fit are scrolled: squeezed, their numbers would lie on their names.
    """
    placement = BarGaugeNamePlacement.LEFT if beside else BarGaugeNamePlacement.TOP
    name_height = 0 if beside else round(_NAME_LINE * title_size)
    panel = (
        _of_ours(bargauge.Panel(), say, text, queries)
        .min(0)
        .decimals(0)
        .value_mode(BarGaugeValueMode.TEXT)
        .min_viz_height(name_height + value_size)
        .name_placement(BarGaugeNamePlacement.AUTO if upright else placement)
        .orientation(VizOrientation.VERTICAL if upright else VizOrientation.HORIZONTAL)
        .sizing(BarGaugeSizing.AUTO if upright else BarGaugeSizing.MANUAL)
        .text(VizTextDisplayOptions().title_size(title_size).value_size(value_size))
        .legend(_legend(shown=False))
        .reduce_options(_reduced(per_row))
    )
    # Grafana takes the name away from a bar that is alone, unless the panel itself says how each is called.
    return panel if per_row else panel.display_name("${__field.displayName}")


_NAME_LINE: Final = 1.5
"""Height of the name above a bar, in its size."""


def lines(
    say: Edition,
    text: PanelText,
    *queries: Dataquery,
    stacked: bool = False,
    fill: int = 10,
    legend: bool = True,
) -> timeseries.Panel:
    """Lines over time. A gap stays a gap: no reading is not zero."""
    panel = _of_ours(timeseries.Panel(), say, text, queries).min(0)
    if stacked:
        panel.stacking(StackingConfig().group("A").mode(StackingMode.NORMAL))
    return (
        panel.axis_soft_min(0)
        .fill_opacity(60 if stacked else fill)
        .line_width(1 if stacked else 2)
        .legend(_legend(legend))
        .tooltip(_tooltip(TooltipDisplayMode.MULTI, SortOrder.DESCENDING))
    )


def states_over_time(
    say: Edition, text: PanelText, *queries: Dataquery, legend: bool = True
) -> statetimeline.Panel:
    """A bar per series, cut where its state changes; the words stand in it and in the legend."""
    return (
        _of_ours(statetimeline.Panel(), say, text, queries)
        .align_value(TimelineValueAlignment.LEFT)
        .row_height(0.86)
        .fill_opacity(85)
        .line_width(0)
        .legend(_legend(legend))
        .tooltip(_tooltip(TooltipDisplayMode.SINGLE))
    )


def listing(
    say: Edition,
    text: PanelText,
    *queries: Dataquery,
    sort_by: str = "",
    highest_first: bool = False,
    tall: bool = False,
) -> table.Panel:
    """Rows and columns, as narrow as they must; a heading or a text that is longer goes on below."""
    panel = _of_ours(table.Panel(), say, text, queries).color_scheme(fixed(Colour.TEXT))
    # In a cell too Grafana would write what the panel says instead of nothing.
    panel.mappings([untold()])
    as_narrow = given(custom_wrapHeaderText=True, custom_wrapText=True, custom_minWidth=_NARROWEST)
    panel.override_by_regexp("/.*/", as_narrow)
    panel.override_by_field_type("string", given(unit=TEXT))
    if sort_by:
        panel.sort_by([TableSortByFieldState().display_name(sort_by).desc(highest_first)])
    return panel.cell_height(TableCellHeight.MD if tall else TableCellHeight.SM)


_NARROWEST: Final = 100
"""Pixels of a column: a figure or a long word. Grafana's 150 would push the last columns of half a screen
out of sight."""


def histogram_over_time(say: Edition, text: PanelText, query: Dataquery, unit: str) -> heatmap.Panel:
    """How often each range of a histogram was hit over time; Cividis reads the same to everybody."""
    colours = HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Cividis").fill(Colour.ORANGE)
    return (
        _of_ours(heatmap.Panel(), say, text, [query.format(PromQueryFormat.HEATMAP)])
        .cell_gap(1)
        .cell_values(CellValues().unit(COUNT))
        .color(colours.scale(HeatmapColorScale.EXPONENTIAL).exponent(0.5).steps(64))
        .exemplars_color(Colour.VERMILION)
        .filter_values(FilterValueRange().le(1e-9))
        .show_legend()
        .show_value(VisibilityMode.NEVER)
        .mode(TooltipDisplayMode.SINGLE)
        .show_color_scale(True)
        .show_y_histogram()
        .y_axis(YAxisConfig().unit(unit).decimals(3))
    )


def columns_per_row(say: Edition, text: PanelText, *queries: Dataquery) -> barchart.Panel:
    """Upright bars on the first column of a ``matrix``, one on top of the other where there are several.

    Sizes are left to Grafana: it leaves out numbers for which bars are too narrow.
    """
    panel = _of_ours(barchart.Panel(), say, text, queries)
    # What a panel says instead of nothing Grafana says of every series that has no bar where somebody points,
    # and below every bar whose name it leaves out.
    panel.override_by_regexp("/.*/", given(noValue=None))
    return (
        panel.min(0)
        .axis_soft_min(0)
        .fill_opacity(85)
        .line_width(0)
        .bar_width(0.9)
        .orientation(VizOrientation.VERTICAL)
        .stacking(StackingMode.NORMAL)
        .thresholds_style(GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
        .legend(_legend(shown=True))
        .tooltip(_tooltip(TooltipDisplayMode.MULTI))
        .x_tick_label_rotation(-45)
        .x_tick_label_max_length(_LONGEST_TICK)
        .x_tick_label_spacing(-_BETWEEN_TICKS)
    )


_BETWEEN_TICKS: Final = 20
"""Pixels at least: slanted names lie on each other below that. Told as less than zero, Grafana leaves names
out so that the last one stays."""
_LONGEST_TICK: Final = 100
"""Characters; the builder writes 0 where it is not told, and Grafana would cut every text off."""


# --- Transformations -------------------------------------------------------------------------------------


def merged() -> DataTransformerConfig:
    """The rows of all queries as one table: rows that agree in the columns all have become one."""
    return DataTransformerConfig("merge", options={})


def columns(headings: Mapping[str, str], hidden: Iterable[str] = ("Time",)) -> DataTransformerConfig:
    """The columns in this order under these headings, without the hidden ones.

    One that keeps its name is not renamed: Grafana would call every row by it.
    """
    return DataTransformerConfig(
        "organize",
        options={
            "excludeByName": dict.fromkeys(hidden, True),
            "includeByName": {},
            "indexByName": {name: index for index, name in enumerate(headings)},
            "renameByName": {name: heading for name, heading in headings.items() if name != heading},
        },
    )


def headed_columns(headings: Iterable[str]) -> dict[str, str]:
    """The headings of several queries' values, in the order of the queries."""
    return {f"Value #{ref}": heading for ref, heading in zip(ascii_uppercase, headings, strict=False)}


def sorted_by(column: str, *, highest_first: bool = False) -> DataTransformerConfig:
    """Rows by a column; texts letter by letter."""
    order = {"desc": highest_first, "field": column}
    return DataTransformerConfig("sortBy", options={"fields": {}, "sort": [order]})


def line_at(query: str, colour: Colour) -> DataTransformerConfig:
    """A line through bars (``columns_per_row``) at the one value that a query brings; none if it brings none.

    A threshold of Grafana's is a number in the board, and a target is never written into one.
    """
    threshold = {"handlerKey": "threshold1", "handlerArguments": {"threshold": {"color": colour}}}
    mapping = {"fieldName": f"Value #{query}", **threshold}
    return DataTransformerConfig("configFromData", options={"configRefId": query, "mappings": [mapping]})


def axis_of(row: str, column: str) -> str:
    """What the first column of a ``matrix`` is called."""
    return f"{row}\\{column}"


def matrix(row: str, column: str, cell: str) -> DataTransformerConfig:
    """A row per value of one column, a column per value of another, in the order in which they come."""
    fields = {"rowField": row, "columnField": column, "valueField": cell}
    return DataTransformerConfig("groupingToMatrix", options={**fields, "emptyValue": "null"})

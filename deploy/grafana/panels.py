"""What a board is made of, as frozen values, and how Grafana 12 writes them.

Names of options are those of ``@grafana/schema`` 12.3. Every function returns a ``Panel``; the layout
gives it its place and its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from string import ascii_uppercase
from typing import Final, TypeAlias

from deploy.grafana.palette import UNKNOWN, Colour
from deploy.grafana.words import Say, Text

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]

GRAFANA: Final = "12.3.0"
SOURCE: Final[JsonObject] = {"type": "prometheus", "uid": "${datasource}"}

COUNT: Final = "none"
"""A whole number as it is; Grafana's ``short`` would make 1 K of 1,000."""
RATIO: Final = "percentunit"
SECONDS: Final = "suffix:s"
"""Seconds that stay seconds: targets are said in them, and Grafana's ``s`` makes "1.25 mins" of 75."""
MINUTES: Final = "suffix:min"
CLOCK: Final = "dthms"
"""Seconds as hh:mm:ss: the same in every language, and right above an hour."""
LATENCY: Final = "s"
"""Seconds that may be milliseconds."""
MOMENT: Final = "time:DD/MM HH:mm"
"""Milliseconds since 1970."""
PER_SECOND: Final = "suffix:/s"
PER_MINUTE: Final = "suffix:/min"


class Answer(StrEnum):
    """What a query is asked for."""

    COURSE = "course"
    """Series over the board's time range."""
    NOW = "now"
    """One value per series."""
    ROWS = "rows"
    """One row per series, its labels as columns."""
    BUCKETS = "buckets"
    """A histogram over time."""
    BUCKETS_NOW = "buckets_now"
    """A histogram of one instant."""


@dataclass(frozen=True, slots=True)
class Query:
    expr: str
    answer: Answer = Answer.COURSE
    legend: str = ""
    """How a series is called; labels in ``{{}}``."""
    empty_because: str = ""
    """Why it may legitimately have no answer on a system that was just fed; empty: it must have one."""

    def to_json(self, ref: str) -> JsonObject:
        """Return it as Grafana writes it, under the letter ``ref``."""
        now = self.answer in {Answer.NOW, Answer.ROWS, Answer.BUCKETS_NOW}
        forms = {Answer.ROWS: "table", Answer.BUCKETS: "heatmap", Answer.BUCKETS_NOW: "heatmap"}
        return {
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": self.expr,
            "format": forms.get(self.answer, "time_series"),
            "instant": now,
            "legendFormat": self.legend or "__auto",
            "range": not now,
            "refId": ref,
        }


@dataclass(frozen=True, slots=True)
class Word:
    """What a value is called, and in which colour."""

    text: str
    colour: Colour | None = None


@dataclass(frozen=True, slots=True)
class Link:
    title: str
    url: str

    def to_json(self) -> JsonObject:
        return {"title": self.title, "url": self.url, "targetBlank": False}


@dataclass(frozen=True, slots=True)
class Override:
    """Other settings for some of a panel's fields."""

    matcher: str
    which: str
    settings: Mapping[str, Json]

    def to_json(self) -> JsonObject:
        properties = [{"id": name, "value": value} for name, value in self.settings.items()]
        return {"matcher": {"id": self.matcher, "options": self.which}, "properties": properties}


@dataclass(frozen=True, slots=True)
class Fields:
    """How a panel's values look."""

    unit: str = COUNT
    decimals: int | None = None
    least: float | None = None
    most: float | None = None
    colour: JsonObject = field(default_factory=lambda: fixed(UNKNOWN))
    no_value: str = ""
    words: Mapping[str, Word] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    custom: JsonObject = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()

    def to_json(self) -> JsonObject:
        # Without thresholds Grafana would fill in its own: green, and red from 80.
        base: dict[str, Json] = {
            "color": self.colour,
            "custom": self.custom,
            "links": [link.to_json() for link in self.links],
            "mappings": mappings(self.words),
            "noValue": self.no_value,
            "thresholds": {"mode": "absolute", "steps": [{"color": Colour.TEXT, "value": None}]},
            "unit": self.unit,
        }
        numbers = {"decimals": self.decimals, "min": self.least, "max": self.most}
        base |= {name: number for name, number in numbers.items() if number is not None}
        return {"defaults": base, "overrides": [override.to_json() for override in self.overrides]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    kind: str
    """Grafana's name of the plugin."""
    title: str
    about: str
    queries: tuple[Query, ...] = ()
    fields: Fields = field(default_factory=Fields)
    options: JsonObject
    transformations: tuple[JsonObject, ...] = ()
    links: tuple[Link, ...] = ()
    time_from: str = ""
    """A time range of its own, such as ``now/d``."""
    repeat: str = ""
    """The variable whose every value gets a panel like this."""
    per_row: int = 3
    at_least_every: str = ""
    """The shortest step of its queries, such as ``5m``; empty: as the time range has it."""

    def to_json(self, number: int, place: JsonObject) -> JsonObject:
        """Return it as Grafana writes it."""
        made: dict[str, Json] = {
            "description": self.about,
            "fieldConfig": self.fields.to_json(),
            "gridPos": place,
            "id": number,
            "links": [link.to_json() for link in self.links],
            "options": self.options,
            "pluginVersion": GRAFANA,
            "title": self.title,
            "type": self.kind,
        }
        if self.queries:
            made["datasource"] = SOURCE
            made["targets"] = [query.to_json(ref) for ref, query in self.asked()]
        if self.transformations:
            made["transformations"] = self.transformations
        if self.time_from:
            made |= {"timeFrom": self.time_from, "hideTimeOverride": True}
        if self.at_least_every:
            made["interval"] = self.at_least_every
        if self.repeat:
            made |= {"repeat": self.repeat, "repeatDirection": "h", "maxPerRow": self.per_row}
        return made

    def asked(self) -> Iterable[tuple[str, Query]]:
        """Yield each query with its letter."""
        return zip(ascii_uppercase, self.queries, strict=False)


# --- Pieces ----------------------------------------------------------------------------------------------


def fixed(colour: Colour) -> JsonObject:
    return {"mode": "fixed", "fixedColor": colour}


def shades(colour: Colour) -> JsonObject:
    """Shades of one colour, for series whose number and names nobody knows beforehand."""
    return {"mode": "shades", "fixedColor": colour}


def numbers_as_shades() -> JsonObject:
    """Light to dark by worth; the number itself stands in the bar."""
    return {"mode": "continuous-blues"}


def mappings(words: Mapping[str, Word]) -> Sequence[Json]:
    """Return words for values as Grafana writes them."""
    if not words:
        return []
    options: dict[str, Json] = {}
    for index, (value, word) in enumerate(words.items()):
        one: dict[str, Json] = {"index": index, "text": word.text}
        options[value] = one if word.colour is None else {**one, "color": word.colour}
    return [{"options": options, "type": "value"}]


def of_name(name: str, **settings: Json) -> Override:
    return Override("byName", name, _dotted(settings))


def of_pattern(pattern: str, **settings: Json) -> Override:
    """For fields whose name has ``pattern``, a regular expression, in it."""
    return Override("byRegexp", f"/{pattern}/", _dotted(settings))


def of_query(ref: str, **settings: Json) -> Override:
    return Override("byFrameRefID", ref, _dotted(settings))


def _dotted(settings: Mapping[str, Json]) -> Mapping[str, Json]:
    """``custom_lineStyle`` is ``custom.lineStyle``: what keywords cannot say."""
    return {name.replace("custom_", "custom."): value for name, value in settings.items()}


def series_words(say: Say, texts: Mapping[str, Text], colours: Iterable[Colour]) -> Iterator[Override]:
    """What series called by a label's value are called instead, and each one's colour."""
    for (name, text), colour in zip(texts.items(), colours, strict=False):
        yield of_name(name, displayName=say(text), color=fixed(colour))


def target_line(ref: str) -> Override:
    """A dashed line, so that it is no series among others."""
    return of_query(
        ref,
        color=fixed(Colour.TEXT),
        custom_fillOpacity=0,
        custom_lineStyle={"dash": [8, 6], "fill": "dash"},
        custom_lineWidth=2,
        custom_stacking={"group": "target", "mode": "none"},
    )


_NAME_LINE: Final = 1.5
"""Height of the name above a bar, in its size."""
_REDUCED: Final[JsonObject] = {"calcs": ["lastNotNull"], "fields": "", "values": False}


# --- Panels ----------------------------------------------------------------------------------------------


def stat(
    words: tuple[str, str],
    queries: Sequence[Query],
    fields: Fields,
    *,
    named: bool = False,
    solid: bool = False,
    listed: bool = False,
    links: tuple[Link, ...] = (),
) -> Panel:
    """A number as large as fits. ``named``: with the series' name above it; ``solid``: on its colour;
    ``listed``: one below the other, each name beside its number.

    Sizes are left to Grafana: it leaves no room for a name whose size is set, and cuts it off.
    """
    return Panel(
        kind="stat",
        title=words[0],
        about=words[1],
        queries=tuple(queries),
        fields=fields,
        links=links,
        options={
            "colorMode": "background_solid" if solid else "value",
            "graphMode": "none",
            "justifyMode": "auto" if listed else "center",
            "orientation": "horizontal" if listed else "auto",
            "percentChangeColorMode": "standard",
            "reduceOptions": _REDUCED,
            "showPercentChange": False,
            "text": {},
            "textMode": "value_and_name" if named or listed else "value",
            "wideLayout": listed,
        },
    )


def bar_gauge(
    words: tuple[str, str],
    queries: Sequence[Query],
    fields: Fields,
    *,
    rows: bool = False,
    upright: bool = False,
    title_size: int = 16,
    value_size: int = 22,
    transformations: tuple[JsonObject, ...] = (),
    links: tuple[Link, ...] = (),
) -> Panel:
    """A bar per series, or with ``rows`` per row of a table; its name above it, or below it if ``upright``.

    More bars than fit are scrolled: squeezed, their numbers would lie on their names.
    """
    return Panel(
        kind="bargauge",
        title=words[0],
        about=words[1],
        queries=tuple(queries),
        fields=fields,
        transformations=transformations,
        links=links,
        options={
            # Of one colour it is solid, and seen from afar; "basic" is a third of the colour.
            "displayMode": "gradient",
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
            "maxVizHeight": 300,
            "minVizHeight": round(_NAME_LINE * title_size) + value_size,
            "minVizWidth": 8,
            "namePlacement": "auto" if upright else "top",
            "orientation": "vertical" if upright else "horizontal",
            "reduceOptions": {**_REDUCED, "values": rows},
            "showUnfilled": True,
            "sizing": "auto" if upright else "manual",
            "text": {"titleSize": title_size, "valueSize": value_size},
            "valueMode": "text",
        },
    )


def time_series(
    words: tuple[str, str],
    queries: Sequence[Query],
    fields: Fields,
    *,
    stacked: bool = False,
    fill: int = 10,
    legend: bool = True,
    time_from: str = "",
    repeat: str = "",
    links: tuple[Link, ...] = (),
) -> Panel:
    """Lines over time. A gap stays a gap: no reading is not zero."""
    custom: JsonObject = {
        "axisBorderShow": False,
        "axisColorMode": "text",
        "axisLabel": "",
        "axisPlacement": "auto",
        "axisSoftMin": 0,
        "drawStyle": "line",
        "fillOpacity": 60 if stacked else fill,
        "gradientMode": "none",
        "insertNulls": False,
        "lineInterpolation": "linear",
        "lineStyle": {"fill": "solid"},
        "lineWidth": 1 if stacked else 2,
        "pointSize": 5,
        "scaleDistribution": {"type": "linear"},
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        "thresholdsStyle": {"mode": "off"},
    }
    return Panel(
        kind="timeseries",
        title=words[0],
        about=words[1],
        queries=tuple(queries),
        fields=_with_custom(fields, custom),
        time_from=time_from,
        repeat=repeat,
        links=links,
        options={
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": legend},
            "tooltip": {"hideZeros": False, "mode": "multi", "sort": "desc"},
        },
    )


def state_timeline(
    words: tuple[str, str],
    queries: Sequence[Query],
    fields: Fields,
    *,
    per_page: int = 0,
    legend: bool = True,
    at_least_every: str = "",
    links: tuple[Link, ...] = (),
) -> Panel:
    """A bar per series, cut where its state changes; the words stand in it and in the legend."""
    options: dict[str, Json] = {
        "alignValue": "left",
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": legend},
        "mergeValues": True,
        "rowHeight": 0.86,
        "showValue": "auto",
        "tooltip": {"hideZeros": False, "mode": "single", "sort": "none"},
    }
    if per_page:
        options["perPage"] = per_page
    return Panel(
        kind="state-timeline",
        title=words[0],
        about=words[1],
        queries=tuple(queries),
        fields=_with_custom(fields, {"fillOpacity": 85, "lineWidth": 0}),
        links=links,
        at_least_every=at_least_every,
        options=options,
    )


def table(
    words: tuple[str, str],
    queries: Sequence[Query],
    fields: Fields,
    *,
    transformations: tuple[JsonObject, ...] = (),
    sort_by: Sequence[tuple[str, bool]] = (),
    filterable: bool = False,
    tall: bool = False,
    links: tuple[Link, ...] = (),
) -> Panel:
    """Rows and columns. ``sort_by``: headings, and whether the highest comes first."""
    custom: JsonObject = {
        "align": "auto",
        "cellOptions": {"type": "auto"},
        "filterable": filterable,
        "inspect": False,
    }
    return Panel(
        kind="table",
        title=words[0],
        about=words[1],
        queries=tuple(queries),
        fields=_with_custom(fields, custom),
        transformations=transformations,
        links=links,
        options={
            "cellHeight": "md" if tall else "sm",
            "enablePagination": False,
            "frameIndex": 0,
            "showHeader": True,
            "sortBy": [{"desc": highest, "displayName": heading} for heading, highest in sort_by],
        },
    )


def heatmap(words: tuple[str, str], queries: Sequence[Query], unit: str, no_value: str) -> Panel:
    """How often each range of a histogram was hit over time; Cividis reads the same to everybody."""
    return Panel(
        kind="heatmap",
        title=words[0],
        about=words[1],
        queries=tuple(queries),
        fields=Fields(no_value=no_value, custom={"scaleDistribution": {"type": "linear"}}),
        options={
            "calculate": False,
            "cellGap": 1,
            "cellValues": {"unit": COUNT},
            "color": {
                "exponent": 0.5,
                "fill": Colour.ORANGE,
                "mode": "scheme",
                "reverse": False,
                "scale": "exponential",
                "scheme": "Cividis",
                "steps": 64,
            },
            "exemplars": {"color": Colour.VERMILION},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "tooltip": {"mode": "single", "showColorScale": True, "yHistogram": True},
            "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
        },
    )


def prose(words: tuple[str, str], markdown: str) -> Panel:
    """Text."""
    return Panel(
        kind="text",
        title=words[0],
        about=words[1],
        options={
            "code": {"language": "plaintext", "showLineNumbers": False, "showMiniMap": False},
            "content": markdown,
            "mode": "markdown",
        },
    )


# --- Transformations -------------------------------------------------------------------------------------


def merged() -> JsonObject:
    """The rows of all queries as one table: rows that agree in the columns all have become one."""
    return {"id": "merge", "options": {}}


def columns(headings: Mapping[str, str], hidden: Iterable[str] = ("Time",)) -> JsonObject:
    """The columns in this order under these headings, without the hidden ones."""
    return {
        "id": "organize",
        "options": {
            "excludeByName": dict.fromkeys(hidden, True),
            "includeByName": {},
            "indexByName": {name: index for index, name in enumerate(headings)},
            "renameByName": dict(headings),
        },
    }


def headed_columns(headings: Iterable[str]) -> dict[str, str]:
    """The headings of several queries' values, in the order of the queries."""
    return {f"Value #{ref}": heading for ref, heading in zip(ascii_uppercase, headings, strict=False)}


def sorted_by(column: str) -> JsonObject:
    """Rows by a column; texts letter by letter."""
    return {"id": "sortBy", "options": {"fields": {}, "sort": [{"desc": False, "field": column}]}}


def _with_custom(fields: Fields, custom: JsonObject) -> Fields:
    return replace(fields, custom={**custom, **fields.custom})

"""How a board tells: titles, units, words for states, colours for everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from tests.deploy.grafana import schema
from tests.deploy.grafana.files import Board, Panel, strings
from tests.deploy.grafana.finding import Finding
from tests.deploy.grafana.promql import (
    Aggregation,
    Binary,
    Call,
    Query,
    Selector,
    UnreadableError,
    parse,
    selectors,
)

NUMERIC: Final = frozenset(
    [
        "barchart",
        "bargauge",
        "gauge",
        "heatmap",
        "histogram",
        "piechart",
        "stat",
        "state-timeline",
        "status-history",
        "table",
        "timeseries",
    ]
)
ONE_VALUE: Final = frozenset({"stat", "gauge", "bargauge"})
SHORTEST_DESCRIPTION: Final = 20
"""Characters: less is a title said twice."""

STATES: Final = frozenset(
    {
        "up",
        "wachtpost_kpi_breached",
        "wachtpost_kpi_state",
        "wachtpost_lease_owner",
        "wachtpost_notifier_lease_owner",
    }
)
"""Series whose number stands for a word."""

OKABE_ITO: Final = frozenset(
    {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
)
"""Colours that people with any kind of colour vision tell apart (Okabe and Ito, 2008)."""
NEUTRAL: Final = frozenset({"text", "transparent", "semi-dark-text", "white", "black"})
GREY: Final = re.compile(r"#([0-9A-Fa-f]{2})\1\1|#([0-9A-Fa-f])\2\2")
GREYISH: Final = 16
"""How far the channels of a neutral colour may lie apart, of 255."""
MODES: Final = frozenset(
    {"fixed", "shades", "thresholds", "continuous-blues", "continuous-BlPu", "continuous-YlBl"}
)
SCHEMES: Final = frozenset(
    [
        "Blues",
        "Greys",
        "Oranges",
        "Purples",
        "BuPu",
        "OrRd",
        "PuBu",
        "YlGnBu",
        "YlOrBr",
        "Cividis",
        "Inferno",
        "Magma",
        "Plasma",
        "Viridis",
    ]
)
"""A heatmap's schemes that differ in lightness, not only in hue."""
COLOUR_KEYS: Final = ("color", "fixedColor", "iconColor", "fillColor", "lineColor", "pointColor")
OF_PALETTE: Final = frozenset({"timeseries", "barchart", "histogram", "piechart"})
"""Panels that Grafana paints from its classic palette, green and red among it, unless told otherwise."""
OF_THRESHOLDS: Final = frozenset({"bargauge", "gauge", "stat", "state-timeline", "status-history", "table"})
"""Panels that Grafana gives a green base and a red step at 80, unless told otherwise."""

TARGET_SERIES: Final = "wachtpost_kpi_target"


def titles(board: Board) -> Iterator[Finding]:
    """``title-description``: every board and panel says what it is and how to read it."""
    for key in ("title", "description"):
        if not str(board.body.get(key, "")).strip():
            yield Finding(board, None, "title-description", f"the board has no {key}")
    for panel in board.panels:
        if not panel.title.strip():
            yield Finding(board, panel, "title-description", "no title")
        described = str(panel.body.get("description", "")).strip()
        if panel.type != "row" and len(described) < SHORTEST_DESCRIPTION:
            yield Finding(
                board, panel, "title-description", f"a description in a sentence, not {described!r}"
            )


def units(board: Board) -> Iterator[Finding]:
    """``unit``: every number has one, and Grafana knows it."""
    for panel in board.panels:
        if panel.type in NUMERIC and not _has_unit(panel):
            yield Finding(
                board, panel, "unit", "no unit in fieldConfig.defaults; 'none' or 'short' for a bare count"
            )
        yield from schema.units(board, panel)


def _has_unit(panel: Panel) -> bool:
    match panel.type:
        case "heatmap":
            return bool(panel.options.get("yAxis", {}).get("unit") or panel.defaults.get("unit"))
        case "table":
            return bool(panel.everywhere("unit"))
        case "state-timeline" | "status-history":
            return bool(panel.everywhere("unit") or panel.mappings)
    return bool(panel.defaults.get("unit"))


def empty_in_words(board: Board) -> Iterator[Finding]:
    """``no-value``: a figure that is not there says so in words; no reading is not zero."""
    for panel in board.panels:
        if panel.type in ONE_VALUE and not str(panel.defaults.get("noValue", "")).strip():
            yield Finding(
                board, panel, "no-value", "no noValue: say in words what it means when there is no figure"
            )


def states_in_words(board: Board) -> Iterator[Finding]:
    """``state-mapping``: where a number stands for a state, a value mapping says which."""
    for panel in board.panels:
        shown = sorted({name for target in panel.targets for name in _states(target.get("expr"))})
        if shown and not _texts_of(panel.mappings):
            yield Finding(
                board,
                panel,
                "state-mapping",
                f"{', '.join(shown)} is a state as a number; map its values to words",
            )


def _states(expr: object) -> Iterator[str]:
    try:
        query = parse(str(expr))
    except UnreadableError:
        return
    yield from _shown_states(query)


def _shown_states(query: Query) -> Iterator[str]:
    """Yield the states whose number is the answer; a count of them is no state."""
    match query:
        case Selector(name=name) if name in STATES:
            yield name
        case Aggregation(operator="max" | "min" | "group" | "topk" | "bottomk", inner=inner):
            yield from _shown_states(inner)
        case Call(function=function, arguments=arguments) if not function.startswith(
            ("count", "sum", "changes")
        ):
            for argument in arguments:
                yield from _shown_states(argument)
        case Binary(operator="*", left=left, right=right):
            # A state times when it began is a moment; times an info series it stays a state.
            if _is_flag(left) and _is_flag(right):
                yield from _shown_states(left)
                yield from _shown_states(right)
        case Binary(operator="or", left=left, right=right):
            yield from _shown_states(left)
            yield from _shown_states(right)
        case Binary(left=left) if query.operator in {"and", "unless", "==", "!=", ">", "<", ">=", "<="}:
            yield from _shown_states(left)


def _is_flag(query: Query) -> bool:
    names = {selector.name for selector in selectors(query)}
    return all(name in STATES or name.endswith("_info") for name in names)


def thresholds(board: Board) -> Iterator[Finding]:
    """``hard-coded-target``: thresholds and ranges of a mapping hold no target of the city."""
    for panel in board.panels:
        values = [value for value in _steps(panel) if value is not None]
        if values:
            message = f"thresholds at {values}; right: the target as a series, or list the panel"
            yield Finding(board, panel, "hard-coded-target", message)
        edges = [
            edge for mapping in panel.mappings for edge in _edges(mapping) if not _near_a_whole_flag(edge)
        ]
        if edges:
            right = f"compare in the query with {TARGET_SERIES}, or list the panel"
            message = f"a value mapping from or to {edges}; right: {right}"
            yield Finding(board, panel, "hard-coded-target", message)


def _steps(panel: Panel) -> Iterator[Any]:
    for each in panel.everywhere("thresholds"):
        for step in each.get("steps", []) if isinstance(each, dict) else []:
            yield step.get("value")


def _edges(mapping: dict[str, Any]) -> Iterator[float]:
    options = mapping.get("options", {})
    if mapping.get("type") == "range":
        yield from (
            edge for edge in (options.get("from"), options.get("to")) if isinstance(edge, int | float)
        )


def _near_a_whole_flag(edge: float) -> bool:
    """0, 1 and -1, and what is told apart from them by a hair: at, over or under."""
    return any(abs(edge - flag) <= 0.001 for flag in (-1, 0, 1)) or abs(edge) >= 1e9


def not_by_colour_alone(board: Board) -> Iterator[Finding]:
    """``colour-only``: what a colour says is also said in words or by a line at the target."""
    for panel in board.panels:
        if _coloured_by_value(panel) and not _texts_of(panel.mappings) and not _shows_target(panel):
            message = (
                f"thresholds colour it, no word tells; add value mappings, or {TARGET_SERIES} as a series"
            )
            yield Finding(board, panel, "colour-only", message)
        for mapping in panel.mappings:
            for result in _results(mapping):
                if result.get("color") and not str(result.get("text", "")).strip():
                    yield Finding(
                        board, panel, "colour-only", f"a value mapping with a colour and no text: {result}"
                    )


def _coloured_by_value(panel: Panel) -> bool:
    steps = max(
        (len(each.get("steps", [])) for each in panel.everywhere("thresholds") if isinstance(each, dict)),
        default=0,
    )
    from_data = any("threshold" in key for one in panel.transformations for key in strings(one, "handlerKey"))
    if steps < 2 and not from_data:
        return False
    modes = {one.get("mode") for one in panel.everywhere("color") if isinstance(one, dict)}
    drawn = {one.get("mode") for one in panel.everywhere("custom.thresholdsStyle") if isinstance(one, dict)}
    drawn.add(panel.custom.get("thresholdsStyle", {}).get("mode"))
    return panel.type in OF_THRESHOLDS or "thresholds" in modes or bool(drawn - {None, "off"})


def _shows_target(panel: Panel) -> bool:
    return any(TARGET_SERIES in str(target.get("expr")) for target in panel.targets)


def _texts_of(mappings: list[dict[str, Any]]) -> list[str]:
    return [
        str(one["text"])
        for mapping in mappings
        for one in _results(mapping)
        if str(one.get("text", "")).strip()
    ]


def _results(mapping: dict[str, Any]) -> list[dict[str, Any]]:
    options = mapping.get("options", {})
    found = options.values() if mapping.get("type") == "value" else [options.get("result", {})]
    return [one for one in found if isinstance(one, dict)]


def palette(board: Board) -> Iterator[Finding]:
    """``palette``: only colours that everybody tells apart, and none that Grafana would choose by itself."""
    yield from _colours(board, None, {key: one for key, one in board.body.items() if key != "panels"})
    for panel in board.panels:
        own = {key: one for key, one in panel.body.items() if key != "panels"}
        yield from _colours(board, panel, own)
        yield from _chosen_by_grafana(board, panel)


def _colours(board: Board, panel: Panel | None, body: dict[str, Any]) -> Iterator[Finding]:
    for colour in sorted(set(strings(body, *COLOUR_KEYS))):
        if not allowed_colour(colour):
            message = (
                f"colour {colour!r}; right: one of Okabe and Ito's ({', '.join(sorted(OKABE_ITO))}) or a grey"
            )
            yield Finding(board, panel, "palette", message)
    if panel is None:
        return
    for colour in panel.everywhere("color"):
        mode = colour.get("mode") if isinstance(colour, dict) else colour
        if mode not in MODES:
            yield Finding(
                board, panel, "palette", f"colour mode {mode!r}; right: one of {', '.join(sorted(MODES))}"
            )
    scheme = panel.options.get("color", {}) if panel.type == "heatmap" else {}
    if scheme.get("mode") == "opacity" and not allowed_colour(str(scheme.get("fill"))):
        yield Finding(board, panel, "palette", f"colour {scheme.get('fill')!r} of the cells")
    if scheme.get("mode") == "scheme" and scheme.get("scheme") not in SCHEMES:
        said = scheme.get("scheme")
        yield Finding(board, panel, "palette", f"scheme {said!r}; right: one of {', '.join(sorted(SCHEMES))}")


def allowed_colour(colour: str) -> bool:
    """Whether everybody sees a colour for what it is: Okabe and Ito's, or (nearly) grey."""
    name = colour.upper()
    if name in OKABE_ITO or colour in NEUTRAL or GREY.fullmatch(colour):
        return True
    if re.fullmatch(r"#[0-9A-F]{6}", name):
        channels = [int(name[at : at + 2], 16) for at in (1, 3, 5)]
        return max(channels) - min(channels) <= GREYISH
    return False


def _chosen_by_grafana(board: Board, panel: Panel) -> Iterator[Finding]:
    mode = panel.defaults.get("color", {}).get("mode")
    if panel.type in OF_PALETTE and mode is None:
        yield Finding(
            board, panel, "palette", "no color.mode: Grafana would take its classic palette, green beside red"
        )
    if panel.type in OF_THRESHOLDS and mode in {None, "thresholds"} and "thresholds" not in panel.defaults:
        yield Finding(board, panel, "palette", "no thresholds: Grafana would take green, and red from 80")

"""What every board must keep to: each rule yields, in a sentence, where a board does not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units as grafanas
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.board import BoardName
from deploy.grafana.palette import Colour
from shared.contract.boards import board_uid
from shared.translation import languages
from tests.deploy.grafana.files import Board, JsonObject, Panel, asked, strings, substituted, used_variables
from tests.deploy.grafana.series import documented
from tests.support.eventually import WITHIN

Rule: TypeAlias = Callable[[Board], Iterator[str]]
RuleOfAll: TypeAlias = Callable[[Sequence[Board]], Iterator[str]]

SOURCES: Final = ({"type": "prometheus", "uid": "${datasource}"}, {"type": "grafana", "uid": "-- Grafana --"})
"""Whichever Prometheus a variable names, so that a board can be moved; and Grafana's own annotations."""


# --- What Grafana reads ----------------------------------------------------------------------------------


AHEAD: Final = frozenset({"custom.hideFrom.viz", "custom.wrapHeaderText", "custom.wrapText"})
"""What tables of Grafana 12.3 have and its builder does not know yet."""


def typed(board: Board) -> Iterator[str]:
    """Grafana's own types read all of it: what is spelt wrongly is lost when they write it again."""
    yield from _lost(board.body, _read_and_written(board.body), "the board")
    for panel in board.panels:
        for override in panel.body["fieldConfig"]["overrides"]:
            for setting in override["properties"]:
                if setting["id"] in AHEAD or "value" not in setting:  # without one, it takes a default back
                    continue
                fields: Any = setting["value"]
                for step in reversed(setting["id"].split(".")):
                    fields = {step: fields}
                alone = {"panels": [{"type": panel.type, "fieldConfig": {"defaults": fields}}]}
                yield from _lost(alone, _read_and_written(alone), f"an override of {panel.title!r}")


def _read_and_written(body: JsonObject) -> JsonObject:
    register_default_plugins()
    again: JsonObject = json.loads(JSONEncoder().encode(Dashboard.from_json(body)))
    return again


def _lost(before: Any, after: Any, place: str) -> Iterator[str]:
    match before, after:
        case dict(), dict():
            for key, inner in before.items():
                yield from _lost(inner, after.get(key, "nothing"), f"{place}.{key}")
        case list(), list() if len(before) == len(after):
            for number, (inner, other) in enumerate(zip(before, after, strict=True)):
                yield from _lost(inner, other, f"{place}[{number}]")
        case _ if before != after:
            yield f"{place}: Grafana makes {after!r:.60} of {before!r:.60}"


def units(board: Board) -> Iterator[str]:
    """Every unit is one that Grafana knows, or one of its own; else it is shown as it stands."""
    known = {
        unit for name, unit in vars(grafanas).items() if isinstance(unit, str) and not name.startswith("_")
    }
    for panel in board.panels:
        for unit in (*panel.everywhere("unit"), *strings(panel.options, "unit")):
            if unit not in known and not unit.startswith(("suffix:", "time:", "currency:financial:")):
                yield f"{panel.title!r}: Grafana knows no unit {unit!r}; one of its own begins with suffix:"


def identity(board: Board) -> Iterator[str]:
    """Links know it by its uid, and nobody changes it but here; every panel has a number of its own."""
    if board.uid != board_uid(BoardName(board.name), board.language):
        yield f"its uid is {board.uid!r}"
    if board.body.get("editable") is not False:
        yield "it is editable"
    numbers = Counter(panel.id for panel in board.panels)
    yield from (f"{times} panels have the id {number}" for number, times in numbers.items() if times > 1)


def data_sources(board: Board) -> Iterator[str]:
    """Whatever asks, asks the Prometheus of the variable."""
    asking = [("a variable", one) for one in board.variables if one["type"] == "query"]
    asking += [("an annotation", one) for one in board.annotations]
    for panel in board.panels:
        asking += [(repr(panel.title), one) for one in (panel.body, *panel.targets)]
        if not panel.targets:
            yield f"{panel.title!r} asks nothing"
    yield from (
        f"{who} asks {one.get('datasource')}" for who, one in asking if one.get("datasource") not in SOURCES
    )


# --- What it asks ----------------------------------------------------------------------------------------

SLIDING: Final = frozenset({("live", 14), ("counters", 7), ("appointments", 7)})
"""Panels that show the whole hour or day before each moment, as their title and description say."""
RATES: Final = "(?:rate|increase|irate|resets)"
DIFFERENCES: Final = "(?:delta|idelta|deriv)"
RATE_INTERVAL: Final = "[$__rate_interval]"
COMPARISON: Final = r"(?:[<>]=?|[!=]=)"
PER_PROCESS: Final = re.compile(r"\b(?:up|(?:scrape|process|python|go)_\w+)\b")
"""Series that every job has."""
NO_TARGETS: Final = frozenset({"0", "1", "2", "-1"})
"""Numbers that say what a state, a verdict or a count is, and promise nothing."""


def rate_intervals(board: Board) -> Iterator[str]:
    """Over time, ``rate()`` and its like look back as far as the step needs, and nothing else does."""
    for one in asked(board):
        if one.instant or (one.panel and (board.name, one.panel.id) in SLIDING):
            continue
        rates = list(arguments(one.expr, f"(?:{RATES}|{DIFFERENCES})"))
        if not all(inside.endswith(RATE_INTERVAL) for inside in rates):
            yield f"{one}: over time a rate is one over {RATE_INTERVAL}: {one.expr}"
        if one.expr.count(RATE_INTERVAL) > len(rates):
            yield f"{one}: {RATE_INTERVAL} is for rates; right: $__interval or $__range"


def rates_of_what_rises(board: Board) -> Iterator[str]:
    """``rate()`` and ``increase()`` are of counters: a gauge that falls by one would be one begun anew."""
    for one in asked(board):
        yield from (f"{one}: {said}" for said in rated_amiss(one.expr))


def rated_amiss(expr: str) -> Iterator[str]:
    """Say which of our series a query asks for as the other kind: a gauge as a counter, or the reverse."""
    kinds = {name: one.kind for one in documented() for name in one.samples}
    for functions, right in ((RATES, ("counter", "histogram")), (DIFFERENCES, ("gauge", "gauge histogram"))):
        for inside in arguments(expr, functions):
            for name in re.findall(r"\bwachtpost_\w+", _bare(inside)):
                if (kind := kinds.get(name)) is not None and kind not in right:
                    yield f"{name} is a {kind}, so {functions} is not for it"


def whole_histograms(board: Board) -> Iterator[str]:
    """``histogram_quantile`` sees every bucket: without the empty ones below, it would begin at zero."""
    for one in asked(board):
        for inside in arguments(_bare(one.expr), "histogram_quantile"):
            if re.search(COMPARISON, inside):
                yield f"{one}: a comparison takes buckets away; right: and on () sum(…_count) > 0 behind it"


def targets_of_the_city(board: Board) -> Iterator[str]:
    """A target comes from ``wachtpost_kpi_target``: no number of it is in a query, threshold or mapping."""
    for one in asked(board):
        numbers = re.findall(rf"{COMPARISON}\s*(?:bool\s+)?(-?[\d.]+)", _bare(one.expr))
        numbers += re.findall(rf"(-?[\d.]+)\s*{COMPARISON}", _bare(one.expr))
        yield from (f"{one} compares with {number}" for number in numbers if number not in NO_TARGETS)
    for panel in board.panels:
        steps = [step["value"] for each in panel.everywhere("thresholds") for step in each["steps"]]
        if steps != [None]:
            yield f"{panel.title!r} has thresholds at {steps}"
        yield from (f"{panel.title!r} maps a range" for each in panel.mappings if each["type"] == "range")


def jobs(board: Board) -> Iterator[str]:
    """What every process has says which job; nothing is pinned to one instance, for a standby takes over."""
    for one in asked(board):
        if (
            re.search(r"\b(?:up|(?:scrape|process|python|go)_\w+)\b", _bare(one.expr))
            and "job" not in one.expr
        ):
            yield f"{one}: that comes from every job: match job, or keep it with by (job)"
        if re.search(r'\binstance=~?"(?!\$)', one.expr):
            yield f"{one} is pinned to one instance"


def known_variables(board: Board) -> Iterator[str]:
    """Every ``$variable`` exists, and every variable is used."""
    # ${__field.name} and its like are Grafana's own.
    used = {name for name in used_variables(json.dumps(board.body)) if not name.startswith("__")}
    defined = {str(one["name"]) for one in board.variables}
    yield from (f"there is no variable ${name}" for name in sorted(used - defined))
    yield from (f"nothing uses the variable ${name}" for name in sorted(defined - used))


def arguments(expr: str, function: str) -> Iterator[str]:
    """Yield what stands between the brackets of every call of a function, or of one of several."""
    for found in re.finditer(rf"\b{function}\s*\(", expr):
        depth, end = 1, found.end()
        while depth and end < len(expr):
            depth += {"(": 1, ")": -1}.get(expr[end], 0)
            end += 1
        yield expr[found.end() : end - 1].strip()


def _bare(expr: str) -> str:
    """A query without what it says in strings and in matchers."""
    return re.sub(r"\{[^}]*\}", "", re.sub(r'"[^"]*"', "", expr))


# --- How it tells ----------------------------------------------------------------------------------------

SHORTEST_DESCRIPTION: Final = 20
"""Characters: less is a title said twice."""
STATES: Final = re.compile(r"\b(?:up|wachtpost_(?:kpi_breached|kpi_state|(?:notifier_)?lease_owner))\b")
"""Series whose number stands for a word."""
COUNTED: Final = re.compile(r"\b(?:changes|count|sum)\s*\([^)]*\)|\b0 \* max by \([^)]*\) \([^)]*\)")
"""How often a state was or changed, or a zero where there is one, is no state."""
COLOURS: Final = frozenset({*Colour, "transparent", "dash"})
COLOUR_KEYS: Final = ("color", "fixedColor", "iconColor", "fill")
MODES: Final = frozenset({"fixed", "shades", "continuous-blues"})


def explained(board: Board) -> Iterator[str]:
    """Board and panels say what they are and how to read them; what is not there is said in words."""
    titles = Counter(panel.title for panel in board.panels)
    yield from (f"{times} panels are called {title!r}" for title, times in titles.items() if times > 1)
    for title, body in (("the board", board.body), *((panel.title, panel.body) for panel in board.panels)):
        if not body.get("title", "").strip() or len(body.get("description", "")) < SHORTEST_DESCRIPTION:
            yield f"{title!r} needs a title, and a description in a sentence"
    yield from (
        f"{panel.title!r} has no noValue" for panel in board.panels if not panel.defaults.get("noValue")
    )


def states_in_words(board: Board) -> Iterator[str]:
    """Where a number stands for a state, a value mapping says which; and no colour stands without a word."""
    for panel in board.panels:
        results = [one for each in panel.mappings for one in _results(each)]
        shown = any(STATES.search(COUNTED.sub("", str(one["expr"]))) for one in panel.targets)
        if shown and not any(one.get("text") for one in results):
            yield f"{panel.title!r} shows a state as a number: map its values to words"
        if any(one.get("color") and not str(one.get("text", "")).strip() for one in results):
            yield f"{panel.title!r} has a colour and no text in a value mapping"


def _results(mapping: JsonObject) -> list[JsonObject]:
    options = mapping["options"]
    return list(options.values()) if mapping["type"] == "value" else [options["result"]]


def palette(board: Board) -> Iterator[str]:
    """Only colours that people with any kind of colour vision tell apart."""
    yield from (
        f"colour {one!r}" for one in strings(board.body, *COLOUR_KEYS) if one not in (*COLOURS, "dash")
    )
    for panel in board.panels:
        modes = {each["mode"] for each in panel.everywhere("color")}
        yield from (f"{panel.title!r}: colour mode {mode}" for mode in modes - MODES)
        if "color" not in panel.defaults:
            yield f"{panel.title!r} leaves its colours to Grafana: green beside red"
        if panel.options.get("color", {}).get("scheme", "Cividis") != "Cividis":
            yield f"{panel.title!r}: Cividis reads the same to everybody"


# --- Where it stands -------------------------------------------------------------------------------------

COLUMNS: Final = 24
GRID_UNIT_PX: Final = 30
GRID_GAP_PX: Final = 8
"""Grafana's grid: so many pixels a row, and so many between two."""
SCREEN_PX: Final = 1080
AROUND_PX: Final = 16 + 32 + 16
"""Above, below and, where they are not hidden, what one chooses queues with, in one row."""
ROWS_ON_SCREEN: Final = (SCREEN_PX - AROUND_PX + GRID_GAP_PX) // (GRID_UNIT_PX + GRID_GAP_PX)
ABOVE_PX: Final = 16
ROWS_WITHOUT_CONTROLS: Final = (SCREEN_PX - ABOVE_PX + GRID_GAP_PX) // (GRID_UNIT_PX + GRID_GAP_PX)
"""What a screen shows of a board that goes on below it."""
WALLBOARD: Final = "live"
ALSO_ON_WALLS: Final = "counters"


def grid(board: Board) -> Iterator[str]:
    """Everything lies in the grid's columns, nothing on anything, no gap beside; the wall board is seen whole
    on a television, and of the counters' board nothing is seen in part."""
    taken: dict[tuple[int, int], str] = {}
    for panel in board.panels:
        x, y, w, h = (panel.body["gridPos"][key] for key in "xywh")
        for cell in ((column, row) for column in range(x, x + w) for row in range(y, y + h)):
            if cell in taken or cell[0] >= COLUMNS:
                yield f"{panel.title!r} lies on {taken.get(cell, 'no column of the grid')!r}"
                return
            taken[cell] = panel.title
    rows = 1 + max(row for _, row in taken)
    if len(taken) != COLUMNS * rows:
        yield "there is a gap in the grid"
    if board.name == WALLBOARD and rows > ROWS_ON_SCREEN:
        yield f"of its {rows} rows {ROWS_ON_SCREEN} are seen"
    if board.name == ALSO_ON_WALLS and _straddles(board):
        yield f"a panel begins within the {ROWS_WITHOUT_CONTROLS} rows of a screen and ends below them"


def _straddles(board: Board) -> bool:
    places = (panel.body["gridPos"] for panel in board.panels)
    return any(place["y"] < ROWS_WITHOUT_CONTROLS < place["y"] + place["h"] for place in places)


# --- All of them -----------------------------------------------------------------------------------------


FROM_A_LABEL: Final = "${__data.fields.board}"


def links(boards: Sequence[Board]) -> Iterator[str]:
    """Links lead to boards that exist, in the same language, with variables that they have."""
    known = {one.uid: one for one in boards}
    if len(known) != len(boards):
        yield "two boards have the same uid"
    for board in boards:
        for url in _urls(board):
            parts = urlsplit(_HANDED_ON.sub(_as_query, url))
            aim = known.get(parts.path.removeprefix("/d/"))
            if parts.netloc or aim is None or aim.language != board.language:
                yield f"{board}: {url} leads to no board in its language"
                continue
            given = {
                name.removeprefix("var-")
                for name, _ in parse_qsl(parts.query, keep_blank_values=True)
                if name.startswith("var-")
            }
            given |= set(re.findall(r"\$\{(\w+):queryparam\}", parts.query))
            missing = given - {str(one["name"]) for one in aim.variables}
            yield from (f"{board}: {url}: {aim} has no variable {name!r}" for name in sorted(missing))


def _urls(board: Board) -> Iterator[str]:
    """The addresses of all links; of one whose board is a label's, with every board that this can be."""
    labelled = {uid for one in asked(board) for uid in re.findall(r'"(wachtpost-[\w-]+)"', one.expr)}
    for url in sorted(set(strings(board.body, "url"))):
        if FROM_A_LABEL in url:
            yield from (f"/d/{uid}" for uid in sorted(labelled))
            assert labelled
        else:
            yield url


_HANDED_ON: Final = re.compile(r"\$\{__url\.params:include:([^}]+)\}")
"""What a link keeps of the address that is left."""


def _as_query(found: re.Match[str]) -> str:
    return "?" + "&".join(f"{name}=" for name in found[1].split(","))


def same_in_every_language(boards: Sequence[Board]) -> Iterator[str]:
    """Every board is there in every language, and asks the same in the same panels."""
    shapes: dict[str, dict[str, object]] = {}
    for board in boards:
        queries = [(str(one.panel and one.panel.id), _without_words(one.expr)) for one in asked(board)]
        panels = [(panel.id, panel.type, panel.body["gridPos"]) for panel in board.panels]
        shapes.setdefault(board.language, {})[board.name] = (queries, panels)
    if set(shapes) != set(languages()):
        yield f"boards in {sorted(shapes)}, not in {sorted(languages())}"
    for (one, here), (other, there) in combinations(shapes.items(), 2):
        yield from (f"{name} is another in {other} than in {one}" for name in _differing(here, there))


def _differing(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _without_words(expr: str) -> str:
    """A query without what it puts into labels for people to read; the texts of matchers stay."""
    return re.sub(r'([=~]?)"[^"]*"', lambda found: found[0] if found[1] else '"…"', expr)


RULES: Final[tuple[Rule, ...]] = (
    typed,
    units,
    identity,
    data_sources,
    rate_intervals,
    rates_of_what_rises,
    whole_histograms,
    targets_of_the_city,
    jobs,
    known_variables,
    explained,
    states_in_words,
    palette,
    grid,
)
RULES_OF_ALL: Final[tuple[RuleOfAll, ...]] = (links, same_in_every_language)


# --- Prometheus' own parser ------------------------------------------------------------------------------

ANY_DURATION: Final = dict.fromkeys(("__rate_interval", "__interval", "__range"), "1m")


def promtool_faults(boards: Sequence[Board]) -> list[str]:
    """Return what promtool says of the boards' queries; it reads them as recording rules, all in one run."""
    every = [one for board in boards for one in asked(board)]
    rules = []
    for number, one in enumerate(every):
        expr = substituted(one.expr, {**dict.fromkeys(used_variables(one.expr), "1"), **ANY_DURATION})
        rules.append({"record": f"board:query_{number}", "expr": expr})
    with tempfile.TemporaryDirectory(prefix="wachtpost-promql-") as folder:
        file = Path(folder, "rules.yml")
        file.write_text(json.dumps({"groups": [{"name": "boards", "rules": rules}]}), encoding="utf-8")
        command = [find_promtool() or "promtool", "check", "rules", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WITHIN)
    said = done.stdout + done.stderr
    faults = re.findall(r'"board:query_(\d+)": (.+)', said)
    assert bool(faults) is bool(done.returncode), f"promtool could not read the rules at all: {said}"
    return [f"{every[int(number)]}: {fault}" for number, fault in faults]


def find_promtool() -> str | None:
    """Return where promtool is, if it is installed."""
    return shutil.which("promtool")


def findings(boards: Sequence[Board], rules: Sequence[Rule] = RULES) -> list[str]:
    """Return what the rules about one board say of each."""
    return [f"{board}: {rule.__name__}: {said}" for board in boards for rule in rules for said in rule(board)]


def panel(board: Board, number: int) -> Panel:
    """Return one of a board's panels."""
    return next(one for one in board.panels if one.id == number)

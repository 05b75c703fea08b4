"""What a board asks: the data source, intervals, names, labels, targets that are not the board's to set."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.deploy.grafana.files import (
    Asked,
    Board,
    JsonObject,
    Panel,
    asked,
    substituted,
    used_variables,
    variable_query,
)
from tests.deploy.grafana.finding import Finding
from tests.deploy.grafana.labels import infer, mistakes
from tests.deploy.grafana.promql import (
    COMPARISONS,
    Aggregation,
    Binary,
    Call,
    Number,
    Query,
    Selector,
    UnreadableError,
    parse,
    selectors,
    walk,
)
from tests.deploy.grafana.series import Catalogue
from tests.support.eventually import WITHIN

DATASOURCE: Final = "${datasource}"
BUILT_IN: Final = frozenset({"-- Grafana --", "-- Dashboard --", "-- Mixed --", "grafana"})
"""Grafana's own: its annotations, and the answer of another panel."""
RATES: Final = frozenset({"rate", "increase", "irate"})
RATE_INTERVAL: Final = "$__rate_interval"
NO_TARGETS: Final = frozenset({"0", "1", "-1"})
"""Numbers that say what a state or a count is, and promise nothing."""
PER_PROCESS: Final = re.compile(r"up|(scrape|process|python|go)_\w+")
"""Series that every job has."""
BUILT_IN_VARIABLES: Final = re.compile(r"__\w+|timeFilter")
LEGEND_LABEL: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")

PARSE_VALUES: Final = {
    "__rate_interval": "1m",
    "__interval": "15s",
    "__interval_ms": "15000",
    "__range": "1h",
    "__range_s": "3600",
    "__range_ms": "3600000",
    "__from": "0",
    "__to": "1",
}
"""Anything goes that is of the right kind."""


def datasource_variable(board: Board) -> Iterator[Finding]:
    """``template-datasource``: a variable says which Prometheus, so that a board can be moved."""
    found = [one for one in board.variables if one.get("type") == "datasource"]
    if [(one.get("name"), one.get("query")) for one in found] != [("datasource", "prometheus")]:
        said = [(one.get("name"), one.get("query")) for one in found]
        yield Finding(
            board, None, "template-datasource", f"one variable 'datasource' for 'prometheus', not {said}"
        )


def datasource_used(board: Board) -> Iterator[Finding]:
    """``panel-datasource``: panels, targets, variables and annotations all use that variable."""
    for panel in board.panels:
        if panel.targets:
            yield from _datasource(board, panel, "the panel", panel.body)
        for target in panel.targets:
            yield from _datasource(board, panel, f"target {target.get('refId')}", target)
    for variable in board.variables:
        if variable.get("type") == "query":
            yield from _datasource(board, None, f"variable {variable.get('name')}", variable)
    for annotation in board.annotations:
        yield from _datasource(board, None, f"annotation {annotation.get('name')}", annotation)


def _datasource(board: Board, panel: Panel | None, what: str, body: JsonObject) -> Iterator[Finding]:
    said = body.get("datasource")
    uid = said.get("uid") if isinstance(said, dict) else None
    if uid in BUILT_IN:
        return
    if said != {"type": "prometheus", "uid": DATASOURCE}:
        wanted = {"type": "prometheus", "uid": DATASOURCE}
        yield Finding(board, panel, "panel-datasource", f"{what} has the data source {said}; right: {wanted}")


def has_queries(board: Board) -> Iterator[Finding]:
    """``panel-no-targets``: a panel that shows figures asks for some."""
    for panel in board.panels:
        if panel.type not in {"row", "text", "dashlist", "annolist"} and not panel.targets:
            yield Finding(board, panel, "panel-no-targets", f"a {panel.type} without a query shows nothing")


def rate_interval(board: Board) -> Iterator[Finding]:
    """``rate-interval``: over time, ``rate()`` and its like look back as far as the step needs, no less."""
    for one, query in _read(board):
        for call in walk(query):
            if isinstance(call, Call) and call.function in RATES and not one.instant:
                yield from _interval(one, call)
            if isinstance(call, Call) and call.function not in RATES and one.panel is not None:
                yield from _rate_interval_elsewhere(one, call)


def _interval(one: Asked, call: Call) -> Iterator[Finding]:
    inner = call.arguments[0] if call.arguments else None
    said = getattr(inner, "range", "")
    if said not in {RATE_INTERVAL, "${__rate_interval}"}:
        right = f"[{RATE_INTERVAL}], or list the panel with a reason"
        message = f"{one.where}: {call.function}(…[{said}]) over time; right: {right}"
        yield Finding(one.board, one.panel, "rate-interval", message)


def _rate_interval_elsewhere(one: Asked, call: Call) -> Iterator[Finding]:
    for argument in call.arguments:
        if "__rate_interval" in getattr(argument, "range", ""):
            said = f"{call.function}(…[{RATE_INTERVAL}])"
            message = f"{one.where}: {said}: that is for rates; right: $__interval or $__range"
            yield Finding(one.board, one.panel, "rate-interval", message)


def whole_histograms(board: Board) -> Iterator[Finding]:
    """``quantile``: ``histogram_quantile`` sees every bucket.

    Between two buckets it interpolates; without the empty ones below, it would begin at zero.
    """
    for one, query in _read(board):
        for call in walk(query):
            if (
                isinstance(call, Call)
                and call.function == "histogram_quantile"
                and _filtered(call.arguments[-1])
            ):
                right = "and on () sum(rate(..._count[...])) > 0 behind it"
                message = (
                    f"{one.where}: a comparison takes buckets away from histogram_quantile; right: {right}"
                )
                yield Finding(one.board, one.panel, "quantile", message)


def _filtered(query: Query) -> bool:
    compared = (each for each in walk(query) if isinstance(each, Binary) and each.operator in COMPARISONS)
    return any(not each.returns_bool for each in compared)


def known_names(board: Board, catalogue: Catalogue) -> Iterator[Finding]:
    """``known-metric``: every series is documented, recorded by a rule of ours, or of a known exporter."""
    for one, query in _read(board):
        for name in sorted({selector.name for selector in selectors(query)}):
            if not catalogue.has(name):
                message = (
                    f"{one.where}: there is no series {name!r} in docs/metrics.md nor in a recording rule"
                )
                yield Finding(one.board, one.panel, "known-metric", message)


def known_labels(board: Board, catalogue: Catalogue) -> Iterator[Finding]:
    """``known-label``: labels exist where they are asked for, and the two sides of an operator can match."""
    for one, query in _read(board):
        for mistake in mistakes(query, catalogue):
            yield Finding(one.board, one.panel, "known-label", f"{one.where}: {mistake}")
    for variable in board.variables:
        asks = variable_query(variable)
        if asks is not None and asks.label and asks.expr:
            yield from _variable_label(board, str(variable.get("name")), asks.expr, asks.label, catalogue)


def _variable_label(
    board: Board, name: str, expr: str, label: str, catalogue: Catalogue
) -> Iterator[Finding]:
    try:
        missing = infer(parse(expr), catalogue).lacks((label,))
    except UnreadableError:
        return
    if missing:
        yield Finding(board, None, "known-label", f"variable {name}: {expr} has no label {label!r}")


def legend_labels(board: Board, catalogue: Catalogue) -> Iterator[Finding]:
    """``legend-label``: a legend names only labels that the answer still has."""
    for one, query in _read(board):
        missing = infer(query, catalogue).lacks(tuple(LEGEND_LABEL.findall(one.legend)))
        if missing:
            lost = ", ".join(missing)
            message = (
                f"{one.where}: the legend {one.legend!r} names {lost}, which the answer lost or never had"
            )
            yield Finding(one.board, one.panel, "legend-label", message)


def field_names(board: Board, catalogue: Catalogue) -> Iterator[Finding]:
    """``field-name``: what a table renames, hides, orders or overrides is a field that it has."""
    for panel in board.panels:
        known = _fields(panel, catalogue)
        if panel.type != "table" or known is None:
            continue
        for each in panel.transformations:
            options = each.get("options", {})
            for key in ("renameByName", "excludeByName", "indexByName", "includeByName"):
                for name in sorted(options.get(key, {}).keys() - known):
                    message = f"{key}: there is no field {name!r}: {_list(known)}"
                    yield Finding(board, panel, "field-name", message)
            known |= set(options.get("renameByName", {}).values())
        for override in panel.body.get("fieldConfig", {}).get("overrides", []):
            matcher = override.get("matcher", {})
            if matcher.get("id") == "byName" and matcher.get("options") not in known:
                message = f"an override of {matcher.get('options')!r}, which is no field: {_list(known)}"
                yield Finding(board, panel, "field-name", message)


def _fields(panel: Panel, catalogue: Catalogue) -> set[str] | None:
    """The fields of a table as the data source names them; nothing where that is not known."""
    several = len(panel.targets) > 1
    fields = {"Time"}
    for each in panel.targets:
        try:
            labels = infer(parse(str(each.get("expr"))), catalogue).labels
        except UnreadableError:
            return None
        if labels is None:
            return None
        fields |= labels | {f"Value #{each.get('refId')}" if several else "Value"}
    return fields


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names))


def job_or_instance(board: Board) -> Iterator[Finding]:
    """``target-job``: what every process has says which job; nothing is pinned to one instance."""
    for one, query in _read(board):
        for selector in _without_job(query):
            message = (
                f"{one.where}: {selector.name} comes from every job: match job, or keep it with by (job)"
            )
            yield Finding(one.board, one.panel, "target-job", message)
        for selector in selectors(query):
            for matcher in selector.matchers:
                if matcher.label == "instance" and not matcher.value.startswith("$"):
                    pinned = f"{selector.name} is pinned to instance {matcher.value!r}"
                    message = f"{one.where}: {pinned}; a standby takes over elsewhere"
                    yield Finding(one.board, one.panel, "target-instance", message)


def _without_job(query: Query, kept: bool = True) -> Iterator[Selector]:
    """Yield what has no job to tell by: neither matched, nor left in the answer."""
    match query:
        case Selector():
            matched = any(matcher.label == "job" for matcher in query.matchers)
            if PER_PROCESS.fullmatch(query.name) and not matched and not kept:
                yield query
        case Aggregation(labels=labels, without=without):
            keeps = ("job" in (labels or ())) is not without
            yield from _without_job(query.inner, kept and keeps)
        case Call(arguments=arguments):
            for argument in arguments:
                yield from _without_job(argument, kept)
        case Binary():
            yield from _without_job(query.left, kept)
            yield from _without_job(query.right, kept)


def no_targets_in_queries(board: Board) -> Iterator[Finding]:
    """``hard-coded-target``: a target comes from ``wachtpost_kpi_target``, not from the board."""
    for one, query in _read(board):
        for binary in walk(query):
            if isinstance(binary, Binary) and binary.operator in COMPARISONS:
                for side in (binary.left, binary.right):
                    if (
                        isinstance(side, Number)
                        and side.text not in NO_TARGETS
                        and not side.text.startswith("$")
                    ):
                        message = (
                            f"{one.where}: compares with {side.text}; "
                            "right: wachtpost_kpi_target, or list the panel with a reason"
                        )
                        yield Finding(one.board, one.panel, "hard-coded-target", message)


def known_variables(board: Board) -> Iterator[Finding]:
    """``known-variable``: every ``$variable`` exists, and every variable is used."""
    defined = {str(one.get("name")) for one in board.variables}
    places: list[Panel | None] = [None, *board.panels]
    for panel in places:
        for name in sorted(used_variables(_texts(_own(board, panel))) - defined):
            if not BUILT_IN_VARIABLES.fullmatch(name):
                known = ", ".join(sorted(defined))
                yield Finding(
                    board, panel, "known-variable", f"there is no variable ${name}; there are {known}"
                )
    used = used_variables(_texts(board.body))
    for name in sorted(defined - used):
        yield Finding(board, None, "known-variable", f"nothing uses the variable ${name}")


def _own(board: Board, panel: Panel | None) -> Any:
    """A panel's body, or the board's without its panels."""
    return panel.body if panel else {key: one for key, one in board.body.items() if key != "panels"}


def _texts(value: object) -> str:
    """All strings that Grafana puts variables into; field names such as ``${__field.name}`` are its own."""
    match value:
        case dict():
            return "\n".join(_texts(inner) for inner in value.values())
        case list():
            return "\n".join(map(_texts, value))
        case str():
            return re.sub(r"\$\{__[^}]*\}", "", value)
    return ""


def one_queue_variable(board: Board) -> Iterator[Finding]:
    """``queue-variable``: at most one variable about the queue; "all" of it leaves nothing out."""
    about = [one for one in board.variables if "queue" in f"{one.get('name')} {_label_of(one)}"]
    if [one.get("name") for one in about] not in ([], ["queue"]):
        names = [one.get("name") for one in about]
        yield Finding(
            board, None, "queue-variable", f"one variable for the queue, called 'queue', not {names}"
        )
    for one in about:
        # Without an allValue Grafana lists every queue, which leaves nothing out either.
        said = one.get("allValue")
        if one.get("includeAll") and said not in {None, ".*", ".+"}:
            message = f"allValue of {one.get('name')} is {said!r}; right: '.+', or none"
            yield Finding(board, None, "queue-variable", message)


def _label_of(variable: Mapping[str, Any]) -> str:
    asks = variable_query(variable)
    return asks.label if asks else ""


def parses(boards: Sequence[Board], promtool: str) -> Iterator[Finding]:
    """``promql``: Prometheus' own parser reads every query, and so does ours. One run for all of them."""
    every = [one for board in boards for one in asked(board)]
    for one in every:
        try:
            parse(one.expr)
        except UnreadableError as error:
            yield Finding(one.board, one.panel, "promql", f"{one.where}: {error}")
    faults = promtool_faults([parsable(one) for one in every], promtool)
    for number, fault in faults.items():
        one = every[number]
        yield Finding(one.board, one.panel, "promql", f"{one.where}: {fault}: {one.expr}")


def parsable(one: Asked) -> str:
    """Return a query with something in the place of each variable."""
    values = dict.fromkeys(used_variables(one.expr), "1")
    return substituted(one.expr, {**values, **PARSE_VALUES})


def promtool_faults(queries: Sequence[str], promtool: str) -> dict[int, str]:
    """Return what promtool says of queries, by their number; it reads them as recording rules."""
    lines = ["groups:", "- name: boards", "  rules:"]
    for number, query in enumerate(queries):
        lines += [
            f"  - record: board:query_{number}",
            "    expr: |-",
            *(f"      {line}" for line in query.splitlines()),
        ]
    with tempfile.TemporaryDirectory(prefix="wachtpost-promql-") as folder:
        rules = Path(folder) / "rules.yml"
        rules.write_text("\n".join(lines) + "\n", encoding="utf-8")
        done = subprocess.run(
            [promtool, "check", "rules", str(rules)],
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN,
        )
    said = done.stdout + done.stderr
    faults = {
        int(found[1]) - 1: found[2].strip()
        for found in re.finditer(r"rule (\d+), \"board:query_\d+\": (.+)", said)
    }
    if done.returncode != 0 and not faults:
        raise AssertionError(f"promtool could not read the rules at all: {said}")
    return faults


def find_promtool() -> str | None:
    """Return where promtool is, if it is installed."""
    return shutil.which("promtool")


def _read(board: Board) -> Iterator[tuple[Asked, Query]]:
    """Every query that can be read; what cannot is another rule's finding."""
    for one in asked(board):
        try:
            yield one, parse(one.expr)
        except UnreadableError:
            continue

"""Asks a real Prometheus everything that the boards ask, the way Grafana does, and judges the answers."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.deploy.grafana.files import (
    Board,
    BoardQuery,
    JsonObject,
    Panel,
    of_panels_and_annotations,
    of_variables,
    substituted,
    used_variables,
)

RANGE_S: Final = 30
STEP_S: Final = 1
GRAFANAS: Final = {
    "__interval": "2s",
    "__interval_ms": "2000",
    "__rate_interval": "10s",
    "__range": f"{RANGE_S}s",
    "__range_s": str(RANGE_S),
    "__range_ms": str(RANGE_S * 1000),
}
"""What Grafana's own variables would be on a board that looks back half a minute."""
ALL: Final = "$__all"
MAY_BE_EMPTY: Final[Mapping[tuple[str, int, str], str]] = {
    **{
        (board, panel, refs): why
        for board in ("live", "counters")
        for panel, refs, why in (
            (2, "AB", "who waits longest does so for less than an hour, or for more"),
            (3, "AB", "either somebody has taken all breaches on, or not"),
            (3, "CDE", "a city may never close; else it does so within hours, or on another day"),
            (4, "ABC", "no source may report staff: a queue_log, for one, does not"),
        )
    },
    ("live", 12, "CD"): "from sixty calls on a figure stands without a range",
    ("live", 13, "CD"): "from sixty calls on a figure stands without a range",
    ("live", 14, "B"): "nobody was missed today",
    ("counters", 10, "DE"): "from sixty visits on a figure stands without a range; under five it has none",
    ("appointments", 5, "DE"): "from sixty appointments on a figure stands without a range",
    ("counters", 10, "AC"): "no visits in that window: no figure, which is not zero",
    ("appointments", 5, "C"): "no appointments in that window: no figure",
    ("breaches", 1, "ABC"): "no breach is going on",
    ("breaches", 4, "A"): "no rule began or ceased to be breached",
    ("breaches", 5, "A"): "the city file has no receivers: nobody is told, so nothing is counted",
    ("breaches", 6, "AB"): "nothing was sent lately",
    ("policy", 4, "BCD"): "in the first days of a month there is too little to go by for a projection",
    ("policy", 7, "A"): "a city's series need not break anywhere",
    ("pipeline", 3, "A"): "no alarm fires, and this Prometheus may not have our rules",
    ("pipeline", 12, "C"): "no source is a queue_log",
    ("pipeline", 14, "A"): "the city file has no receivers: nobody is told, so nothing is counted",
}
"""Board, panel and queries that may rightly have no answer on a system that was just fed, and why."""
FAMILIES: Final = {"redis_": "redis", "node_": "node", "alertmanager_": "alertmanager", "grafana_": "grafana"}
"""Series of others, and the job that has them."""


@dataclass(frozen=True)
class Answered:
    """One query with what became of it."""

    asked: BoardQuery
    query: str
    error: str = ""
    series: int = 0
    """How many series have a value; a series of NaN shows nothing."""
    values: frozenset[float] = frozenset()
    """The values that occur."""
    labels: frozenset[str] = frozenset()
    """The labels that occur."""


class Prometheus:
    """The HTTP API of a Prometheus, as Grafana uses it. Every query is asked once."""

    def __init__(self, client: httpx.Client, now: float) -> None:
        self._client = client
        self._now = now
        self._known: dict[tuple[str, str], JsonObject] = {}

    @property
    def executed(self) -> int:
        """How many different queries were asked."""
        return len(self._known)

    def instant(self, query: str) -> JsonObject:
        """Return the API's answer about now."""
        return self._get("query", query, {"query": query, "time": self._now})

    def over_time(self, query: str) -> JsonObject:
        """Return the API's answer about the last moments, step by step."""
        span = {"start": self._now - RANGE_S, "end": self._now, "step": STEP_S}
        return self._get("query_range", query, {"query": query, **span})

    def _get(self, path: str, query: str, parameters: Mapping[str, str | float]) -> JsonObject:
        if (path, query) not in self._known:
            self._known[path, query] = self._client.get(f"/api/v1/{path}", params=dict(parameters)).json()
        return self._known[path, query]


def ask_everything(boards: Sequence[Board], prometheus: Prometheus) -> list[Answered]:
    """Return the answers to every target, variable and annotation of every board."""
    return [one for board in boards for one in _ask_board(board, prometheus)]


def _ask_board(board: Board, prometheus: Prometheus) -> Iterator[Answered]:
    opened = _opened(board, prometheus)
    yield from opened.variables
    for one in of_panels_and_annotations(board):
        query = substituted(one.expr, opened.values)
        yield _judged(one, query, _answer(one, query, prometheus))


def ask_panels(board: Board, prometheus: Prometheus) -> Iterator[tuple[Panel, Mapping[str, JsonObject]]]:
    """Yield every panel of a board with the API's answers to its queries, by ``refId``; one that is repeated
    for every queue as it is for the first."""
    opened = _opened(board, prometheus)
    asked = list(of_panels_and_annotations(board))
    for panel in board.panels:
        one_of = {name: found[0] for name, found in opened.found.items() if found and panel.repeats == name}
        answers = {
            one.where: _answer(one, substituted(one.expr, {**opened.values, **one_of}), prometheus)
            for one in asked
            if one.panel is not None and one.panel.id == panel.id
        }
        yield panel, answers


@dataclass(frozen=True)
class _Opened:
    """What a board's variables are when it is opened."""

    values: Mapping[str, str]
    found: Mapping[str, Sequence[str]]
    """What there is to choose from."""
    variables: Sequence[Answered]


def _opened(board: Board, prometheus: Prometheus) -> _Opened:
    values, choices, answered = dict(GRAFANAS), {}, []
    variables = {f"variable {one['name']}": one for one in board.variables}
    for one in of_variables(board):
        variable = variables[one.where]
        query = substituted(one.expr, values)
        answer = prometheus.instant(query)
        found = chosen_by_regex([_as_text(series) for series in _series(answer)], variable["regex"])
        values[variable["name"]] = as_grafana_opens(variable, found)
        choices[variable["name"]] = found
        answered.append(Answered(one, query, _error(answer), len(found)))
    return _Opened(values, choices, answered)


def _answer(one: BoardQuery, query: str, prometheus: Prometheus) -> JsonObject:
    return prometheus.instant(query) if one.instant else prometheus.over_time(query)


def chosen_by_regex(texts: Sequence[str], regex: str) -> list[str]:
    """Return the values that a variable's regex takes from what came back, as Grafana does."""
    # As in JavaScript: between slashes, and names of groups without the P.
    pattern = re.compile(re.sub(r"^/(.*)/g$", r"\1", regex).replace("(?<", "(?P<"))
    found = [match["value"] for text in texts for match in pattern.finditer(text) if match["value"]]
    return list(dict.fromkeys(found))


def as_grafana_opens(variable: JsonObject, found: Sequence[str]) -> str:
    """Return what a query variable is when its board is opened: all, or the first there is."""
    if variable.get("current", {}).get("value") == [ALL]:
        return f"({'|'.join(map(escaped, found))})"
    return found[0] if found else ""


def escaped(value: str) -> str:
    """Return a value as Grafana writes it into a regular expression inside a string of PromQL."""
    return re.sub(r"[$^*{}\[\]'+?.()|\\]", r"\\\\\g<0>", value)


def _as_text(series: JsonObject) -> str:
    """A series as Grafana writes it for ``query_result``."""
    labels = {name: value for name, value in series.get("metric", {}).items() if name != "__name__"}
    inside = ",".join(f'{name}="{value}"' for name, value in labels.items())
    at, value = series["value"]
    return f"{series.get('metric', {}).get('__name__', '')}{{{inside}}} {value} {at * 1000}"


def _judged(one: BoardQuery, query: str, answer: JsonObject) -> Answered:
    found = _series(answer)
    values = frozenset(value for series in found for value in _values(series))
    labels = frozenset(label for series in found for label in series.get("metric", {}))
    return Answered(one, query, _error(answer), sum(map(_has_value, found)), values, labels)


def _error(answer: JsonObject) -> str:
    return "" if answer["status"] == "success" else str(answer.get("error", answer))


def failures(answers: Iterable[Answered]) -> list[str]:
    """Return the queries that Prometheus refused, each with its reason."""
    return [f"{one.asked}: {one.error}\n      {' '.join(one.query.split())}" for one in answers if one.error]


def empties(answers: Iterable[Answered], jobs: Mapping[str, bool]) -> tuple[list[Answered], list[Answered]]:
    """Return the queries that brought nothing: those that should have, and those about an absent job."""
    empty = [one for one in answers if not one.error and one.series == 0]
    absent = [one for one in empty if _about_absent(one, jobs)]
    return [one for one in empty if one not in absent], absent


def left_out(answers: Iterable[Answered]) -> list[str]:
    """Return variables that were not filled in: Prometheus would read them as they stand."""
    return sorted({f"{one.asked}: ${name}" for one in answers for name in used_variables(one.query)})


def without_a_word(answers: Iterable[Answered]) -> list[str]:
    """Return the states that occur and that their panel, which has words for others, has none for."""
    return [
        f"{one.asked}: {value:g}"
        for one in answers
        if one.asked.panel is not None and one.asked.panel.mappings
        if one.asked.panel.type == "state-timeline"
        for value in sorted(one.values)
        if not any(f"{value:g}" in mapping["options"] for mapping in one.asked.panel.mappings)
    ]


def _about_absent(one: Answered, jobs: Mapping[str, bool]) -> bool:
    """Whether a query is only about series of a job that nobody runs here."""
    families = [job for prefix, job in FAMILIES.items() if re.search(rf"\b{prefix}\w+", one.query)]
    return bool(families) and "wachtpost_" not in one.query and not any(jobs.get(job) for job in families)


def unknown_labels(answers: Iterable[Answered]) -> Iterator[str]:
    """Yield what a legend or a table asks of an answer that the answer does not have."""
    by_panel: dict[tuple[str, int | None], list[Answered]] = defaultdict(list)
    for one in answers:
        if one.asked.panel is not None:
            by_panel[str(one.asked.board), one.asked.panel.id].append(one)
            missing = set(LEGEND_LABEL.findall(one.asked.legend)) - one.labels
            if missing and one.series:
                yield f"{one.asked}: its legend names {', '.join(sorted(missing))}"
    for of_panel in by_panel.values():
        if all(one.series for one in of_panel):
            yield from _unknown_fields(of_panel)


def _unknown_fields(answers: Sequence[Answered]) -> Iterator[str]:
    """What a table renames, hides, orders or overrides is a field that it has."""
    panel = answers[0].asked.panel
    known = {"Time", "Value", *(label for one in answers for label in one.labels)}
    # A label that is kept but empty in all of them (an alarm without a job) is in no answer.
    known |= {
        label for one in answers for kept in KEPT.findall(one.asked.expr) for label in NAME.findall(kept)
    }
    if len(answers) > 1:
        known = (known - {"Value"}) | {f"Value #{one.asked.where}" for one in answers}
    if panel is None or panel.type != "table":
        return
    for each in panel.transformations:
        if each["id"] == "groupingToMatrix":
            return  # its columns are what the answers say
        options = each["options"]
        named = {name for key in FIELD_KEYS for name in options.get(key, {})}
        yield from (f"{answers[0].asked}: no field {name!r}" for name in sorted(named - known))
        known |= set(options.get("renameByName", {}).values())
    for override in panel.body["fieldConfig"]["overrides"]:
        if override["matcher"]["id"] == "byName" and override["matcher"]["options"] not in known:
            yield f"{answers[0].asked}: no field {override['matcher']['options']!r} to override"


FIELD_KEYS: Final = ("renameByName", "excludeByName", "indexByName", "includeByName")
KEPT: Final = re.compile(r"\bby \(([^)]*)\)")
NAME: Final = re.compile(r"\w+")
LEGEND_LABEL: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def _series(answer: JsonObject) -> list[Any]:
    """A vector's or matrix' series; a scalar and a string are one."""
    data = answer.get("data")
    if not isinstance(data, dict):
        return []
    if data["resultType"] in {"scalar", "string"}:
        return [{"value": data["result"]}]
    result: list[Any] = data["result"]
    return result


def _has_value(series: JsonObject) -> bool:
    return bool(series.get("histograms") or series.get("histogram") or _values(series))


def _values(series: JsonObject) -> list[float]:
    """The values of a series that are numbers."""
    points = series["values"] if "values" in series else [series["value"]] if "value" in series else []
    return [number for _, value in points if not math.isnan(number := float(value))]

"""The boards as files: dashboards, their panels and what they ask Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from deploy.grafana.words import LANGUAGES

ROOT: Final = Path(__file__).resolve().parents[3]
BOARDS: Final = ROOT / "deploy" / "grafana" / "boards"

JsonObject: TypeAlias = dict[str, Any]
"""Whatever a file holds: a check of it may assume nothing."""


@dataclass(frozen=True)
class Panel:
    """One panel, or a row."""

    body: JsonObject

    @property
    def id(self) -> int | None:
        value = self.body.get("id")
        return value if isinstance(value, int) else None

    @property
    def title(self) -> str:
        return str(self.body.get("title", ""))

    @property
    def type(self) -> str:
        return str(self.body.get("type", ""))

    @property
    def targets(self) -> list[JsonObject]:
        return _objects(self.body.get("targets"))

    @property
    def defaults(self) -> JsonObject:
        return _object(_object(self.body.get("fieldConfig")).get("defaults"))

    @property
    def custom(self) -> JsonObject:
        return _object(self.defaults.get("custom"))

    @property
    def options(self) -> JsonObject:
        return _object(self.body.get("options"))

    @property
    def transformations(self) -> list[JsonObject]:
        return _objects(self.body.get("transformations"))

    def overridden(self, name: str) -> list[Any]:
        """Return the values that overrides give a property."""
        overrides = _objects(_object(self.body.get("fieldConfig")).get("overrides"))
        properties = [one for override in overrides for one in _objects(override.get("properties"))]
        return [one.get("value") for one in properties if one.get("id") == name]

    def everywhere(self, name: str) -> list[Any]:
        """Return what the defaults and every override say of a property."""
        own = [self.defaults[name]] if name in self.defaults else []
        return [*own, *self.overridden(name)]

    @property
    def mappings(self) -> list[JsonObject]:
        return [mapping for one in self.everywhere("mappings") for mapping in _objects(one)]


@dataclass(frozen=True)
class Board:
    """One dashboard in one language."""

    name: str
    language: str
    body: JsonObject

    def __str__(self) -> str:
        return f"{self.language}/{self.name}"

    @property
    def uid(self) -> str:
        return str(self.body.get("uid", ""))

    @property
    def panels(self) -> list[Panel]:
        """All panels, rows included; those in a collapsed row come after it."""
        return list(_panels(self.body))

    @property
    def variables(self) -> list[JsonObject]:
        return _objects(_object(self.body.get("templating")).get("list"))

    @property
    def annotations(self) -> list[JsonObject]:
        return _objects(_object(self.body.get("annotations")).get("list"))


@dataclass(frozen=True)
class Asked:
    """A query of a board, and where it stands."""

    board: Board
    panel: Panel | None
    where: str
    """``A``, ``variable queue``, ``annotation Breaches``."""
    expr: str
    instant: bool
    legend: str = ""

    def __str__(self) -> str:
        panel = f' panel {self.panel.id} "{self.panel.title}"' if self.panel else ""
        return f"{self.board}{panel} {self.where}"


_VARIABLE_QUERY: Final = re.compile(
    r"^(?:label_values\((?:(?P<series>.+),)?\s*(?P<label>\w+)\s*\)|query_result\((?P<query>.+)\))$", re.DOTALL
)
_USED: Final = re.compile(r"\$(?:\{([^\W\d]\w*)(?::\w+)?\}|([^\W\d]\w*))|\[\[([^\W\d]\w*)\]\]")
"""``$1`` is no variable: it is what ``label_replace`` has found."""


@dataclass(frozen=True)
class VariableQuery:
    """What a variable asks for: the values of a label, or the answer to a query."""

    expr: str
    """The series that have the label, or the query; empty: every series."""
    label: str = ""


def read_boards(folder: Path = BOARDS) -> list[Board]:
    """Return every board there is, sorted by language and name. Raises ``ValueError`` for what is no JSON."""
    return [
        Board(file.stem, language, json.loads(file.read_text(encoding="utf-8")))
        for language in LANGUAGES
        for file in sorted((folder / language).glob("*.json"))
    ]


def asked(board: Board) -> Iterator[Asked]:
    """Yield every query of a board that goes to Prometheus: panels, variables, annotations."""
    for panel in board.panels:
        for target in panel.targets:
            if isinstance(target.get("expr"), str):
                legend = str(target.get("legendFormat", ""))
                instant = bool(target.get("instant")) and not target.get("range")
                yield Asked(board, panel, str(target.get("refId", "?")), target["expr"], instant, legend)
    for variable in board.variables:
        query = variable_query(variable)
        if query is not None and query.expr:
            yield Asked(board, None, f"variable {variable.get('name')}", query.expr, instant=True)
    for annotation in board.annotations:
        target = _object(annotation.get("target"))
        expr = annotation.get("expr") or target.get("expr")
        if isinstance(expr, str):
            yield Asked(board, None, f"annotation {annotation.get('name')}", expr, instant=False)


def variable_query(variable: Mapping[str, Any]) -> VariableQuery | None:
    """Return what a query variable asks Prometheus; nothing for other kinds of variables."""
    if variable.get("type") != "query":
        return None
    query = variable.get("query")
    text = query.get("query", "") if isinstance(query, dict) else query
    found = _VARIABLE_QUERY.match(str(text).strip())
    if found is None:
        return VariableQuery(str(text))
    return VariableQuery((found["series"] or found["query"] or "").strip(), found["label"] or "")


def used_variables(text: str) -> set[str]:
    """Return the variables that a text refers to, Grafana's own included."""
    return {next(name for name in found if name) for found in _USED.findall(text)}


def substituted(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its variables replaced; unknown ones stay."""

    def value(found: re.Match[str]) -> str:
        name = next(one for one in found.groups() if one)
        return values.get(name, found.group())

    return _USED.sub(value, text)


def strings(value: Any, *keys: str) -> Iterator[str]:
    """Yield every string that stands under one of these keys, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in keys and isinstance(inner, str):
                yield inner
            else:
                yield from strings(inner, *keys)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, *keys)


def _panels(body: JsonObject) -> Iterator[Panel]:
    for panel in _objects(body.get("panels")):
        yield Panel(panel)
        yield from _panels(panel)


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[JsonObject]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []

"""The boards as files: dashboards, their panels and what they ask Prometheus."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from deploy.grafana.every import written
from shared.config.model import CityFile
from shared.contract.kpis import Kpi
from shared.translation import languages

ROOT: Final = Path(__file__).resolve().parents[3]
CITY_FILE: Final = ROOT / "examples" / "lier" / "city.toml"
BOARDS: Final = ROOT / "deploy" / "grafana" / "boards"

JsonObject: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Panel:
    """One panel of a board."""

    body: JsonObject

    @property
    def id(self) -> int:
        return int(self.body["id"])

    @property
    def title(self) -> str:
        return str(self.body["title"])

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def repeats(self) -> str:
        """The variable for each value of which it is there once; empty for one that is there once."""
        return str(self.body.get("repeat") or "")

    @property
    def targets(self) -> list[JsonObject]:
        return list(self.body["targets"])

    @property
    def defaults(self) -> JsonObject:
        found: JsonObject = self.body["fieldConfig"]["defaults"]
        return found

    @property
    def options(self) -> JsonObject:
        found: JsonObject = self.body["options"]
        return found

    @property
    def transformations(self) -> list[JsonObject]:
        return list(self.body.get("transformations", ()))

    def everywhere(self, name: str) -> list[Any]:
        """Return what the defaults and every override say of a property."""
        own = [self.defaults[name]] if name in self.defaults else []
        settings = [one for each in self.body["fieldConfig"]["overrides"] for one in each["properties"]]
        return [*own, *(one["value"] for one in settings if one["id"] == name)]

    @property
    def mappings(self) -> list[JsonObject]:
        return [mapping for one in self.everywhere("mappings") for mapping in one]


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
        return str(self.body["uid"])

    @property
    def panels(self) -> list[Panel]:
        return [Panel(panel) for panel in self.body["panels"]]

    @property
    def variables(self) -> list[JsonObject]:
        return list(self.body["templating"]["list"])

    @property
    def annotations(self) -> list[JsonObject]:
        return list(self.body["annotations"]["list"])


@dataclass(frozen=True)
class BoardQuery:
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


_USED: Final = re.compile(r"\$(?:\{([^\W\d]\w*)(?::\w+)?\}|([^\W\d]\w*))")
"""``$1`` is no variable: it is what ``label_replace`` has found."""


def read_boards(folder: Path = BOARDS) -> list[Board]:
    """Return every board there is, sorted by language and name. Raises ``ValueError`` for what is no JSON."""
    return [
        Board(file.stem, language, json.loads(file.read_text(encoding="utf-8")))
        for language in languages()
        for file in sorted((folder / language).glob("*.json"))
    ]


def boards_looking_back(*windows: str) -> list[Board]:
    """Return Lier's boards as ``wachtpost boards build`` would write them, had it these windows."""
    document = tomllib.loads(CITY_FILE.read_text(encoding="utf-8"))
    document |= {"live": {"windows": list(windows)}, "rules": [], "history": {}}
    files = sorted(written(CityFile.model_validate(document)).items())
    return [Board(path.stem, path.parent.name, json.loads(text)) for path, text in files]


def boards_promising_everything() -> list[Board]:
    """Return Lier's boards, had it a target for every KPI."""
    document = tomllib.loads(CITY_FILE.read_text(encoding="utf-8"))
    known = {target["kpi"] for target in document["targets"]}
    document["targets"] += [{"kpi": kpi, "limit": 0.5} for kpi in Kpi if kpi not in known]
    files = sorted(written(CityFile.model_validate(document | {"history": {}})).items())
    return [Board(path.stem, path.parent.name, json.loads(text)) for path, text in files]


def of_variables(board: Board) -> Iterator[BoardQuery]:
    """Yield what a board's variables ask, in the order in which they need each other."""
    for variable in board.variables:
        if variable["type"] == "query":
            expr = str(variable["query"]["query"]).removeprefix("query_result(").removesuffix(")")
            yield BoardQuery(board, None, f"variable {variable['name']}", expr, instant=True)


def of_panels_and_annotations(board: Board) -> Iterator[BoardQuery]:
    """Yield what a board asks Prometheus once its variables are known."""
    for panel in board.panels:
        for one in panel.targets:
            instant = bool(one["instant"]) and not one["range"]
            yield BoardQuery(board, panel, one["refId"], one["expr"], instant, one["legendFormat"])
    for annotation in board.annotations:
        expr = annotation.get("target", {}).get("expr")
        if expr is not None:
            yield BoardQuery(board, None, f"annotation {annotation['name']}", expr, instant=False)


def asked(board: Board) -> Iterator[BoardQuery]:
    """Yield every query of a board."""
    yield from of_variables(board)
    yield from of_panels_and_annotations(board)


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

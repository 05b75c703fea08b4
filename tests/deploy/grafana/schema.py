"""Boards against Grafana 12.3's own types (``schema/``), and what the types leave open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # ships no types
from jsonschema.exceptions import ValidationError, best_match  # type: ignore[import-untyped]

from tests.deploy.grafana.files import Board, JsonObject, Panel, strings
from tests.deploy.grafana.finding import Finding

SCHEMAS: Final = Path(__file__).with_name("schema")
SCHEMA_VERSION: Final = 42
"""Of Grafana 12.3, and the last of the classic dashboard: older ones are migrated when opened."""
GRAFANA: Final = "12.3.0"
LONGEST_UID: Final = 40

STANDARD: Final = frozenset(
    [
        "actions",
        "color",
        "decimals",
        "description",
        "displayName",
        "filterable",
        "links",
        "mappings",
        "max",
        "min",
        "noValue",
        "thresholds",
        "unit",
    ]
)
"""What an override may set besides ``custom.…``."""
OWN_UNIT: Final = ("suffix:", "prefix:", "time:", "si:", "count:", "currency:", "bool:")
"""Units that a board makes up itself."""


def check(board: Board) -> Iterator[Finding]:
    """Yield where a board is not what Grafana 12.3 understands."""
    yield from _faults(board, None, "dashboard.json", board.body, "Board")
    yield from _envelope(board)
    for panel in board.panels:
        if panel.type == "row":
            yield from _faults(board, panel, "dashboard.json", panel.body, "RowPanel")
        else:
            yield from _faults(board, panel, "dashboard.json", panel.body, "Panel")
            yield from _panel(board, panel)
    for annotation in board.annotations:
        if annotation.get("target") and annotation.get("datasource", {}).get("type") == "prometheus":
            name = f"annotation {annotation.get('name')}"
            yield from _faults(board, None, "prometheus-query.json", _query_of(annotation), where=name)


def _query_of(annotation: JsonObject) -> JsonObject:
    """An annotation's query; the data source stands beside it."""
    return {"datasource": annotation["datasource"], **annotation["target"]}


def panel_types() -> list[str]:
    """Return the types of panels that there are schemas for."""
    return sorted(file.stem.removeprefix("panel-") for file in SCHEMAS.glob("panel-*.json"))


def names(kind: str) -> frozenset[str]:
    """Return the names that Grafana knows: matchers, reducers, transformations or units."""
    return frozenset(_read("names.json")[kind])


def _envelope(board: Board) -> Iterator[Finding]:
    body = board.body
    if body.get("id", "absent") is not None:
        yield Finding(
            board, None, "id", f"id is {body.get('id', 'absent')!r}; a file's id is null, or it clashes"
        )
    if body.get("schemaVersion") != SCHEMA_VERSION:
        said = body.get("schemaVersion")
        yield Finding(
            board,
            None,
            "schema-version",
            f"schemaVersion is {said!r}; Grafana {GRAFANA} writes {SCHEMA_VERSION}",
        )
    if not 0 < len(board.uid) <= LONGEST_UID:
        yield Finding(board, None, "uid-length", f"uid {board.uid!r} must have 1 to {LONGEST_UID} characters")


def _panel(board: Board, panel: Panel) -> Iterator[Finding]:
    if panel.type not in panel_types():
        known = ", ".join(panel_types())
        yield Finding(board, panel, "panel-type", f"there is no schema for {panel.type!r}, only for {known}")
        return
    if panel.body.get("pluginVersion") != GRAFANA:
        said = panel.body.get("pluginVersion")
        yield Finding(
            board, panel, "plugin-version", f"pluginVersion is {said!r}; {GRAFANA} saves Grafana a migration"
        )
    file = f"panel-{panel.type}.json"
    yield from _faults(board, panel, file, panel.options, "options", "options")
    yield from _custom(board, panel)
    yield from _overrides(board, panel)
    yield from _targets(board, panel)
    yield from _transformations(board, panel)
    yield from _reducers(board, panel)


def _custom(board: Board, panel: Panel) -> Iterator[Finding]:
    file = f"panel-{panel.type}.json"
    if "custom" in _read(file):
        yield from _faults(board, panel, file, panel.custom, "custom", "fieldConfig.defaults.custom")
    elif panel.custom:
        yield Finding(
            board, panel, "schema", f"a {panel.type} has no custom field settings: {sorted(panel.custom)}"
        )


def _overrides(board: Board, panel: Panel) -> Iterator[Finding]:
    overrides = panel.body.get("fieldConfig", {}).get("overrides", [])
    for number, override in enumerate(overrides):
        where = f"fieldConfig.overrides[{number}]"
        matcher = override.get("matcher", {}).get("id")
        if matcher not in names("matchers"):
            yield Finding(board, panel, "matcher", f"{where}: Grafana has no field matcher {matcher!r}")
        for each in override.get("properties", []):
            yield from _property(board, panel, where, str(each.get("id")), each.get("value"))


def _property(board: Board, panel: Panel, where: str, name: str, value: Any) -> Iterator[Finding]:
    """An override's property is a piece of the field configuration: judged as if it stood there."""
    place = f"{where}.{name}"
    if name.startswith("custom."):
        nested = value
        for step in reversed(name.split(".")[1:]):
            nested = {step: nested}
        file = f"panel-{panel.type}.json"
        if "custom" in _read(file):
            yield from _faults(board, panel, file, nested, "custom", place)
        else:
            yield Finding(board, panel, "schema", f"{place}: a {panel.type} has no custom field settings")
    elif name in STANDARD:
        yield from _faults(board, panel, "dashboard.json", {name: value}, "FieldConfig", place)
    else:
        known = ", ".join(sorted(STANDARD))
        yield Finding(board, panel, "override", f"{place}: no such property; there are custom.… and {known}")


def _targets(board: Board, panel: Panel) -> Iterator[Finding]:
    refs = [str(target.get("refId")) for target in panel.targets]
    for ref in sorted({ref for ref in refs if refs.count(ref) > 1}):
        yield Finding(
            board,
            panel,
            "ref-id",
            f"refId {ref} occurs {refs.count(ref)} times; one answer would hide the other",
        )
    for target in panel.targets:
        if target.get("datasource", {}).get("type") == "prometheus":
            yield from _faults(
                board, panel, "prometheus-query.json", target, where=f"target {target.get('refId')}"
            )
            if target.get("instant") and target.get("range"):
                yield Finding(
                    board, panel, "schema", f"target {target.get('refId')}: instant and range at once"
                )


def _transformations(board: Board, panel: Panel) -> Iterator[Finding]:
    for each in panel.transformations:
        if each.get("id") not in names("transformations"):
            yield Finding(
                board, panel, "transformation", f"Grafana {GRAFANA} has no transformation {each.get('id')!r}"
            )


def _reducers(board: Board, panel: Panel) -> Iterator[Finding]:
    calcs = [
        *panel.options.get("reduceOptions", {}).get("calcs", []),
        *panel.options.get("legend", {}).get("calcs", []),
    ]
    for calc in calcs:
        if calc not in names("reducers"):
            yield Finding(board, panel, "reducer", f"Grafana {GRAFANA} has no calculation {calc!r}")


def units(board: Board, panel: Panel) -> Iterator[Finding]:
    """Yield the units that Grafana does not know: it would show them as they stand."""
    for unit in strings(panel.body, "unit"):
        if unit not in names("units") and not unit.startswith(OWN_UNIT):
            yield Finding(
                board, panel, "unit", f"Grafana knows no unit {unit!r}; one of its own begins with suffix:"
            )
    for override in panel.overridden("unit"):
        if isinstance(override, str) and override not in names("units") and not override.startswith(OWN_UNIT):
            yield Finding(
                board,
                panel,
                "unit",
                f"Grafana knows no unit {override!r}; one of its own begins with suffix:",
            )


def _faults(
    board: Board, panel: Panel | None, file: str, value: object, definition: str = "", where: str = ""
) -> Iterator[Finding]:
    for error in _validator(file, definition).iter_errors(value):
        yield Finding(board, panel, "schema", _told(error, where))


def _told(error: ValidationError, where: str) -> str:
    closest = best_match([error]) or error
    path = ".".join(str(step) for step in closest.absolute_path)
    place = ".".join(step for step in (where, path) if step)
    return f"{place or 'the top'}: {closest.message}"[:400]


@cache
def _read(file: str) -> JsonObject:
    value: JsonObject = json.loads((SCHEMAS / file).read_text(encoding="utf-8"))
    return value


@cache
def _validator(file: str, definition: str) -> Draft7Validator:
    schema = _read(file)
    if definition in {"options", "custom"}:
        schema = schema[definition]
    elif definition:
        schema = {**schema, "$ref": f"#/definitions/{definition}"}
    return Draft7Validator(schema)

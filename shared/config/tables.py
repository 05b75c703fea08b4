"""What a TOML file says where: its plain tables, the lines of its keys, and what the model expects there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from types import UnionType
from typing import Annotated, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag

LARGEST: Final = 1e300
"""Any real limit is smaller; a longer number does not fit a float."""

ENDINGS: Final = ("]", '"""', "'''")
"""What the last line of a statement over several lines has in it: others need no trial.
An inline table is on one line (TOML 1.0)."""

KeyPath = tuple[str | int, ...]
Table = Mapping[str, object]

# --- plain tables: what has the wrong shape is not there ----------------------------------------------


def tables_in(table: Table, key: str) -> list[tuple[int, Table]]:
    """The tables of a list, each with its place in the list."""
    found = table.get(key)
    if not isinstance(found, list):
        return []
    return [(number, item) for number, item in enumerate(found) if isinstance(item, dict)]


def table_in(table: Table, key: str) -> Table:
    found = table.get(key)
    return found if isinstance(found, dict) else {}


def text_in(table: Table, key: str, default: str | None = None) -> str | None:
    value = table.get(key, default)
    return value.strip() if isinstance(value, str) else None


def number_in(table: Table, key: str) -> float | None:
    """A number that a limit can be; TOML also knows ``nan``, ``inf`` and numbers of any length."""
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return None
    return float(value)


def texts_at(table: Table, pattern: str) -> Iterator[tuple[KeyPath, str]]:
    """The texts that stand at a pattern such as ``sites.*.queues.*.hours``, each with its place.

    ``*`` is every item of a list; as the last step also every value of a table.
    """
    yield from _texts(table, pattern.split("."))


def _texts(value: object, steps: Sequence[str]) -> Iterator[tuple[KeyPath, str]]:
    if not steps:
        if isinstance(value, str):
            yield (), value.strip()
        return
    step, *rest = steps
    found: list[tuple[str | int, object]] = []
    if step == "*" and isinstance(value, list):
        found = list(enumerate(value))
    elif isinstance(value, dict):
        found = [(key, inner) for key, inner in value.items() if key == step or (step == "*" and not rest)]
    for key, inner in found:
        yield from (((key, *path), text) for path, text in _texts(inner, rest))


# --- on which line a key stands: tomllib reads values but forgets where they were ---------------------


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line, from 1, of every key, table and list item of a valid TOML text.

    A statement ends where ``tomllib`` takes it, so there is no second reading of TOML's grammar. An item
    of a list over several lines has the line on which it ends.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    found: dict[KeyPath, int] = {}
    last_item: dict[KeyPath, int] = {}
    here: KeyPath = ()
    number = 0
    while number < len(lines):
        length, table = _statement(lines[number:])
        if lines[number].lstrip().startswith("["):
            here = _enter(table, last_item)
            for depth in range(1, len(here) + 1):
                found.setdefault(here[:depth], number + 1)
        else:
            for path, offset in _paths(lines[number : number + length], table):
                found.setdefault((*here, *path), number + 1 + offset)
        number += length
    return found


def _statement(lines: list[str]) -> tuple[int, dict[str, object]]:
    """The lines that the first statement takes, and what it says."""
    for length, line in enumerate(lines, 1):
        if length == 1 or any(ending in line for ending in ENDINGS):
            table = _parsed("\n".join(lines[:length]))
            if table is not None:
                return length, table
    return len(lines), {}


def _parsed(text: str) -> dict[str, object] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _enter(header: dict[str, object], last_item: dict[KeyPath, int]) -> KeyPath:
    """Where a ``[table]`` or ``[[item]]`` leads, seen from the items that came before it."""
    path: KeyPath = ()
    inner: object = header
    while isinstance(inner, dict) and inner:
        key, inner = next(iter(inner.items()))
        path = (*path, key)
        if isinstance(inner, list):
            last_item[path] = last_item.get(path, -1) + 1
        if path in last_item:
            path = (*path, last_item[path])
    return path


def _paths(lines: list[str], table: dict[str, object]) -> Iterator[tuple[KeyPath, int]]:
    """Every key and item of a statement, with the offset of its line: the first time that it is named."""
    path, value = _leaf(table)
    if isinstance(value, list) and len(lines) > 1:
        yield from (((*path, *item), offset) for item, offset in _items(lines))
    yield from ((inner, 0) for inner in _inside(table) if inner)


def _items(lines: list[str]) -> Iterator[tuple[KeyPath, int]]:
    """The items of a list over several lines: whenever what came since the last one closes by itself.

    Finds nothing more where a line starts with the comma; those items get the line of the list.
    """
    seen = 0
    since: list[str] = []
    for offset, line in enumerate(lines):
        since.append(line)
        end = [] if offset == len(lines) - 1 else ["]"]
        _, items = _leaf(_parsed("\n".join(since + end)))
        if isinstance(items, list):
            for number, item in enumerate(items, seen):
                yield from (((number, *rest), offset) for rest in _inside(item))
            seen += len(items)
            since = ["items = ["]


def _leaf(value: object) -> tuple[KeyPath, object]:
    path: KeyPath = ()
    while isinstance(value, dict) and len(value) == 1:
        key, value = next(iter(value.items()))
        path = (*path, key)
    return path, value


def _inside(value: object) -> Iterator[KeyPath]:
    yield ()
    pairs: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    for key, inner in pairs:
        yield from ((key, *rest) for rest in _inside(inner))


# --- what the model expects at a place: which keys, which choices, lists or tables of what ------------


def expected(model: type[BaseModel], loc: KeyPath) -> object:
    """The annotation of the model at a location of pydantic's."""
    annotation: object = model
    for step in loc:
        annotation = step_into(annotation, step)
    return annotation


def step_into(annotation: object, step: str | int) -> object:
    """What stands one key, item or union tag further; ``None`` where the model has no such thing."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return step_into(inner[0], step)
    if origin in {tuple, frozenset}:
        return inner[0]
    if origin is dict:
        return inner[0] if step == "[key]" else inner[1]
    if origin in {Union, UnionType}:
        sections = list(models(annotation))
        if len(sections) == 1 and step in sections[0].model_fields:  # a section that may be left out
            return step_into(sections[0], step)
        return next((model for model in sections if step in kinds(model)), _tagged(annotation, step))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and step in annotation.model_fields:
        return annotation.model_fields[str(step)].annotation
    return None


def _tagged(annotation: object, step: str | int) -> object:
    """The section of a union that has a tag; the union when none has."""
    tags = {tag.tag: inner for inner in get_args(annotation) for tag in _tags(inner)}
    return tags.get(str(step), annotation)


def _tags(annotation: object) -> Iterator[Tag]:
    yield from (tag for tag in get_args(annotation) if isinstance(tag, Tag))


def models(annotation: object) -> Iterator[type[BaseModel]]:
    """The sections that an annotation allows here, or as items of a list here."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not dict:
        for inner in get_args(annotation):
            yield from models(inner)


def fields(annotation: object) -> tuple[str, ...]:
    """The keys that the sections of an annotation have."""
    return tuple(key for model in models(annotation) for key in model.model_fields)


def kinds(annotation: object) -> tuple[str, ...]:
    """The values of ``kind`` that tell the sections of a union apart."""
    tags = (model.model_fields.get("kind") for model in models(annotation))
    return tuple(choice for tag in tags if tag is not None for choice in choices(tag.annotation))


def choices(annotation: object) -> Iterator[str]:
    """The words that an annotation allows, when it allows only some."""
    if get_origin(annotation) is Literal:
        yield from (str(choice) for choice in get_args(annotation))
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (str(member.value) for member in annotation)
    else:
        for inner in get_args(annotation):
            yield from choices(inner)

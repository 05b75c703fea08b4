"""On which line of a TOML file a key stands: ``tomllib`` reads values but forgets where they were."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Final

from shared.config.references import KeyPath

ENDINGS: Final = ("]", '"""', "'''")
"""What the last line of a statement over several lines has in it: others need no trial.
An inline table is on one line (TOML 1.0)."""


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

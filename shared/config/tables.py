"""Reading the plain tables of a city file without stumbling: what has the wrong shape is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

LARGEST: Final = 1e300
"""Any real limit is smaller; a longer number does not fit a float."""

KeyPath = tuple[str | int, ...]
Table = Mapping[str, object]


def tables_in(table: Table, key: str) -> list[tuple[int, Table]]:
    """The tables of a list, each with its place in the list."""
    found = table.get(key)
    if not isinstance(found, list):
        return []
    return [(number, item) for number, item in enumerate(found) if isinstance(item, dict)]


def table_in(table: Table, key: str) -> Table:
    found = table.get(key)
    return found if isinstance(found, dict) else {}


def ids_in(table: Table, *keys: str) -> list[str]:
    """The ids in one or more lists of tables."""
    ids = (text_in(item, "id") for key in keys for _, item in tables_in(table, key))
    return [name for name in ids if name is not None]


def texts_in(table: Table, key: str) -> Iterator[tuple[str | int, str]]:
    """The texts in a list or a table, each with its place."""
    found = table.get(key)
    pairs: Iterator[tuple[str | int, object]] = iter(())
    if isinstance(found, dict):
        pairs = iter(found.items())
    elif isinstance(found, list):
        pairs = iter(enumerate(found))
    for at, text in pairs:
        if isinstance(text, str):
            yield at, text.strip()


def text_in(table: Table, key: str, default: str | None = None) -> str | None:
    value = table.get(key, default)
    return value.strip() if isinstance(value, str) else None


def number_in(table: Table, key: str) -> float | None:
    """A number that a limit can be; TOML also knows ``nan``, ``inf`` and numbers of any length."""
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return None
    return float(value)

"""A table that never breaks a word: where it is too wide for the terminal, its last columns follow below."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Column, Table
from rich.text import Text

APART: Final = 2
"""Columns of the terminal between two of a table."""


class WholeWords:
    """Shows a table of texts; each part of it begins with the first column."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        parts = list(self._parts(options.max_width))
        for number, columns in enumerate(parts, start=1):
            part = self._of(columns)
            part.title = self._table.title if number == 1 else None
            part.caption = self._table.caption if number == len(parts) else None
            yield part

    def _parts(self, room: int) -> Iterator[list[Column]]:
        first, *others = self._table.columns
        part, used = [first], _width(first)
        for column in others:
            width = APART + _width(column)
            if used + width > room and len(part) > 1:
                yield part
                part, used = [first], _width(first)
            part.append(column)
            used += width
        yield part

    def _of(self, columns: list[Column]) -> Table:
        part = copy(self._table)
        part.columns = [copy(column) for column in columns]
        for number, column in enumerate(part.columns):
            column._index = number  # noqa: SLF001 - a column knows its place
        return part


def _width(column: Column) -> int:
    """Return what its longest line takes."""
    return max(
        (cell_len(line) for text in (column.header, *column.cells) for line in _lines(text)), default=0
    )


def _lines(text: RenderableType) -> list[str]:
    return (text.plain if isinstance(text, Text) else str(text)).splitlines()

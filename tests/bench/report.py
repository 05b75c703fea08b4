"""What was measured, for people and for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

Cell = str | int | float | None

WIDE = 120
"""Columns where there is no terminal."""


@dataclass(frozen=True)
class Measured:
    """One table: what each row is, its figures, and a line that says what they mean."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    means: str

    def as_json(self) -> dict[str, object]:
        """Return it with a dictionary a row."""
        names = [column or "what" for column in self.columns]
        rows = [dict(zip(names, row, strict=True)) for row in self.rows]
        return {"name": self.name, "title": self.title, "rows": rows, "means": self.means}


def console() -> Console:
    """Return where tables are printed; wide and without lines of dots when that is no terminal."""
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = WIDE
    return out


def show(measured: Measured, out: Console) -> None:
    """Print a table and what it means."""
    plain = not out.is_terminal
    out.print(measured.title, style="" if plain else "bold")
    table = Table(box=box.ASCII2 if plain else box.SIMPLE_HEAD)
    for number, column in enumerate(measured.columns):
        table.add_column(column, justify="right" if number else "left")
    for row in measured.rows:
        table.add_row(*map(_shown, row))
    out.print(table)
    out.print(measured.means, style="" if plain else "dim")
    out.print()


def write(file: Path, machine: str, all_measured: Sequence[Measured]) -> None:
    """Write everything as JSON."""
    told = {"machine": machine, "measured": [measured.as_json() for measured in all_measured]}
    file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _shown(cell: Cell) -> str:
    match cell:
        case None:
            return "–"
        case str():
            return cell
        case int():
            return f"{cell:,}"
        case _ if abs(cell) >= 100:
            return f"{cell:,.0f}"
        case _ if abs(cell) >= 10:
            return f"{cell:.1f}"
    return f"{cell:.2f}"

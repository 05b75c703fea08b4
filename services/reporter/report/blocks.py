"""What a report is made of, in words but in no format yet: headings, paragraphs, tables, charts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.reporter.report.charts import Chart


class TargetVerdict(StrEnum):
    """Met or not: always as a sign and in words, never as a colour alone."""

    MET = "met"
    NOT_MET = "not-met"

    @property
    def sign(self) -> str:
        return "✓" if self is TargetVerdict.MET else "✗"


class Tone(StrEnum):
    """What kind of paragraph it is."""

    PLAIN = "plain"
    NOTE = "note"
    SOURCE = "source"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure; below it, smaller, what became of it and what it rests on."""

    text: str
    number: bool = False
    verdict: TargetVerdict | None = None
    """Of the whole cell, or of ``judged`` when there is one."""
    judged: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    note: str = ""
    number: bool = False


@dataclass(frozen=True, slots=True)
class TableRow:
    title: str
    cells: tuple[Cell, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The first column holds the titles of the rows."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True)
class Pictures:
    """Charts that are looked at together, and what to know of them."""

    charts: tuple[Chart, ...]
    note: str = ""
    side_by_side: bool = False


Block = Paragraph | Listing | Table | Pictures


@dataclass(frozen=True, slots=True)
class ReportSection:
    id: str
    title: str
    blocks: tuple[Block, ...]

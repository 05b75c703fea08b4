"""A report as Markdown that also reads well as it is. Charts are left out: the tables say the same. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.reporter.report.blocks import (
    Block,
    Cell,
    Listing,
    Paragraph,
    Pictures,
    ReportSection,
    Table,
    TableRow,
    Tone,
)
from services.reporter.report.compose import ReportText
from services.reporter.report.sheet import as_markdown


def report_markdown(text: ReportText) -> str:
    """Return the whole report, with its title."""
    return f"# {as_markdown(text.title)}\n\n{indicator_block_markdown(text, level=2)}"


def indicator_block_markdown(text: ReportText, level: int) -> str:
    """Return everything below the title; ``level`` is that of its headings."""
    return "\n\n".join(_block(text, level)) + "\n"


def _block(text: ReportText, level: int) -> Iterator[str]:
    yield as_markdown(" ".join(text.about))
    if text.comment is not None:
        yield from _section(text.comment, level)
    for site in text.sites:
        deeper = level
        if len(text.sites) > 1:
            yield _heading(site.name, level)
            deeper = level + 1
        for section in site.sections:
            yield from _section(section, deeper)


def _section(section: ReportSection, level: int) -> Iterator[str]:
    yield _heading(section.title, level)
    for block in section.blocks:
        if not isinstance(block, Pictures):
            yield _written(block)


def _written(block: Block) -> str:
    match block:
        case Paragraph(text, Tone.WARNING):
            return f"**{as_markdown(text)}**"
        case Paragraph(text, Tone.SOURCE):
            return f"_{as_markdown(text)}_"
        case Paragraph(text):
            return as_markdown(text)
        case Listing(items):
            return "\n".join(f"- {as_markdown(item)}" for item in items)
        case Table():
            return _table(block)
        case Pictures():
            return ""


def _table(table: Table) -> str:
    """The columns are padded, so that the source is a table too."""
    head = [_two(column.title, (column.note,)) for column in table.columns]
    lines = [head, *(_row(row) for row in table.rows)]
    widths = [max(len(line[number]) for line in lines) for number in range(len(head))]
    numbers = [column.number for column in table.columns]
    rule = [
        ("-" * (max(width, 3) - 1) + ":") if number else "-" * max(width, 3)
        for width, number in zip(widths, numbers, strict=True)
    ]
    drawn = [_line(head, widths, numbers), f"| {' | '.join(rule)} |"]
    drawn += [_line(line, widths, numbers) for line in lines[1:]]
    return "\n".join((f"**{as_markdown(table.caption)}**", "", *drawn))


def _row(row: TableRow) -> list[str]:
    return [_two(row.title, (row.note,)), *(_cell(cell) for cell in row.cells)]


def _cell(cell: Cell) -> str:
    sign = f"{cell.verdict.sign} " if cell.verdict else ""
    if cell.judged:
        return _two(cell.text, (f"{sign}{cell.judged}", *cell.notes))
    return _two(f"{sign}{cell.text}", cell.notes)


def _two(text: str, notes: Sequence[str]) -> str:
    rest = ", ".join(note for note in notes if note)
    return as_markdown(f"{text} ({rest})" if rest else text)


def _line(cells: Sequence[str], widths: Sequence[int], numbers: Sequence[bool]) -> str:
    padded = (
        cell.rjust(max(width, 3)) if number else cell.ljust(max(width, 3))
        for cell, width, number in zip(cells, widths, numbers, strict=True)
    )
    return f"| {' | '.join(padded)} |"


def _heading(title: str, level: int) -> str:
    return f"{'#' * level} {as_markdown(title)}"

"""A table on a terminal that is too narrow for it."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wachtpost.whole_words import WholeWords


def shown(width: int) -> list[str]:
    table = Table(box=None, pad_edge=False, title="Figures", title_justify="left", caption="end")
    table.add_column("queue")
    for head in ("offered", "answered", "missed\nor left", "longest"):
        table.add_column(head, justify="right")
    table.add_row("Burgerzaken", "1.234", "1.100", Text("134 (8–12 %)"), "12:45")
    table.add_row("all", "1.234", "1.100", Text("134"), "12:45", style="bold")
    output = StringIO()
    Console(file=output, width=width).print(WholeWords(table))
    return [line.rstrip() for line in output.getvalue().splitlines()]


def test_where_there_is_room_it_is_one_table():
    assert sum("Burgerzaken" in line for line in shown(80)) == 1


@pytest.mark.parametrize("width", range(25, 60))
def test_where_there_is_none_the_last_columns_follow_below(width: int):
    lines = shown(width)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert "…" not in text
    for cell in ("offered", "answered", "missed", "or left", "longest", "134 (8–12 %)", "12:45"):
        assert cell in text
    assert (text.count("Figures"), text.count("end")) == (1, 1)
    assert text.count("Burgerzaken") == text.count("queue") == text.count("all")

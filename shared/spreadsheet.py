"""CSV in two forms: one that every program reads, and one that a Belgian Excel opens on a double click. Pure.

The first is that of RFC 4180: commas, decimal points; UTF-8 without a mark. The second has semicolons,
decimal commas and the mark by which Excel knows UTF-8.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

FORMULA: Final = ("=", "+", "-", "@", "\t")
"""How a text begins that Excel computes. Ours are names: in front of one stands an apostrophe."""

RANGE: Final = re.compile("([0-9]+)-([0-9]+)")
"""Excel takes ``5-10`` for a day in October, and ``2026-05`` for one in May; with a dash it is text."""


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]], *, excel: bool = False) -> bytes:
    """Return a table as CSV, with a line of column names; lines end in CRLF, ``None`` is an empty cell."""
    text = io.StringIO(newline="")
    out = csv.writer(text, delimiter=";" if excel else ",", lineterminator="\r\n")
    out.writerow(columns)
    out.writerows([_cell(value, excel=excel) for value in row] for row in rows)
    return text.getvalue().encode("utf-8-sig" if excel else "utf-8")


def _cell(value: object, *, excel: bool) -> object:
    match value:
        case bool():
            return str(value).lower()
        case float() if excel:
            return repr(value).replace(".", ",")
        case str() if excel and value.startswith(FORMULA):
            return f"'{value}"
        case str() if excel and (found := RANGE.fullmatch(value)):
            return f"{found[1]}–{found[2]}"
    return value

"""Tables for programs, and for an Excel that goes by Belgian settings."""

from __future__ import annotations

import pytest

from shared.spreadsheet import as_csv

COLUMNS = ("name", "value", "met", "samples")


def test_every_program_reads_the_plain_form():
    text = as_csv(COLUMNS, [("Onthaal, links", 0.25, True, None), ("20-45", 1.0, False, 3)])
    assert text == b'name,value,met,samples\r\n"Onthaal, links",0.25,true,\r\n20-45,1.0,false,3\r\n'


@pytest.mark.parametrize(("cell", "written"), [
    (0.25, "0,25"),
    (1e-05, "1e-05"),
    (1234.5, "1234,5"),
    (20, "20"),
    (True, "true"),
    (None, ""),
    ("Onthaal; links", '"Onthaal; links"'),
    ("=1+1", "'=1+1"),
    ("5-10", "5–10"),  # no day in October
    ("2026-05", "2026–05"),
    ("2026-H1", "2026-H1"),
    ("één", "één"),
])  # fmt: skip
def test_excel_opens_the_other_on_a_double_click(cell: object, written: str):
    text = as_csv(("a", "b"), [(cell, "z")], excel=True)
    assert text.startswith(b"\xef\xbb\xbfa;b\r\n")
    assert text.decode("utf-8-sig").splitlines()[1] == f"{written};z"

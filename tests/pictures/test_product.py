"""The README's pictures can be made anew, of the product as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pictures.product import PICTURES, take
from tests.support import chromium
from tests.support.service_process import ROOT

HEAVIEST = 200_000
"""Bytes of a picture in the repository."""
SHOWN = set(re.findall(r"docs/pictures/([\w-]+\.png)", (ROOT / "README.md").read_text(encoding="utf-8")))


def test_the_readme_shows_each_picture_and_none_is_heavy():
    assert {file.name for file in PICTURES.iterdir()} == SHOWN
    assert max(file.stat().st_size for file in PICTURES.iterdir()) < HEAVIEST


@pytest.mark.slow
def test_the_same_pictures_are_taken_of_the_product_as_it_is(tmp_path: Path):
    if chromium.binary() is None:
        pytest.skip("no Chromium here (apt install chromium)")
    take(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == SHOWN

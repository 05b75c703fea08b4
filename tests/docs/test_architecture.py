"""The page about the house names files: each of them exists, and adding something takes few."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"`([\w.]+(?:/[\w.]+)+\.\w+)`", PAGE)))
TO_ADD = re.findall(r"^\| (an? \w+) \| (.*) \|$", PAGE.split("## Where to add")[1], re.MULTILINE)
MOST_FILES = 3
ROOMS = re.search(r"## Rooms\n\n```\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("file", FILES)
def test_every_file_that_the_page_names_exists(file: str):
    assert (ROOT / file).is_file()


@pytest.mark.parametrize(("what", "files"), TO_ADD)
def test_adding_something_takes_few_files(what: str, files: str):
    assert 1 <= len(re.findall(r"`[\w.]+/", files)) <= MOST_FILES, what


def test_the_page_names_every_package():
    assert ROOMS is not None
    packages = {
        file.parent.relative_to(ROOT).parts[-1]
        for part in ("shared", "services")
        for file in (ROOT / part).glob("*/__init__.py")
    }
    assert len(packages) > 6
    assert {name for name in packages if name not in ROOMS[1]} == set()
    assert len(FILES) > 20
    assert len(TO_ADD) > 4

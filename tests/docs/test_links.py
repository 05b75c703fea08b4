"""What the pages link to is there: files, and the headings in them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    str(page.relative_to(ROOT))
    for where in ("*.md", "docs/**/*.md", "deploy/**/*.md", "services/**/*.md", "examples/**/*.md")
    for page in ROOT.glob(where)
)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@cache
def headings(page: Path) -> frozenset[str]:
    """Return the anchors of a page, as GitHub and the site make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    said = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in said)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str):
    here = ROOT / page
    astray = []
    for link in LINK.findall(CODE.sub("", here.read_text(encoding="utf-8"))):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        there = here.parent / path if path else here
        if not there.exists() or (anchor and anchor not in headings(there)):
            astray.append(link)
    assert astray == []


def test_a_reader_comes_from_the_readme_to_every_page():
    seen: set[Path] = set()
    to_read = [ROOT / "README.md"]
    while to_read:
        page = to_read.pop().resolve()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        links = LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))
        to_read += [
            page.parent / path for link in links if (path := link.partition("#")[0]) and ":" not in path
        ]
    left_out = {page for page in PAGES if ROOT / page not in seen and "/decisions/" not in page}
    assert left_out == set()

"""Each decision has a number of its own, in its file's name as in its title."""

from __future__ import annotations

from pathlib import Path

DECISIONS = Path(__file__).resolve().parents[2] / "docs" / "decisions"


def test_decisions_are_numbered_without_a_gap():
    files = sorted(DECISIONS.glob("*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    titles = [file.read_text(encoding="utf-8").splitlines()[0] for file in files]
    assert [int(title.removeprefix("# ").partition(".")[0]) for title in titles] == list(
        range(1, len(files) + 1)
    )

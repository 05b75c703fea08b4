"""What the pages tell people to type is there: commands, their options, targets of make."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from wachtpost.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page
    for where in ("*.md", "docs/*.md", "deploy/**/*.md")
    for page in ROOT.glob(where)
    if page.name != "CHANGELOG.md"
)
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"```.*?```|`([^`\n]+)`", re.DOTALL)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def commands(group: object, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every command below a group, by its words."""
    if isinstance(group, TyperGroup):
        for name, command in group.commands.items():
            yield from commands(command, (*before, name))
    else:
        yield before


ALL = typer.main.get_command(app)
EVERY = set(commands(ALL))


def typed(page: Path) -> Iterator[list[str]]:
    """Yield the words of everything that a page says to type, in a block or within a sentence."""
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.findall(text):
        yield from (shlex.split(line[2:], comments=True) for line in block.splitlines() if line[:2] == "$ ")
    for code in CODE.findall(text):
        if code.startswith(("wachtpost ", "make ")):
            yield shlex.split(code)


def after(words: list[str], program: str) -> Iterator[list[str]]:
    """Yield what follows a program's name, wherever it is called in a line."""
    line = [*words, "&&"]
    while program in line:
        line = line[line.index(program) + 1 :]
        yield line[: min(line.index(end) for end in ("&&", "|", ">") if end in line)]


def unknown(words: list[str]) -> list[str]:
    """Return what of a call of ``wachtpost`` is not there: a command, or options of it."""
    command = ALL
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        name, *words = words
        if name == "…" or name.isupper():
            return []
        found = command.commands.get(name)
        if found is None:
            return [name]
        command = found
    has = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    given = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return [option for option in given if option not in has | {"--help"}]


def unmade(words: list[str]) -> list[str]:
    """Return what of a call of ``make`` is not there: targets, or options of the demo."""
    given = [word.removeprefix("ARGS=") for word in words if word.startswith("ARGS=")]
    targets = [word for word in words if re.fullmatch(r"[a-z-]+", word)]
    of_demo = unknown(["demo", *shlex.split(" ".join(given))]) if "demo" in targets else []
    return [*(target for target in targets if target not in TARGETS), *of_demo]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_says_to_type_is_there(page: Path):
    astray = []
    for words in typed(page):
        for call in after(words, "wachtpost"):
            astray += [(words, missing) for missing in unknown(call)]
        for call in after(words, "make"):
            astray += [(words, missing) for missing in unmade(call)]
    assert astray == []


def test_the_page_about_commands_has_each_of_them_in_its_table():
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = [row for row in page.splitlines() if row.startswith("| `")]
    told = {
        tuple(name.split())
        for row in rows
        for name in re.findall(r"`wachtpost ([\w -]+)`", row.split("|")[1])
    }
    assert told == EVERY
    assert len(EVERY) > 20

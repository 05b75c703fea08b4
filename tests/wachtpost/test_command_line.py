"""The command itself: every part of it explains itself, says its version, and completes what one types."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from wachtpost.cli import app


def every_command(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield each command and group of them by what one types."""
    yield path
    for name, one in getattr(command, "commands", {}).items():
        yield from every_command(one, (*path, name))


EVERY_COMMAND = list(every_command(typer.main.get_command(app)))


@pytest.mark.parametrize("asked", ["-h", "--help"])
@pytest.mark.parametrize("command", EVERY_COMMAND, ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...], asked: str) -> None:
    result = CliRunner().invoke(app, [*command, asked])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Usage: wachtpost" in result.stdout.replace("root", "wachtpost")


@pytest.mark.parametrize("asked", ["-V", "--version"])
def test_it_says_its_version(asked: str) -> None:
    result = CliRunner().invoke(app, [asked])
    assert (result.exit_code, result.stdout) == (0, f"wachtpost {version('wachtpost')}\n")


def test_what_one_begins_to_type_is_completed(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("wachtpost")
    asked = {"_WACHTPOST_COMPLETE": "complete_bash", "COMP_WORDS": "wachtpost sil", "COMP_CWORD": "1"}
    told = subprocess.run(
        [command], env={**os.environ, **asked}, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert told.stdout.split() == ["silence"]

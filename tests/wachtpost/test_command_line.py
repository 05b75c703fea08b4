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

from wachtpost.city_file import EXAMPLE
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


COMMAND = Path(sys.executable).with_name("wachtpost")


def test_a_terminal_without_our_letters_has_question_marks_for_them() -> None:
    plain = {**os.environ, "PYTHONIOENCODING": "ascii"}
    told = subprocess.run([COMMAND, "-h"], env=plain, capture_output=True, text=True, check=True)
    assert "WACHTPOST_? variables" in told.stdout
    assert told.stderr == ""


def test_a_full_disk_behind_the_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run([COMMAND, "-h"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (told.returncode, told.stderr) == (1, "wachtpost: No space left on device\n")


@pytest.mark.parametrize("words", [("-h",), ("config", "check", str(EXAMPLE))], ids=" ".join)
def test_who_has_read_enough_of_it_may_go(words: tuple[str, ...]) -> None:
    with subprocess.Popen([COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_what_one_begins_to_type_is_completed(tmp_path: Path) -> None:
    asked = {"_WACHTPOST_COMPLETE": "complete_bash", "COMP_WORDS": "wachtpost sil", "COMP_CWORD": "1"}
    told = subprocess.run(
        [COMMAND], env={**os.environ, **asked}, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert told.stdout.split() == ["silence"]


@pytest.mark.parametrize(("city_file", "site"), [(str(EXAMPLE), "lier"), ("/nowhere", "SITE")])
def test_a_key_is_for_the_site_of_the_city(city_file: str, site: str) -> None:
    result = CliRunner().invoke(
        app, ["keys", "create", "--source", "balie"], env={"WACHTPOST_CITY_FILE": city_file}
    )
    assert f'site = "{site}"' in result.stderr
    assert len(result.stdout.split()) == 1  # the key alone

"""Whatever a file is that somebody names, a command says which one, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.process.ports import free_port
from wachtpost.city_file import EXAMPLE
from wachtpost.cli import app


def absent(at: Path) -> None:
    """Nothing is there."""


def folder(at: Path) -> None:
    at.mkdir()


def binary(at: Path) -> None:
    at.write_bytes(bytes(range(256)) * 50)


def latin(at: Path) -> None:
    at.write_bytes("city = { name = 'Gemeente één' }".encode("latin-1"))


def a_list(at: Path) -> None:
    at.write_text("city = []\nsites = 3\n")


def loop(at: Path) -> None:
    at.symlink_to(at)


def broken_gzip(at: Path) -> None:
    at.write_bytes(b"\x1f\x8b\x08\x00no more of it")


STRANGE: Sequence[Callable[[Path], None]] = (
    absent,
    folder,
    binary,
    latin,
    a_list,
    loop,
    broken_gzip,
)

READING = [
    ("analyse", "{file}"),
    ("analyse", "{good}", "--city", "{file}"),
    ("boards", "build", "--city", "{file}", "--out", "{nowhere}"),
    ("config", "check", "{file}"),
    ("demo", "--city", "{file}"),
    ("history", "import", "{file}", "--dry-run"),
    ("history", "restore", "{file}", "--by", "balie", "--why", "proef"),
    ("init", "{file}", "--name", "Stad", "--out", "{nowhere}"),
    ("report", "2026", "--sheet", "{file}"),
    ("rules", "backtest", "{file}"),
    ("rules", "backtest", "{good}", "--city", "{file}"),
]
WRITING = [
    ("boards", "build", "--out", "{file}"),
    ("init", "--name", "Stad", "--out", "{file}/city.toml"),
]
VARIABLES = ["CITY_FILE", "REDIS_PASSWORD_FILE"]


def run(words: Sequence[str], tmp_path: Path, **environment: str) -> str:
    """Return what a command complains of that could not do its work; nobody is at home at its Redis."""
    places = {"file": tmp_path / "strange", "good": EXAMPLE, "nowhere": tmp_path / "out" / "city.toml"}
    given = {"CITY_FILE": str(EXAMPLE), "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0", **environment}
    result = CliRunner().invoke(
        app,
        [word.format_map(places) for word in words],
        env={f"WACHTPOST_{name}": value for name, value in given.items()},
    )
    assert result.exit_code in {1, 2}, result.output
    assert isinstance(result.exception, SystemExit), result.exception  # and nothing that has a traceback
    return result.stderr


@pytest.mark.parametrize("strange", STRANGE, ids=lambda strange: strange.__name__)
@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_strange_file_is_named(
    words: Sequence[str], strange: Callable[[Path], None], tmp_path: Path
) -> None:
    strange(tmp_path / "strange")
    assert str(tmp_path / "strange") in run(words, tmp_path)


@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_where_nothing_can_be_written_is_named(words: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "strange").touch()  # a file, where a folder would have to be
    assert str(tmp_path / "strange") in run(words, tmp_path)


@pytest.mark.parametrize("strange", [absent, folder, binary, latin, loop], ids=lambda one: one.__name__)
@pytest.mark.parametrize("variable", VARIABLES)
def test_a_strange_file_of_a_setting_is_named(
    variable: str, strange: Callable[[Path], None], tmp_path: Path
) -> None:
    strange(tmp_path / "strange")
    said = run(("breaches",), tmp_path, **{variable: str(tmp_path / "strange")})
    assert str(tmp_path / "strange") in said
    assert len(said.splitlines()) == 1

"""Read the city file for a command, or explain to a person what is wrong with it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from shared.config import CityFile
from shared.config_check import explain, language_of
from wachtpost.config_command import told, unreadable


def load_or_explain(file: Path) -> CityFile:
    """Return the city file; exits with status 2 and an explanation on stderr when that cannot be."""
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        errors.print(Text(unreadable(file, error)))
        raise typer.Exit(2) from None
    if mistakes := explain(text, str(file)):
        for line in told(mistakes, str(file), language_of(text)):
            errors.print(line)
        raise typer.Exit(2)
    return CityFile.model_validate(tomllib.loads(text))

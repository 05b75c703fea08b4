"""Read the city file for a command, or explain to a person what is wrong with it."""

from __future__ import annotations

import tomllib
from functools import partial
from pathlib import Path
from typing import TypeVar

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.text import Text

from shared.config.errors import Meeting, Mistake, explain, explain_as, language_of, nothing_to_meet
from shared.config.model import CityFile
from shared.history_file import HistoryFile, place_mistakes
from wachtpost.config import told, unreadable

M = TypeVar("M", bound=BaseModel)


def load_or_explain(file: Path) -> CityFile:
    """Return the city file; exits with status 2 and an explanation on stderr when that cannot be."""
    text = text_or_explain(file, None)
    _stop_at(explain(text, str(file)), file, language_of(text))
    return CityFile.model_validate(tomllib.loads(text))


def history_or_explain(city_file: Path, city: CityFile) -> tuple[HistoryFile, ...]:
    """Return the history files that a city file names; exits like ``load_or_explain``."""
    return tuple(
        parsed_or_explain(
            HistoryFile, city_file.parent / file, city.city.language, partial(place_mistakes, city)
        )
        for file in city.history.files
    )


def parsed_or_explain(model: type[M], file: Path, language: str, meeting: Meeting = nothing_to_meet) -> M:
    """Return any TOML file that ``model`` describes; exits like ``load_or_explain``."""
    text = text_or_explain(file, language)
    _stop_at(explain_as(model, text, str(file), language, meeting), file, language)
    return model.model_validate(tomllib.loads(text))


def text_or_explain(file: Path, language: str | None) -> str:
    """Return a file's text; exits like ``load_or_explain``."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        _errors().print(Text(unreadable(file, error, language or "nl")))
        raise typer.Exit(2) from None


def _stop_at(mistakes: list[Mistake], file: Path, language: str) -> None:
    if mistakes:
        for line in told(mistakes, str(file), language):
            _errors().print(line)
        raise typer.Exit(2)


def _errors() -> Console:
    return Console(stderr=True, soft_wrap=True, highlight=False)

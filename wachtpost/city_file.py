"""Read the city file for a command, or explain to a person what is wrong with it."""

from __future__ import annotations

import tomllib
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import typer
from pydantic import BaseModel
from rich.text import Text

from services.reporter.report.sheet_file import Sheet
from shared.config.errors import (
    Meeting,
    Mistake,
    explain,
    explain_as,
    language_of,
    nothing_to_meet,
    unreadable,
)
from shared.config.model import DEFAULT_LANGUAGE, CityFile
from shared.config.references import city_mistakes
from shared.history_file import HistoryFile, history_mistakes
from shared.translation import translator
from wachtpost.terminal import complain, fail

M = TypeVar("M", bound=BaseModel)

EXAMPLE: Final = Path(__file__).resolve().parents[1] / "examples" / "lier" / "city.toml"
"""Lier's own, beside the packages in a checkout and in a wheel."""


def load_or_explain(file: Path) -> CityFile:
    """Return the city file; exits with status 2 and an explanation on stderr when that cannot be."""
    text = text_or_explain(file, None)
    stop_at(explain(text, str(file)), file, language_of(text))
    return CityFile.model_validate(tomllib.loads(text))


def runnable_or_explain(file: Path) -> CityFile:
    """Return a city file that services start with: what they read beside it is right too; exits likewise."""
    city = load_or_explain(file)
    history_or_explain(file, city)
    return city


def history_or_explain(city_file: Path, city: CityFile, status: int = 2) -> tuple[HistoryFile, ...]:
    """Return the history files that a city file names; exits like ``load_or_explain``."""
    return tuple(
        parsed_or_explain(
            HistoryFile, city_file.parent / file, city.city.language, partial(history_mistakes, city), status
        )
        for file in city.history.files
    )


def sheet_or_explain(file: Path, city: CityFile, language: str, status: int = 2) -> Sheet:
    """Return a follow-up sheet of the city; exits like ``load_or_explain``."""
    return parsed_or_explain(Sheet, file, language, partial(city_mistakes, city.city.name), status)


def parsed_or_explain(
    model: type[M], file: Path, language: str, meeting: Meeting = nothing_to_meet, status: int = 2
) -> M:
    """Return any TOML file that ``model`` describes; exits like ``load_or_explain``."""
    text = text_or_explain(file, language)
    stop_at(explain_as(model, text, str(file), language, meeting), file, language, status)
    return model.model_validate(tomllib.loads(text))


def text_or_explain(file: Path, language: str | None) -> str:
    """Return a file's text, of the city file without a language; exits like ``load_or_explain``."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if language is None and isinstance(error, FileNotFoundError):
            fail(
                translator(DEFAULT_LANGUAGE).gettext(
                    "There is no city file {file}. wachtpost init makes one of your own; if yours is "
                    "elsewhere, name it in WACHTPOST_CITY_FILE.",
                    file=file,
                )
            )
        fail(unreadable(file, error, language or DEFAULT_LANGUAGE))


def stop_at(mistakes: list[Mistake], file: Path, language: str, status: int = 2) -> None:
    """Explain mistakes on stderr and exit; do nothing where there are none."""
    if mistakes:
        for line in explained(mistakes, str(file), language):
            complain(line)
        raise typer.Exit(status)


def explained(mistakes: list[Mistake], file: str, language: str) -> list[Text]:
    """Return the mistakes in lines for people, and how many there are."""
    say = translator(language)
    lines = []
    for mistake in mistakes:
        lines.append(_place(mistake))
        lines.append(Text(f"    {mistake.wrong}", style="red"))
        lines.append(Text("    " + say.gettext("allowed: {allowed}", allowed=mistake.allowed)))
    lines.append(
        Text(
            say.ngettext(
                "{number} mistake in {file}", "{number} mistakes in {file}", len(mistakes), file=file
            )
        )
    )
    return lines


def remarked(remarks: list[Mistake], file: str, language: str) -> list[Text]:
    """Return what is remarkable in a good file in lines for people, and how much; nothing for nothing."""
    if not remarks:
        return []
    say = translator(language)
    lines = [
        Text(
            say.ngettext("{number} remark on {file}:", "{number} remarks on {file}:", len(remarks), file=file)
        )
    ]
    for remark in remarks:
        lines.append(_place(remark))
        lines.append(Text(f"    {remark.wrong}", style="yellow"))
        lines.append(Text("    " + say.gettext("better: {better}", better=remark.allowed)))
    return lines


def _place(mistake: Mistake) -> Text:
    at = Text(mistake.where, style="bold")
    if mistake.key:
        at.append(f"  {mistake.key}", style="cyan")
    if mistake.given is not None:
        at.append(f" = {mistake.given}", style="not bold")
    return at

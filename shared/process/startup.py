"""What a service reads before it begins: settings, city file, history files; a mistake in them ends it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic import ValidationError

from shared.config.errors import Mistake, explain, explain_as
from shared.config.model import CityFile, load
from shared.history_file import HistoryFile, load_history, place_mistakes
from shared.process.settings import ServiceSettings

log = structlog.stdlib.get_logger(__name__)

_Settings = TypeVar("_Settings", bound=ServiceSettings)


def settings_or_exit(kind: type[_Settings]) -> _Settings:
    """Return the settings of the environment; else says which variable is wrong and ends the process."""
    try:
        return kind()
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix", ""))
        for mistake in error.errors(include_url=False, include_input=False):
            name = prefix + "_".join(str(part) for part in mistake["loc"]).upper()
            log.critical("setting_wrong", name=name, wrong=mistake["msg"])
        sys.exit(os.EX_CONFIG)


def city_or_exit(path: Path) -> CityFile:
    """Return the city file; else logs every mistake in it and ends the process."""
    try:
        return load(path)
    except OSError as error:
        log.critical("city_file_unreadable", file=str(path), wrong=error.strerror)
    except ValueError:
        mistakes = explain(path.read_text(encoding="utf-8", errors="replace"), str(path))
        _log_mistakes("city_file_wrong", mistakes)
    sys.exit(os.EX_CONFIG)


def history_or_exit(city_file: Path, city: CityFile) -> tuple[HistoryFile, ...]:
    """Return the history files that a city file names; else logs what is wrong and ends the process."""
    wrong = False
    for file in city.history.files:
        path = city_file.parent / file
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            log.critical("history_file_unreadable", file=str(path), wrong=error.strerror)
            wrong = True
            continue
        mistakes = explain_as(HistoryFile, text, str(path), city.city.language, partial(place_mistakes, city))
        _log_mistakes("history_file_wrong", mistakes)
        wrong = wrong or bool(mistakes)
    if wrong:
        sys.exit(os.EX_CONFIG)
    return load_history(city_file, city.history.files)


def _log_mistakes(event: str, mistakes: Iterable[Mistake]) -> None:
    for mistake in mistakes:
        log.critical(event, where=mistake.where, at=mistake.key, wrong=mistake.wrong, allowed=mistake.allowed)

"""A city file and the files that it names, as one value: what a service goes by until it takes over another.

``hash`` is a fingerprint of what those files say, the same for every service and every release. Comments, the
order of keys and the way a value is written change nothing of what is in force, so they do not change it; a
default that somebody writes out does. Of a template every byte counts: people may see any of them.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Final, Self, TypeVar

from pydantic import BaseModel

from shared.config.errors import Meeting, Mistake, explain_as, language_of, unreadable
from shared.config.model import DEFAULT_LANGUAGE, CityFile, PipelineConfig
from shared.config.references import ReferenceMistake, meeting_mistakes
from shared.config.tables import Table, number_in, table_in
from shared.history_file import HistoryFile, history_mistakes

M = TypeVar("M", bound=BaseModel)

HASH_DIGITS: Final = 12
"""Hexadecimal digits of the SHA-256 that are kept: 48 bits, which a figure of Prometheus can hold."""


@dataclass(frozen=True)
class Configuration:
    """What is in force."""

    city: CityFile
    history: tuple[HistoryFile, ...]
    """Without those that are wrong, for whoever does not need them."""
    hash: int


class ConfigRefusedError(Exception):
    """A city file, or one that it names, is wrong or cannot be read."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        said = (f"{one.where}: {one.wrong}" if one.allowed else one.wrong for one in mistakes)
        super().__init__("; ".join(said))
        self.mistakes = mistakes


def read_configuration(
    file: Path, in_force: CityFile | None = None, *, needs_history: bool = True
) -> Configuration:
    """Read a city file and what it names. Raises ``ConfigRefusedError`` with every mistake.

    ``in_force``: of the city file before this one; what cannot change while a service runs is a mistake.
    Without ``needs_history`` no mistake in a history file keeps the city file from being taken.
    """
    read = _ConfigText.of(file, DEFAULT_LANGUAGE)
    mistakes = read.mistakes(CityFile, language_of(read.text), partial(_meeting, in_force))
    if mistakes:
        raise ConfigRefusedError(mistakes)
    document = tomllib.loads(read.text)
    city = CityFile.model_validate(document)
    language = city.city.language
    history = [_ConfigText.of(file.parent / named, language) for named in city.history.files]
    meeting = partial(history_mistakes, city)
    mistakes = [mistake for one in history for mistake in one.mistakes(HistoryFile, language, meeting)]
    if mistakes and needs_history:
        raise ConfigRefusedError(mistakes)
    sheet = city.report.sheet
    sheets = [] if sheet is None else [_ConfigText.of(file.parent / sheet, language)]
    figures = [] if mistakes else [HistoryFile.model_validate(tomllib.loads(one.text)) for one in history]
    said = [document, *(one.says for one in (*history, *sheets)), *_templates(city)]
    return Configuration(city, tuple(figures), _hash(said))


def read_history(file: Path, city: CityFile) -> tuple[HistoryFile, ...]:
    """Read the history files that a city file names, relative to it. Raises as ``read_beside`` does."""
    meeting = partial(history_mistakes, city)
    return tuple(
        read_beside(HistoryFile, file.parent / named, city.city.language, meeting)
        for named in city.history.files
    )


def read_beside(model: type[M], file: Path, language: str, meeting: Meeting) -> M:
    """Read a file that a city file names. Raises ``ConfigRefusedError`` with every mistake in it."""
    read = _ConfigText.of(file, language)
    mistakes = read.mistakes(model, language, meeting)
    if mistakes:
        raise ConfigRefusedError(mistakes)
    return model.model_validate(tomllib.loads(read.text))


@dataclass(frozen=True)
class _ConfigText:
    """One of the files, read once."""

    file: Path
    text: str
    """Empty when it cannot be read."""
    unreadable: Mistake | None = None

    @classmethod
    def of(cls, file: Path, language: str) -> Self:
        try:
            return cls(file, file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            return cls(file, "", Mistake(str(file), "", unreadable(file, error, language), ""))

    @property
    def says(self) -> object:
        """What stands in it as TOML; where it is none, every byte."""
        try:
            return tomllib.loads(self.text)
        except (ValueError, RecursionError):
            return self.text

    def mistakes(self, model: type[BaseModel], language: str, meeting: Meeting) -> list[Mistake]:
        if self.unreadable is not None:
            return [self.unreadable]
        return explain_as(model, self.text, str(self.file), language, meeting)


def _meeting(in_force: CityFile | None, document: Table) -> Iterator[ReferenceMistake]:
    """What does not fit something else in the file, or what is in force."""
    yield from meeting_mistakes(document)
    if in_force is None:
        return
    asked = number_in(table_in(document, "pipeline"), "partitions")
    known = in_force.pipeline.partitions
    if (PipelineConfig().partitions if asked is None else asked) != known:
        yield ReferenceMistake(("pipeline", "partitions"), "fixed", number=known)


def _templates(city: CityFile) -> Iterator[tuple[str, str]]:
    """The city's own templates of messages, by name."""
    folder = city.notify.templates
    if folder is None:
        return
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), _ConfigText.of(path, city.city.language).text


def _hash(said: Sequence[object]) -> int:
    canonical = json.dumps(said, sort_keys=True, default=str)
    return int(sha256(canonical.encode()).hexdigest()[:HASH_DIGITS], 16)

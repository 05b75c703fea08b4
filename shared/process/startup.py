"""What a service is told before it begins; a mistake in it ends it, with every mistake in the log."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic import ValidationError

from shared.config.errors import Mistake
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


def log_mistakes(city_file: Path, mistakes: Iterable[Mistake]) -> None:
    """Log what is wrong with a city file and the history files that it names."""
    for one in mistakes:
        of = "city_file" if one.file == str(city_file) else "history_file"
        how = "wrong" if one.allowed else "unreadable"
        log.critical(f"{of}_{how}", where=one.where, at=one.key, wrong=one.wrong, allowed=one.allowed)

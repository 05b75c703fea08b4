"""City files with receivers, for the tests of the channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.config.model import CityFile


@dataclass(frozen=True)
class NoSecrets:
    """Settings that name no secret file, unless told."""

    smtp_password_file: Path | None = None


def city(*channels: Mapping[str, object], smtp: Mapping[str, object] | None = None) -> CityFile:
    """A city whose one receiver, ``supervisors``, has these channels."""
    return CityFile.model_validate(
        {
            "city": {"name": "Test"},
            "sites": [{"id": "lier", "queues": [{"id": "algemeen", "kind": "phone"}]}],
            "receivers": [{"id": "supervisors", "channels": list(channels)}],
            **({} if smtp is None else {"smtp": smtp}),
        }
    )

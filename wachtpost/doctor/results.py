"""What a look at one thing gives. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckStatus(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It may be meant."""
    WRONG = "wrong"
    """Something that Wachtpost is there for does not work."""


@dataclass(frozen=True)
class CheckResult:
    """One thing that was looked at."""

    about: str
    """For machines: ``redis``, ``source pbx``."""
    status: CheckStatus
    said: str
    """A sentence, in the city's language."""
    advice: str = ""
    """What to do; empty where nothing is."""

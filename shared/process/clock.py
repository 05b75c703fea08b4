"""Where ``now`` comes from. Only composition roots hold a clock; everything else is handed ``now``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

Clock = Callable[[], datetime]
"""Returns the present instant, in UTC."""


def system_clock() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class SimulatedClock:
    """A clock that started at ``simulated`` when it really was ``real``, and runs ``speed`` times as fast.

    The demo runs all services on one, so that a busy day fits in minutes and a wait of 45 seconds
    is still a wait of 45 seconds. Written ``<real ISO>/<simulated ISO>/<speed>`` in the environment.
    """

    real: datetime
    simulated: datetime
    speed: float

    def __call__(self) -> datetime:
        return self.simulated + (datetime.now(UTC) - self.real) * self.speed

    def __str__(self) -> str:
        return f"{self.real.isoformat()}/{self.simulated.isoformat()}/{self.speed}"


@dataclass(frozen=True)
class ClockFile:
    """A simulated clock that stands in a file and is read anew at every look, so that tests can make it jump
    while services run by it. Written ``@<path>`` in the environment; the file is replaced whole, never
    rewritten in place. Raises ``OSError`` and ``ValueError`` as the file does.
    """

    path: Path

    def __call__(self) -> datetime:
        return _simulated(self.path.read_text(encoding="utf-8"))()


def parse_clock(text: str) -> Clock:
    """Return the clock that ``text`` describes: empty for this machine's, else a simulated one.

    Raises ``ValueError`` when the text is neither.
    """
    if not text:
        return system_clock
    if text.startswith("@"):
        return ClockFile(Path(text.removeprefix("@")))
    return _simulated(text)


def _simulated(text: str) -> SimulatedClock:
    parts = text.split("/")
    if len(parts) != 3:
        raise ValueError("a simulated clock is written <real ISO>/<simulated ISO>/<speed>")
    real, simulated = (datetime.fromisoformat(part) for part in parts[:2])
    if real.tzinfo is None or simulated.tzinfo is None:
        raise ValueError("a simulated clock needs instants with a time zone")
    return SimulatedClock(real, simulated, float(parts[2]))

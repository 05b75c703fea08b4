"""An exchange with two queues and its ``queue_log``: a month that is over, then a bad spell now. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

DAYS: Final = 28
AN_HOUR: Final = 15
"""Calls, at every hour of every day: the desk is open whenever this is run."""
QUEUES: Final = ("onthaal", "burgerzaken")
STUCK: Final = "burgerzaken"
"""Nobody answers here during the spell."""
MISSED: Final = 0.12
SPELL: Final = 14
"""Calls of the spell, every ``APART`` seconds, each given up after ``PATIENCE``."""
APART: Final = 4
PATIENCE: Final = 25


@dataclass(frozen=True)
class Call:
    """A caller, and what became of him."""

    entered: int
    """UTC, whole seconds, as the log has it."""
    queue: str
    wait: int
    answered: bool
    number: int

    @property
    def ended(self) -> int:
        """When he was answered, or gave up."""
        return self.entered + self.wait

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield his lines with the moment at which each is written."""
        name = f"{self.entered}.{self.number}|{self.queue}"
        yield self.entered, f"{self.entered}|{name}|NONE|ENTERQUEUE||x|1"
        outcome = (
            f"Agent/1|CONNECT|{self.wait}|{self.entered}.x|3"
            if self.answered
            else f"NONE|ABANDON|1|1|{self.wait}"
        )
        yield self.ended, f"{self.ended}|{name}|{outcome}"


def month(now: int, seed: int = 1) -> list[Call]:
    """Return the calls of the month that ends now."""
    chance = random.Random(seed)
    first = now - DAYS * 86_400
    return [
        Call(
            first + int(number * 3600 / AN_HOUR),
            chance.choice(QUEUES),
            int(chance.expovariate(1 / 25)) + 2,
            chance.random() >= MISSED,
            number,
        )
        for number in range(DAYS * 24 * AN_HOUR)
        if first + int(number * 3600 / AN_HOUR) < now - 600
    ]


def spell(now: int) -> list[Call]:
    """Return the calls of a spell that begins now."""
    return [Call(now + number * APART, STUCK, PATIENCE, False, 10**6 + number) for number in range(SPELL)]


def lines(calls: list[Call]) -> list[tuple[int, str]]:
    """Return the lines of calls as an exchange writes them: by the moment."""
    return sorted(line for call in calls for line in call.lines())

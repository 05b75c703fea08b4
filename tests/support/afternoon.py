"""An afternoon at a desk with two queues: too many calls, then hardly any, then as usual. As a queue_log.

All of it comes from a fixed seed: the same lines each time.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

BRUSSELS: Final = ZoneInfo("Europe/Brussels")
QUEUES: Final = {"onthaal": 0.75, "burgerzaken": 0.25}
"""Share of the calls."""

HOURS: Final = ((9, 12.5), (13.5, 17))
PATIENCE_S: Final = 100
"""Half of the callers wait no longer."""

TALK_S: Final = 150


class Spell(NamedTuple):
    """From when on (hour of the day) there are so many calls an hour, and so many agents."""

    begins: float
    per_hour: float
    agents: int


USUAL: Final = (Spell(0, 18, 2),)
AFTERNOON: Final = (
    Spell(0, 18, 2),
    Spell(13.75, 60, 1),
    Spell(14.5, 4, 1),
    Spell(15.75, 18, 2),
)
"""Overload for three quarters of an hour, an hour and a quarter of next to nothing, then as usual."""


def queue_log(days: int, spells: tuple[Spell, ...], first: date, seed: int = 1) -> list[str]:
    """Return the lines of so many working days from a Monday on; each day has the same spells."""
    dice = Random(seed)
    lines: list[tuple[float, str]] = []
    working = (first + timedelta(days=n) for n in range(days * 2))
    for day in [one for one in working if one.weekday() < 5][:days]:
        for begins, ends in HOURS:
            lines += _stretch(day, begins, ends, spells, dice)
    return [line for _, line in sorted(lines)]


def _at(day: date, hour: float) -> float:
    return (datetime.combine(day, time(), BRUSSELS) + timedelta(hours=hour)).timestamp()


def _stretch(
    day: date, begins: float, ends: float, spells: tuple[Spell, ...], dice: Random
) -> Iterator[tuple[float, str]]:
    """One line of callers for all queues; who is not helped in time hangs up."""
    at, closes = _at(day, begins), _at(day, ends)
    free: list[float] = [at] * 2
    while True:
        spell = next(one for one in reversed(spells) if _at(day, one.begins) <= at)
        at += dice.expovariate(spell.per_hour / 3600)
        if at >= closes - 240:
            return
        agents = next(one.agents for one in reversed(spells) if _at(day, one.begins) <= at)
        while len(free) > agents:
            free.sort()
            gone = free.pop(0)
            free[0] = max(free[0], gone)
        while len(free) < agents:
            free.append(at)
        heapq.heapify(free)
        (queue,) = dice.choices([*QUEUES], [*QUEUES.values()])
        call = f"{int(at)}.{dice.randrange(10**6)}"
        yield at, f"{at:.6f}|{call}|{queue}|NONE|ENTERQUEUE|||1"
        patience = dice.lognormvariate(0, 0.8) * PATIENCE_S
        helped = max(at + 6, free[0])
        if helped - at > patience:
            left = at + patience
            yield left, f"{left:.6f}|{call}|{queue}|NONE|ABANDON|1|1|{int(patience)}"
            continue
        talk = dice.lognormvariate(0, 0.6) * TALK_S
        heapq.heapreplace(free, helped + talk + 10)
        waited = int(helped - at)
        yield helped, f"{helped:.6f}|{call}|{queue}|Agent/1|CONNECT|{waited}|{call}x|6"
        over = helped + talk
        yield over, f"{over:.6f}|{call}|{queue}|Agent/1|COMPLETECALLER|{waited}|{int(talk)}|1"

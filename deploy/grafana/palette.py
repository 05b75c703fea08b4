"""The colours of the boards: those of Okabe and Ito, which people with any kind of colour vision tell
apart.

Good is blue and bad is vermilion; red and green never stand for anything. A colour never says alone what it
says: there is always a word beside it. (Okabe & Ito 2008, «Color Universal Design»,
https://jfly.uni-koeln.de/color/)
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Colour(StrEnum):
    ORANGE = "#E69F00"
    SKY = "#56B4E9"
    GREEN = "#009E73"
    YELLOW = "#F0E442"
    BLUE = "#0072B2"
    VERMILION = "#D55E00"
    PURPLE = "#CC79A7"
    GREY = "#7F7F7F"
    """Not theirs: for what says nothing, such as too few contacts."""
    CLEAR = "transparent"
    """Nothing but the panel: for what is well, or has nothing to be held against."""
    TEXT = "text"
    """Whatever the theme writes in: black on white, or white on black."""


GOOD: Final = Colour.BLUE
BAD: Final = Colour.VERMILION
UNKNOWN: Final = Colour.GREY
PLAIN: Final = Colour.SKY
QUIET: Final = Colour.CLEAR

_SCALE: Final = (
    Colour.BLUE,
    Colour.SKY,
    Colour.GREEN,
    Colour.YELLOW,
    Colour.ORANGE,
    Colour.VERMILION,
)


def scale(steps: int) -> tuple[str, ...]:
    """Return so many colours in the order of what they stand for, from the best to the worst: any two differ,
    and up to six are those of Okabe and Ito."""
    last = len(_SCALE) - 1
    if steps <= len(_SCALE):
        return tuple(_SCALE[round(step * last / max(steps - 1, 1))] for step in range(steps))
    return tuple(_between(step * last / (steps - 1)) for step in range(steps))


def _between(place: float) -> str:
    """The colour at a place of the scale, mixed of its neighbours."""
    before = min(int(place), len(_SCALE) - 2)
    share = place - before
    low, high = (bytes.fromhex(colour.removeprefix("#")) for colour in _SCALE[before : before + 2])
    mixed = (round((1 - share) * one + share * other) for one, other in zip(low, high, strict=True))
    return f"#{bytes(mixed).hex().upper()}"

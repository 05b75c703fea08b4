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
    TEXT = "text"
    """Whatever the theme writes in: black on white, or white on black."""


GOOD: Final = Colour.BLUE
BAD: Final = Colour.VERMILION
UNKNOWN: Final = Colour.GREY
PLAIN: Final = Colour.SKY

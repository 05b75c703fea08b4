"""Figures as people write them in any language: rounded to nearest, and waits as ``m:ss``."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

MOST_DIGITS: Final = 6
"""Decimals of a figure beside its limit. What differs by less is the arithmetic's dust, not a difference."""

COARSE_BELOW: Final = 100
"""Contacts: of fewer one is more than a percent, and a decimal of their share says nothing."""


def nearest(value: float | Decimal, digits: int, *beside: float | Decimal) -> Decimal:
    """Return ``value`` rounded to nearest, halves up, with at least so many decimals.

    With as many more as it takes to stand on its own side of each limit that is written ``beside`` it:
    45.04 is 45 by itself, and 45.04 beside a limit of 45.
    """
    exact = exactly(value)
    limits = [exactly(limit) for limit in beside]
    for tried in range(digits, MOST_DIGITS + 1):
        rounded = _rounded(exact, tried)
        if all(rounded.compare(limit) == exact.compare(limit) for limit in limits):
            return rounded
    return _rounded(exact, digits)


def as_set(limit: float | Decimal, most: int) -> Decimal:
    """Return a limit as somebody set it: without decimals that say nothing, and with ``most`` at the most."""
    return next(
        (short for digits in range(most) if (short := _rounded(exactly(limit), digits)) == exactly(limit)),
        _rounded(exactly(limit), most),
    )


def share_digits(samples: int) -> int:
    """Return how many decimals the percentage of a share of so many contacts bears."""
    return 0 if samples < COARSE_BELOW else 1


def exactly(value: float | Decimal) -> Decimal:
    """Return the decimal fraction that is written for a float: 0.1 is a tenth."""
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def decimals(rounded: Decimal) -> int:
    """Return how many decimals a rounded figure has."""
    exponent = rounded.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def clock_time(seconds: float) -> str:
    """Return a wait as ``m:ss`` or ``h:mm:ss``, rounded to the nearest second."""
    hours, rest = divmod(int(nearest(seconds, 0)), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) + 0  # what rounds to nothing has no sign

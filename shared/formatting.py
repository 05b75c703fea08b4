"""Figures as people write them in any language: rounding that never flatters, and waits as ``m:ss``."""

from __future__ import annotations

import math


def round_up(value: float, digits: int) -> float:
    """Return ``value`` rounded up; float dust of a millionth of a digit does not count."""
    scale = 10.0**digits
    return math.ceil(round(value * scale, 6)) / scale


def round_down(value: float, digits: int) -> float:
    """Return ``value`` rounded down, with the same grain of dust."""
    return -round_up(-value, digits)


def clock_time(seconds: float) -> str:
    """Return a wait as ``m:ss`` or ``h:mm:ss``; rounded up to whole seconds, like ``Translator.ratio``."""
    whole = int(round_up(seconds, 0))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"

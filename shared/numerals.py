"""How numbers and waits are written for people, per language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.formatting import clock_time as clock_time
from shared.formatting import round_down as round_down
from shared.formatting import round_up as round_up


@dataclass(frozen=True)
class Numerals:
    """The signs of one language."""

    decimal: str
    thousands: str
    percent: str
    """A pattern, since Dutch wants a space before the sign."""

    def number(self, value: float, digits: int = 0) -> str:
        """Return 1234.5 as ``1.234,5`` or as ``1,234.5``."""
        swap = {",": self.thousands, ".": self.decimal}
        return "".join(swap.get(sign, sign) for sign in f"{value:,.{digits}f}")

    def ratio(self, value: float) -> str:
        """Return 0.125 as ``12,5 %``; rounded up: what is above its target never looks equal to it."""
        return self.percent.format(self.number(round_up(value * 100, 1), 1))

    def ratio_least(self, value: float) -> str:
        """Return a ratio of which more is better; rounded down: below its target never looks equal to it."""
        return self.percent.format(self.number(round_down(value * 100, 1), 1))

    def ratio_limit(self, value: float) -> str:
        """Return a target of 0.2 as ``20 %``."""
        percent = round(value * 100, 3)
        return self.percent.format(self.number(percent, 0 if percent == int(percent) else 1))

    def days(self, value: float) -> str:
        """Return a lead time as ``3,4``; rounded up like ``ratio``."""
        return self.number(round_up(value, 1), 1)

    def days_limit(self, value: float) -> str:
        """Return a target of 5.0 as ``5``."""
        return self.number(value, 0 if value == int(value) else 1)


NUMERALS: Final = {
    "nl": Numerals(decimal=",", thousands=".", percent="{} %"),
    "en": Numerals(decimal=".", thousands=",", percent="{}%"),
}

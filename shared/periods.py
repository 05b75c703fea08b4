"""Months, quarters, half years and years of the calendar, as a city's reports name them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Self

DAY: Final = timedelta(days=1)
MONTHS: Final = 12

_NAME: Final = re.compile(
    r"(?P<year>(?:19|20|21)\d\d)(?:-(?:(?P<month>0[1-9]|1[0-2])|H(?P<half>[12])|Q(?P<quarter>[1-4])))?",
    re.ASCII,
)


@dataclass(frozen=True, order=True, slots=True)
class Period:
    """A stretch of local calendar days, both ends included, made of whole months."""

    first: date
    last: date
    name: str
    """``2026``, ``2026-10``, ``2026-H1`` or ``2026-Q3``."""

    @classmethod
    def parse(cls, name: str) -> Self:
        """Return the period of that name; raises ``ValueError`` for anything else."""
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"not a period: {name!r}; a period is 2026, 2026-10, 2026-H1 or 2026-Q3")
        year = int(found["year"])
        start, length = 1, MONTHS
        if found["month"]:
            start, length = int(found["month"]), 1
        elif found["half"]:
            start, length = 6 * int(found["half"]) - 5, 6
        elif found["quarter"]:
            start, length = 3 * int(found["quarter"]) - 2, 3
        return cls(date(year, start, 1), _last_of_month(year, start + length - 1), name)

    @classmethod
    def month_of(cls, day: date) -> Self:
        """Return the month that a day is in."""
        return cls.parse(f"{day:%Y-%m}")

    @classmethod
    def year_of(cls, day: date) -> Self:
        """Return the year that a day is in."""
        return cls.parse(f"{day:%Y}")

    @property
    def is_month(self) -> bool:
        return len(self.name) == len("2026-10") and self.name[5].isdigit()

    @property
    def is_year(self) -> bool:
        return len(self.name) == len("2026")

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def days(self) -> Iterator[date]:
        """Yield its days in order."""
        for number in range((self.last - self.first).days + 1):
            yield self.first + number * DAY

    def months(self) -> tuple[Self, ...]:
        """Return its months in order."""
        return tuple(
            type(self).parse(f"{self.first.year:04}-{month:02}")
            for month in range(self.first.month, self.last.month + 1)
        )

    def before(self) -> Self:
        """Return the period of the same length that ends the day before this one begins."""
        year, month = self.first.year, self.first.month
        length = self.last.month - month + 1
        if self.is_year:
            return type(self).parse(f"{year - 1:04}")
        if self.is_month:
            return type(self).month_of(self.first - DAY)
        number = (month - 1) // length  # of this one within its year, from 0
        sign, count = self.name[5], MONTHS // length
        return type(self).parse(f"{year:04}-{sign}{number}" if number else f"{year - 1:04}-{sign}{count}")


def _last_of_month(year: int, month: int) -> date:
    following = date(year + month // MONTHS, month % MONTHS + 1, 1)
    return following - DAY

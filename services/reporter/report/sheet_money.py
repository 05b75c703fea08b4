"""The money of a follow-up sheet as a table of texts, the same for every format. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from services.reporter.report.sheet_file import Amounts, Money, Sums, add_up
from services.reporter.report.writing import Writing
from shared.periods import Period

MINUS: Final = "−"
"""U+2212: screen readers say "minus", and pass over a hyphen."""

NO_BREAK: Final = "\u00a0"
"""A space at which no line ends."""


@dataclass(frozen=True)
class MoneyRow:
    """A row as it is read."""

    label: str
    cells: tuple[str, ...]
    balance: bool = False


@dataclass(frozen=True)
class MoneyTable:
    """A table as it is read; its rows in groups, each ending in its balance."""

    caption: str
    columns: tuple[str, ...]
    groups: tuple[tuple[MoneyRow, ...], ...]


@dataclass(frozen=True)
class MoneyTables:
    """Makes the tables of one sheet."""

    period: Period
    write: Writing

    def table(self, moneys: Iterable[Money], caption: str) -> MoneyTable | None:
        """Return the money of one or more action plans, added up; ``None`` when nothing is filled in."""
        given, say = list(moneys), self.write.say
        sides = (
            (
                add_up(money.operating for money in given),
                (
                    say.gettext("Operating revenue"),
                    say.gettext("Operating expenses"),
                    say.gettext("Operating balance"),
                ),
            ),
            (
                add_up(money.investment for money in given),
                (
                    say.gettext("Investment revenue"),
                    say.gettext("Investment expenses"),
                    say.gettext("Investment balance"),
                ),
            ),
        )
        groups = tuple(tuple(self._rows(sums, *labels)) for sums, labels in sides if sums is not None)
        return MoneyTable(caption, self._columns(), groups) if groups else None

    def amount(self, cents: int) -> str:
        """Return -2288473 as ``−22.884,73``, exactly."""
        euros = self.write.say.number(Decimal(abs(cents)).scaleb(-2), 2)
        return f"{MINUS}{euros}" if cents < 0 else euros

    def percent(self, hundredths: int | None) -> str:
        """Return 10000 as ``100,00 %``."""
        if hundredths is None:
            return "–"
        return self.write.say.gettext("{number}%", number=self.amount(hundredths))

    def _rows(self, sums: Sums, revenue: str, expenses: str, balance: str) -> Iterator[MoneyRow]:
        if sums.revenue is not None:
            yield MoneyRow(revenue, self._cells(sums.revenue))
        yield MoneyRow(expenses, self._cells(sums.expenses))
        yield MoneyRow(balance, self._cells(sums.balance), balance=True)

    def _cells(self, row: Amounts) -> tuple[str, ...]:
        return (
            self.amount(row.budget),
            self.amount(row.budget_beo),
            self.amount(row.used),
            self.percent(row.used_percent),
            self.amount(row.booked),
            self.percent(row.booked_percent),
        )

    def _columns(self) -> tuple[str, ...]:
        """They break where they have an ordinary space."""
        say, year = self.write.say, self.period.first.year
        period = self.write.period(self.period).replace(" ", NO_BREAK)
        return (
            say.gettext("Budget {year}", year=year),
            # Translators: BEO is what the budget is called after its last adjustment.
            say.gettext("Budget BEO {year}", year=year),
            say.gettext("Used {period}", period=period),
            say.gettext("% used").replace("% ", f"%{NO_BREAK}"),
            say.gettext("Booked {period}", period=period),
            say.gettext("% booked").replace("% ", f"%{NO_BREAK}"),
        )

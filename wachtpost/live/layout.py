"""How wide the parts of the terminal board are: whole words, on 100 columns as on 80. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

COUNT_WIDTH: Final = 7
VALUE_WIDTH: Final = 7
SO_FAR_WIDTH: Final = 6


@dataclass(frozen=True)
class Layout:
    """Columns; names, two counts and two figures with two spaces between them add up to ``width``."""

    width: int
    name: int
    figure: int
    """A value, two spaces and a verdict: ``  30,0 %  nog niet te zeggen``; below: ``6 van 20, 15–52 %``."""
    stacked: bool
    """The verdict has a line of its own below the value, and what a ratio is made of stands behind that."""
    state: int
    most_alerts: int
    """Of a day that bad the first ones say enough."""

    @property
    def visit_figure(self) -> int:
        """Counters have their target beside them."""
        return self.figure - 2 if self.stacked else self.figure


WIDE: Final = Layout(width=100, name=20, figure=29, stacked=False, state=22, most_alerts=5)
NARROW: Final = Layout(width=80, name=14, figure=22, stacked=True, state=14, most_alerts=3)


def layout_for(columns: int) -> Layout:
    """Return the layout that a terminal of so many columns has room for."""
    return WIDE if columns >= WIDE.width else NARROW

"""Figures from before Wachtpost, as the city reported them, and where its series break.

They are *reported*, never computed: nothing here goes into a bucket. ``[history] files`` of the city
file names them; they are TOML, checked like the city file itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from shared.config.model import CityFile
from shared.config.references import ReferenceMistake, city_mistakes, place_mistakes, sites_in
from shared.config.tables import Table, tables_in
from shared.config.types import ALL_QUEUES, ConfigSection, Figure, Name, PeriodName
from shared.contract.kpis import Kpi


class ReportedFigure(ConfigSection):
    """One figure that the city published for one period."""

    kpi: Kpi
    period: PeriodName
    value: Figure
    site: Name | None = None
    """None: every site (most cities have one)."""
    queue: Name = ALL_QUEUES
    samples: Annotated[int, Field(strict=True, ge=0)] | None = None
    """Contacts that it rests on, where that is known."""
    note: str = ""


class Break(ConfigSection):
    """Where figures before and after cannot be compared without thinking."""

    period: PeriodName
    """The first period that is measured anew."""
    what: Literal["definition", "software", "organisation"]
    text: Annotated[str, Field(min_length=1, max_length=400)]
    kpis: tuple[Kpi, ...] = ()
    """Which series break; none named: all."""


class HistoryFile(ConfigSection):
    """One file of figures."""

    city: str = ""
    """Whose they are: the ``name`` in the city file, else ``history_mistakes`` says so."""
    source: str = ""
    """Where the figures were published."""
    figures: tuple[ReportedFigure, ...] = ()
    breaks: tuple[Break, ...] = ()


def history_mistakes(city: CityFile, document: Table) -> Iterator[ReferenceMistake]:
    """Find that a history file is another city's, and the sites and queues that the city does not have."""
    yield from city_mistakes(city.city.name, document)
    sites = sites_in(city.model_dump(mode="json", include={"sites"}))
    for number, figure in tables_in(document, "figures"):
        yield from place_mistakes(("figures", number), figure, sites)

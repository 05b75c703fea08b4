"""What nobody should read on a board: a reading in, complaints out, each with the panel it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from deploy.grafana import words
from deploy.grafana.words import Edition
from domain.kpi_words import KPI_WORDS
from shared.contract.kpis import Kpi
from tests.deploy.grafana.panels import Reading

WORDS_OF_NOBODY: Final = re.compile(r"\bValue\b( #[A-Z])?$|\$|__|NaN|undefined|^null$|^No data$|\bInf\b")
"""What Grafana or Prometheus says where nothing else was said: in no language of a city."""
ENGLISH_TIMES: Final = re.compile(r"^\d[\d.]* (mins|hours|days|weeks|years)$")
"""What Grafana makes of seconds from sixty on, in every language."""
STRETCHED: Final = re.compile(r"^00:[0-5]\d:[0-5]\d")
"""A wait with hours that it never has: 00:01:42 for 1:42."""
SNAKE: Final = re.compile(r"[A-Za-z]_[A-Za-z]")
LONG: Final = re.compile(r"\d[.,]\d{4}")
POINT: Final = re.compile(r"(?<![\d.])\d+\.\d{1,2}(?![\d.])")
TEXT_OF_OURS: Final = re.compile(r"[^\W\d]{2}")


def complaints(reading: Reading, say: Edition) -> Iterator[str]:
    """Yield what is wrong with a reading. ``say``: the city whose board it is, in the board's language."""
    found = (
        *_about_texts(reading, say),
        *_about_axis(reading),
        *_about_bars(reading),
        *_about_colours(reading),
        *_about_columns(reading),
        *_about_nothing(reading),
        *_about_width(reading),
        *(f"Grafana does not know the setting {name}" for name in reading.dropped),
    )
    yield from (f"{reading}: {one}" for one in dict.fromkeys(found))


def _about_texts(reading: Reading, say: Edition) -> Iterator[str]:
    raw = raw_words(say)
    for text in reading.texts:
        if WORDS_OF_NOBODY.search(text):
            yield f"{text!r} says nothing to anybody"
        if ENGLISH_TIMES.search(text):
            yield f"{text!r} is English, and not as we write times"
        if STRETCHED.search(text):
            yield f"{text!r} should have no hours"
        if LONG.search(text):
            yield f"{text!r} has too many decimals"
        if SNAKE.search(text) or any(part in raw for part in _parts(text)):
            yield f"{text!r} is an id"
        if say.language != "en" and POINT.search(text):
            yield f"{text!r} has a decimal point"


def _parts(text: str) -> list[str]:
    return [text, *re.split(r" · ", text)]


def raw_words(say: Edition) -> frozenset[str]:
    """Return the ids that have words in a language: none of them reaches a person."""
    told = {id_: say(text) for each in _SPOKEN for id_, text in each.items()}
    if say.language == "en":
        told = {}  # ids are English words, of which others are made
    told |= {queue.id: queue.name for site in say.city.sites for queue in site.queues}
    told |= {site.id: site.name for site in say.city.sites}
    told |= {rule.id: "" for rule in say.city.rules}
    told |= {f"{rule.id}-warning": "" for rule in say.city.rules}
    told |= dict.fromkeys([*Kpi, "all", "none", "ticket", "page"], "")
    return frozenset(told) - frozenset(told.values())


_SPOKEN: Final = tuple(
    each
    for name, each in vars(words).items()
    if name.isupper() and isinstance(each, Mapping) and each is not KPI_WORDS
)
"""Every table of words for ids; those of KPIs have several each."""


def _about_axis(reading: Reading) -> Iterator[str]:
    yield from (
        f"{meant!r} stands on the axis as {shown!r}" for shown, meant in reading.axis if shown != meant
    )


def _about_bars(reading: Reading) -> Iterator[str]:
    if reading.panel.type == "bargauge":
        nothing = (reading.panel.defaults.get("noValue"),)
        nameless = [part for part in reading.parts if not part.name and part.texts != nothing]
        yield from (f"the bar of {part.texts} has no name" for part in nameless)


def _about_colours(reading: Reading) -> Iterator[str]:
    for part in reading.parts:
        for colour in part.colours:
            if colour.upper() in reading.grafanas_own:
                yield f"{part.name!r} is in {colour}, which is Grafana's own"


def _about_columns(reading: Reading) -> Iterator[str]:
    """About a table's columns: those that were meant, in their order; and what its rows are sorted by."""
    if reading.panel.type != "table" or not any(part.texts for part in reading.parts):
        return
    yield from (
        f"the column {name!r} is there for no reader" for name in reading.names if name in reading.labels
    )
    meant = [name for name in _meant(reading) if name in reading.names]
    if meant and reading.names[: len(meant)] != meant:
        yield f"its columns are {reading.names}, and were to be {meant}"
    instead = reading.panel.defaults.get("noValue")
    if TEXT_OF_OURS.search(instead or "") and any(instead in part.texts for part in reading.parts):
        yield f"a cell says {instead!r}, which is about the whole panel"
    for order in reading.panel.options.get("sortBy") or ():
        if order["displayName"] not in reading.names:
            yield f"it is sorted by {order['displayName']!r}, a column that is not there"


def _about_width(reading: Reading) -> Iterator[str]:
    """About columns that one would have to scroll to, and names that stand for two."""
    needed, there = sum(part.width for part in reading.parts), _inside(reading.panel.body["gridPos"]["w"])
    if needed > there:
        yield f"its columns take {needed} px of {there} on a screen of {SCREEN}"
    names = [name for name in reading.names if name]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{names.count(name)} are called {name!r}"


def _inside(columns: int) -> int:
    """Pixels inside a panel of so many of a board's 24 columns."""
    around, gap, frame = 32, 8, 18
    one = (SCREEN - around + gap) / 24
    return int(columns * one - gap - frame)


SCREEN: Final = 1366
"""Pixels: the narrowest screen on which panels stand side by side, but for a phone."""


def _meant(reading: Reading) -> list[str]:
    """The headings that a table names, in their order."""
    for each in reversed(reading.panel.transformations):
        if each["id"] == "organize":
            order, renamed = each["options"]["indexByName"], each["options"]["renameByName"]
            return [renamed.get(name, name) for name in sorted(order, key=order.__getitem__)]
    return []


def _about_nothing(reading: Reading) -> Iterator[str]:
    shown = sum(len(part.texts) for part in reading.parts)
    if not shown and not reading.panel.defaults.get("noValue"):
        yield "it says 'No data' where there is nothing"
    if not shown and reading.panel.type == "table" and reading.parts:
        yield f"it shows the headings {reading.names} and no rows, not that there is nothing"
    if reading.panel.type in {"stat", "bargauge"} and reading.series > len(reading.parts):
        yield f"{reading.series - len(reading.parts)} of {reading.series} are not there"

"""The small words of a message, per language: durations, dates, windows. Sentences are in the templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.config.model import Language
from shared.numerals import NUMERALS, Numerals

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)

_WINDOW: Final = re.compile(r"(\d+)([smh])", re.ASCII)
"""A rolling window as the evaluator labels it: ``90s``, ``15m``, ``1h``."""


@dataclass(frozen=True)
class Unit:
    """A unit of time, of one and of more."""

    one: str
    more: str


@dataclass(frozen=True)
class Words:
    """One language. Texts with fields are ``str.format`` patterns."""

    numerals: Numerals
    all_phones: str
    all_counters: str
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    seconds: Unit
    minutes: Unit
    hours: Unit
    days: Unit
    both: str
    """Joins the two parts of a duration."""
    last: Mapping[str, Unit]
    """A rolling window by its unit (``s``, ``m``, ``h``)."""

    def duration(self, duration: timedelta) -> str:
        """Return how long something lasted, as coarsely as people say it: ``2 uur en 5 minuten``."""
        if duration < _MINUTE:
            return self._count(max(duration, timedelta(0)) // timedelta(seconds=1), self.seconds)
        if duration < _HOUR:
            return self._count(duration // _MINUTE, self.minutes)
        if duration < _DAY:
            return self._joined(duration // _HOUR, self.hours, duration % _HOUR // _MINUTE, self.minutes)
        return self._joined(duration // _DAY, self.days, duration % _DAY // _HOUR, self.hours)

    def window(self, label: str) -> str:
        """Return a rolling window as ``laatste 15 minuten``; any other label as it is."""
        parts = _WINDOW.fullmatch(label)
        if parts is None:
            return label
        count, unit = int(parts[1]), self.last[parts[2]]
        return unit.one if count == 1 else unit.more.format(self.numerals.number(count))

    def moment(self, local: datetime, today: datetime) -> str:
        """Return a local time as seen from ``today``: ``10:04``, ``ma 23 nov 10:04`` or with the year."""
        if local.date() == today.date():
            return f"{local.hour}:{local:%M}"
        year = "" if local.year == today.year else f" {local.year}"
        return f"{self._day(local)}{year} {local.hour}:{local:%M}"

    def instant(self, local: datetime) -> str:
        """Return a local time in full: ``di 24 nov 2026 10:05``."""
        return f"{self._day(local)} {local.year} {local.hour}:{local:%M}"

    def _day(self, local: datetime) -> str:
        return f"{self.weekdays[local.weekday()]} {local.day} {self.months[local.month - 1]}"

    def _count(self, number: int, unit: Unit) -> str:
        return (unit.one if number == 1 else unit.more).format(self.numerals.number(number))

    def _joined(self, major: int, of: Unit, minor: int, parts: Unit) -> str:
        whole = self._count(major, of)
        return self.both.format(whole, self._count(minor, parts)) if minor else whole


NL: Final = Words(
    numerals=NUMERALS[Language.NL],
    all_phones="Alle telefoonlijnen",
    all_counters="Alle loketten",
    weekdays=("ma", "di", "wo", "do", "vr", "za", "zo"),
    months=("jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
    seconds=Unit("{} seconde", "{} seconden"),
    minutes=Unit("{} minuut", "{} minuten"),
    hours=Unit("{} uur", "{} uur"),
    days=Unit("{} dag", "{} dagen"),
    both="{} en {}",
    last={
        "s": Unit("laatste seconde", "laatste {} seconden"),
        "m": Unit("laatste minuut", "laatste {} minuten"),
        "h": Unit("laatste uur", "laatste {} uur"),
    },
)

EN: Final = Words(
    numerals=NUMERALS[Language.EN],
    all_phones="All phone lines",
    all_counters="All counters",
    weekdays=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    months=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    seconds=Unit("{} second", "{} seconds"),
    minutes=Unit("{} minute", "{} minutes"),
    hours=Unit("{} hour", "{} hours"),
    days=Unit("{} day", "{} days"),
    both="{} and {}",
    last={
        "s": Unit("last second", "last {} seconds"),
        "m": Unit("last minute", "last {} minutes"),
        "h": Unit("last hour", "last {} hours"),
    },
)

WORDS: Final = {Language.NL: NL, Language.EN: EN}

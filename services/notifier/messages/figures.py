"""A figure in a sentence: written in its unit, with the contacts that it counts. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from services.notifier.model import Breach
from shared.config.model import CityFile, Target
from shared.config.types import ALL_QUEUES, LastContacts
from shared.contract.kpis import UNITS, Kpi, Measure, Unit
from shared.translation import Msg, Translator

_WINDOW: Final = re.compile(r"(\d+)([smh])", re.ASCII)
"""A rolling window as the evaluator labels it: ``90s``, ``15m``, ``1h``."""

# Translators: a part of a headline, such as "vandaag 31 % van de oproepen gemist".
_DURING: Final[Mapping[str, Msg]] = {
    "today": Msg("today", "in a headline"),
    "month": Msg("this month", "in a headline"),
    "year": Msg("this year", "in a headline"),
}

USUAL_DIGITS: Final = 3
"""Decimals of a usual share, one of a percentage: it is a word, however finely the days add up to it."""


def figure(say: Translator, measure: Measure, value: float, samples: int, *beside: float) -> str:
    """Return a value in its unit, rounded to nearest; ``beside``: the limits that stand next to it.

    Empty where there is nothing but yes and no: nobody available. For how long nothing was heard is so many
    minutes, and no wait.
    """
    if measure is Measure.NOBODY_AVAILABLE:
        return ""
    if measure is Measure.NO_DATA:
        return say.duration(timedelta(seconds=value))
    unit = UNITS[measure]
    if unit is Unit.RATIO:
        return say.share(value, samples, *beside)
    return say.value(unit, value, *beside)


def limit(say: Translator, measure: Measure, limit: float) -> str:
    """Return a limit as somebody set it, in the form of its figure."""
    if measure is Measure.NO_DATA:
        return say.duration(timedelta(seconds=limit))
    return say.limit(UNITS[measure], limit)


def counts(say: Translator, part: int | None, samples: int | None, *, latest: bool = False) -> str:
    """Return ``6 van 19``, or of the latest contacts ``7 van de laatste 20``; empty without a count."""
    if part is None or not samples:
        return ""
    counted = say.number(part)
    if latest and samples > 1:
        # Translators: of the latest contacts so many: "7 van de laatste 20".
        return say.ngettext(
            "{part} of the last {number}", "{part} of the last {number}", samples, part=counted
        )
    # Translators: of so many contacts: "6 van 19".
    return say.gettext("{part} of {samples}", part=counted, samples=say.number(samples))


def looks_back(say: Translator, window: str, samples: int | None = None, *, brief: bool = False) -> str:
    """Return a rolling window as ``laatste 15 minuten`` (``15 min``), one by count as ``laatste 20``; else
    nothing. With ``samples`` one by count says how many there are, if they are fewer."""
    if (latest := LastContacts.parse(window)) is not None:
        count = latest.count if samples is None else max(1, min(latest.count, samples))
        # Translators: a window that looks back over so many calls, visitors or appointments.
        return say.ngettext("the last {number}", "the last {number}", count)
    parts = _WINDOW.fullmatch(window)
    match parts and (int(parts[1]), parts[2]):
        case number, "s" if brief:
            return say.gettext("{number} s", number=say.number(number))
        case number, "m" if brief:
            return say.gettext("{number} min", number=say.number(number))
        case number, "h" if brief:
            return say.ngettext("{number} h", "{number} h", number)
        case number, "s":
            return say.ngettext("last second", "last {number} seconds", number)
        case number, "m":
            return say.ngettext("last minute", "last {number} minutes", number)
        case number, "h":
            return say.ngettext("last hour", "last {number} hours", number)
    return ""


def during(say: Translator, window: str) -> str:
    """Return ``vandaag``, ``deze maand``; nothing for what does not begin with the calendar."""
    return say.text(_DURING[window]) if window in _DURING else ""


def is_full(window: str, samples: int) -> bool | None:
    """Return whether a window by count holds as many as it asks for; ``None``: the window is no count."""
    asked = LastContacts.parse(window)
    return None if asked is None else samples >= asked.count


def wanted(say: Translator, window: str) -> str:
    """Return how many contacts a window by count asks for."""
    asked = LastContacts.parse(window)
    return "" if asked is None else say.number(asked.count)


def target_of(city: CityFile, kpi: Kpi, breach: Breach) -> Target | None:
    """Return the city's target for a figure; a queue without one is held against the total's."""
    own = city.target(kpi, breach.site, breach.queue, breach.window)
    return own or city.target(kpi, breach.site, ALL_QUEUES, breach.window)

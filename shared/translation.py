"""What people read, in their language: the catalogues in ``locales``, numbers and dates by Babel.

The source language is English: a message is its English sentence, with named ``{fields}``; every other
language is one file ``locales/<language>.po``. How to mark, collect and translate: ``docs/translating.md``.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple

from babel import Locale
from babel.dates import format_datetime
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import Translations
from babel.units import format_unit

from shared.contract.kpis import Unit
from shared.formatting import as_set, clock_time, decimals, exactly, nearest, share_digits

LOCALES: Final = Path(__file__).with_name("locales")

SOURCE_LANGUAGE: Final = "en"

LIMIT_DIGITS: Final = 3
"""Decimals of a limit: nobody sets a finer one."""

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


class Msg(NamedTuple):
    """A message where it is written down, in English; ``Translator.text`` says it."""

    text: str
    context: str | None = None
    """Tells it from the same English text that means something else."""


# Translators: dates and times, in the letters of the CLDR: EEE weekday, d day, MMM month, y year, H hour.
_TIME: Final = Msg("H:mm", "date pattern")
_DAY_AND_TIME: Final = Msg("EEE d MMM H:mm", "date pattern")
_INSTANT: Final = Msg("EEE d MMM y H:mm", "date pattern")


@cache
def languages() -> tuple[str, ...]:
    """Return the languages there are: English, and every one that has a catalogue."""
    return tuple(sorted({SOURCE_LANGUAGE, *(path.stem for path in LOCALES.glob("*.po"))}))


@cache
def translator(language: str) -> Translator:
    """Return who speaks one of ``languages()``; raises ``FileNotFoundError`` for any other."""
    if language == SOURCE_LANGUAGE:
        return Translator(language, NullTranslations())
    with (LOCALES / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    return Translator(language, Translations(BytesIO(compiled.getvalue())))


class Translator:
    """Speaks one language: messages with their fields filled in, numbers, durations and dates.

    The methods named as in ``gettext`` are what ``make messages`` looks for; their messages are literals.
    """

    def __init__(self, language: str, catalogue: NullTranslations) -> None:
        self.language = language
        self._catalogue = catalogue
        self._locale = Locale.parse(language)

    def gettext(self, message: str, /, **fields: object) -> str:
        """Return a message."""
        return _filled(self._catalogue.gettext(message), fields)

    def pgettext(self, context: str, message: str, /, **fields: object) -> str:
        """Return a message that means something else in another context."""
        return _filled(self._catalogue.pgettext(context, message), fields)

    def ngettext(self, one: str, more: str, number: int | Decimal, /, **fields: object) -> str:
        """Return the message for a number, which fills in ``{number}``.

        One that is rounded already goes by how it is written: Dutch has ``1 werkdag`` and ``1,0 werkdagen``.
        """
        if isinstance(number, Decimal):
            form, written = 1 if self._locale.plural_form(number) == "one" else 2, self._written(number)
        else:
            form, written = number, self.number(number)
        return _filled(self._catalogue.ngettext(one, more, form), {"number": written, **fields})

    def text(self, message: Msg, /, **fields: object) -> str:
        """Return a message that was written down somewhere else."""
        if message.context is None:
            return self.gettext(message.text, **fields)
        return self.pgettext(message.context, message.text, **fields)

    def for_templates(self) -> Mapping[str, Callable[..., str]]:
        """Return what a Jinja template calls, by the names that it has here; ``listed`` is ``list``."""
        return {
            "gettext": self.gettext,
            "pgettext": self.pgettext,
            "ngettext": self.ngettext,
            "listed": self.list,
        }

    # --- numbers ---

    def number(self, value: float | Decimal, digits: int = 0, *beside: float) -> str:
        """Return 1234.5 as ``1.234,5`` or as ``1,234.5``; rounded like ``ratio``."""
        return self._written(nearest(value, digits, *beside))

    def ratio(self, value: float, *beside: float, digits: int = 1) -> str:
        """Return 0.125 as ``12,5 %``, to the nearest; ``beside``: the limits that stand next to it.

        A figure never looks like its limit, or as if it stood on the other side, where it does not: then it
        has more decimals.
        """
        limits = (exactly(limit) * 100 for limit in beside)
        return self._percent(nearest(exactly(value) * 100, digits, *limits))

    def share(self, value: float, samples: int, *beside: float) -> str:
        """Return the share of so many contacts like ``ratio``, with the decimals that they bear.

        Everywhere the same: 19 of 81 are ``23 %``, 27 of 107 are ``25,2 %``.
        """
        return self.ratio(value, *beside, digits=share_digits(samples))

    def ratio_limit(self, value: float) -> str:
        """Return a target of 0.2 as ``20 %``."""
        return self._percent(as_set(exactly(value) * 100, LIMIT_DIGITS))

    def value(self, unit: Unit, value: float, *beside: float) -> str:
        """Return a value in its unit, rounded like ``ratio``.

        Working days and how many times stand without a word behind them.
        """
        match unit:
            case Unit.RATIO:
                return self.ratio(value, *beside)
            case Unit.SECONDS:
                return self.clock(value, *beside)
            case Unit.WORKDAYS | Unit.TIMES:
                return self.days(value, *beside)
            case Unit.PEOPLE:
                return self.number(value, 0, *beside)

    def limit(self, unit: Unit, limit: float) -> str:
        """Return a limit or target as somebody set it: without decimals that say nothing."""
        match unit:
            case Unit.RATIO:
                return self.ratio_limit(limit)
            case Unit.SECONDS:
                return self._clock(as_set(limit, LIMIT_DIGITS))
            case Unit.WORKDAYS | Unit.TIMES | Unit.PEOPLE:
                return self.days_limit(limit)

    def clock(self, seconds: float, *beside: float) -> str:
        """Return a wait as ``2:05``; rounded like ``ratio``: 45.04 s beside 45 s is ``0:45,04``."""
        return self._clock(nearest(seconds, 0, *beside))

    def days(self, value: float, *beside: float) -> str:
        """Return a lead time as ``3,4``, rounded like ``ratio``."""
        return self.number(value, 1, *beside)

    def days_limit(self, value: float) -> str:
        """Return a target of 5.0 as ``5``."""
        return self._written(as_set(value, LIMIT_DIGITS))

    def workdays(self, value: float, *beside: float) -> str:
        """Return a lead time as ``3,4 werkdagen``, rounded like ``ratio``."""
        return self._workdays(nearest(value, 1, *beside))

    def workdays_limit(self, value: float) -> str:
        """Return a target of 5.0 as ``5 werkdagen``."""
        return self._workdays(as_set(value, LIMIT_DIGITS))

    def counts(self, part: int, samples: int) -> str:
        """Return what a ratio is made of, ``6 van 20``."""
        # Translators: of so many contacts: "6 van 19".
        return self.gettext("{part} of {samples}", part=self.number(part), samples=self.number(samples))

    def span(self, unit: Unit, low: float, high: float, *beside: float) -> str:
        """Return from where to where a value may lie, ``15–52 %``; in whole percents, else like ``ratio``."""
        if unit is not Unit.RATIO:
            return f"{self.value(unit, low, *beside)}–{self.value(unit, high, *beside)}"
        limits = [float(exactly(limit) * 100) for limit in beside]
        return f"{self.number(exactly(low) * 100, 0, *limits)}–{self.ratio(high, *beside, digits=0)}"

    def _workdays(self, days: Decimal) -> str:
        return self.ngettext("{number} working day", "{number} working days", days)

    def _percent(self, percent: Decimal) -> str:
        # Translators: a percentage, with a space before the sign where the language wants one.
        return self.gettext("{number}%", number=self._written(percent))

    def _clock(self, seconds: Decimal) -> str:
        whole, digits = int(seconds), decimals(seconds)
        part = self._written(seconds - whole)[1:] if digits else ""
        return f"{clock_time(whole)}{part}"

    def _written(self, rounded: Decimal) -> str:
        digits = decimals(rounded)
        pattern = f"#,##0.{'0' * digits}" if digits else "#,##0"
        return format_decimal(rounded, format=pattern, locale=self._locale)

    # --- times ---

    def duration(self, duration: timedelta) -> str:
        """Return how long something lasted, as coarsely as people say it: ``2 uur en 5 minuten``."""
        if duration < _MINUTE:
            return self._units(second=max(duration, timedelta(0)) // timedelta(seconds=1))
        if duration < _HOUR:
            return self._units(minute=duration // _MINUTE)
        if duration < _DAY:
            return self._units(hour=duration // _HOUR, minute=duration % _HOUR // _MINUTE)
        return self._units(day=duration // _DAY, hour=duration % _DAY // _HOUR)

    def _units(self, **counts: int) -> str:
        """The first unit always, the second unless there is none of it."""
        first, *rest = (
            format_unit(count, f"duration-{unit}", length="long", locale=self._locale)
            for unit, count in counts.items()
            if count or len(counts) == 1 or unit != list(counts)[-1]
        )
        return self.list([first, *rest])

    def list(self, parts: Sequence[str]) -> str:
        """Return ``a, b en c``."""
        return format_list(parts, locale=self._locale)

    def local(self, local: date, pattern: Msg) -> str:
        """Return a local day or time by a pattern of the CLDR, which is a message of its own."""
        moment = local if isinstance(local, datetime) else datetime(local.year, local.month, local.day)  # noqa: DTZ001
        return format_datetime(moment, self.text(pattern), locale=self._locale)

    def moment(self, local: datetime, today: datetime) -> str:
        """Return a local time as seen from ``today``: ``10:04``, ``ma 23 nov 10:04`` or with the year."""
        if local.date() == today.date():
            return self.local(local, _TIME)
        return self.local(local, _DAY_AND_TIME if local.year == today.year else _INSTANT)

    def instant(self, local: datetime) -> str:
        """Return a local time in full: ``di 24 nov 2026 10:05``."""
        return self.local(local, _INSTANT)


class _Names(string.Formatter):
    """Fills in names and nothing else: a template of a city's own cannot look into what it is given."""

    def get_field(
        self, field_name: str, _args: Sequence[object], fields: Mapping[str, object]
    ) -> tuple[object, str]:
        return fields[field_name], field_name


_NAMES: Final = _Names()


def _filled(text: str, fields: Mapping[str, object]) -> str:
    return _NAMES.vformat(text, (), fields) if "{" in text or "}" in text else text

"""What a good city file says and cannot mean: rules that never fire or never clear, holes in hours. Pure.

A mistake is refused (``shared.config.references``): what the file says can never hold. A remark is only made:
it can, but as far as anybody can tell it will not at this desk, or it leaves a hole.
"""

from __future__ import annotations

from datetime import date

from domain.period_kpis import Days
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.config.references import ReferenceMistake
from wachtpost.remarks.contacts import never_surely, shifts_by_chance, silent_by_chance, too_few
from wachtpost.remarks.hours import gaps, holidays_left_out, nights_left_out
from wachtpost.remarks.limits import never_clears, never_fires


def remarks(
    city: CityFile, calendar: Calendar, today: date, days: Days | None = None
) -> list[ReferenceMistake]:
    """Return what can be remarked of a city file; a kind is a key of ``shared.config.messages.REMARKS``.

    ``days``: what the archive has of its queues, if that could be asked.
    """
    return [
        *never_fires(city),
        *never_clears(city),
        *never_surely(city),
        *too_few(city, calendar, days or {}),
        *shifts_by_chance(city, days or {}),
        *silent_by_chance(city, calendar, days or {}),
        *gaps(city),
        *nights_left_out(city),
        *holidays_left_out(city, calendar, today),
    ]

"""A city with a year and a half of days, for reports: seasons, a dead feed, a quiet counter, a bad month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random

from domain.bucket import Bucket, cell_from, cell_up_to
from domain.period_kpis import Days, months_of
from domain.queue_ref import QueueRef
from services.reporter.report.assemble import Counted, assemble
from services.reporter.report.document import Report
from shared.calendar import DAY, Calendar
from shared.config.model import CityFile
from shared.history_file import HistoryFile
from shared.periods import Period

DESK = {day: ["09:00-12:30", "13:00-17:00"] for day in ("monday", "tuesday", "wednesday", "thursday")}
COUNTERS = {
    "loket-burgerzaken": ("Loket Burgerzaken", 60.0, 55, 40),
    "loket-energie": ("Energieloket", 300.0, 200, 4),
    "loket-mobiliteit": ("Loket Mobiliteit", 120.0, 119, 9),
    "loket-ocmw": ("Loket OCMW", 600.0, 420, 12),
    "loket-omgeving": ("Loket Omgeving", 300.0, 380, 7),
    "loket-wonen": ("Loket Wonen", 300.0, 250, 6),
}
"""Name, target and usual wait in seconds, visitors a day."""
PHONES = {"onthaal": ("Onthaal", 70), "burgerzaken": ("Burgerzaken", 45)}

DOCUMENT: dict[str, object] = {
    "city": {"name": "Proefstad"},
    "hours": {"kantoor": {**DESK, "friday": ["09:00-12:30"]}},
    "missed_definitions": [
        {"id": "lier-1", "outcomes": ["abandoned", "timed_out", "no_agents"]},
        {"id": "zonder-kort", "version": 2, "outcomes": ["abandoned", "timed_out"], "short_abandon": "10s"},
        {"id": "alles", "outcomes": ["abandoned", "timed_out", "no_agents", "left_by_key", "closed"]},
    ],
    "service_level_definitions": [
        {"id": "binnen-20s", "within": "20s"},
        {"id": "binnen-45s-beantwoord", "version": 3, "within": "45s", "of": "answered"},
    ],
    "sites": [
        {
            "id": "stad",
            "name": "Stad Proef",
            "queues": [
                *(
                    {"id": name, "kind": "phone", "name": title, "hours": "kantoor"}
                    for name, (title, _) in PHONES.items()
                ),
                *(
                    {"id": name, "kind": "counter", "name": title, "hours": "kantoor"}
                    for name, (title, *_) in COUNTERS.items()
                ),
            ],
        }
    ],
    "targets": [
        {"kpi": "missed_ratio", "limit": 0.2, "period": "year"},
        {"kpi": "call_wait_mean", "limit": 45.0},
        {"kpi": "lead_time_mean", "limit": 5.0},
        *(
            {"kpi": "visit_wait_mean", "queue": name, "limit": limit}
            for name, (_, limit, *_) in COUNTERS.items()
        ),
    ],
}
CITY = CityFile.model_validate(DOCUMENT)
CALENDAR = Calendar(CITY)

HISTORY = HistoryFile.model_validate(
    {
        "source": "Opvolging beleidsdoelstellingen, 2024 Q2",
        "figures": [
            {"kpi": "missed_ratio", "period": str(year), "value": value}
            for year, value in zip(
                range(2016, 2023), (0.1614, 0.1219, 0.1170, 0.1114, 0.1402, 0.1308, 0.1156), strict=True
            )
        ],
        "breaks": [
            {"period": "2021", "what": "software", "text": "Nieuwe software voor afspraken en wachtrijen."},
            {
                "period": "2025-03",
                "what": "definition",
                "text": "Wachtpost telt zelf, volgens lier-1.",
                "kpis": ["missed_ratio"],
            },
        ],
    }
)

FIRST = date(2025, 3, 12)
DEAD_FEED = ("onthaal", date(2026, 2, 9), date(2026, 2, 11))
BAD_MONTH = (2026, 5)
COMMENT = """In mei waren twee medewerkers ziek; <de wachttijd> liep op & er werd *meer* opgehangen.

Vanaf juni staat er een derde medewerker aan de telefoon."""


def counted(until: date) -> Counted:
    """Every day from the first up to and including ``until``; the same ones, whatever the end."""
    days: dict[QueueRef, dict[date, Bucket]] = {}
    for day in _days(until):
        chance = Random(day.toordinal())
        for queue, (_, calls) in PHONES.items():
            if queue == DEAD_FEED[0] and DEAD_FEED[1] <= day <= DEAD_FEED[2]:
                continue
            days.setdefault(QueueRef("stad", queue), {})[day] = _phone_day(chance, calls, day)
        for queue, (_, _, wait, visits) in COUNTERS.items():
            bucket = _counter_day(chance, visits, wait, day)
            if bucket is not None:
                days.setdefault(QueueRef("stad", queue), {})[day] = bucket
    return Counted(months_of(days), days, FIRST)


def report(name: str, today: date, *, comment: str = "", days: Days | None = None) -> Report:
    """The report of a period, made on a day at ten in the morning."""
    period = Period.parse(name)
    now = datetime(today.year, today.month, today.day, 9, tzinfo=UTC)
    known = counted(min(today - DAY, period.last)) if days is None else Counted(months_of(days), days, FIRST)
    return assemble(CITY, CALENDAR, known, (HISTORY,), period, now, comment=comment)


def _days(until: date) -> Iterator[date]:
    return (
        day
        for day in (FIRST + timedelta(days=number) for number in range((until - FIRST).days + 1))
        if CALENDAR.is_working_day(day)
    )


def _phone_day(chance: Random, calls: int, day: date) -> Bucket:
    busy = 1.9 if (day.year, day.month) == BAD_MONTH else 1.0
    bucket = Bucket()
    for _ in range(round(calls * chance.uniform(0.8, 1.2))):
        ms = round(chance.expovariate(1 / (34_000 * busy)))
        fate = chance.random() / busy
        if fate < 0.09:
            bucket.abandoned += 1
            cell = cell_from(ms)
            bucket.abandon_waits[cell] = bucket.abandon_waits.get(cell, 0) + 1
        elif fate < 0.11:
            bucket.timed_out += 1
        elif fate < 0.115:
            bucket.no_agents += 1
        elif fate < 0.12:
            bucket.closed += 1
        elif fate < 0.13:
            bucket.left_by_key += 1
        else:
            bucket.answered += 1
            bucket.wait_ms += ms
            cell = cell_up_to(ms)
            bucket.waits[cell] = bucket.waits.get(cell, 0) + 1
    return bucket


def _counter_day(chance: Random, visits: int, wait: int, day: date) -> Bucket | None:
    came = visits if visits >= 40 else chance.randint(0, 2 * visits)
    if not came:
        return None
    season = 1 + 0.12 * ((day.month % 4) - 1.5)
    waited = sum(round(chance.uniform(0.3, 1.7) * wait * season * 1000) for _ in range(came))
    booked = chance.randint(1, came + 1)
    lead = sum(chance.randint(1, 7 + day.month % 3) for _ in range(booked))
    return Bucket(visits=came, visit_wait_ms=waited, booked=booked, lead_days=lead)

"""What a year of files comes to, worked out apart from Wachtpost: sqlite3 and plain arithmetic.

Shares no code with the project and does not read the city file. Opening hours, holidays, closing days,
working days and definitions of ``city.toml`` stand here once more, by hand; local days come from zoneinfo.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Brussels")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MS: Final = timedelta(milliseconds=1)
DAY: Final = timedelta(days=1)
FIRST: Final = date(2025, 11, 1)
LAST: Final = date(2027, 4, 30)
OPEN_TIMEOUT_MS: Final = 2 * 60 * 60 * 1000

PHONES: Final = ("onthaal", "burgerzaken", "nachtlijn", "storingen")
COUNTERS: Final = (
    "loket-burgerzaken",
    "loket-energie",
    "loket-mobiliteit",
    "loket-ocmw",
    "loket-omgeving",
    "loket-wonen",
)

HOLIDAYS: Final = frozenset(
    {
        "2025-11-01",  # Allerheiligen
        "2025-11-11",  # Wapenstilstand
        "2025-12-25",  # Kerstmis
        "2026-01-01",  # Nieuwjaar
        "2026-04-06",  # Paasmaandag
        "2026-05-01",  # Dag van de Arbeid
        "2026-05-14",  # Hemelvaart
        "2026-05-25",  # Pinkstermaandag
        "2026-07-21",  # nationale feestdag
        "2026-08-15",  # O.L.V.-Hemelvaart, a Saturday
        "2026-11-01",  # Allerheiligen, a Sunday
        "2026-11-11",  # Wapenstilstand
        "2026-12-25",  # Kerstmis
        "2027-01-01",  # Nieuwjaar
        "2027-03-29",  # Paasmaandag
    }
)
CLOSED: Final = frozenset(
    {
        "2025-11-02",
        "2025-12-26",
        "2026-01-02",
        "2026-05-15",
        "2026-07-11",
        "2026-07-20",
        "2026-11-02",
        "2026-12-26",
    }
)
CLOSED_FROM_NOON: Final = frozenset({"2025-12-24", "2025-12-31", "2026-12-24", "2026-12-31"})

PHONE_HOURS: Final = (
    ((8.5, 12.5), (13, 17)),
    ((8.5, 12.5), (13, 19)),
    ((8.5, 12.5), (13, 17)),
    ((8.5, 12.5), (13, 17)),
    ((8.5, 12.5),),
    (),
    (),
)
COUNTER_HOURS: Final = (
    ((9, 12.5), (13.5, 16.5)),
    ((9, 12.5), (13.5, 19)),
    ((9, 12.5), (13.5, 16.5)),
    ((9, 12.5),),
    ((9, 12.5),),
    ((9, 12),),
    (),
)
"""From Monday on, in hours of the wall clock."""

# Of a call `c`; the waits on the very bound count as the README says.
DEFINITIONS: Final = {
    "lier-1 v1": "c.outcome IN ('abandoned', 'timed_out', 'no_agents')",
    "zonder-korte-ophangers v2": """(c.outcome IN ('timed_out', 'no_agents')
        OR c.outcome = 'abandoned' AND c.wait_ms >= 10000)""",
    "alle v1": "c.outcome IS NOT NULL",
    "geen-ophangers v3": "c.outcome IN ('timed_out', 'no_agents', 'closed')",
}
SPEEDS: Final = {
    "0-20": "c.wait_ms <= 20000",
    "20-45": "c.wait_ms > 20000 AND c.wait_ms <= 45000",
    "45-60": "c.wait_ms > 45000 AND c.wait_ms <= 60000",
    "60-120": "c.wait_ms > 60000 AND c.wait_ms <= 120000",
    "120-180": "c.wait_ms > 120000 AND c.wait_ms <= 180000",
    ">180": "c.wait_ms > 180000",
}
OUTCOMES: Final = ("abandoned", "timed_out", "no_agents", "left_by_key", "closed")

SCHEMA: Final = """
CREATE TABLE event (
    id TEXT PRIMARY KEY, kind TEXT, queue TEXT, contact TEXT, at_ms INTEGER, day TEXT, open INTEGER,
    outcome TEXT, wait_ms INTEGER, arrived_ms INTEGER, appointment_ms INTEGER, booked_day TEXT, start_day TEXT
) WITHOUT ROWID;
CREATE TABLE working_day (day TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE in_period (day TEXT, period TEXT, PRIMARY KEY (day, period)) WITHOUT ROWID;
CREATE TABLE in_group (queue TEXT, name TEXT, PRIMARY KEY (queue, name)) WITHOUT ROWID;
"""

CALLS: Final = f"""
SELECT g.name, p.period,
    SUM(c.kind = 'call.answered') AS answered,
    SUM(CASE WHEN c.kind = 'call.answered' THEN c.wait_ms ELSE 0 END) AS wait_ms,
    {", ".join(f"SUM(c.kind = 'call.answered' AND {sql}) AS [{name}]" for name, sql in SPEEDS.items())},
    SUM(c.kind = 'call.answered' AND c.wait_ms <= 30000) AS within_30,
    {", ".join(f"SUM(c.outcome IS '{name}') AS {name}" for name in OUTCOMES)},
    SUM(c.outcome IS 'abandoned' AND c.wait_ms < 10000) AS abandoned_within_10,
    {", ".join(f"SUM(c.kind = 'call.missed' AND {sql}) AS [{name}]" for name, sql in DEFINITIONS.items())}
FROM event AS c JOIN in_group AS g ON g.queue = c.queue JOIN in_period AS p ON p.day = c.day
WHERE c.open AND c.kind IN ('call.answered', 'call.missed') GROUP BY g.name, p.period
"""

VISITS: Final = """
SELECT g.name, p.period,
    SUM(v.appointment_ms IS NOT NULL AND v.at_ms >= v.appointment_ms) AS visits,
    SUM(CASE WHEN v.at_ms >= v.appointment_ms THEN v.at_ms - MAX(v.arrived_ms, v.appointment_ms) ELSE 0 END)
        AS visit_wait_ms,
    SUM(v.appointment_ms IS NULL) AS walk_ins,
    SUM(CASE WHEN v.appointment_ms IS NULL THEN v.at_ms - v.arrived_ms ELSE 0 END) AS walk_in_wait_ms,
    SUM(v.appointment_ms IS NOT NULL AND v.at_ms < v.appointment_ms) AS early
FROM event AS v JOIN in_group AS g ON g.queue = v.queue JOIN in_period AS p ON p.day = v.day
WHERE v.open AND v.kind = 'visit.called' GROUP BY g.name, p.period
"""

LEADS: Final = """
SELECT g.name, p.period, COUNT(*) AS booked, SUM(
    (SELECT COUNT(*) FROM working_day AS w WHERE w.day > b.booked_day AND w.day <= b.start_day)
) AS lead_days
FROM event AS b JOIN in_group AS g ON g.queue = b.queue JOIN in_period AS p ON p.day = b.day
WHERE b.kind = 'appointment.booked' GROUP BY g.name, p.period
"""

OUTSIDE: Final = """
SELECT queue, COUNT(*) FROM event
WHERE NOT open AND kind IN ('call.answered', 'call.missed', 'visit.called', 'visit.left') GROUP BY queue
"""

WITHOUT_OUTCOME: Final = """
SELECT q.queue, q.at_ms FROM event AS q WHERE q.kind = 'call.queued' AND NOT EXISTS (
    SELECT 1 FROM event AS e WHERE e.contact = q.contact AND e.kind IN ('call.answered', 'call.missed')
)
"""

Counts = dict[str, int]
Place = tuple[str, str]
"""A queue, ``phones`` or ``counters``; and the name of a period."""


class Oracle:
    """The year in a table. ``calls``, ``visits`` and ``leads`` say what there was, where there was any."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._db = sqlite3.connect(":memory:")
        self._db.row_factory = sqlite3.Row
        self._db.executescript(SCHEMA)
        self._db.executemany("INSERT INTO in_period VALUES (?, ?)", _periods())
        self._db.executemany("INSERT INTO working_day VALUES (?)", ((day,) for day in _working_days()))
        for group, queues in (("phones", PHONES), ("counters", COUNTERS)):
            named = [(queue, name) for queue in queues for name in (queue, group)]
            self._db.executemany("INSERT INTO in_group VALUES (?, ?)", named)
        for file in files:
            with file.open(encoding="utf-8") as lines:
                rows = (_row(json.loads(line)) for line in lines)
                self._db.executemany(f"INSERT OR IGNORE INTO event VALUES ({','.join('?' * 13)})", rows)
        self._db.execute("CREATE INDEX by_contact ON event (contact, kind)")
        self.calls = self._counts(CALLS)
        self.visits = self._counts(VISITS)
        self.leads = self._counts(LEADS)

    def close(self) -> None:
        """Nothing more is asked."""
        self._db.close()

    @property
    def events(self) -> int:
        """Different events: whatever is there twice counts once."""
        return self.one("SELECT COUNT(*) FROM event")

    def one(self, query: str) -> int:
        """Return the one number that a query gives."""
        return int(self._db.execute(query).fetchone()[0])

    def some(self, query: str) -> set[int]:
        """Return the numbers that a query gives."""
        return {int(number) for (number,) in self._db.execute(query)}

    def outside(self) -> dict[str, int]:
        """Contacts outside opening hours, by queue."""
        return dict(self._db.execute(OUTSIDE))

    def unfinished(self) -> dict[tuple[str, str, bool], int]:
        """Calls without an outcome after two hours: by queue, day, and whether that was in opening hours."""
        found: dict[tuple[str, str, bool], int] = {}
        for queue, at_ms in self._db.execute(WITHOUT_OUTCOME):
            local = (EPOCH + (at_ms + OPEN_TIMEOUT_MS) * MS).astimezone(ZONE)
            key = queue, local.date().isoformat(), is_open(queue, local)
            found[key] = found.get(key, 0) + 1
        return found

    def _counts(self, query: str) -> dict[Place, Counts]:
        rows = [dict(row) for row in self._db.execute(query)]
        return {(row.pop("name"), row.pop("period")): row for row in rows}


def is_open(queue: str, local: datetime) -> bool:
    """Whether a queue is open at a local time."""
    if queue == "storingen":
        return True
    clock = local.hour + local.minute / 60
    if queue == "nachtlijn":
        shut_at_night = 2.5 <= clock < 2.75
        shut_by_day = local.weekday() < 5 and 8 <= clock < 18
        return not (shut_at_night or shut_by_day)
    day = local.date().isoformat()
    if day in HOLIDAYS or day in CLOSED or (day in CLOSED_FROM_NOON and clock >= 12):
        return False
    hours = COUNTER_HOURS if queue.startswith("loket-") else PHONE_HOURS
    return any(start <= clock < end for start, end in hours[local.weekday()])


def _row(event: dict[str, str | int]) -> tuple[str | int | bool | None, ...]:
    at = _instant(event["at"])
    local, queue = at.astimezone(ZONE), str(event["queue"])
    booked, starts = event.get("booked_at"), event.get("starts_at")
    return (
        event["id"],
        event["kind"],
        queue,
        event.get("contact"),
        (at - EPOCH) // MS,
        local.date().isoformat(),
        is_open(queue, local),
        event.get("outcome"),
        event.get("wait_ms"),
        _ms(event.get("arrived_at")),
        _ms(event.get("appointment_at")),
        booked and _instant(booked).astimezone(ZONE).date().isoformat(),
        starts and _instant(starts).astimezone(ZONE).date().isoformat(),
    )


def _instant(text: str | int) -> datetime:
    return datetime.fromisoformat(str(text))


def _ms(text: str | int | None) -> int | None:
    return None if text is None else (_instant(text) - EPOCH) // MS


def _days() -> Iterator[date]:
    day = FIRST
    while day <= LAST:
        yield day
        day += DAY


def _working_days() -> Iterator[str]:
    for day in _days():
        text = day.isoformat()
        if day.weekday() < 5 and text not in HOLIDAYS and text not in CLOSED:
            yield text


def _periods() -> Iterator[tuple[str, str]]:
    for day in _days():
        text, year = day.isoformat(), f"{day:%Y}"
        yield text, text[:7]
        yield text, f"{year}-Q{(day.month + 2) // 3}"
        yield text, f"{year}-H{1 if day.month <= 6 else 2}"
        yield text, year

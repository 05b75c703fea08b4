"""What a year of files comes to, worked out apart from Wachtpost: sqlite3 and plain arithmetic.

Shares no code with the project and does not read the city file. Opening hours, holidays, closing days,
working days and definitions of ``city.toml`` stand here once more, by hand; local days come from zoneinfo.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Brussels")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MS: Final = timedelta(milliseconds=1)
DAY: Final = timedelta(days=1)
FIRST: Final = date(2025, 11, 1)
LAST: Final = date(2027, 4, 30)
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
OPEN_TIMEOUT_MS: Final = 2 * HOUR_MS

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

# Of a call `c`; the waits on the very bound count as docs/definitions.md says.
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
OUTCOMES: Final = ("abandoned", "timed_out", "no_agents", "left_by_key", "closed", "blocked")

SCHEMA: Final = """
CREATE TABLE event (
    id TEXT PRIMARY KEY, kind TEXT, queue TEXT, contact TEXT, at_ms INTEGER, day TEXT,
    outcome TEXT, wait_ms INTEGER, arrived_ms INTEGER, appointment_ms INTEGER, booked_day TEXT, start_day TEXT
) WITHOUT ROWID;
CREATE TABLE working_day (day TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE in_period (day TEXT, period TEXT, PRIMARY KEY (day, period)) WITHOUT ROWID;
CREATE TABLE in_group (queue TEXT, name TEXT, PRIMARY KEY (queue, name)) WITHOUT ROWID;
"""

CONTACTS: Final = """
CREATE INDEX by_contact ON event (contact, kind);

-- One outcome for each entry: the first, and of one moment the answer. Told again, it began when it began.
CREATE TABLE entry AS
SELECT queue, contact, at_ms, day, kind, outcome, wait_ms, at_ms - wait_ms AS began_ms, 0 AS open FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY contact, queue, at_ms - wait_ms ORDER BY at_ms, kind) AS nth
    FROM event WHERE kind IN ('call.answered', 'call.missed')
) WHERE nth = 1;

-- One outcome for each caller: the first answer, else the last outcome; he waited since his first entry.
CREATE TABLE caller AS
SELECT queue, contact, at_ms, day, kind, outcome, at_ms - first_ms AS wait_ms, first_ms AS began_ms, 0 AS open
FROM (
    SELECT *, MIN(began_ms) OVER (PARTITION BY contact) AS first_ms, ROW_NUMBER() OVER (
        PARTITION BY contact ORDER BY kind, CASE kind WHEN 'call.answered' THEN at_ms ELSE -at_ms END,
            CASE kind WHEN 'call.answered' THEN began_ms ELSE -began_ms END
    ) AS nth
    FROM entry
) WHERE nth = 1;

-- Who left in time, by whether he was called before that.
CREATE TABLE gone AS
SELECT g.queue, g.contact, g.at_ms, g.day, MAX(c.id IS NOT NULL) AS no_show,
    COALESCE(MIN(c.arrived_ms), g.at_ms) AS began_ms, 0 AS open
FROM event AS g LEFT JOIN event AS c ON c.contact = g.contact AND c.kind = 'visit.called'
WHERE g.kind = 'visit.left' AND (c.id IS NULL OR g.at_ms <= bound(c.queue, c.arrived_ms)) GROUP BY g.id;

-- One visit for each ticket: the last call in time, unless he was seen to leave after it.
CREATE TABLE visit AS
SELECT queue, contact, at_ms, day, kind, arrived_ms, appointment_ms, arrived_ms AS began_ms, 0 AS open
FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY contact ORDER BY at_ms DESC) AS nth
    FROM event WHERE kind = 'visit.called' AND at_ms <= bound(queue, arrived_ms)
) WHERE nth = 1 AND contact NOT IN (SELECT contact FROM gone);

CREATE INDEX entry_of ON entry (contact, queue, began_ms);
CREATE INDEX visit_of ON visit (contact);
CREATE INDEX gone_of ON gone (contact);

UPDATE entry SET open = is_open(queue, began_ms);
UPDATE caller SET open = is_open(queue, began_ms);
UPDATE visit SET open = is_open(queue, began_ms);
UPDATE gone SET open = is_open(queue, began_ms);

-- A queue's figures are of entries, the total's of callers.
CREATE VIEW counted_call AS
SELECT queue AS name, * FROM entry UNION ALL SELECT 'phones' AS name, * FROM caller;
"""

CALLS: Final = f"""
SELECT c.name, p.period,
    SUM(c.kind = 'call.answered') AS answered,
    SUM(CASE WHEN c.kind = 'call.answered' THEN c.wait_ms ELSE 0 END) AS wait_ms,
    {", ".join(f"SUM(c.kind = 'call.answered' AND {sql}) AS [{name}]" for name, sql in SPEEDS.items())},
    SUM(c.kind = 'call.answered' AND c.wait_ms <= 30000) AS within_30,
    {", ".join(f"SUM(c.outcome IS '{name}') AS {name}" for name in OUTCOMES)},
    SUM(c.outcome IS 'abandoned' AND c.wait_ms < 10000) AS abandoned_within_10,
    {", ".join(f"SUM(c.kind = 'call.missed' AND {sql}) AS [{name}]" for name, sql in DEFINITIONS.items())}
FROM counted_call AS c JOIN in_period AS p ON p.day = c.day
WHERE c.open GROUP BY c.name, p.period
"""

VISITS: Final = """
SELECT g.name, p.period,
    SUM(v.appointment_ms IS NOT NULL AND v.at_ms >= v.appointment_ms) AS visits,
    SUM(CASE WHEN v.at_ms >= v.appointment_ms THEN v.at_ms - MAX(v.arrived_ms, v.appointment_ms) ELSE 0 END)
        AS visit_wait_ms,
    SUM(v.appointment_ms IS NULL) AS walk_ins,
    SUM(CASE WHEN v.appointment_ms IS NULL THEN v.at_ms - v.arrived_ms ELSE 0 END) AS walk_in_wait_ms,
    SUM(v.appointment_ms IS NOT NULL AND v.at_ms < v.appointment_ms) AS early
FROM visit AS v JOIN in_group AS g ON g.queue = v.queue JOIN in_period AS p ON p.day = v.day
WHERE v.open GROUP BY g.name, p.period
"""

NO_SHOWS: Final = """
SELECT g.queue AS name, p.period, SUM(g.no_show) AS no_shows, SUM(NOT g.no_show) AS left
FROM gone AS g JOIN in_period AS p ON p.day = g.day WHERE g.open GROUP BY g.queue, p.period
"""

LEADS: Final = """
SELECT g.name, p.period, COUNT(*) AS booked, SUM(
    (SELECT COUNT(*) FROM working_day AS w WHERE w.day > b.booked_day AND w.day <= b.start_day)
) AS lead_days
FROM event AS b JOIN in_group AS g ON g.queue = b.queue JOIN in_period AS p ON p.day = b.day
WHERE b.kind = 'appointment.booked' GROUP BY g.name, p.period
"""

OUTSIDE: Final = """
SELECT queue, COUNT(*) FROM (
    SELECT queue FROM entry WHERE NOT open UNION ALL SELECT queue FROM visit WHERE NOT open
    UNION ALL SELECT queue FROM gone WHERE NOT open
) GROUP BY queue
"""

CALLS_WITHOUT_OUTCOME: Final = """
SELECT q.queue, q.at_ms FROM event AS q WHERE q.kind = 'call.queued' AND NOT EXISTS (
    SELECT 1 FROM entry AS e WHERE e.contact = q.contact AND e.queue = q.queue AND e.began_ms = q.at_ms
)
"""

VISITS_WITHOUT_OUTCOME: Final = """
SELECT queue, MIN(arrived_ms) FROM event AS v WHERE kind = 'visit.called'
AND NOT EXISTS (SELECT 1 FROM visit WHERE visit.contact = v.contact)
AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.contact = v.contact)
GROUP BY queue, contact
"""

Counts = dict[str, int]
Place = tuple[str, str]
"""A queue, ``phones`` or ``counters``; and the name of a period."""


class Oracle:
    """The year in a table. ``calls``, ``visits`` and ``leads`` say what there was, where there was any."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._db = sqlite3.connect(":memory:")
        self._db.row_factory = sqlite3.Row
        self._db.create_function("is_open", 2, _is_open_at, deterministic=True)
        self._db.create_function("bound", 2, visit_bound, deterministic=True)
        self._db.executescript(SCHEMA)
        self._db.executemany("INSERT INTO in_period VALUES (?, ?)", _periods())
        self._db.executemany("INSERT INTO working_day VALUES (?)", ((day,) for day in _working_days()))
        for group, queues in (("phones", PHONES), ("counters", COUNTERS)):
            named = [(queue, name) for queue in queues for name in (queue, group)]
            self._db.executemany("INSERT INTO in_group VALUES (?, ?)", named)
        for file in files:
            with file.open(encoding="utf-8") as lines:
                rows = (_row(json.loads(line)) for line in lines)
                self._db.executemany(f"INSERT OR IGNORE INTO event VALUES ({','.join('?' * 12)})", rows)
        self._db.executescript(CONTACTS)
        self.calls = self._counts(CALLS)
        self.visits = self._counts(VISITS)
        self.leads = self._counts(LEADS)
        self.gone = self._counts(NO_SHOWS)

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
        """Calls and visits without an outcome in time: by queue, day, and whether within hours."""
        ends = []
        for query, bound in ((CALLS_WITHOUT_OUTCOME, call_bound), (VISITS_WITHOUT_OUTCOME, visit_bound)):
            ends += [(queue, at_ms, bound(queue, at_ms)) for queue, at_ms in self._db.execute(query)]
        found: dict[tuple[str, str, bool], int] = {}
        for queue, at_ms, end_ms in ends:
            key = queue, _local(end_ms).date().isoformat(), _is_open_at(queue, at_ms)
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


def call_bound(queue: str, at_ms: int) -> int:
    """When a call without an outcome waits no longer: after two hours, or when the queue closes."""
    last = at_ms + OPEN_TIMEOUT_MS
    at = at_ms
    while at < last and _is_open_at(queue, at):
        at += MINUTE_MS - at % MINUTE_MS
    return last if at == at_ms else min(at, last)


def visit_bound(queue: str, arrived_ms: int) -> int:
    """Until when a visitor may be called: an hour after the last closing of his day, or four hours."""
    day = _local(arrived_ms).date()
    shut = day.isoformat() in HOLIDAYS or day.isoformat() in CLOSED
    ends = [] if shut else [end for _, end in COUNTER_HOURS[day.weekday()]]
    if day.isoformat() in CLOSED_FROM_NOON:
        ends = [min(end, 12) for end in ends]
    midnight = datetime.combine(day, time(0), ZONE)
    closing = max((_utc_ms(midnight + timedelta(hours=end)) for end in ends), default=0)
    return closing + HOUR_MS if closing > arrived_ms else arrived_ms + 4 * HOUR_MS


def _is_open_at(queue: str, at_ms: int) -> bool:
    return is_open(queue, _local(at_ms))


def _local(at_ms: int) -> datetime:
    return (EPOCH + at_ms * MS).astimezone(ZONE)


def _utc_ms(local: datetime) -> int:
    return (local.astimezone(UTC) - EPOCH) // MS


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

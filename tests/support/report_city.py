"""A small city with days of its own making, for the figures of the policy report."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from domain.bucket import Bucket
from domain.period_kpis import Days
from domain.queue_ref import QueueRef
from shared.config.model import CityFile

OFFICE = {day: ["09:00-12:00", "13:00-17:00"] for day in ("monday", "tuesday", "wednesday", "thursday")}
DOCUMENT: dict[str, object] = {
    "city": {"name": "Teststad"},
    "hours": {"kantoor": {**OFFICE, "friday": ["09:00-12:00"]}, "avond": {"tuesday": ["16:00-20:00"]}},
    "calendar": {"closing_days": [{"on": "2026-03-11"}, {"on": "2026-03-13", "closes_at": "10:00"}]},
    "missed_definitions": [
        {"id": "lier-1", "version": 4, "outcomes": ["abandoned", "timed_out", "no_agents"]},
        {"id": "zonder-kort", "outcomes": ["abandoned", "closed"], "short_abandon": "10s"},
    ],
    "service_level_definitions": [
        {"id": "binnen-30s", "version": 2, "within": "30s"},
        {"id": "beantwoord", "within": "20s", "of": "answered"},
    ],
    "sites": [
        {
            "id": "lier",
            "queues": [
                {"id": "onthaal", "kind": "phone", "hours": "kantoor"},
                {"id": "omgeving", "kind": "phone", "hours": "kantoor"},
                {"id": "loket-a", "kind": "counter", "hours": "kantoor"},
                {"id": "loket-b", "kind": "counter", "hours": "avond"},
            ],
        },
        {"id": "bel", "queues": [{"id": "lijn", "kind": "phone"}]},
    ],
    "targets": [
        {"kpi": "missed_ratio", "limit": 0.2, "period": "year"},
        {"kpi": "call_wait_mean", "limit": 45.0},
        {"kpi": "service_level", "limit": 0.8},
        {"kpi": "visit_wait_mean", "queue": "loket-a", "limit": 60.0},
        {"kpi": "lead_time_mean", "limit": 5.0},
    ],
}
CITY = CityFile.model_validate(DOCUMENT)


def city(**changed: object) -> CityFile:
    """The same city with some sections of its file replaced."""
    return CityFile.model_validate({**DOCUMENT, **changed})


def days(*counted: tuple[str, str, Bucket], site: str = "lier") -> Days:
    """Days from (queue, ISO day, bucket)."""
    found: dict[QueueRef, dict[date, Bucket]] = {}
    for queue, day, bucket in counted:
        found.setdefault(QueueRef(site, queue), {})[date.fromisoformat(day)] = bucket
    return found


def overflow() -> dict[str, Bucket]:
    """A hundred callers at *onthaal*: 60 are helped at once, 10 hang up, and 30 overflow to *omgeving* after
    30 s, to be helped there 5 s later."""
    return {
        "onthaal": Bucket(
            answered=60,
            timed_out=30,
            abandoned=10,
            waits={0: 60},
            abandon_waits={3: 10},
            callers={"timed_out": -30},
        ),
        "omgeving": Bucket(
            answered=30,
            wait_ms=150_000,
            waits={5: 30},
            callers={"wait_ms": 900_000, "waits/5": -30, "waits/35": 30},
        ),
    }


def calls(answered: int, missed: int = 0, waits_s: Iterable[int] = ()) -> Bucket:
    """A day's calls: those that were missed timed out; the answered ones waited so long, or not at all."""
    waits = [*waits_s, *[0] * answered][:answered]
    return Bucket(
        answered=answered,
        timed_out=missed,
        wait_ms=1000 * sum(waits),
        waits={wait: waits.count(wait) for wait in waits},
    )

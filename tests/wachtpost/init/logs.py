"""Small logs of a desk whose hours, volume and share of missed calls are known."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from tests.wachtpost.init.test_opening_hours import LIER, helped
from wachtpost.init.opening_hours import QUARTER

BRUSSELS = ZoneInfo("Europe/Brussels")


def moments(week: Sequence[str], per_hour: float, days: int, seed: int) -> Iterator[datetime]:
    """Yield when calls come, in order."""
    random = Random(seed)
    for day, quarters in helped(week, per_hour, days, seed).items():
        for quarter, contacts in sorted(quarters.items()):
            for offset in sorted(random.randrange(QUARTER * 60 - 240) for _ in range(contacts)):
                yield local(day, quarter) + timedelta(seconds=offset)


def local(day: date, quarter: int) -> datetime:
    """Return when a quarter of an hour of a local day begins (UTC)."""
    hour, minute = divmod(quarter * QUARTER, 60)
    return datetime.combine(day, time(hour, minute), BRUSSELS).astimezone(UTC)


def queue_log(
    per_hour: float = 18,
    days: int = 60,
    queue: str = "onthaal",
    week: Sequence[str] = LIER,
    seed: int = 1,
    missed: int = 8,
    start: int = 0,
) -> list[str]:
    """Return a queue_log: each ``missed``-th caller hangs up after a minute, the others wait 30 s."""
    lines = []
    for number, at in enumerate(moments(week, per_hour, days, seed), start=1):
        epoch, call = int(at.timestamp()), f"{int(at.timestamp())}.{start + number}"
        lines.append((epoch, f"{epoch}|{call}|{queue}|NONE|ENTERQUEUE|||1"))
        if number % missed == 0:
            lines.append((epoch + 60, f"{epoch + 60}|{call}|{queue}|NONE|ABANDON|1|1|60"))
        else:
            lines.append((epoch + 30, f"{epoch + 30}|{call}|{queue}|Agent/1|CONNECT|30|{call}x|2"))
            lines.append((epoch + 200, f"{epoch + 200}|{call}|{queue}|Agent/1|COMPLETECALLER|30|170|1"))
    return [line for _, line in sorted(lines)]


def visits(per_hour: float = 12, days: int = 30, queue: str = "loket-wonen", site: str = "lier") -> list[str]:
    """Return events of a counter: a ticket every few minutes with an appointment, called after 4 minutes."""
    lines = []
    for number, at in enumerate(moments(["09:00-12:00"] * 5 + ["", ""], per_hour, days, 7)):
        told = {"source": "balie", "site": site, "queue": queue, "contact": f"t{number}"}
        arrived, called = at.isoformat(), (at + timedelta(minutes=4)).isoformat()
        when = {"arrived_at": arrived, "appointment_at": arrived}
        lines.append(
            json.dumps({"kind": "visit.called", "id": f"t{number}-called", "at": called} | told | when)
        )
    return lines

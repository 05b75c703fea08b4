"""What the bench feeds the product: the simulator's busy days, squeezed and copied to size.

Order, mix of kinds and waits stay the simulator's own; only the pace and the number of queues change.
Heartbeats are left out: they cost nearly nothing and would flatter the figures.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Final

from domain.counts import ms_of
from services.ingest.auth import sha256
from shared.config.model import WEEKDAYS, CityFile
from shared.contract.events import (
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    SourceHeartbeat,
    SourceRestarted,
    encode,
)
from simulator import SOURCE, simulate

SITE: Final = "lier"
PROBE: Final = "probe"
"""A phone queue that gets nothing but the probes of the latency measurement."""

KEY: Final = "wachtpost_" + "b" * 43
GROUP: Final = ("phone",) * 6 + ("counter",) * 4
"""Ten queues; a larger city has more groups of them."""

DAY: Final = date(2026, 3, 3)
"""A Tuesday without anything special."""
VOLUME: Final = 10.0
"""Of its calls, against Lier's: most of what a large desk's sources say is about calls."""

ARRIVES_AFTER: Final = timedelta(milliseconds=5)
"""From an event to its arrival on the stream."""

_INSTANTS: Final = ("at", "arrived_at", "appointment_at", "booked_at", "starts_at", "first_free_at")


def city_text(queues: int, watched: Sequence[str] = ()) -> str:
    """Return a city file of one site with so many queues (a multiple of ten), and those of probes."""
    hours = "\n".join(f'{day} = ["00:00-24:00"]' for day in WEEKDAYS)
    names = [_queue(number, kind) for number, kind in enumerate(GROUP * (queues // len(GROUP)))]
    listed = ",\n".join(
        f'  {{ id = "{name}", kind = "{kind}", hours = "day" }}'
        for name, kind in [
            *((name, "counter" if "counter" in name else "phone") for name in names),
            *((name, "phone") for name in (PROBE, *watched)),
        ]
    )
    return f"""
[city]
name = "Bench"

[hours.day]
{hours}
on_holidays = true

[[sites]]
id = "{SITE}"
queues = [
{listed},
]

[[sources]]
kind = "http"
id = "{SOURCE}"
site = "{SITE}"
key_sha256 = ["{sha256(KEY)}"]
rate_per_second = 10_000_000
"""


def busy(queues: int, count: int, lasts: timedelta, ends: datetime) -> list[Event]:
    """Return ``count`` events of so many queues in order of ``at``: over ``lasts``, the last at ``ends``."""
    copies = queues // len(GROUP)
    one_group = list(islice(_usual_days(), -(-count // copies)))
    one_group.sort(key=lambda event: event.at)
    squeezed = _squeezed(one_group, lasts, ends)
    return [_copied(event, copy) for event in squeezed for copy in range(copies)][:count]


def shifted(event: Event, at: datetime, name: str | None = None) -> Event:
    """Return the event at another instant (its waits are unchanged), perhaps with another id."""
    by = at - event.at
    moved: dict[str, object] = {
        field: instant + by
        for field in _INSTANTS
        if isinstance(instant := getattr(event, field, None), datetime)
    }
    if name is not None:
        moved["id"] = name
    return event.model_copy(update=moved)


@dataclass(frozen=True)
class Entry:
    """A stream entry with the id that it would have got on arrival."""

    id: str
    body: bytes


def entries(events: Iterable[Event]) -> Iterator[Entry]:
    """Yield the events as stream entries; ``events`` in order of ``at``."""
    before, sequence = -1, 0
    for event in events:
        arrived = ms_of(event.at + ARRIVES_AFTER)
        sequence = sequence + 1 if arrived == before else 0
        before = arrived
        yield Entry(f"{arrived}-{sequence}", encode(event))


def ndjson(events: Sequence[Event], each: int) -> list[bytes]:
    """Return request bodies of ``each`` events, one a line."""
    lines = [encode(event) for event in events]
    return [b"\n".join(lines[start : start + each]) for start in range(0, len(lines), each)]


def queue_log(lines: int, per_day: int) -> Iterator[str]:
    """Yield ``lines`` lines of an Asterisk queue_log: one busy day of ``per_day`` lines, again and again.

    No caller and no agent has a name or number.
    """
    day = sorted(islice(_log_lines(), per_day))
    for number in range(lines):
        again, queue_ref = divmod(number, len(day))
        at, call, rest = day[queue_ref]
        yield f"{at + again * 86_400}|{again}.{call}|{rest}\n"


def _log_lines() -> Iterator[tuple[int, str, str]]:
    for event in _usual_days():
        match event:
            case CallQueued():
                told = "NONE|ENTERQUEUE|||1"
            case CallAnswered():
                told = f"Agent/x|CONNECT|{event.wait_ms // 1000}|x|2"
            case CallEnded():
                told = f"Agent/x|COMPLETECALLER|0|{(event.talk_ms or 0) // 1000}|1"
            case CallMissed():
                told = f"NONE|ABANDON|1|1|{event.wait_ms // 1000}"
            case _:
                continue
        if event.contact is not None:
            yield int(event.at.timestamp()), event.contact, f"{event.queue}|{told}"


def _queue(number: int, kind: str) -> str:
    """Every group of ten has the same kinds at the same places."""
    return f"{kind}-{number}"


def _usual_days() -> Iterator[Event]:
    """Usual busy days of ten queues, one after the other, without end; all on the same calendar day."""
    city = CityFile.model_validate(tomllib.loads(city_text(len(GROUP))))
    seed = 0
    while True:
        for event in simulate(city, DAY, seed, volume=VOLUME):
            if not isinstance(event, SourceHeartbeat | SourceRestarted) and event.queue != PROBE:
                yield event
        seed += 1


def _squeezed(events: Sequence[Event], lasts: timedelta, ends: datetime) -> Iterator[Event]:
    last = events[-1].at
    factor = lasts / max(last - events[0].at, timedelta(milliseconds=1))
    for event in events:
        yield shifted(event, (ends - (last - event.at) * factor).astimezone(UTC))


def _copied(event: Event, copy: int) -> Event:
    """The event, at the same place of another group of ten queues."""
    queue = getattr(event, "queue", "")
    kind, _, number = queue.partition("-")
    changes: dict[str, object] = {
        "id": f"{event.id}.{copy}",
        "queue": _queue(int(number) + copy * len(GROUP), kind),
    }
    if (contact := getattr(event, "contact", None)) is not None:
        changes["contact"] = f"{contact}.{copy}"
    return event.model_copy(update=changes)

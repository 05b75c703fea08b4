"""A seeded load for the evaluator: everything that may come, in no particular order, some of it twice.

The days are made up and far from now, so that the same seed gives the same stream on every machine:
two days around the end of summer time, in bursts, so that rings are pruned and the horizon moves on.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from redis.typing import EncodableT, FieldT

from shared.config.model import CityFile
from shared.contract.events import (
    AppointmentBooked,
    AppointmentOffer,
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    SourceHeartbeat,
    SourceRestarted,
    StaffChanged,
    VisitArrived,
    VisitCalled,
    VisitLeft,
    encode,
)
from shared.redis.keys import DATA_FIELD
from tests.support.evaluator_oracle import Entry

CITY = """
[city]
name = "Teststad"

[hours.desk]
monday = ["08:30-12:30", "13:00-17:00"]
sunday = ["00:00-02:30", "10:00-12:00", "20:00-24:00"]

[hours.counter]
monday = ["09:00-12:00"]
sunday = ["02:00-03:00", "10:00-24:00"]

[calendar]
public_holidays = ""

[pipeline]
dedup = "10m"
open_timeout = "2m"
visit_timeout = "2m"
future_tolerance = "30s"
lease = "3s"

[[sites]]
id = "lier"
queues = [
  { id = "onthaal", kind = "phone", hours = "desk" },
  { id = "burgerzaken", kind = "phone" },
  { id = "loket", kind = "counter", hours = "counter" },
]

[[sites]]
id = "mol"
queues = [{ id = "onthaal", kind = "phone", hours = "desk" }, { id = "loket-wonen", kind = "counter" }]
"""
"""The horizon is short, so that every take-over and every burst meets its edges."""

PHONES = (("lier", "onthaal"), ("lier", "burgerzaken"), ("mol", "onthaal"))
COUNTERS = (("lier", "loket"), ("mol", "loket-wonen"))
BURSTS = tuple(
    datetime(2026, 10, *at, tzinfo=UTC)
    for at in (
        (24, 21, 45),  # across local midnight, Saturday to Sunday
        (25, 0, 15),  # the hour that comes twice
        (25, 9, 50),
        (25, 22, 40),  # across local midnight, and 25 hours after the last one
        (26, 7, 15),  # the desk opens
        (26, 11, 15),  # lunch
    )
)
END = datetime(2026, 10, 26, 12, 30, tzinfo=UTC)
"""After everything: whoever has no outcome by now is unfinished."""

NUMBER = "+32470xxxxxx"
"""What must never be seen again: it stands where senders put numbers, in fields nobody asked for."""

STEP = timedelta(seconds=4)
"""Between two contacts of a burst."""

POISON: tuple[tuple[bytes | None, str], ...] = (
    (None, "unreadable"),
    (b"", "unreadable"),
    (b"\xff\x00\xfe" + NUMBER.encode(), "unreadable"),
    (b'{"kind":"call.answered","id":"' + NUMBER.encode(), "unreadable"),
    (b"[" * 5000, "unreadable"),
    (b"null", "invalid"),
    (b"[]", "invalid"),
    (b'"' + NUMBER.encode() + b'"', "invalid"),
    (b'{"kind":"call.rumoured","caller":"' + NUMBER.encode() + b'"}', "invalid"),
    (b'{"kind":"call.ended","id":"x","at":"' + NUMBER.encode() + b'"}', "invalid"),
    (
        b'{"kind":"call.ended","id":"y","at":"2026-10-25T00:00:00Z","source":"pbx","site":"lier","talk_ms":1}',
        "invalid",
    ),
)


@dataclass(frozen=True)
class Written:
    """One stream entry: its explicit id, its data field (``None``: it has none), what the oracle sees."""

    entry: str
    body: bytes | None
    seen: Entry


def fields(written: Written) -> dict[FieldT, EncodableT]:
    """What an entry holds on the stream."""
    return {"other": b"1"} if written.body is None else {DATA_FIELD: written.body}


def city() -> CityFile:
    """The city of the load."""
    return CityFile.model_validate(tomllib.loads(CITY))


def stream(seed: int, size: int) -> list[Written]:
    """Return ``size`` stream entries in the order of their ids."""
    random = Random(seed)
    sent: list[tuple[int, bytes | None, Entry]] = []
    for number, moment in enumerate(_moments(size)):
        for event in _contact(random, number, moment):
            sent += _deliveries(random, event)
        if random.random() < 0.05:
            body, reason = random.choice(POISON)
            sent.append((arrived := _ms(moment), body, Entry(arrived, None, reason)))
        if len(sent) >= size:
            break
    sent = sorted(sent[:size], key=lambda delivery: delivery[0])
    return list(_numbered(sent))


def _moments(size: int) -> Iterator[datetime]:
    """When contacts begin: ``size`` entries take about a third as many, spread over all bursts."""
    each = max(1, size // 3 // len(BURSTS))
    for burst in BURSTS:
        for n in range(each if burst != BURSTS[-1] else size):
            yield burst + n % 450 * STEP + n // 450 * STEP / 7


def _contact(random: Random, number: int, at: datetime) -> Iterator[Event]:
    if random.random() < 0.65:
        yield from _call(random, number, at)
    elif random.random() < 0.8:
        yield from _visit(random, number, at)
    else:
        yield from _report(random, number, at)


def _call(random: Random, number: int, at: datetime) -> Iterator[Event]:
    site, queue = random.choice(PHONES)
    if random.random() < 0.03:
        queue = random.choice(("nowhere", "loket"))
    queue_ref = {"source": random.choice(("pbx", "pbx2")), "site": site, "queue": queue}
    # Some call in again under the name of an earlier contact: overflow and return.
    contact = f"c{number - number % 3 if random.random() < 0.2 else number}"
    yield CallQueued(id=f"q{number}", at=at, contact=contact, **queue_ref)
    wait = random.choice((0, 1, 4_999, 5_000, 20_000, 20_001, random.randrange(200_000)))
    over = at + timedelta(milliseconds=wait)
    match random.randrange(10):
        case 0 | 1 | 2 | 3 | 4:
            yield CallAnswered(id=f"a{number}", at=over, contact=contact, wait_ms=wait, **queue_ref)
            talk = random.randrange(300_000)
            yield CallEnded(
                id=f"e{number}", at=over + talk * timedelta(milliseconds=1), talk_ms=talk, **queue_ref
            )
        case 5 | 6 | 7:
            outcome = random.choice(list(Outcome))
            yield CallMissed(
                id=f"m{number}", at=over, contact=contact, outcome=outcome, wait_ms=wait, **queue_ref
            )
        case 8:
            yield CallMissed(id=f"r{number}", at=at, outcome=Outcome.CLOSED, wait_ms=0, **queue_ref)
        case _:
            return  # nobody ever says what became of this one


def _visit(random: Random, number: int, at: datetime) -> Iterator[Event]:
    site, queue = random.choice(COUNTERS)
    queue_ref = {"source": "counter", "site": site, "queue": queue}
    booked = at + random.randrange(-120, 120) * timedelta(seconds=1) if random.random() < 0.7 else None
    contact = f"v{number}"
    yield VisitArrived(id=f"w{number}", at=at, contact=contact, appointment_at=booked, **queue_ref)
    over = at + random.randrange(240_000) * timedelta(milliseconds=1)
    match random.randrange(5):
        case 0 | 1 | 2:
            yield VisitCalled(
                id=f"k{number}", at=over, contact=contact, arrived_at=at, appointment_at=booked, **queue_ref
            )
        case 3:
            yield VisitLeft(id=f"l{number}", at=over, contact=contact, **queue_ref)
        case _:
            return


def _report(random: Random, number: int, at: datetime) -> Iterator[Event]:
    site, queue = random.choice(COUNTERS)
    queue_ref = {"source": "counter", "site": site, "queue": queue}
    match random.randrange(6):
        case 0 | 1:
            starts = at + random.randrange(-2, 30) * timedelta(days=1)
            yield AppointmentBooked(id=f"b{number}", at=at, booked_at=at, starts_at=starts, **queue_ref)
        case 2:
            yield AppointmentOffer(id=f"o{number}", at=at, first_free_at=at + timedelta(days=3), **queue_ref)
        case 3:
            yield StaffChanged(id=f"s{number}", at=at, available=number % 7, **queue_ref)
        case 4:
            yield SourceHeartbeat(id=f"h{number}", at=at, source="pbx", site="lier")
        case _:
            yield SourceRestarted(id=f"z{number}", at=at, source=random.choice(("pbx", "pbx2")), site="lier")


def _deliveries(random: Random, event: Event) -> Iterator[tuple[int, bytes, Entry]]:
    """An event arrives soon, late, too late or too early; often enough twice or more."""
    body = encode(event)
    if random.random() < 0.1:  # a field of tomorrow, or a number that slipped in
        body = body[:-1] + b',"caller":"' + NUMBER.encode() + b'"}'
    at = _ms(event.at)
    while True:
        match random.randrange(40):
            case 0:
                delay = 600_001 + random.randrange(60_000)  # just past the horizon
            case 1:
                delay = -random.randrange(30_000)  # a clock that runs ahead, but not too far
            case 2:
                delay = -30_001 - random.randrange(10_000_000)  # too far
            case n if n < 12:
                delay = random.randrange(90_000)
            case _:
                delay = random.randrange(2_000)
        yield max(0, at + delay), body, Entry(at + delay, event)
        if random.random() < 0.85:
            return


def _numbered(sent: list[tuple[int, bytes | None, Entry]]) -> Iterator[Written]:
    before, sequence = -1, 0
    for arrived, body, seen in sent:
        sequence = sequence + 1 if arrived == before else 0
        before = arrived
        yield Written(f"{arrived}-{sequence}", body, seen)


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)

"""A simulated year at a city's desk, written straight to NDJSON: no model, no services, a seed.

Weekdays, seasons and hours are only roughly a city's; what matters is what lies on an edge: contacts around
opening, closing, midnight and the clock changes, waits on the bounds of categories and definitions, quick
hang-ups, early visitors, walk-ins, contacts without an outcome, lines that come twice or out of order, and
instants written with another offset than UTC.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Brussels")
DAY: Final = timedelta(days=1)
HOUR_MS: Final = 3_600_000
OFFSETS: Final = (timezone(timedelta(hours=1)), timezone(timedelta(hours=-5)))
SITE: Final = "lier"

PHONES: Final = (("onthaal", 0.55), ("burgerzaken", 0.33), ("nachtlijn", 0.06), ("storingen", 0.06))
COUNTERS: Final = (
    ("loket-burgerzaken", 0.44),
    ("loket-energie", 0.07),
    ("loket-mobiliteit", 0.12),
    ("loket-ocmw", 0.14),
    ("loket-omgeving", 0.12),
    ("loket-wonen", 0.11),
)
NIGHTLY: Final = frozenset({"nachtlijn", "storingen"})

CALLS_A_DAY: Final = 650
VISITS_A_DAY: Final = 157
BOOKINGS_A_DAY: Final = 52
"""On a day of weight 1: over the whole stretch about 250,000 calls, 60,000 visits, 20,000 appointments."""

WEEKDAYS: Final = (1.3, 1.4, 1.2, 1.1, 0.9, 0.5, 0.25)
"""People also call when nobody is there: Sundays and holidays are counted apart, not left out."""

EDGES_MS: Final = (0, 1, 1_000, 19_999, 20_000, 20_001, 30_000, 30_001, 44_001, 45_000, 45_001, 60_000)
LONG_EDGES_MS: Final = (60_001, 119_999, 120_000, 120_001, 180_000, 180_001, 600_001, 3_600_000, 3_600_001)
HANG_UPS_MS: Final = (0, 1, 4_999, 5_000, 9_000, 9_999, 10_000, 10_001)
OUTCOMES: Final = ("abandoned", "timed_out", "no_agents", "left_by_key", "closed", "blocked")
OUTCOME_SHARES: Final = (0.6, 0.12, 0.1, 0.12, 0.04, 0.02)
OVERFLOWS: Final = (*(0,) * 22, 1, 1, 2)
"""How many queues a caller passed before the one that is drawn."""

EDGE_MINUTES: Final = (0, 150, 165, 480, 510, 540, 720, 750, 780, 810, 990, 1020, 1080, 1140, 1439)
"""Minutes of the wall clock at which something opens, closes or ends."""


@dataclass(frozen=True)
class Written:
    """What there is to read, in reading order, and how much."""

    files: tuple[Path, ...]
    calls: int
    visits: int
    appointments: int
    duplicates: int
    """Lines that are there a second time."""


Line = tuple[int, int, str]
"""UTC ms by which lines are sorted, a number that settles draws, the JSON."""


def write(folder: Path, first: date, last: date, seed: int) -> Written:
    """Write what happens from ``first`` to ``last`` (local days), one file a month, and count it."""
    chance = Random(seed)
    counts = {"calls": 0, "visits": 0, "appointments": 0, "duplicates": 0}
    files: list[Path] = []
    carried: list[Line] = []
    month: list[str] = []
    day = first
    while day <= last:
        midnight_ms = _ms(datetime.combine(day + DAY, time(3), ZONE))
        lines = sorted([*carried, *_of_day(chance, day, counts)])
        carried = [line for line in lines if line[0] >= midnight_ms]
        month += [text for at, _, text in lines if at < midnight_ms]
        day += DAY
        if day.day == 1 or day > last:
            if day > last:
                month += [text for *_, text in carried]
            files.append(folder / f"events-{len(files):02}.ndjson")
            files[-1].write_text("\n".join(month) + "\n", encoding="utf-8")
            month = []
    return Written(tuple(files), **counts)


def _of_day(chance: Random, day: date, counts: dict[str, int]) -> Iterator[Line]:
    season = 1.0 - 0.3 * (day.month in {7, 8}) + 0.2 * (day.month in {9, 1})
    weight = WEEKDAYS[day.weekday()] * season
    made = _Maker(chance, day, counts)
    for queue, share in PHONES:
        # The night lines ring every day alike.
        people = CALLS_A_DAY * share * (1.0 if queue in NIGHTLY else weight)
        for _ in range(_about(chance, people)):
            counts["calls"] += 1
            yield from made.call(queue)
    for queue, share in COUNTERS:
        for _ in range(_about(chance, VISITS_A_DAY * share * weight)):
            counts["visits"] += 1
            yield from made.visit(queue)
        for _ in range(_about(chance, BOOKINGS_A_DAY * share * weight)):
            counts["appointments"] += 1
            yield from made.booking(queue)


class _Maker:
    """Draws the lines of one day."""

    def __init__(self, chance: Random, day: date, counts: dict[str, int]) -> None:
        self._chance = chance
        self._counts = counts
        self._day = f"{day:%y%m%d}"
        self._number = 0
        self._midnight_ms = _ms(datetime.combine(day, time(0), ZONE))
        self._length_ms = _ms(datetime.combine(day + DAY, time(0), ZONE)) - self._midnight_ms
        self._changes = self._length_ms != 24 * HOUR_MS
        self._edges_ms = [
            _ms(datetime.combine(day, time(minute // 60, minute % 60), ZONE)) for minute in EDGE_MINUTES
        ]

    def call(self, queue: str) -> Iterator[Line]:
        """Queued, and mostly an outcome; the outcome falls on the moment that was drawn.

        Some come from another queue, or from this one, and some enter another one after they were helped.
        """
        chance = self._chance
        until, answered = self._moment(queue in NIGHTLY), chance.random() < 0.86
        contact = self._name("c")
        wait = self._wait() if answered else self._patience()
        entered = until - wait
        for leg in range(chance.choice(OVERFLOWS)):
            entered = yield from self._overflow(contact, leg, entered)
        common = f'"queue":"{queue}","contact":"{contact}"'
        yield from self._line("call.queued", f"{contact}.q", until - wait, common)
        kind = chance.random()
        if kind < 0.002:
            return  # the PBX never said what became of it
        if answered:
            yield from self._line("call.answered", f"{contact}.a", until, f'{common},"wait_ms":{wait}')
            talk = chance.randrange(5_000, 400_000)
            yield from self._line("call.ended", f"{contact}.e", until + talk, f'{common},"talk_ms":{talk}')
            if kind < 0.02:
                yield from self._told_again(contact, common, until, wait)
            elif kind < 0.04:
                yield from self._passed_on(contact, queue, until + talk)
        else:
            outcome = chance.choices(OUTCOMES, OUTCOME_SHARES)[0]
            said = f'{common},"outcome":"{outcome}","wait_ms":{wait}'
            yield from self._line("call.missed", f"{contact}.m", until, said)
            if kind < 0.02:
                later = chance.choice((0, 1_000))
                again = f'{common},"outcome":"{outcome}","wait_ms":{wait + later}'
                yield from self._line("call.missed", f"{contact}.m2", until + later, again)

    def _overflow(self, contact: str, leg: int, until: int) -> Generator[Line, None, int]:
        """An entry that ended when the next one began, or a little earlier; returns when it began."""
        chance = self._chance
        queue, _ = chance.choice(PHONES)
        ended, wait = until - chance.choice((0, 0, 1, 1_000, 30_000)), chance.choice((1, 20_000, 180_000))
        common = f'"queue":"{queue}","contact":"{contact}"'
        yield from self._line("call.queued", f"{contact}.q{leg}", ended - wait, common)
        said = f'{common},"outcome":"{chance.choice(("timed_out", "left_by_key"))}","wait_ms":{wait}'
        yield from self._line("call.missed", f"{contact}.o{leg}", ended, said)
        return ended - wait

    def _told_again(self, contact: str, common: str, until: int, wait: int) -> Iterator[Line]:
        """Two phones picked up, or the caller hung up while one did: the entry was answered already."""
        later = self._chance.choice((0, 1, 1_000))
        said = f'{common},"wait_ms":{wait + later}'
        if self._chance.random() < 0.5:
            yield from self._line("call.answered", f"{contact}.a2", until + later, said)
        else:
            yield from self._line(
                "call.missed", f"{contact}.m2", until + later, f'{said},"outcome":"abandoned"'
            )

    def _passed_on(self, contact: str, queue: str, at: int) -> Iterator[Line]:
        """Helped, and then sent on to another queue, where he hangs up or is helped again."""
        others = [other for other, _ in PHONES if other != queue]
        common = f'"queue":"{self._chance.choice(others)}","contact":"{contact}"'
        wait = self._patience() + 1
        yield from self._line("call.queued", f"{contact}.q9", at, common)
        if self._chance.random() < 0.5:
            yield from self._line("call.answered", f"{contact}.a9", at + wait, f'{common},"wait_ms":{wait}')
        else:
            said = f'{common},"outcome":"abandoned","wait_ms":{wait}'
            yield from self._line("call.missed", f"{contact}.m9", at + wait, said)

    def visit(self, queue: str) -> Iterator[Line]:
        """Called at the moment that was drawn: with an appointment, early, or as a walk-in."""
        chance = self._chance
        called, contact = self._moment(anytime=False), self._name("v")
        wait, kind = self._wait(), chance.random()
        common = f'"queue":"{queue}","contact":"{contact}"'
        if kind < 0.03:
            yield from self._line("visit.left", f"{contact}.l", called, common)
            return
        arrived = called - wait
        if kind < 0.35:  # a walk-in
            said = ""
        elif kind < 0.45:  # early: called before the booked time, or on the dot
            said = f',"appointment_at":"{self._text(called + chance.choice((0, 1, 60_000, 900_000)))}"'
        elif kind < 0.75:  # came before the booked time
            said = f',"appointment_at":"{self._text(arrived)}"'
            arrived -= chance.choice((0, 1, 300_000, 1_800_000))
        else:  # came late
            said = f',"appointment_at":"{self._text(arrived - chance.choice((1, 60_000, 600_000)))}"'
        again = chance.random()
        if again < 0.01:  # left over from another day, and called to be rid of it
            arrived -= chance.choice((24, 64)) * HOUR_MS
        elif chance.random() < 0.3:
            yield from self._line("visit.arrived", f"{contact}.r", arrived, common + said)
        said = f'{common},"arrived_at":"{self._text(arrived)}"{said}'
        if again > 0.95:  # called before, and did not hear it
            yield from self._line("visit.called", f"{contact}.c0", called - wait // 2, said)
        yield from self._line("visit.called", f"{contact}.c", called, said)
        if 0.01 <= again < 0.03:
            yield from self._line("visit.left", f"{contact}.l", called + chance.choice((0, 120_000)), common)

    def booking(self, queue: str) -> Iterator[Line]:
        """Made at any hour of the day; told at once, or hours later."""
        chance = self._chance
        booked = self._moment(anytime=chance.random() < 0.5)
        told = booked + (chance.randrange(8 * HOUR_MS) if chance.random() < 0.05 else 0)
        days = chance.choice((0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 10, 14, 21, 40))
        starts = max(booked, booked + days * 24 * HOUR_MS + chance.randrange(-12 * HOUR_MS, 12 * HOUR_MS))
        said = f'"queue":"{queue}","booked_at":"{self._text(booked)}","starts_at":"{self._text(starts)}"'
        yield from self._line("appointment.booked", self._name("b"), told, said)

    def _line(self, kind: str, name: str, at: int, said: str) -> Iterator[Line]:
        self._number += 1
        chance = self._chance.random()
        at_text = self._text(at)
        text = f'{{"kind":"{kind}","id":"{name}","at":"{at_text}","source":"pbx","site":"{SITE}",{said}}}'
        # Sources tell things in nearly the right order: some come a little late.
        seen = at + (self._chance.randrange(600_000) if chance < 0.02 else 0)
        yield seen, self._number, text
        if chance > 0.995:
            self._counts["duplicates"] += 1
            yield seen + self._chance.randrange(2 * HOUR_MS), self._number, text

    def _name(self, letter: str) -> str:
        self._number += 1
        return f"{letter}{self._day}-{self._number}"

    def _moment(self, anytime: bool) -> int:
        """A moment of the local day, UTC ms: some on the very edge of something."""
        chance = self._chance
        kind = chance.random()
        if kind < 0.03:
            return chance.choice(self._edges_ms) + chance.choice((-1, 0, 1, -10_000, 9_999, 10_000))
        if anytime or kind < 0.06:
            # When the clocks change, half of the day's people come around that hour.
            around = self._changes and kind < 0.5
            since, until = (HOUR_MS, 4 * HOUR_MS) if around else (0, self._length_ms)
            return self._midnight_ms + chance.randrange(since, until)
        hours = chance.gauss(10.3, 0.9) if chance.random() < 0.6 else chance.gauss(15.2, 1.2)
        return self._midnight_ms + int(min(max(hours, 0.0), 23.9) * HOUR_MS)

    def _wait(self) -> int:
        chance = self._chance
        kind = chance.random()
        if kind < 0.2:
            return chance.choice(EDGES_MS)
        if kind < 0.22:
            return chance.choice(LONG_EDGES_MS)
        return int(chance.lognormvariate(3.3, 1.0) * 1000)

    def _patience(self) -> int:
        chance = self._chance
        return chance.choice(HANG_UPS_MS) if chance.random() < 0.25 else chance.randrange(200_000)

    def _text(self, at: int) -> str:
        """An instant as a source may write it: mostly UTC, with or without the fraction."""
        seconds, ms = divmod(at, 1000)
        if self._chance.random() < 0.02:
            zone = OFFSETS[seconds % 2]
            return (datetime.fromtimestamp(seconds, zone) + timedelta(milliseconds=ms)).isoformat()
        text = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
        return f"{text}.{ms:03}Z" if ms else f"{text}Z"


def _about(chance: Random, mean: float) -> int:
    """A whole number near ``mean``, right on average."""
    return int(mean * chance.uniform(0.85, 1.15) + chance.random())


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)

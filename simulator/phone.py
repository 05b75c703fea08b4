"""A phone queue's day: callers and agents, drawn by chance, then served by ``simulator.desk``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Final

from shared.calendar import MIDNIGHT
from shared.contract.events import CallAnswered, CallEnded, CallMissed, CallQueued, Event, Outcome
from simulator.desk import DayPlan, Duty, End, Person, Wait, serve
from simulator.events import SOURCE, EventWriter, in_order, staff_changed, utc
from simulator.rhythm import MINUTE, SECOND, OpenDay, arrivals, log_normal, two_humps, with_rush

TALK_MEDIAN_S: Final = 150.0
TALK_SIGMA: Final = 0.6
"""Log-normal: half the conversations under two and a half minutes, a mean of three, a few very long."""
MEAN_TALK_S: Final = TALK_MEDIAN_S * math.exp(TALK_SIGMA**2 / 2)
WRAP_UP: Final = 20 * SECOND
RING: Final = 4 * SECOND

PATIENCE_MEDIAN_S: Final = 170.0
PATIENCE_SIGMA: Final = 0.9
MISDIALS: Final = 0.015
"""Share of callers who hang up within five seconds."""
MISDIAL_LASTS: Final = (SECOND // 2, 5 * SECOND)
KEY_USERS: Final = 0.12
"""Share of callers who press the call-back key if they still wait when it is offered."""
KEY_OFFERED: Final = (75 * SECOND, 120 * SECOND)
LONGEST_WAIT: Final = 10 * MINUTE
"""The switch lets go of a caller after this."""
SENT_AWAY: Final = 20 * SECOND
"""How long a caller hears the tune of a queue without agents."""

OUTSIDE_HOURS: Final = 0.03
BEFORE_OPENING: Final = 20
AFTER_CLOSING: Final = 30
"""Share of calls that come at a closed line, and how many minutes around opening hours."""

RUSH_FACTOR: Final = 1.9
SPARE: Final = 1.12
"""Agents beyond what talking takes, as a factor: what makes an average hour bearable."""

LUNCH: Final = 30
LUNCH_FROM: Final = 11 * 60 + 45
LUNCH_TURNS: Final = 3
COFFEE: Final = 10
"""Minutes. Agents lunch in three turns from a quarter to twelve: fewer answer, queues grow."""

OUTCOMES: Final = {
    End.GAVE_UP: Outcome.ABANDONED,
    End.TIMED_OUT: Outcome.TIMED_OUT,
    End.PRESSED_KEY: Outcome.LEFT_BY_KEY,
    End.NOBODY: Outcome.NO_AGENTS,
}


def phone_day(rng: Random, day: OpenDay, volume: float, load: float, by: EventWriter) -> Iterator[Event]:
    """Return the facts of one phone queue's day, in order.

    ``volume`` is the calls of a usual day, for which the queue is staffed; ``load`` multiplies the
    calls and not the staff.
    """
    if not day.spans:
        return iter(())
    came = serve(draw_plan(rng, day, volume * day.share_of_usual, load))
    events = [
        *(event for number, wait in enumerate(came.waits) for event in _call(by, number, wait)),
        *(staff_changed(by, number, staffing) for number, staffing in enumerate(came.staffing)),
        *_at_a_closed_line(rng, day, volume * load, by),
    ]
    return in_order(events)


def draw_plan(rng: Random, day: OpenDay, volume: float, load: float) -> DayPlan:
    """Draw who will call and who will be there."""
    shape = with_rush(two_humps, day.rush, RUSH_FACTOR)
    return DayPlan(
        people=tuple(_caller(rng, at) for at in arrivals(rng, day, shape, volume * load)),
        staff=_staff_duties(rng, day, volume),
        pick_up=RING,
        wrap_up=WRAP_UP,
        empty_after=SENT_AWAY,
    )


def _caller(rng: Random, at: int) -> Person:
    patience = log_normal(rng, PATIENCE_MEDIAN_S, PATIENCE_SIGMA)
    if rng.random() < MISDIALS:
        patience = rng.randrange(*MISDIAL_LASTS)
    presses_key = rng.random() < KEY_USERS
    ends = [(patience, End.GAVE_UP), (LONGEST_WAIT, End.TIMED_OUT)]
    if presses_key:
        ends.append((rng.randrange(*KEY_OFFERED), End.PRESSED_KEY))
    stays, leaves_as = min(ends, key=lambda end: end[0])
    return Person(
        arrives=at,
        due=at,
        leaves=at + stays,
        leaves_as=leaves_as,
        service=log_normal(rng, TALK_MEDIAN_S, TALK_SIGMA),
    )


def _staff_duties(rng: Random, day: OpenDay, volume: float) -> tuple[tuple[Duty, ...], ...]:
    talking = volume * (MEAN_TALK_S + WRAP_UP / SECOND) / (day.open_minutes * 60)
    agents = max(2, math.ceil(talking * SPARE + 0.7 * math.sqrt(talking)))
    return tuple(_duties(rng, day, number) for number in range(agents))


def _duties(rng: Random, day: OpenDay, number: int) -> tuple[Duty, ...]:
    """One agent's day: the opening hours less lunch and coffee, a little late now and then."""
    late = max(0.0, rng.gauss(0, 1.0))
    coffee = rng.uniform(10 * 60, 11 * 60), rng.uniform(14.5 * 60, 15.5 * 60)
    lunch = LUNCH_FROM + LUNCH * (number % LUNCH_TURNS)
    breaks = [(coffee[0], COFFEE), (lunch, LUNCH), (coffee[1], COFFEE)]
    duties: list[Duty] = []
    for start, end in day.spans:
        at = start + late
        for pause, lasts in breaks:
            if at < pause and pause + lasts < end:
                duties.append(Duty(day.instant(at), day.instant(pause)))
                at = pause + lasts
        if at < end:
            duties.append(Duty(day.instant(at), day.instant(end)))
    return tuple(duties)


def _call(by: EventWriter, number: int, wait: Wait) -> Iterator[Event]:
    contact = by.id(f"c{number}")
    yield CallQueued(
        id=f"{contact}.queued",
        at=utc(wait.person.arrives),
        source=SOURCE,
        site=by.site,
        queue=by.queue,
        contact=contact,
    )
    if wait.end is not End.SERVED:
        yield CallMissed(
            id=f"{contact}.missed",
            at=utc(wait.until),
            source=SOURCE,
            site=by.site,
            queue=by.queue,
            contact=contact,
            outcome=OUTCOMES[wait.end],
            wait_ms=wait.waited,
        )
        return
    yield CallAnswered(
        id=f"{contact}.answered",
        at=utc(wait.until),
        source=SOURCE,
        site=by.site,
        queue=by.queue,
        contact=contact,
        wait_ms=wait.waited,
    )
    yield CallEnded(
        id=f"{contact}.ended",
        at=utc(wait.served_until),
        source=SOURCE,
        site=by.site,
        queue=by.queue,
        contact=contact,
        talk_ms=wait.person.service,
    )


def _at_a_closed_line(rng: Random, day: OpenDay, calls: float, by: EventWriter) -> Iterator[Event]:
    """Calls shortly before opening and after closing: told that the line is closed."""
    around = [(max(0, start - BEFORE_OPENING), start) for start, _ in day.spans if start > 0]
    around += [(end, min(MIDNIGHT, end + AFTER_CLOSING)) for _, end in day.spans if end < MIDNIGHT]
    for number in range(round(calls * OUTSIDE_HOURS) if around else 0):
        minute = rng.uniform(*rng.choice(around))
        if any(start <= minute < end for start, end in day.spans):
            continue
        yield CallMissed(
            id=by.id(f"x{number}.missed"),
            at=utc(day.instant(minute)),
            source=SOURCE,
            site=by.site,
            queue=by.queue,
            outcome=Outcome.CLOSED,
            wait_ms=0,
        )

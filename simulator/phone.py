"""A phone queue's day: callers and agents, drawn by chance, then served by ``simulator.desk``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import Final

from shared.calendar import MIDNIGHT, Minutes
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
SENT_AWAY: Final = 90 * SECOND
"""How long a caller hears the tune of a queue without agents."""

OUTSIDE_HOURS: Final = 0.03
BEFORE_OPENING: Final = 20
AFTER_CLOSING: Final = 30
"""Share of calls that come at a closed line, and how many minutes around opening hours."""

RUSH_FACTOR: Final = 1.9
SPARE: Final = 1.12
"""Agents beyond what talking takes, as a factor: what makes an average hour bearable."""
LEAST: Final = 2
"""Agents of any queue. Where there are no more, both are called away once a day: to the counter, to a
meeting. Who gets nobody calls again: that is their rush."""
CALLED_AWAY: Final = (20, 30)
"""For so many minutes."""

LUNCH: Final = 30
LUNCH_FROM: Final = 11 * 60 + 45
COFFEE: Final = 10
COFFEE_FROM: Final = (10 * 60, 14 * 60 + 30)
TURNS: Final = 3
"""Minutes. Agents lunch in three turns from a quarter to twelve: fewer answer, queues grow. They have
coffee in turns too, each within a third of an hour: two are not away together."""

Stretch = tuple[float, float]
"""Of a day, in minutes."""

OUTCOMES: Final = {
    End.GAVE_UP: Outcome.ABANDONED,
    End.TIMED_OUT: Outcome.TIMED_OUT,
    End.PRESSED_KEY: Outcome.LEFT_BY_KEY,
    End.NOBODY: Outcome.NO_AGENTS,
}


def phone_day(rng: Random, day: OpenDay, volume: float, load: float, by: EventWriter) -> Iterator[Event]:
    """Return the facts of one phone queue's day, in order.

    ``volume`` is the calls of a usual day, for which the queue is staffed, by two at least; ``load``
    multiplies the calls and not the staff.
    """
    if not day.spans:
        return iter(())
    of_all_queues = Random(f"{by.site}/{by.day}/{by.seed}/away")  # noqa: S311
    away = day.rush[0], day.rush[0] + of_all_queues.randint(*CALLED_AWAY)
    came = serve(draw_plan(rng, day, volume * day.share_of_usual, load, away))
    events = [
        *(event for number, wait in enumerate(came.waits) for event in _call(by, number, wait)),
        *(staff_changed(by, number, staffing) for number, staffing in enumerate(came.staffing)),
        *_at_a_closed_line(rng, day, volume * load, by),
    ]
    return in_order(events)


def draw_plan(rng: Random, day: OpenDay, volume: float, load: float, away: Minutes) -> DayPlan:
    """Draw who will call and who will be there; ``away``: when the agents of a small desk are not."""
    shape = with_rush(two_humps, day.rush, RUSH_FACTOR)
    return DayPlan(
        people=tuple(_caller(rng, at) for at in arrivals(rng, day, shape, volume * load)),
        staff=_staff_duties(rng, day, volume, away),
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


def _staff_duties(rng: Random, day: OpenDay, volume: float, away: Minutes) -> tuple[tuple[Duty, ...], ...]:
    talking = volume * (MEAN_TALK_S + WRAP_UP / SECOND) / (day.open_minutes * 60)
    agents = max(LEAST, math.ceil(talking * SPARE + 0.7 * math.sqrt(talking)))
    days = [_at_work(rng, day, number) for number in range(agents)]
    if agents == LEAST:
        days = [list(_without(away, stretches)) for stretches in days]
    return tuple(
        tuple(Duty(day.instant(start), day.instant(end)) for start, end in stretches) for stretches in days
    )


def _at_work(rng: Random, day: OpenDay, number: int) -> list[Stretch]:
    """One agent's day: the opening hours less lunch and coffee, a little late now and then."""
    late = max(0.0, rng.gauss(0, 1.0))
    turn = number % TURNS
    spare = 60 / TURNS - COFFEE
    coffee = [start + turn * 60 / TURNS + rng.uniform(0, spare) for start in COFFEE_FROM]
    breaks = [(coffee[0], COFFEE), (LUNCH_FROM + LUNCH * turn, LUNCH), (coffee[1], COFFEE)]
    stretches: list[Stretch] = []
    for start, end in day.spans:
        at = start + late
        for pause, lasts in breaks:
            if at < pause and pause + lasts < end:
                stretches.append((at, pause))
                at = pause + lasts
        if at < end:
            stretches.append((at, end))
    return stretches


def _without(away: Minutes, stretches: list[Stretch]) -> Iterator[Stretch]:
    """Yield what is left of stretches of work by somebody who is called away."""
    for start, end in stretches:
        if start < min(end, away[0]):
            yield start, min(end, away[0])
        if max(start, away[1]) < end:
            yield max(start, away[1]), end


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

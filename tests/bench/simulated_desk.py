"""The phones of a desk, day by day: as usual, or with something wrong from a known moment on. By chance.

As simple as may be: calls come as they like (a Poisson process), the same agents help all queues of a site in
order of arrival, callers lose their patience, and some hang up whatever the desk does. Together that misses
12 % of the calls (``USUAL_MISSED``), with waits like those of a desk that does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from random import Random
from typing import Final

from domain.aggregator import StreamEvent
from domain.counts import ms_of
from shared.calendar import MINUTE_MS, Calendar
from shared.config.model import Site
from shared.contract.events import CallAnswered, CallMissed, CallQueued, Event, Outcome
from shared.contract.kpis import QueueKind
from simulator.city_day import SPREAD, shares
from simulator.desk import DayPlan, Duty, End, Person, Wait, serve
from simulator.events import SOURCE, EventWriter, staff_changed, utc
from simulator.phone import PATIENCE_MEDIAN_S, PATIENCE_SIGMA, RING, TALK_MEDIAN_S, TALK_SIGMA, WRAP_UP
from simulator.rhythm import SECOND, log_normal

USUAL_MISSED: Final = 0.12
"""Lier's: 11.1 to 14.0 % in the years from 2017 on."""

HANGS_UP: Final = (3 * SECOND, 25 * SECOND)
"""How long those stay who hang up whatever the desk does: while they are told what it is open for."""

LOGS_IN: Final = (-3.0, 2.0)
"""Minutes from opening at which an agent logs in: a mean and a deviation; one in fifteen is late."""

NOBODY_LASTS: Final = 30 * MINUTE_MS
MENU_LASTS: Final = 120 * MINUTE_MS
MENU_LOSES: Final = 0.40
ILL: Final = 0.5


class Outage(StrEnum):
    """What may be wrong."""

    NOBODY = "nobody logged in for 30 min"
    HALF_ILL = "half the staff ill for a morning"
    MENU = "a broken menu loses 40 %"


@dataclass(frozen=True)
class Desk:
    """A contact centre of a size, staffed so that it misses what is usual."""

    calls_an_hour: int
    agents: int
    hang_up: float
    """Share of the callers who do, whatever the desk does: the rest of what is missed lost its patience."""
    wait_s: float
    """The mean wait that comes of it, of answered calls."""


DESKS: Final[Mapping[int, Desk]] = {
    18: Desk(18, agents=2, hang_up=0.057, wait_s=19),
    60: Desk(60, agents=5, hang_up=0.093, wait_s=13),
    600: Desk(600, agents=33, hang_up=0.1, wait_s=16),
}
"""By calls an hour: Lier's information number, and larger desks. More agents together are waited for less."""


@dataclass(frozen=True)
class Trouble:
    """Something wrong from one instant until another, UTC ms."""

    outage: Outage
    begins: int
    ends: int


def trouble_on(outage: Outage, calendar: Calendar, hours: str | None, day: date, dice: Random) -> Trouble:
    """Draw when something goes wrong on a morning on which a desk is open."""
    stretches = calendar.stretches(hours, day)
    if outage is Outage.HALF_ILL:
        return Trouble(outage, *stretches[0])
    lasts = NOBODY_LASTS if outage is Outage.NOBODY else MENU_LASTS
    begins, closes = stretches[0]
    at = dice.randrange(begins + 10 * MINUTE_MS, closes - lasts)
    return Trouble(outage, at, at + lasts)


def phones_day(
    site: Site, desk: Desk, calendar: Calendar, day: date, dice: Random, trouble: Trouble | None = None
) -> Iterator[StreamEvent]:
    """Yield what the phones of a site tell on a day, as it comes on the stream; nothing while closed."""
    queues = [queue.id for queue in site.of_kind(QueueKind.PHONE)]
    writers = [EventWriter(site.id, queue, day, desk.calls_an_hour) for queue in queues]
    hours = site.of_kind(QueueKind.PHONE)[0].hours
    told: list[Event] = []
    for number, stretch in enumerate(calendar.stretches(hours, day)):
        told += _stretch(desk, writers, stretch, number, dice, trouble)
    for event in sorted(told, key=lambda event: event.at):
        at = ms_of(event.at)
        yield StreamEvent(f"{at}-0", at, event)


def _stretch(
    desk: Desk,
    writers: Sequence[EventWriter],
    stretch: tuple[int, int],
    number: int,
    dice: Random,
    trouble: Trouble | None,
) -> Iterator[Event]:
    """What happens from opening to closing; who waits then is still helped."""
    weights = shares(len(writers), SPREAD[QueueKind.PHONE])
    waits: list[Wait] = []
    people: list[Person] = []
    for at in _calls(desk.calls_an_hour, stretch, dice):
        broken = trouble is not None and trouble.outage is Outage.MENU and trouble.begins <= at < trouble.ends
        lost = MENU_LOSES if broken else 0.0
        hangs_up = dice.random() < 1 - (1 - desk.hang_up) * (1 - lost)
        patience = (
            dice.randrange(*HANGS_UP) if hangs_up else log_normal(dice, PATIENCE_MEDIAN_S, PATIENCE_SIGMA)
        )
        one = Person(at, at, at + patience, End.GAVE_UP, log_normal(dice, TALK_MEDIAN_S, TALK_SIGMA))
        if hangs_up:
            waits.append(Wait(one, End.GAVE_UP, one.leaves))
        else:
            people.append(one)
    staff = tuple(tuple(_duties(stretch, agent / desk.agents, dice, trouble)) for agent in range(desk.agents))
    came = serve(DayPlan(tuple(people), staff, pick_up=RING, wrap_up=WRAP_UP))
    for n, wait in enumerate((*waits, *came.waits)):
        (by,) = dice.choices(writers, weights)
        yield from _call(by, by.id(f"c{number}.{n}"), wait)
    for n, staffing in enumerate(came.staffing):
        for by in writers:
            yield staff_changed(by, 1000 * number + n, staffing)


def _calls(calls_an_hour: int, stretch: tuple[int, int], dice: Random) -> Iterator[int]:
    at = float(stretch[0])
    while (at := at + dice.expovariate(calls_an_hour / (60 * MINUTE_MS))) < stretch[1]:
        yield int(at)


def _duties(stretch: tuple[int, int], rank: float, dice: Random, trouble: Trouble | None) -> Iterator[Duty]:
    """When an agent is logged in; ``rank`` (0 to 1) says who falls ill first."""
    begins = stretch[0] + int(dice.gauss(*LOGS_IN) * MINUTE_MS)
    if trouble is None or trouble.outage is Outage.MENU or not stretch[0] <= trouble.begins < stretch[1]:
        yield Duty(begins, stretch[1])
    elif trouble.outage is Outage.NOBODY:
        yield Duty(begins, trouble.begins)
        yield Duty(trouble.ends, stretch[1])
    elif rank >= ILL:
        yield Duty(begins, stretch[1])


def _call(by: EventWriter, contact: str, wait: Wait) -> Iterator[Event]:
    """What a call tells; not the end of its conversation, which no rule is about."""
    told = {"source": SOURCE, "site": by.site, "queue": by.queue, "contact": contact}
    yield CallQueued(id=f"{contact}.queued", at=utc(wait.person.arrives), **told)
    if wait.end is not End.SERVED:
        yield CallMissed(
            id=f"{contact}.missed",
            at=utc(wait.until),
            outcome=Outcome.ABANDONED,
            wait_ms=wait.waited,
            **told,
        )
        return
    yield CallAnswered(id=f"{contact}.answered", at=utc(wait.until), wait_ms=wait.waited, **told)

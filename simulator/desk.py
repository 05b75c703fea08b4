"""The queueing model: people wait for staff, in order, and some give up.

One event loop for phone queues and counters. All chance is drawn beforehand (``simulator.phone``,
``simulator.counter``); what happens then follows from the plan alone, so the rules can be tested on
any plan. Instants are whole milliseconds (UTC, since 1970).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum, auto
from itertools import count


class End(Enum):
    """How a wait ended."""

    SERVED = auto()
    GAVE_UP = auto()
    TIMED_OUT = auto()
    PRESSED_KEY = auto()
    NOBODY = auto()
    """No member of staff was on duty any more."""


@dataclass(frozen=True)
class Person:
    """Someone who comes for service, with everything that they will do if nobody comes first."""

    arrives: int
    due: int
    """Who is due first is served first. Callers: when they call. Visitors: see ``simulator.counter``."""
    leaves: int
    """When they stop waiting, if not served by then."""
    leaves_as: End
    service: int
    """How long their service takes, milliseconds."""
    appointment: int | None = None


@dataclass(frozen=True)
class Duty:
    """A stretch of one member's day without a break: from inclusive to exclusive."""

    start: int
    end: int


@dataclass(frozen=True)
class DayPlan:
    """A queue's day as it will be, before anyone has waited."""

    people: tuple[Person, ...]
    staff: tuple[tuple[Duty, ...], ...]
    """The duties of each member, in order of time and apart from each other."""
    pick_up: int = 0
    """From being assigned to being spoken to: a telephone rings. The same for everyone, so that the
    order of being assigned is the order of being answered."""
    wrap_up: int = 0
    """What a member still does after a service before the next one."""
    empty_after: int | None = None
    """How long a queue may stand without anyone on duty before those who wait are sent away; none: never."""


@dataclass(frozen=True)
class Wait:
    """How one person fared."""

    person: Person
    end: End
    until: int
    """When the wait ended: spoken to, or gone."""
    assigned: int | None = None
    """When a member was found; may be set without ``served`` when they left while it rang."""
    member: int | None = None

    @property
    def waited(self) -> int:
        """Milliseconds in the queue."""
        return self.until - self.person.arrives

    @property
    def served_until(self) -> int:
        """When the service was over; the end of the wait for those who were not served."""
        return self.until + (self.person.service if self.end is End.SERVED else 0)


@dataclass(frozen=True)
class Staffing:
    """Who is at work from this instant on."""

    at: int
    idle: int
    busy: int
    on_break: int


@dataclass(frozen=True)
class Day:
    """What came of a plan: everyone's wait in order of arrival, and the changes in staff."""

    waits: tuple[Wait, ...]
    staffing: tuple[Staffing, ...]


class _Step(IntEnum):
    """What can happen. Of what happens at the same moment the smaller number goes first, so that a duty's
    end is outside of it, and whoever is answered the moment they would hang up is answered."""

    DUTY_ENDS = auto()
    DUTY_STARTS = auto()
    FREE = auto()
    PICKS_UP = auto()
    LEAVES = auto()
    ARRIVES = auto()
    STANDS_EMPTY = auto()


class _Whereabouts(Enum):
    AWAY = auto()
    IDLE = auto()
    BUSY = auto()


@dataclass
class _Member:
    duties: Iterator[Duty]
    duty: Duty | None
    place: _Whereabouts = _Whereabouts.AWAY
    came: bool = False
    leaving: bool = False


@dataclass
class _Floor:
    """The loop's state: who waits, who is free, and what is going to happen."""

    plan: DayPlan
    members: list[_Member] = field(default_factory=list)
    waiting: list[tuple[int, int]] = field(default_factory=list)
    """A heap of (due, person)."""
    idle: list[tuple[int, int]] = field(default_factory=list)
    """A heap of (idle since, member): whoever has been idle longest is next."""
    ringing: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Person → (member, since)."""
    waits: dict[int, Wait] = field(default_factory=dict)
    staffing: list[Staffing] = field(default_factory=list)
    ahead: list[tuple[int, _Step, int, int]] = field(default_factory=list)
    """A heap of (when, what, number, who)."""
    order: Iterator[int] = field(default_factory=count)

    def plan_step(self, at: int, step: _Step, who: int) -> None:
        heapq.heappush(self.ahead, (at, step, next(self.order), who))

    # People

    def arrive(self, now: int, who: int) -> None:
        person = self.plan.people[who]
        heapq.heappush(self.waiting, (person.due, who))
        self.plan_step(max(now, person.leaves), _Step.LEAVES, who)
        if not self.anyone_on_duty():
            self.stand_empty_soon(now)
        self.assign(now)

    def leave(self, now: int, who: int) -> None:
        if who in self.waits:
            return
        ringing = self.ringing.pop(who, None)
        if ringing is None:
            self.waits[who] = Wait(self.plan.people[who], self.plan.people[who].leaves_as, now)
            return
        member, since = ringing
        self.waits[who] = Wait(self.plan.people[who], self.plan.people[who].leaves_as, now, since, member)
        self.free(now, member)

    def pick_up(self, now: int, who: int) -> None:
        if who not in self.ringing:
            return
        member, since = self.ringing.pop(who)
        person = self.plan.people[who]
        self.waits[who] = Wait(person, End.SERVED, now, since, member)
        self.plan_step(now + person.service + self.plan.wrap_up, _Step.FREE, member)

    # Staff

    def assign(self, now: int) -> None:
        while self.someone_waits() and self.idle:
            who = heapq.heappop(self.waiting)[1]
            member = heapq.heappop(self.idle)[1]
            self.members[member].place = _Whereabouts.BUSY
            self.ringing[who] = (member, now)
            self.plan_step(now + self.plan.pick_up, _Step.PICKS_UP, who)

    def free(self, now: int, who: int) -> None:
        """A member is done with someone: on to the next, unless their own time is up.

        Breaks are taken when they are due; nobody goes home while people wait.
        """
        member = self.members[who]
        goes_home = member.duty is None
        if member.leaving and not (goes_home and self.someone_waits()):
            self.go(now, who)
            return
        member.place = _Whereabouts.IDLE
        heapq.heappush(self.idle, (now, who))
        self.assign(now)

    def start_duty(self, now: int, who: int) -> None:
        member = self.members[who]
        member.came, member.leaving = True, False
        self.plan_next_duty(who)
        if member.place is _Whereabouts.AWAY:
            member.place = _Whereabouts.IDLE
            heapq.heappush(self.idle, (now, who))
            self.assign(now)

    def end_duty(self, now: int, who: int) -> None:
        member = self.members[who]
        member.leaving = True
        if member.place is _Whereabouts.IDLE:
            self.idle = [entry for entry in self.idle if entry[1] != who]
            heapq.heapify(self.idle)
            self.go(now, who)

    def go(self, now: int, who: int) -> None:
        self.members[who].place = _Whereabouts.AWAY
        self.members[who].leaving = False
        if not self.anyone_on_duty():
            self.stand_empty_soon(now)

    def stand_empty_soon(self, now: int) -> None:
        if self.plan.empty_after is not None:
            self.plan_step(now + self.plan.empty_after, _Step.STANDS_EMPTY, 0)

    def stand_empty(self, now: int) -> None:
        if self.anyone_on_duty():
            return
        while self.someone_waits():
            who = heapq.heappop(self.waiting)[1]
            self.waits[who] = Wait(self.plan.people[who], End.NOBODY, now)

    def plan_next_duty(self, who: int) -> None:
        """Put the end of the present duty and the start of the next one on the agenda."""
        member = self.members[who]
        if member.duty is not None:
            self.plan_step(member.duty.end, _Step.DUTY_ENDS, who)
        member.duty = next(member.duties, None)
        if member.duty is not None:
            self.plan_step(member.duty.start, _Step.DUTY_STARTS, who)

    # Looking around

    def someone_waits(self) -> bool:
        while self.waiting and self.waiting[0][1] in self.waits:
            heapq.heappop(self.waiting)  # left in the meantime
        return bool(self.waiting)

    def anyone_on_duty(self) -> bool:
        return any(member.place is not _Whereabouts.AWAY for member in self.members)

    def note_staffing(self, now: int) -> None:
        """Note who is at work, if that has changed."""
        places = [member.place for member in self.members]
        staffing = Staffing(
            at=now,
            idle=places.count(_Whereabouts.IDLE),
            busy=places.count(_Whereabouts.BUSY),
            on_break=sum(
                m.came and m.place is _Whereabouts.AWAY and m.duty is not None for m in self.members
            ),
        )
        if self.staffing and self.staffing[-1].at == now:
            self.staffing.pop()  # of one instant there is one report: the last
        before = self.staffing[-1] if self.staffing else Staffing(at=now, idle=0, busy=0, on_break=0)
        if replace(staffing, at=before.at) != before:
            self.staffing.append(staffing)

    def take(self, now: int, step: _Step, who: int) -> None:
        match step:
            case _Step.ARRIVES:
                self.arrive(now, who)
            case _Step.LEAVES:
                self.leave(now, who)
            case _Step.PICKS_UP:
                self.pick_up(now, who)
            case _Step.FREE:
                self.free(now, who)
            case _Step.DUTY_STARTS:
                self.start_duty(now, who)
            case _Step.DUTY_ENDS:
                self.end_duty(now, who)
            case _Step.STANDS_EMPTY:
                self.stand_empty(now)
        self.note_staffing(now)


def serve(plan: DayPlan) -> Day:
    """Let a day happen: whoever is due first is helped first by whoever has been idle longest.

    Everyone who arrives has exactly one wait in the result. No member serves two at once.
    """
    floor = _Floor(plan)
    for who, duties in enumerate(plan.staff):
        own = iter(duties)
        floor.members.append(_Member(own, next(own, None)))
        if (first := floor.members[who].duty) is not None:
            floor.plan_step(first.start, _Step.DUTY_STARTS, who)
    for who, person in enumerate(plan.people):
        floor.plan_step(person.arrives, _Step.ARRIVES, who)
    while floor.ahead:
        at, step, _, who = heapq.heappop(floor.ahead)
        floor.take(at, step, who)
    return Day(tuple(floor.waits[who] for who in range(len(plan.people))), tuple(floor.staffing))

"""A day at a desk told as a story: who calls, who comes, who serves; and to the second what rules make of it.

The desk is looked at every second, as the evaluator does it. It may be killed at any of those looks: what was
not committed is lost, and another takes over from what was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple

from services.evaluator.alerting.judge import Judge
from services.evaluator.decoder import parse
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.breach_events import BreachChanged, BreachEvent, BreachState, Cause
from shared.contract.events import (
    CallAnswered,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    StaffChanged,
    VisitArrived,
    VisitCalled,
    VisitLeft,
    encode,
)
from tests.support.durable import Durable, batch
from tests.support.evaluator_oracle import at_ms

SITE = "site"
SECOND = timedelta(seconds=1)


class Arrival(NamedTuple):
    """An event, and when the evaluator hears of it."""

    at: datetime
    event: Event


class Step(NamedTuple):
    """What a rule did, and when: by the clock of the story."""

    at: str
    rule: str
    state: BreachState
    cause: Cause


@dataclass
class Desk:
    """What happens at a desk on a day. Times as on its clock: ``9:05``, ``9:05:30``, ``25:10`` at night."""

    city: CityFile
    midnight: datetime
    """Of the first day, in any zone. The clock goes on from there without changing for summer time."""
    arrivals: list[Arrival] = field(default_factory=list)
    _ids: count[int] = field(default_factory=count)

    def moment(self, clock: str) -> datetime:
        """When that is."""
        hours, minutes, *seconds = clock.split(":")
        begun = timedelta(hours=int(hours), minutes=int(minutes))
        return self.midnight.astimezone(UTC) + begun + timedelta(seconds=float(seconds[0]) if seconds else 0)

    def clock(self, at: datetime) -> str:
        """The other way round."""
        seconds = int((at - self.midnight) / SECOND)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"

    def happen(self, event: Event, late: timedelta = timedelta(0)) -> None:
        """Something happens, and is told so much later."""
        self.arrivals.append(Arrival(event.at + late, event))

    def caller(
        self,
        queued: str,
        over: str | None = None,
        outcome: Outcome | None = None,
        queue: str = "a",
        contact: str | None = None,
    ) -> None:
        """Somebody calls; is answered, or ends otherwise, or waits on."""
        number = next(self._ids)
        who = {"source": "pbx", "site": SITE, "queue": queue, "contact": contact or f"c{number}"}
        begun = self.moment(queued)
        self.happen(CallQueued(id=f"q{number}", at=begun, **who))
        if over is None:
            return
        at = self.moment(over)
        wait = round((at - begun) / timedelta(milliseconds=1))
        if outcome is None:
            self.happen(CallAnswered(id=f"a{number}", at=at, wait_ms=wait, **who))
        else:
            self.happen(CallMissed(id=f"m{number}", at=at, wait_ms=wait, outcome=outcome, **who))

    def calls(
        self,
        first: str,
        pattern: str,
        every: timedelta = timedelta(minutes=3),
        queue: str = "a",
        wait_s: int = 5,
    ) -> None:
        """Calls that end one after the other: ``.`` is answered, ``x`` is missed, a blank is nobody."""
        for number, sign in enumerate(pattern):
            over = self.moment(first) + number * every
            begun = self.clock(over - wait_s * SECOND)
            if sign in ".x":
                self.caller(begun, self.clock(over), Outcome.ABANDONED if sign == "x" else None, queue)

    def visitor(
        self, arrived: str, over: str | None = None, *, left: bool = False, queue: str = "desk"
    ) -> None:
        """Somebody comes with an appointment of that moment; is called, or leaves, or waits on."""
        number = next(self._ids)
        who = {"source": "tickets", "site": SITE, "queue": queue, "contact": f"v{number}"}
        begun = self.moment(arrived)
        self.happen(VisitArrived(id=f"w{number}", at=begun, appointment_at=begun, **who))
        if over is not None and left:
            self.happen(VisitLeft(id=f"l{number}", at=self.moment(over), **who))
        elif over is not None:
            called = VisitCalled(
                id=f"k{number}", at=self.moment(over), arrived_at=begun, appointment_at=begun, **who
            )
            self.happen(called)

    def staff(
        self,
        at: str,
        available: int,
        busy: int = 0,
        paused: int = 0,
        queue: str = "a",
        late: timedelta = timedelta(0),
    ) -> None:
        """How many serve, as somebody reports it."""
        report = StaffChanged(
            id=f"s{next(self._ids)}",
            at=self.moment(at),
            available=available,
            busy=busy,
            paused=paused,
            source="pbx",
            site=SITE,
            queue=queue,
        )
        self.happen(report, late)

    def known(self, now: datetime) -> list[Event]:
        """What the evaluator was told by then."""
        return [event for at, event in self.arrivals if at <= now]

    def told(
        self,
        first: str,
        last: str,
        kills: Collection[str] = (),
        looks: Iterable[str] | None = None,
        left: Mapping[str, str] | None = None,
    ) -> list[BreachEvent]:
        """Everything that is told by looks at every second from one moment to another, both included.

        ``kills``: looks that are not committed, and done again by another that takes over. ``looks``: these
        alone. ``left``: what somebody before left of the rules' states.
        """
        if looks is None:
            begun, end = self.moment(first), self.moment(last)
            looks = (self.clock(begun + n * SECOND) for n in range(int((end - begun) / SECOND) + 1))
        return _Shift(self, left or {}).told(list(looks), kills)

    def steps(self, first: str, last: str, kills: Collection[str] = ()) -> list[Step]:
        """The steps of all rules but for pending ones."""
        return steps_of(self, self.told(first, last, kills))


def steps_of(desk: Desk, told: Iterable[BreachEvent]) -> list[Step]:
    """What is told of rules as steps; that one is pending is left out."""
    return [
        Step(desk.clock(event.at), event.rule, event.state, event.cause)
        for event in told
        if isinstance(event, BreachChanged) and event.state is not BreachState.PENDING
    ]


class _Shift:
    """An evaluator at work on a story."""

    def __init__(self, desk: Desk, left: Mapping[str, str]) -> None:
        self._desk = desk
        self._arrivals = sorted(desk.arrivals, key=lambda arrival: arrival.at)
        entries = [(f"{at_ms(at)}-{n}", encode(event)) for n, (at, event) in enumerate(self._arrivals)]
        self._durable = Durable(entries, desk.city, dict(left))
        self._take_over()

    def _take_over(self) -> None:
        city = self._desk.city
        self._aggregator = self._durable.take_over()
        self._judge = Judge(city, Calendar(city), city.sites, self._durable.state)

    def told(self, looks: Sequence[str], kills: Collection[str]) -> list[BreachEvent]:
        found: list[BreachEvent] = []
        for clock in looks:
            now = self._desk.moment(clock)
            if clock in kills:
                self._look(now)
                self._take_over()
            found += self._look(now, commit=True)
        return found

    def _look(self, now: datetime, *, commit: bool = False) -> list[BreachEvent]:
        durable, to = self._durable, self._durable.offset
        while to < len(self._arrivals) and self._arrivals[to].at <= now:
            to += 1
        if to > durable.offset:
            self._aggregator.record(parse(batch(durable.entries[durable.offset : to])))
        self._aggregator.advance(at_ms(now))
        judgement = self._judge.judge(self._aggregator, now)
        if commit:
            durable.commit(self._aggregator, to)
            durable.state |= judgement.state
            for name in judgement.gone:
                durable.state.pop(name, None)
        return list(judgement.events)


# The city ---------------------------------------------------------------------------------------------

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OFFICE = ("08:00-12:00", "13:00-17:00")


def city(*rules: dict[str, object], hours: Sequence[str] = OFFICE, **sections: object) -> CityFile:
    """A city with two phone queues and a counter, all with the same hours on every day."""
    queues = [
        {"id": "a", "kind": "phone", "hours": "desk"},
        {"id": "b", "kind": "phone", "hours": "desk"},
        {"id": "desk", "kind": "counter", "hours": "desk"},
    ]
    document: dict[str, object] = {
        "city": {"name": "Test", "time_zone": "Europe/Brussels"},
        "calendar": {"public_holidays": ""},
        "hours": {"desk": {day: list(hours) for day in WEEKDAYS}},
        "sites": [{"id": SITE, "queues": queues}],
        "rules": [*rules],
    }
    return CityFile.model_validate(document | sections)

"""What one visitor at one counter adds to the counts, and one appointment. Pure.

::

    arrived ──► called ──► called again ──► served          the last call counts
       │          └──────► left, or did not come            a no-show
       ├──► left
       └──► nobody called within the bound                  unfinished

A ticket's number may be used again: arrivals (as told by themselves, or by the call) that lie no further than
``SAME_VISIT_MS`` apart are one visit, all others are visits of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from domain.counts import Count, What
from domain.facts import SECOND_MS, ContactCounts, ContactFact, OpenWait, Step

SAME_VISIT_MS: Final = 60_000
"""How far apart two sources may see the same visitor arrive."""

VisitEnd = Callable[[str, int], tuple[int, int]]
"""Of a queue and an arrival: until when the visitor is seen waiting, and after when nobody is served any more
as who came then. UTC ms."""


@dataclass(slots=True)
class _Visit:
    arrived: int
    is_told: bool = False
    """By an arrival; a call alone says that nobody waits any more."""
    calls: list[ContactFact] = field(default_factory=list)
    gone: list[ContactFact] = field(default_factory=list)
    """Left, or did not come."""
    served: list[ContactFact] = field(default_factory=list)

    @property
    def came(self) -> bool:
        """Whether anything says when the visitor arrived."""
        return self.is_told or bool(self.calls)


def counted_visits(facts: Sequence[ContactFact], cursor: int, end: VisitEnd) -> ContactCounts:
    """Count the visits of one contact at one queue. ``cursor``: waits are judged until then (UTC ms)."""
    counts: list[Count] = []
    waits: list[OpenWait] = []
    queue = facts[0].queue
    for visit in _visits(facts):
        until, bound = end(queue, visit.arrived)
        counts += _visit(visit, queue, bound, cursor)
        if visit.came and not any(fact.at <= bound for fact in (*visit.calls, *visit.gone)):
            seen_until = until if visit.is_told and not visit.calls and not visit.gone else visit.arrived
            waits.append(OpenWait(queue, visit.arrived, seen_until, bound))
    return ContactCounts(counts, waits)


def _visits(facts: Sequence[ContactFact]) -> list[_Visit]:
    """Return the visits in order of time. Without a known arrival one began when it was heard of."""
    visits: list[_Visit] = []
    newest = 0
    told = ((_arrived(fact), fact) for fact in facts if fact.step in _BEGINS)
    for arrived, fact in sorted(told, key=itemgetter(0)):
        if not visits or arrived - newest > SAME_VISIT_MS:
            visits.append(_Visit(arrived))
        newest = arrived
        if fact.step is Step.ARRIVED:
            visits[-1].is_told = True
        else:
            visits[-1].calls.append(fact)
    for fact in sorted((fact for fact in facts if fact.step not in _BEGINS), key=_moment):
        here = [visit for visit in visits if visit.arrived <= fact.at + SECOND_MS]
        if not here:
            here = [_Visit(fact.at)]
            visits.insert(0, here[0])
        (here[-1].served if fact.step is Step.SERVED else here[-1].gone).append(fact)
    return visits


def _moment(fact: ContactFact) -> tuple[int, int]:
    return fact.at, fact.step.value


_BEGINS: Final = (Step.ARRIVED, Step.CALLED)


def _arrived(fact: ContactFact) -> int:
    return fact.at if fact.step is Step.ARRIVED else fact.since


def _visit(visit: _Visit, queue: str, bound: int, cursor: int) -> Iterator[Count]:
    calls = sorted((fact for fact in visit.calls if fact.at <= bound), key=_last_call)
    gone = sorted((fact for fact in visit.gone if fact.at <= bound), key=_moment)
    if calls:
        called = calls[-1]
        came_not = [fact for fact in gone if fact.at >= called.at]
        if came_not:
            yield Count(queue, came_not[0].at, visit.arrived, What.NO_SHOW)
        else:
            yield count_called(called)
    elif gone:
        yield _gone(gone[0], visit.arrived)
    elif visit.came and bound <= cursor:
        yield Count(queue, bound, visit.arrived, What.UNFINISHED)
    repeated = [*visit.calls]
    if calls:
        repeated.remove(calls[-1])
    for fact in repeated:
        yield Count(queue, fact.at, None, What.REPEATED)
    if visit.served:
        yield count_served(max(visit.served, key=lambda fact: (fact.at, fact.amount or 0)))


def _last_call(fact: ContactFact) -> tuple[int, int, int]:
    return fact.at, -fact.since, fact.appointment or 0


def count_called(fact: ContactFact) -> Count:
    """Counter wait: from the later of arrival and appointment until the call (design §2)."""
    if fact.appointment is None:
        return Count(fact.queue, fact.at, fact.since, What.WALK_IN, max(0, fact.at - fact.since))
    if fact.at < fact.appointment:
        return Count(fact.queue, fact.at, fact.since, What.EARLY)
    wait = max(0, fact.at - max(fact.since, fact.appointment))
    return Count(fact.queue, fact.at, fact.since, What.VISIT, wait)


def _gone(fact: ContactFact, arrived: int) -> Count:
    return Count(fact.queue, fact.at, arrived, What.LEFT if fact.step is Step.LEFT else What.NO_SHOW)


def count_served(fact: ContactFact) -> Count:
    """Count a visitor who was served."""
    service = fact.amount or 0
    return Count(fact.queue, fact.at, fact.at - service, What.SERVED, service)


def counted_appointment(facts: Sequence[ContactFact]) -> ContactCounts:
    """Count one appointment: its lead time is that of the first booking, whatever became of it."""
    counts: list[Count] = []
    bookings = sorted((fact.at, fact.amount or 0, fact.queue) for fact in facts if fact.step is Step.BOOKED)
    counts += [Count(queue, at, None, What.BOOKED, days) for at, days, queue in bookings[:1]]
    counts += [Count(queue, at, None, What.REPEATED) for at, _, queue in bookings[1:]]
    for step, what in ((Step.MOVED, What.MOVED), (Step.CANCELLED, What.CANCELLED)):
        counts += [
            Count(queue, at, None, what)
            for at, queue in sorted({(fact.at, fact.queue) for fact in facts if fact.step is step})
        ]
    return ContactCounts(counts, [])

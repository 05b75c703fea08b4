"""When a desk is open, found in when its contacts come and are helped. Pure.

Each quarter of an hour of a weekday is either open or shut. How well either goes with what was seen is a
log-likelihood; a change from one to the other costs ``SWITCH``. So a handful of odd calls does not open the
desk, a quiet quarter does not shut it, and a lunch break is found when it was empty often enough. Weekdays,
and queues, are taken together wherever one set of hours tells both of them better than a set each: what one
of them is too quiet to tell, the others do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations, groupby, pairwise
from math import exp, lgamma, log
from typing import Final, Self, TypeVar

from shared.calendar import SATURDAY
from shared.config.types import MIDNIGHT, WEEKDAYS

QUARTER: Final = 15
"""Minutes of the wall clock: nobody opens at finer times."""

QUARTERS: Final = MIDNIGHT // QUARTER

ENOUGH: Final = 100
"""Contacts that were helped, from which on hours are looked for: a day of Lier's information number."""

ODD: Final = 0.03
"""How often somebody is helped within a quarter of an hour in which the desk is shut, of all days."""

ODD_MORE: Final = 0.7
"""And then each further one in that quarter is so likely: who works late helps several."""

PACES: Final = ((1.0, 0.6), (0.25, 0.3), (0.0625, 0.1))
"""How busy an open quarter is as a multiple of the average, and how likely that is: lunch and evening are
quieter, and a desk that never shuts is all but silent at night."""

SHAPE: Final = 4
"""Of the negative binomial by which the contacts of a quarter spread from day to day: wider than by chance
alone (Poisson), for some days are quiet ones."""

SWITCH: Final = log(50)
"""What opening or shutting costs: once in so many quarters, as a desk does in two days with a lunch break."""

USUAL_SWITCH: Final = log(2)
"""And at a time at which it opens or shuts on most days: a late evening has a lunch break before it."""

SHORTEST_DAY: Final = 2 * 60
"""Minutes that a desk is open for on its longest day: less is a piece of a log."""

SHORTEST_BREAK: Final = 30
"""Minutes: nobody shuts for less."""

EDGE: Final = 0.1
"""A first or last day of a log with less than so many of the contacts of an average one was hardly seen: a
call that ended after midnight."""

FITS: Final = 0.8
"""A quiet queue has the hours that hold so many of its contacts."""

SHORTEST_NIGHT: Final = 4 * 60 // QUARTER
"""Quarters. A desk that is never shut for longer than this is not shut at all: nobody phoned."""

ROUNDS: Final = 3
"""How often hours and average are worked out from each other; they stand still after two."""

Spans = tuple[tuple[int, int], ...]
"""From inclusive to exclusive, in minutes of the local day."""

Helped = Mapping[date, Mapping[int, int]]
"""Local day → quarter of it (0 to 95) → contacts that came in it, or were helped in it, whichever were fewer.

Who waits at the door comes before it opens, and who came in time is helped after it shut: neither is open.
"""


@dataclass(frozen=True)
class WeekOfHours:
    """When a desk is open in a usual week."""

    spans: tuple[Spans, ...]
    """Monday first."""
    assumed: frozenset[int] = frozenset()
    """Weekdays (0: Monday) that were never seen, and have the hours of another."""

    @property
    def longest_day(self) -> int:
        """For how many minutes it is open on the day on which it is so for longest."""
        return max(sum(until - since for since, until in day) for day in self.spans)

    @property
    def always(self) -> bool:
        """Whether it never shuts."""
        return all(day == ((0, MIDNIGHT),) for day in self.spans)


Q = TypeVar("Q")


def find_hours(
    queues: Mapping[Q, Helped], is_holiday: Callable[[date], bool] = lambda day: False
) -> list[tuple[list[Q], WeekOfHours]]:
    """Return which queues share hours, and those hours; the busiest first. Holidays tell nothing.

    Queues that are too quiet to tell are with those in whose hours nearly all of their contacts lie; where
    every queue is, they are taken for one. Left out are those that fit nowhere; and all of them where they
    have too few contacts together (``ENOUGH``), or were seen for too short a time (``SHORTEST_DAY``).
    """
    by_contacts = sorted(queues, key=lambda queue: -_contacts(queues[queue]))
    busy = [queue for queue in by_contacts if _contacts(queues[queue]) >= ENOUGH]
    groups = _grouped({queue: _Week.of(_evidence(queues[queue], is_holiday)) for queue in busy})
    found = [(members, week.hours()) for members, week in groups]
    found = [(members, hours) for members, hours in found if hours.longest_day >= SHORTEST_DAY]
    if not found:
        together = _added(queues.values())
        hours = _Week.of(_evidence(together, is_holiday)).hours()
        if _contacts(together) >= ENOUGH and hours.longest_day >= SHORTEST_DAY:
            found = [([], hours)]
    placed = {queue for members, _ in found for queue in members}
    for queue in by_contacts:
        if queue not in placed and found:
            members, hours = max(found, key=lambda group: hours_hold(group[1], queues[queue]))
            if hours_hold(hours, queues[queue]) >= FITS:
                members.append(queue)
    return [(members, hours) for members, hours in found if members]


def hours_hold(hours: WeekOfHours, helped: Helped) -> float:
    """Return which share of contacts lies in these hours."""
    inside = sum(
        count
        for day, quarters in helped.items()
        for quarter, count in quarters.items()
        if any(start <= quarter * QUARTER < end for start, end in hours.spans[day.weekday()])
    )
    return inside / max(_contacts(helped), 1)


def _contacts(helped: Helped) -> int:
    return sum(sum(day.values()) for day in helped.values())


def _added(queues: Iterable[Helped]) -> Helped:
    """Return what several queues had, as one."""
    together: dict[date, Counter[int]] = {}
    for helped in queues:
        for day, quarters in helped.items():
            together.setdefault(day, Counter()).update(quarters)
    return together


def _grouped(alone: Mapping[Q, _Week]) -> list[tuple[list[Q], _Week]]:
    """Take queues together wherever one set of hours tells both better; given with the busiest first."""
    groups: list[tuple[list[Q], _Week]] = []
    for queue, week in alone.items():
        joined = [_Week.of(_together((group.evidence, week.evidence))) for _, group in groups]
        better = [
            both.score - group.score - week.score for both, (_, group) in zip(joined, groups, strict=True)
        ]
        best = max(range(len(groups)), key=better.__getitem__, default=None)
        if best is not None and better[best] >= 0:
            groups[best] = [*groups[best][0], queue], joined[best]
        else:
            groups.append(([queue], week))
    return groups


@dataclass(frozen=True)
class _Evidence:
    """Of one weekday: how well *open* and *shut* go with what was seen in each quarter (log-likelihoods)."""

    days: int
    """So many such days were seen."""
    is_open: tuple[float, ...] = (0.0,) * QUARTERS
    is_shut: tuple[float, ...] = (0.0,) * QUARTERS


def _together(evidence: Sequence[tuple[_Evidence, ...]]) -> tuple[_Evidence, ...]:
    """Return the evidence of several queues, weekday by weekday."""
    return tuple(_sum(of_weekday) for of_weekday in zip(*evidence, strict=True))


def _sum(evidence: Iterable[_Evidence]) -> _Evidence:
    every = list(evidence)
    return _Evidence(
        sum(one.days for one in every),
        tuple(map(sum, zip(*(one.is_open for one in every), strict=True))),
        tuple(map(sum, zip(*(one.is_shut for one in every), strict=True))),
    )


def _evidence(helped: Helped, is_holiday: Callable[[date], bool]) -> tuple[_Evidence, ...]:
    """Return the evidence of a queue; the average of its open quarters follows from its hours, and they from
    it."""
    days = [
        [helped.get(day, {}) for day in _days(helped, is_holiday) if day.weekday() == weekday]
        for weekday in range(len(WEEKDAYS))
    ]
    busy = [contacts for weekday in days for day in weekday for contacts in day.values() if contacts]
    average = sum(busy) / len(busy) if busy else 1.0
    evidence: tuple[_Evidence, ...] = ()
    for _ in range(ROUNDS):
        evidence = tuple(_of_weekday(weekday, average) for weekday in days)
        seen = [
            day.get(quarter, 0)
            for weekday, states in enumerate(_Week.of(evidence).states)
            for quarter, is_open in enumerate(states)
            if is_open
            for day in days[weekday]
        ]
        average = sum(seen) / len(seen) if any(seen) else average
    return evidence


def _days(helped: Helped, is_holiday: Callable[[date], bool]) -> list[date]:
    """The days that tell something: not those of weeks in which nobody was helped, for want of a log."""
    if not helped:
        return []
    average = _contacts(helped) / len(helped)
    seen = sorted(day for day in helped if not is_holiday(day))
    busy = [day for day in seen if sum(helped[day].values()) >= EDGE * average]
    if not busy:
        return []
    weeks = {day.isocalendar()[:2] for day in seen}
    every = (busy[0] + timedelta(days=number) for number in range((busy[-1] - busy[0]).days + 1))
    return [day for day in every if day.isocalendar()[:2] in weeks and not is_holiday(day)]


def _of_weekday(days: Sequence[Mapping[int, int]], average: float) -> _Evidence:
    seen = [Counter(day.get(quarter, 0) for day in days) for quarter in range(QUARTERS)]
    return _Evidence(len(days), tuple(_open(one, average) for one in seen), tuple(_shut(one) for one in seen))


def _shut(seen: Counter[int]) -> float:
    """Of days by their contacts in one quarter: the log-likelihood where nobody should be helped."""
    late = log(ODD * (1 - ODD_MORE))
    return sum(
        days * (late + (contacts - 1) * log(ODD_MORE) if contacts else log(1 - ODD))
        for contacts, days in seen.items()
    )


def _open(seen: Counter[int], average: float) -> float:
    """The same where people are helped, at any of the paces; a quarter has the same one every week."""
    likely = [
        log(chance) + sum(days * _count_likely(contacts, average * pace) for contacts, days in seen.items())
        for pace, chance in PACES
    ]
    best = max(likely)
    return best + log(sum(exp(one - best) for one in likely))


def _count_likely(count: int, mean: float) -> float:
    """Return the log-likelihood of a count by the negative binomial of that mean."""
    return (
        lgamma(count + SHAPE)
        - lgamma(SHAPE)
        - lgamma(count + 1)
        + SHAPE * log(SHAPE / (SHAPE + mean))
        + count * log(mean / (SHAPE + mean))
    )


States = tuple[bool, ...]
"""Of each quarter of a day: whether the desk is open."""


def _best_states(evidence: _Evidence, usual: States = ()) -> tuple[float, States]:
    """Return when the desk is open on such a day, and how well that goes with what was seen (Viterbi).

    ``usual``: of most days; to open or shut when it does costs little.
    """
    scores, came_from = (0.0, 0.0), list[tuple[bool, bool]]()
    changes = {at: now for at, (before, now) in enumerate(pairwise(usual), start=1) if before is not now}
    for at, (shut, opened) in enumerate(zip(evidence.is_shut, evidence.is_open, strict=True)):
        to_shut = USUAL_SWITCH if changes.get(at) is False else SWITCH
        to_open = USUAL_SWITCH if changes.get(at) is True else SWITCH
        shuts, opens = scores[1] - to_shut > scores[0], scores[0] - to_open > scores[1]
        came_from.append((shuts, not opens))
        scores = (
            shut + (scores[1] - to_shut if shuts else scores[0]),
            opened + (scores[0] - to_open if opens else scores[1]),
        )
    state = scores[1] > scores[0]
    states = []
    for before in reversed(came_from):
        states.append(state)
        state = before[state]
    return max(scores), tuple(reversed(states))


_Alike = dict[tuple[int, ...], tuple[float, States]]
"""Weekdays with the same hours → how well these go with what was seen, and the hours."""


@dataclass(frozen=True)
class _Week:
    """Hours of a week that go best with the evidence."""

    evidence: tuple[_Evidence, ...]
    score: float
    alike: tuple[tuple[tuple[int, ...], States], ...]
    """Weekdays that were seen, those with the same hours together."""

    @classmethod
    def of(cls, evidence: tuple[_Evidence, ...]) -> Self:
        """Take weekdays together for as long as that tells what was seen better."""
        alike: _Alike = {(day,): _best_states(one) for day, one in enumerate(evidence) if one.days}
        while (pair := _best_pair(alike, evidence)) is not None:
            together = tuple(sorted(pair[0] + pair[1]))
            alike = {days: best for days, best in alike.items() if days not in pair}
            alike[together] = _best_states(_sum(evidence[day] for day in together))
        score = sum(one for one, _ in alike.values())
        return cls(evidence, score, tuple((days, states) for days, (_, states) in alike.items()))

    @property
    def states(self) -> tuple[States, ...]:
        """Monday first; nothing for a weekday that was never seen."""
        of_day: dict[int, States] = {}
        for days, _ in self.alike:
            _, states = _best_states(_sum(self.evidence[day] for day in days), self._usual[1])
            of_day |= dict.fromkeys(days, states)
        return tuple(of_day.get(day, ()) for day in range(len(WEEKDAYS)))

    @property
    def _usual(self) -> tuple[tuple[int, ...], States]:
        """What most weekdays have on which it is open at all."""
        opened = (one for one in self.alike if any(one[1]))
        return max(opened, key=lambda one: (len(one[0]), one[0]), default=((), ()))

    def hours(self) -> WeekOfHours:
        """Return the hours; a working day that was never seen has those that most have."""
        seen = self.states
        if self._never_shuts(seen):
            return WeekOfHours((((0, MIDNIGHT),),) * len(WEEKDAYS))
        usual, _ = self._usual
        assumed = {day for day in range(SATURDAY) if usual and not self.evidence[day].days}
        return WeekOfHours(
            tuple(
                _breaks_only(_spans(seen[usual[0]] if day in assumed else states))
                for day, states in enumerate(seen)
            ),
            frozenset(assumed),
        )

    @staticmethod
    def _never_shuts(seen: tuple[States, ...]) -> bool:
        week = [is_open for states in seen for is_open in states]
        stretches = (len(list(same)) for is_open, same in groupby(week * 2) if not is_open)
        return any(week) and max(stretches, default=0) <= SHORTEST_NIGHT


def _best_pair(
    alike: _Alike, evidence: tuple[_Evidence, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the two groups of weekdays that are told best by one set of hours; ``None``: by one each."""
    better = {
        (one, other): _best_states(_sum(evidence[day] for day in one + other))[0]
        - alike[one][0]
        - alike[other][0]
        for one, other in combinations(alike, 2)
    }
    best = max(better, key=better.__getitem__, default=None)
    return best if best is not None and better[best] >= 0 else None


def _spans(states: States) -> Spans:
    found = []
    for is_open, quarters in groupby(enumerate(states), key=lambda one: one[1]):
        at = [quarter for quarter, _ in quarters]
        if is_open:
            found.append((at[0] * QUARTER, (at[-1] + 1) * QUARTER))
    return tuple(found)


def _breaks_only(spans: Spans) -> Spans:
    """Leave out the gaps that are too short for a break: a meeting of the whole desk, day after day."""
    kept: list[tuple[int, int]] = []
    for start, end in spans:
        if kept and start - kept[-1][1] < SHORTEST_BREAK:
            kept[-1] = kept[-1][0], end
        else:
            kept.append((start, end))
    return tuple(kept)

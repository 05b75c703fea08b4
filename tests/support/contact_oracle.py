"""What became of contacts, by plain arithmetic over everything that is known of each: no state, no order.

Written from the definitions (docs/definitions.md, glossary), and shares no code with ``domain``:

* a *stay* is one entry of a contact into one queue; it has at most one outcome;
* a *caller* is one contact at one site with all its stays, as long as none is farther from the one before
  than the open timeout;
* a *visit* is one arrival at a counter, however often it was called.

A contact without an id is a stay (a visit) of its own. All instants in UTC ms.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from shared.config.model import CityFile, Queue
from shared.contract.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentMoved,
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    SourceHeartbeat,
    SourceRestarted,
    VisitArrived,
    VisitCalled,
    VisitLeft,
    VisitNoShow,
    VisitServed,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)
SLACK = 1000
"""Logs tell whole seconds: what belongs together may be stamped a second apart."""

SAME_ARRIVAL = 60_000
"""Two arrivals of one ticket that are no farther apart are one visit."""

AFTER_CLOSING = 3_600_000
WITHOUT_HOURS = 4 * 3_600_000
"""How long a visit may wait after its day's closing time, and where there is none."""

Appointment = AppointmentBooked | AppointmentMoved | AppointmentCancelled

Place = tuple[str, str]
"""A site and a queue."""

ANSWERED, UNFINISHED, CUT_OFF, HANDED_OVER = "answered", "unfinished", "cut_off", ""
_FIRST_OF_ALL = (CUT_OFF, HANDED_OVER, UNFINISHED)
"""Which end it is, of several at one ms."""


class Counted(NamedTuple):
    """One entry, caller or visit: what it counts as, where and when."""

    place: Place
    at: int
    what: str
    """The field of a bucket that counts it."""
    entered: int
    """Opening hours are asked of this moment."""
    wait: int = 0
    """ms; of no meaning where the field has no waits."""


@dataclass
class Stay:
    """One entry into one queue."""

    place: Place
    entered: int
    outcomes: list[CallAnswered | CallMissed] = field(default_factory=list)
    """The one that stands, and after it those that are repeated."""
    ends: int = 0
    """When it stopped waiting without an outcome."""
    as_what: str = UNFINISHED
    """What it counts as then: ``HANDED_OVER`` counts as nothing."""


Key = tuple[str, str, str]
"""Site, source and contact."""


class Head(NamedTuple):
    """Somebody joined a queue at its head, or left it from there: nobody waits who came before."""

    at: int
    contact: str | None
    before: int
    """Nobody who entered before this waits any longer."""

    @classmethod
    def of(cls, event: CallQueued | CallMissed) -> Head:
        at = at_ms(event.at)
        return cls(at, event.contact, at if isinstance(event, CallQueued) else _began(event) - SLACK)


@dataclass
class Contacts:
    """Everything that is known, by contact."""

    facts: dict[Key, list[Event]] = field(default_factory=lambda: defaultdict(list))
    nobody: list[CallAnswered | CallMissed | VisitCalled | VisitLeft | VisitNoShow | VisitServed] = field(
        default_factory=list
    )
    """Outcomes without a contact id."""
    talks_of_nobody: list[CallEnded] = field(default_factory=list)
    restarts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """By source."""
    heads: dict[tuple[Place, str], list[Head]] = field(default_factory=lambda: defaultdict(list))
    """By place and source: who stood at the head of the queue."""

    stays: dict[Key, list[Stay]] = field(default_factory=dict)
    """What was worked out already."""
    believed: dict[tuple[Place, str], bool] = field(default_factory=dict)
    """Of which heads it was found out whether they are."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> Contacts:
        """Sort the facts by contact."""
        known = cls()
        for event in events:
            if isinstance(event, SourceRestarted):
                known.restarts[event.source].append(at_ms(event.at))
            elif isinstance(event, _OF_CONTACTS):
                if event.contact is not None:
                    known.facts[event.site, event.source, event.contact].append(event)
                elif isinstance(event, CallEnded):
                    known.talks_of_nobody.append(event)
                else:
                    known.nobody.append(event)
            if isinstance(event, CallQueued | CallMissed) and event.position == 1:
                known.heads[_place(event), event.source].append(Head.of(event))
        for heads in known.heads.values():
            heads.sort(key=_at)
        return known


def at_ms(instant: datetime) -> int:
    """UTC ms since 1970, rounded down."""
    return (instant - EPOCH) // MS


# Stays ------------------------------------------------------------------------------------------------


def stays(facts: Sequence[Event], city: CityFile) -> list[Stay]:
    """The entries of one contact, in the order of time, each with its outcomes."""
    queued = {(_place(event), at_ms(event.at)) for event in facts if isinstance(event, CallQueued)}
    found = [Stay(place, at) for place, at in sorted(queued)]
    outcomes = sorted((e for e in facts if isinstance(e, CallAnswered | CallMissed)), key=_order)
    for outcome in outcomes:
        stay = _nearest(found, outcome, city)
        if stay is None or (stay.outcomes and _began(outcome) > at_ms(stay.outcomes[0].at) + SLACK):
            stay = Stay(_place(outcome), _began(outcome))  # nobody told that it was queued
            found.append(stay)
        stay.outcomes.append(outcome)
    return sorted(found, key=lambda stay: (stay.entered, stay.place))


def _nearest(found: Iterable[Stay], outcome: CallAnswered | CallMissed, city: CityFile) -> Stay | None:
    """The entry into the same queue that is nearest to when the wait began; of two, the later."""
    latest = at_ms(outcome.at) + city.pipeline.clock_tolerance // MS
    timeout = city.pipeline.open_timeout // MS
    near = [
        stay
        for stay in found
        if stay.place == _place(outcome)
        and stay.entered <= latest
        and abs(stay.entered - _began(outcome)) <= timeout
    ]
    return min(near, key=lambda stay: (abs(stay.entered - _began(outcome)), -stay.entered), default=None)


def _order(outcome: CallAnswered | CallMissed) -> tuple[int, int, int, str]:
    """Which outcome is the first: being answered wins a tie."""
    rank = -1 if isinstance(outcome, CallAnswered) else list(Outcome).index(outcome.outcome)
    return at_ms(outcome.at), rank, outcome.wait_ms, outcome.id


def _began(outcome: CallAnswered | CallMissed) -> int:
    return at_ms(outcome.at) - outcome.wait_ms


def known_stays(known: Contacts, key: Key, city: CityFile) -> list[Stay]:
    """The entries of a contact, each with when it stops waiting without an outcome; looked at once."""
    if key in known.stays:
        return known.stays[key]
    _, source, contact = key
    facts = known.facts[key]
    found = stays(facts, city)
    ended = [event for event in facts if isinstance(event, CallEnded)]
    for stay in found:
        last = stay.entered + city.pipeline.open_timeout // MS
        ends = [(at, CUT_OFF) for at in known.restarts[source]]
        ends += [(at_ms(event.at), HANDED_OVER) for event in ended if event.queue != stay.place[1]]
        ends += [(other.entered, UNFINISHED) for other in found]
        ends += [
            (head.at, UNFINISHED)
            for head in _between(_heads(known, stay.place, source, city), stay.entered, last)
            if head.contact != contact and stay.entered < head.before
        ]
        ends += [(last, UNFINISHED), (closing(city, stay.place, stay.entered, last), UNFINISHED)]
        later = [end for end in ends if end[0] > stay.entered]
        stay.ends, stay.as_what = min(later, key=lambda end: (end[0], _FIRST_OF_ALL.index(end[1])))
    known.stays[key] = found
    return found


def _heads(known: Contacts, place: Place, source: str, city: CityFile) -> list[Head]:
    """Who stood at the head of a queue, where that is believed: not if anybody there waited on.

    Some exchanges write the first place whatever it was, and others let people jump the line.
    """
    found = known.heads[place, source]
    if found and (place, source) not in known.believed:
        told = [event for facts in known.facts.values() for event in facts] + known.nobody
        ends = [
            (_began(event), at_ms(event.at))
            for event in told
            if isinstance(event, CallAnswered | CallMissed)
            and (_place(event), event.source) == (place, source)
        ]
        known.believed[place, source] = not any(
            began < head.before and ended > head.at + SLACK for began, ended in ends for head in found
        )
    return found if known.believed.get((place, source)) else []


def _between(heads: Sequence[Head], after: int, last: int) -> Sequence[Head]:
    """Those of rising moments that lie after one and not after another."""
    return heads[bisect_right(heads, after, key=_at) : bisect_right(heads, last, key=_at)]


def _at(head: Head) -> int:
    return head.at


def closing(city: CityFile, place: Place, at: int, last: int) -> int:
    """When the queue closes that is open at a moment, but ``last`` at the latest; shut: the moment itself.

    Opening hours are told in minutes: the first minute in which it is shut.
    """
    while at < last and is_open(city, place, at):
        at += 60_000 - at % 60_000
    return min(at, last)


# What counts ------------------------------------------------------------------------------------------


def entries(known: Contacts, city: CityFile, now: int) -> Iterator[Counted]:
    """Every entry that has its end by ``now``."""
    for event in known.nobody:
        if isinstance(event, CallAnswered | CallMissed):
            yield _outcome(known, event)
    for key in list(known.facts):
        for stay in known_stays(known, key, city):
            if (counted := _of_stay(known, stay, now)) is not None:
                yield counted


def callers(known: Contacts, city: CityFile, now: int) -> Iterator[Counted]:
    """Every caller who has his end by ``now``."""
    for event in known.nobody:
        if isinstance(event, CallAnswered | CallMissed):
            yield _outcome(known, event)
    for key in list(known.facts):
        found = [stay for stay in known_stays(known, key, city) if not _is_elsewhere(stay, now)]
        for way in _ways(found, city.pipeline.open_timeout // MS):
            if (counted := _of_way(known, way, now)) is not None:
                yield counted


def waiting(known: Contacts, city: CityFile, now: int) -> Iterator[tuple[str, str, int]]:
    """Site, queue and entry of everybody who waits."""
    for key in list(known.facts):
        for stay in known_stays(known, key, city):
            if not stay.outcomes and stay.entered <= now < stay.ends:
                yield (*stay.place, stay.entered)


def _ways(found: Sequence[Stay], timeout: int) -> Iterator[list[Stay]]:
    """The stays of one contact, caller by caller."""
    way: list[Stay] = []
    for stay in found:
        if way and stay.entered - max(map(_end, way)) > timeout:
            yield way
            way = []
        way.append(stay)
    if way:
        yield way


def _is_elsewhere(stay: Stay, now: int) -> bool:
    """Whether it was handed over, and is counted under another name."""
    return not stay.outcomes and stay.as_what == HANDED_OVER and stay.ends <= now


def _end(stay: Stay) -> int:
    return at_ms(stay.outcomes[0].at) if stay.outcomes else stay.ends


def _of_stay(known: Contacts, stay: Stay, now: int) -> Counted | None:
    if stay.outcomes:
        return _outcome(known, stay.outcomes[0])
    if stay.ends > now or stay.as_what == HANDED_OVER:
        return None
    return Counted(stay.place, stay.ends, stay.as_what, stay.entered)


def _of_way(known: Contacts, way: Sequence[Stay], now: int) -> Counted | None:
    """A caller is answered by whoever was first; else missed by his last outcome, once he waits nowhere."""
    if len(way) == 1:
        return _of_stay(known, way[0], now)
    ended = [stay for stay in way if stay.outcomes]
    answered = [stay for stay in ended if isinstance(stay.outcomes[0], CallAnswered)]
    if not answered and any(not stay.outcomes and stay.ends > now for stay in way):
        return None
    first = min(answered, key=lambda stay: (_end(stay), stay.entered), default=None)
    last = max(ended or way, key=lambda stay: (_end(stay), stay.entered))
    stay = last if first is None else first
    counted = _of_stay(known, stay, now)
    if counted is None:
        return None
    entered = _of_stay(known, way[0], now)
    return counted._replace(
        entered=way[0].entered if entered is None else entered.entered,
        wait=max(0, counted.at - way[0].entered),
    )


def _outcome(known: Contacts, event: CallAnswered | CallMissed) -> Counted:
    at = at_ms(event.at)
    if isinstance(event, CallAnswered):
        what = ANSWERED
    elif event.outcome is Outcome.ABANDONED and any(
        0 <= r - at <= SLACK for r in known.restarts[event.source]
    ):
        what = CUT_OFF
    else:
        what = event.outcome.value
    return Counted(_place(event), at, what, at - event.wait_ms, event.wait_ms)


def talks(known: Contacts) -> Iterator[CallEnded]:
    """Every conversation that ended: told several times, it is the longest that is known of it."""
    yield from known.talks_of_nobody
    told: dict[tuple[Key, Place, int], CallEnded] = {}
    for key, facts in known.facts.items():
        for event in facts:
            if isinstance(event, CallEnded):
                which = key, _place(event), at_ms(event.at)
                if which not in told or _known(event) > _known(told[which]):
                    told[which] = event
    yield from told.values()


def _known(event: CallEnded) -> int:
    return -1 if event.talk_ms is None else event.talk_ms


def appointments(events: Iterable[Event]) -> Iterator[Appointment]:
    """What counts of appointments: each is booked once, and moved or cancelled once at any moment."""
    told: dict[tuple[str, ...], Appointment] = {}
    for event in events:
        if not isinstance(event, Appointment):
            continue
        if event.appointment is None:
            yield event
            continue
        when = "" if isinstance(event, AppointmentBooked) else str(at_ms(event.at))
        which = event.site, event.source, event.queue, event.appointment, event.kind, when
        if which not in told or (event.at, event.id) < (told[which].at, told[which].id):
            told[which] = event
    yield from told.values()


# Visits -----------------------------------------------------------------------------------------------


@dataclass
class Visit:
    """One arrival at a counter, and what was said of it."""

    place: Place
    arrived: int
    unannounced: bool = False
    """Nobody told of an arrival: it is not known to have waited."""
    calls: list[VisitCalled] = field(default_factory=list)
    gone: list[VisitLeft | VisitNoShow] = field(default_factory=list)
    served: list[VisitServed] = field(default_factory=list)


def visits(known: Contacts, city: CityFile, now: int) -> Iterator[tuple[Counted, Event | None]]:
    """Every visit that has its end by ``now``, with the call that counts or how long it was served, if so."""
    for event in known.nobody:
        if isinstance(event, VisitCalled):
            yield from _of_visit(Visit(_place(event), at_ms(event.arrived_at), calls=[event]), city, now)
        elif isinstance(event, VisitLeft | VisitNoShow):
            yield from _of_visit(Visit(_place(event), at_ms(event.at), gone=[event]), city, now)
        elif isinstance(event, VisitServed):
            yield from _of_visit(
                Visit(_place(event), at_ms(event.at), unannounced=True, served=[event]), city, now
            )
    for facts in known.facts.values():
        for place in {_place(event) for event in facts if isinstance(event, _OF_VISITS)}:
            here = [event for event in facts if isinstance(event, _OF_VISITS) and _place(event) == place]
            for visit in visits_of(place, here):
                yield from _of_visit(visit, city, now)


def visits_of(place: Place, facts: Sequence[Event]) -> list[Visit]:
    """The visits of one ticket at one counter."""
    arrivals: list[tuple[int, VisitArrived | VisitCalled]]
    arrivals = [(at_ms(e.at), e) for e in facts if isinstance(e, VisitArrived)]
    arrivals += [(at_ms(e.arrived_at), e) for e in facts if isinstance(e, VisitCalled)]
    found: list[Visit] = []
    before: int | None = None
    for at, event in sorted(arrivals, key=lambda arrival: arrival[0]):
        if before is None or at - before > SAME_ARRIVAL:
            found.append(Visit(place, at))
        before = at
        if isinstance(event, VisitCalled):
            found[-1].calls.append(event)
    told = [event for event in facts if isinstance(event, VisitLeft | VisitNoShow | VisitServed)]
    for after in sorted(told, key=lambda event: event.at):
        here = [visit for visit in found if visit.arrived <= at_ms(after.at) + SLACK]
        visit = max(here, key=lambda one: one.arrived, default=None)
        if visit is None:
            visit = Visit(place, at_ms(after.at), unannounced=True)
            found.append(visit)
        if isinstance(after, VisitServed):
            visit.served.append(after)
        else:
            visit.gone.append(after)
    return found


def _of_visit(visit: Visit, city: CityFile, now: int) -> Iterator[tuple[Counted, Event | None]]:
    if visit.served:
        served = max(visit.served, key=lambda one: (at_ms(one.at), one.service_ms))
        yield Counted(visit.place, at_ms(served.at), "served", at_ms(served.at) - served.service_ms), served
    bound = visit_bound(city, visit.place, visit.arrived)
    in_time = [call for call in visit.calls if at_ms(call.at) <= bound]
    call = max(in_time, key=_last_call, default=None)
    left = [gone for gone in visit.gone if at_ms(gone.at) <= bound and (call is None or gone.at >= call.at)]
    gone = min(left, key=lambda one: (at_ms(one.at), isinstance(one, VisitNoShow)), default=None)
    if gone is not None:
        is_no_show = call is not None or isinstance(gone, VisitNoShow)
        yield Counted(visit.place, at_ms(gone.at), "no_shows" if is_no_show else "left", visit.arrived), None
    elif call is not None:
        yield Counted(visit.place, at_ms(call.at), "called", at_ms(call.arrived_at)), call
    elif bound <= now and not visit.unannounced:
        yield Counted(visit.place, bound, UNFINISHED, visit.arrived), None


def repeated(events: Sequence[Event], city: CityFile) -> Counter[str]:
    """What was told again, or otherwise, of what is counted already: by source, and in no figure."""
    known, found = Contacts.of(events), Counter[str]()
    for (_, source, _), facts in known.facts.items():
        found[source] += sum(max(0, len(stay.outcomes) - 1) for stay in stays(facts, city))
        for place in {_place(event) for event in facts if isinstance(event, VisitCalled)}:
            here = [event for event in facts if isinstance(event, _OF_VISITS) and _place(event) == place]
            for visit in visits_of(place, here):
                bound = visit_bound(city, place, visit.arrived)
                found[source] += len(visit.calls) - any(at_ms(call.at) <= bound for call in visit.calls)
    for call in known.nobody:
        if isinstance(call, VisitCalled):
            found[call.source] += at_ms(call.at) > visit_bound(city, _place(call), at_ms(call.arrived_at))
    booked = [event for event in events if isinstance(event, AppointmentBooked)]
    found.update(event.source for event in booked)
    found.subtract(event.source for event in appointments(booked))
    return +found


def visit_bound(city: CityFile, place: Place, arrived: int) -> int:
    """Until when (UTC ms) a visit may be called."""
    if city.pipeline.visit_timeout is not None:
        return arrived + city.pipeline.visit_timeout // MS
    last = last_closing(city, place, arrived)
    return arrived + WITHOUT_HOURS if last is None else last + AFTER_CLOSING


def last_closing(city: CityFile, place: Place, at: int) -> int | None:
    """When the queue closes for the last time on that day, if that is still to come."""
    spans = _spans(city, place, at)
    if not spans:
        return None
    day = (EPOCH + at * MS).astimezone(city.city.zone).date()
    hour, minute = divmod(max(end for _, end in spans), 60)
    days, hour = divmod(hour, 24)
    last = at_ms(datetime.combine(day + timedelta(days), time(hour, minute), city.city.zone))
    return last if last > at else None


def is_open(city: CityFile, place: Place, at: int) -> bool:
    """Whether a queue is open; holidays and closing days are another module's story."""
    if open_always(city, place):
        return True
    local = (EPOCH + at * MS).astimezone(city.city.zone)
    minute = local.hour * 60 + local.minute
    return any(start <= minute < end for start, end in _spans(city, place, at))


def open_always(city: CityFile, place: Place) -> bool:
    """Whether a queue has no hours."""
    queue = queue_at(city, place)
    return queue is None or queue.hours is None


def _spans(city: CityFile, place: Place, at: int) -> list[tuple[int, int]]:
    """The opening hours of that day, in minutes of the wall clock."""
    queue = queue_at(city, place)
    if queue is None or queue.hours is None:
        return []
    weekday = (EPOCH + at * MS).astimezone(city.city.zone).weekday()
    return [(span.start_minute, span.end_minute) for span in city.hours[queue.hours].by_weekday[weekday]]


def visits_waiting(known: Contacts, city: CityFile, now: int) -> Iterator[tuple[str, str, int]]:
    """Site, queue and arrival of everybody who waits at a counter."""
    for facts in known.facts.values():
        for place in {_place(event) for event in facts if isinstance(event, VisitArrived)}:
            here = [event for event in facts if isinstance(event, _OF_VISITS) and _place(event) == place]
            for visit in visits_of(place, here):
                shut = last_closing(city, place, visit.arrived)
                bound = visit_bound(city, place, visit.arrived)
                until = bound if shut is None else min(bound, shut)
                if not visit.calls and not visit.gone and visit.arrived <= now < until:
                    yield (*place, visit.arrived)


def _last_call(call: VisitCalled) -> tuple[int, int, int]:
    """Which call is the last: of one moment, that of the longest wait."""
    return (
        at_ms(call.at),
        -at_ms(call.arrived_at),
        0 if call.appointment_at is None else at_ms(call.appointment_at),
    )


def _place(event: Event) -> Place:
    assert not isinstance(event, SourceHeartbeat | SourceRestarted)
    return event.site, event.queue


def queue_at(city: CityFile, place: Place) -> Queue | None:
    for site in city.sites:
        for queue in site.queues:
            if (site.id, queue.id) == place:
                return queue
    return None


_OF_VISITS = (VisitArrived, VisitCalled, VisitLeft, VisitNoShow, VisitServed)
_OF_CONTACTS = (CallQueued, CallAnswered, CallMissed, CallEnded, *_OF_VISITS)

"""A counter cluster's day: visitors with and without appointment, desks, and appointments being made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime
from random import Random
from typing import Final

from shared.calendar import DAY, Calendar
from shared.config.model import CityFile
from shared.contract.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentMoved,
    AppointmentOffer,
    Channel,
    Event,
    VisitArrived,
    VisitCalled,
    VisitLeft,
    VisitNoShow,
    VisitServed,
)
from simulator.desk import DayPlan, Duty, End, Person, Wait, serve
from simulator.events import SOURCE, EventWriter, in_order, staff_changed, utc
from simulator.rhythm import MINUTE, SECOND, OpenDay, arrivals, log_normal, on_the_wall, two_humps, with_rush

SERVICE_MEDIAN_S: Final = 420.0
SERVICE_SIGMA: Final = 0.5
MEAN_SERVICE_S: Final = SERVICE_MEDIAN_S * math.exp(SERVICE_SIGMA**2 / 2)
CLEAR_UP: Final = 30 * SECOND

WITH_APPOINTMENT: Final = 0.38
"""Share of visitors who booked: about as many a day as appointments are made."""
SLOT: Final = 10
"""Minutes: appointments start on this grid."""
NO_SHOWS: Final = 0.07
EARLY_MEAN: Final = 6.0
EARLY_SPREAD: Final = 6.0
"""Minutes before the appointment at which people come; some come late."""
WALK_INS_YIELD: Final = 8 * MINUTE
"""Visitors with an appointment go before those without, until these have waited this long."""
PATIENCE_MEDIAN_S: Final = 40 * 60.0
PATIENCE_SIGMA: Final = 0.5
SLIP_AWAY: Final = 0.3
"""Share of those who give up without telling anybody: the counter calls them, and nobody comes."""
NO_SHOW_AFTER: Final = 60 * SECOND

RUSH_FACTOR: Final = 1.5
SPARE: Final = 1.25
"""Desks beyond what serving takes, as a factor."""
LUNCH: Final = 30
LUNCH_FROM: Final = 12 * 60

BOOKED_FROM: Final = 8 * 60
BOOKED_UNTIL: Final = 20 * 60
"""Minutes of the day between which appointments are made, at home and here."""
LONGEST_LEAD: Final = 12
LEAD_STEP: Final = 0.78
"""Every working day further ahead is chosen this many times as often as the one before: a mean of
about three, and some that wait for twelve."""
OFFER_EVERY: Final = 15
MOVED: Final = 0.05
CANCELLED: Final = 0.06
"""Shares of the appointments that are moved or cancelled on the day on which they were made."""
CHANNELS: Final = {
    Channel.WEB: 46,
    Channel.PHONE: 24,
    Channel.COUNTER: 14,
    Channel.MIJN_BURGERPROFIEL: 11,
    Channel.APP: 5,
}
"""How appointments are made, in percent."""


def visits_day(rng: Random, day: OpenDay, volume: float, load: float, by: EventWriter) -> Iterator[Event]:
    """Return the facts of one cluster's visitors and staff on a day, in order.

    ``volume`` is the visits of a usual day, for which the desks are staffed; ``load`` multiplies the
    visitors and not the desks.
    """
    if not day.spans:
        return iter(())
    came = serve(draw_plan(rng, day, volume * day.share_of_usual, load))
    slips = [wait.end is not End.SERVED and rng.random() < SLIP_AWAY for wait in came.waits]
    return in_order(
        [
            *(
                event
                for number, (wait, slipped) in enumerate(zip(came.waits, slips, strict=True))
                for event in _visit(by, number, wait, slipped=slipped)
            ),
            *(staff_changed(by, number, staffing) for number, staffing in enumerate(came.staffing)),
        ]
    )


def draw_plan(rng: Random, day: OpenDay, volume: float, load: float) -> DayPlan:
    """Draw who will come, when, and how many desks are staffed."""
    shape = with_rush(two_humps, day.rush, RUSH_FACTOR)
    walk_ins = arrivals(rng, day, shape, volume * load * (1 - WITH_APPOINTMENT))
    people = [_walk_in(rng, at) for at in walk_ins]
    booked = _booked_slots(rng, day, volume * load * WITH_APPOINTMENT)
    people += [_with_appointment(rng, day, start) for start in booked if rng.random() >= NO_SHOWS]
    return DayPlan(
        people=tuple(sorted(people, key=lambda person: person.arrives)),
        staff=_desks(day, volume),
        wrap_up=CLEAR_UP,
    )


def _walk_in(rng: Random, at: int) -> Person:
    return Person(
        arrives=at,
        due=at + WALK_INS_YIELD,
        leaves=at + log_normal(rng, PATIENCE_MEDIAN_S, PATIENCE_SIGMA),
        leaves_as=End.GAVE_UP,
        service=log_normal(rng, SERVICE_MEDIAN_S, SERVICE_SIGMA),
    )


def _with_appointment(rng: Random, day: OpenDay, start: int) -> Person:
    """Someone booked for ``start`` (a minute of the day): rather early than late, never to a closed door."""
    opens, closes = next(span for span in day.spans if span[0] <= start < span[1])
    comes = min(max(opens, start - rng.gauss(EARLY_MEAN, EARLY_SPREAD)), closes - 1)
    arrives, booked = day.instant(comes), day.instant(start)
    return Person(
        arrives=arrives,
        due=max(arrives, booked),
        leaves=max(arrives, booked) + log_normal(rng, PATIENCE_MEDIAN_S, PATIENCE_SIGMA),
        leaves_as=End.GAVE_UP,
        service=log_normal(rng, SERVICE_MEDIAN_S, SERVICE_SIGMA),
        appointment=booked,
    )


def _booked_slots(rng: Random, day: OpenDay, volume: float) -> list[int]:
    """The appointments of today, as minutes of the day; as many in a slot as there are desks for."""
    slots = [minute for start, end in day.spans for minute in range(start, end, SLOT)]
    at_once = math.ceil(volume / len(slots))
    chosen = min(round(volume), at_once * len(slots))
    return sorted(rng.sample(slots, chosen, counts=[at_once] * len(slots)))


def _desks(day: OpenDay, volume: float) -> tuple[tuple[Duty, ...], ...]:
    serving = volume * (MEAN_SERVICE_S + CLEAR_UP / SECOND) / (day.open_minutes * 60)
    desks = max(1, math.ceil(serving * SPARE + 0.6 * math.sqrt(serving)))
    return tuple(_duties(day, number, desks) for number in range(desks))


def _duties(day: OpenDay, number: int, desks: int) -> tuple[Duty, ...]:
    """A desk's day. Where there is more than one, they close for lunch in two turns."""
    lunch = LUNCH_FROM + LUNCH * (number % 2)
    duties: list[Duty] = []
    for start, end in day.spans:
        back = start
        if desks > 1 and start < lunch and lunch + LUNCH < end:
            duties.append(Duty(day.instant(start), day.instant(lunch)))
            back = lunch + LUNCH
        duties.append(Duty(day.instant(back), day.instant(end)))
    return tuple(duties)


def _visit(by: EventWriter, number: int, wait: Wait, *, slipped: bool) -> Iterator[Event]:
    contact = by.id(f"v{number}")
    person = wait.person
    appointment_at = None if person.appointment is None else utc(person.appointment)
    yield VisitArrived(
        id=f"{contact}.arrived",
        at=utc(person.arrives),
        source=SOURCE,
        site=by.site,
        queue=by.queue,
        contact=contact,
        appointment_at=appointment_at,
    )
    if wait.end is End.SERVED or slipped:
        yield VisitCalled(
            id=f"{contact}.called",
            at=utc(wait.until),
            source=SOURCE,
            site=by.site,
            queue=by.queue,
            contact=contact,
            arrived_at=utc(person.arrives),
            appointment_at=appointment_at,
        )
    if wait.end is End.SERVED:
        yield VisitServed(
            id=f"{contact}.served",
            at=utc(wait.served_until),
            source=SOURCE,
            site=by.site,
            queue=by.queue,
            contact=contact,
            service_ms=person.service,
        )
    elif slipped:
        yield VisitNoShow(
            id=f"{contact}.no-show",
            at=utc(wait.until + NO_SHOW_AFTER),
            source=SOURCE,
            site=by.site,
            queue=by.queue,
            contact=contact,
        )
    else:
        yield VisitLeft(
            id=f"{contact}.left",
            at=utc(wait.until),
            source=SOURCE,
            site=by.site,
            queue=by.queue,
            contact=contact,
        )


class Diary:
    """When a cluster can receive people with an appointment: its slots on the working days to come."""

    def __init__(self, city: CityFile, calendar: Calendar, hours: str | None) -> None:
        self._zone = city.city.zone
        self._calendar = calendar
        self._hours = hours

    def day_ahead(self, today: date, working_days: int) -> date:
        """Return the day that is so many working days after ``today`` (0: today itself)."""
        day = today
        for _ in range(working_days):
            day += DAY
            while not self._calendar.is_working_day(day):
                day += DAY
        return day

    def first_from(self, day: date, earliest: datetime) -> Iterator[datetime]:
        """Yield the slots (UTC) of ``day`` after ``earliest``; when there are none, those of a later day."""
        for later in range(LONGEST_LEAD * 3):
            slots = [slot for slot in self._slots(day + later * DAY) if slot > earliest]
            if slots:
                yield from slots
                return

    def _slots(self, day: date) -> list[datetime]:
        spans = ((9 * 60, 17 * 60),) if self._hours is None else self._calendar.spans(self._hours, day)
        return [
            on_the_wall(day, minute, self._zone) for start, end in spans for minute in range(start, end, SLOT)
        ]


def bookings_day(rng: Random, day: OpenDay, diary: Diary, volume: float, by: EventWriter) -> Iterator[Event]:
    """Yield about ``volume`` appointments being made in the course of a day, and what becomes of some of them
    on that day, in order."""
    booked = list(_bookings(rng, day, diary, volume, by))
    changed = [event for one in booked for event in _second_thoughts(rng, day, diary, one, by)]
    return in_order([*booked, *changed])


def _bookings(
    rng: Random, day: OpenDay, diary: Diary, volume: float, by: EventWriter
) -> Iterator[AppointmentBooked]:
    minutes = sorted(rng.triangular(BOOKED_FROM, BOOKED_UNTIL, 10.5 * 60) for _ in range(_about(rng, volume)))
    leads = range(LONGEST_LEAD + 1)
    weights = [LEAD_STEP**lead for lead in leads]
    for number, minute in enumerate(minutes):
        booked_at = utc(day.instant(minute))
        ahead = diary.day_ahead(by.day, rng.choices(leads, weights)[0])
        slots = list(diary.first_from(ahead, booked_at))
        channel = rng.choices(list(CHANNELS), list(CHANNELS.values()))[0]
        if slots:
            yield AppointmentBooked(
                id=by.id(f"a{number}.booked"),
                at=booked_at,
                source=SOURCE,
                site=by.site,
                queue=by.queue,
                booked_at=booked_at,
                starts_at=rng.choice(slots),
                channel=channel,
                appointment=by.id(f"a{number}"),
            )


def _second_thoughts(
    rng: Random, day: OpenDay, diary: Diary, booked: AppointmentBooked, by: EventWriter
) -> Iterator[Event]:
    """An appointment that is moved to a later day or cancelled before the day is over, now and then."""
    dice = rng.random()
    if dice >= MOVED + CANCELLED:
        return
    evening = utc(day.instant(BOOKED_UNTIL))
    at = booked.at + rng.random() * (evening - booked.at)
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    slots = list(diary.first_from(diary.day_ahead(by.day, rng.randrange(1, LONGEST_LEAD)), booked.starts_at))
    if dice >= MOVED:
        yield AppointmentCancelled(
            id=f"{booked.appointment}.cancelled",
            at=at,
            source=SOURCE,
            site=by.site,
            queue=by.queue,
            appointment=booked.appointment,
        )
    elif slots:
        yield AppointmentMoved(
            id=f"{booked.appointment}.moved",
            at=at,
            source=SOURCE,
            site=by.site,
            queue=by.queue,
            appointment=booked.appointment,
            starts_at=rng.choice(slots),
        )


def offers_day(rng: Random, day: OpenDay, diary: Diary, by: EventWriter) -> Iterator[AppointmentOffer]:
    """Yield the first free appointment, every quarter of an hour while appointments are made."""
    lead = rng.randrange(1, 4)
    for number, minute in enumerate(range(BOOKED_FROM, BOOKED_UNTIL, OFFER_EVERY)):
        at = utc(day.instant(minute))
        lead = min(LONGEST_LEAD, max(0, lead + rng.choices((-1, 0, 1), (1, 12, 1))[0]))
        first_free = next(diary.first_from(diary.day_ahead(by.day, lead), at), None)
        if first_free is not None:
            yield AppointmentOffer(
                id=by.id(f"o{number}"),
                at=at,
                source=SOURCE,
                site=by.site,
                queue=by.queue,
                first_free_at=first_free,
            )


def _about(rng: Random, mean: float) -> int:
    """Draw a Poisson number: the arrivals within one unit of time."""
    at, number = rng.expovariate(1.0), 0
    while at < mean:
        number += 1
        at += rng.expovariate(1.0)
    return number

"""The simulator is an honest desk: in order, one at a time, everyone ends once, and the dice are its own."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.calendar import Calendar
from shared.config.model import CityFile, load
from shared.contract.events import (
    EVENT,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentMoved,
    CallAnswered,
    CallMissed,
    CallQueued,
    Event,
    StaffChanged,
    VisitCalled,
    VisitNoShow,
    VisitServed,
    encode,
)
from simulator import next_working_day, rush_start, simulate
from simulator.desk import Day, DayPlan, Duty, End, Person, Wait, serve
from tests.support.thorough import examples

CITY = CityFile.model_validate(
    tomllib.loads("""
        city = { name = "Proefstad" }
        [hours.desk]
        monday = ["08:30-12:30", "13:00-17:00"]
        tuesday = ["08:30-12:30", "13:00-17:00"]
        wednesday = ["08:30-12:30"]
        thursday = ["08:30-12:30", "13:00-17:00"]
        friday = ["08:30-12:30", "13:00-17:00"]
        [[sites]]
        id = "stadhuis"
        queues = [
          { id = "onthaal", kind = "phone", hours = "desk" },
          { id = "wonen", kind = "phone", hours = "desk" },
          { id = "nacht", kind = "phone" },
          { id = "loket", kind = "counter", hours = "desk" },
          { id = "energie", kind = "counter", hours = "desk" },
        ]
    """)
)
LIER = load(Path(__file__).parents[2] / "examples" / "lier" / "city.toml")
WEEKS = 49
"""Of a year, less its holidays."""
TUESDAY = date(2026, 11, 24)
SUNDAY = date(2026, 11, 22)
CLOCK_BACK, CLOCK_ON = date(2026, 10, 25), date(2026, 3, 29)

HOUR = 3_600_000


LARGE = 10.0
"""Times Lier's calls."""


def day_of(
    seed: int = 1, day: date = TUESDAY, load: float = 1.0, volume: float = 1.0, city: CityFile = CITY
) -> list[Event]:
    return list(simulate(city, day, seed, load, volume=volume))


# --- the model, on any plan ---------------------------------------------------------------------------


@st.composite
def plans(draw: st.DrawFn) -> DayPlan:
    """Any day of up to three hours: few or many people, few or no staff, with or without appointments."""
    moments = st.integers(0, 3 * HOUR)
    people = []
    for arrives in sorted(draw(st.lists(moments, max_size=25))):
        due = arrives + draw(st.integers(0, HOUR // 2))
        leaves = arrives + draw(st.integers(0, HOUR))
        leaves_as = draw(st.sampled_from([End.GAVE_UP, End.TIMED_OUT, End.PRESSED_KEY]))
        people.append(Person(arrives, due, leaves, leaves_as, service=draw(st.integers(1, HOUR // 2))))
    staff = []
    for _ in range(draw(st.integers(0, 4))):
        edges = sorted(draw(st.sets(moments, max_size=6)))
        staff.append(tuple(Duty(*pair) for pair in zip(edges[::2], edges[1::2], strict=False)))
    return DayPlan(
        people=tuple(people),
        staff=tuple(staff),
        pick_up=draw(st.sampled_from([0, 4_000])),
        wrap_up=draw(st.sampled_from([0, 20_000])),
        empty_after=draw(st.sampled_from([None, 20_000])),
    )


def assigned(day: Day) -> list[Wait]:
    return [wait for wait in day.waits if wait.assigned is not None]


@given(plans())
def test_everyone_who_comes_has_exactly_one_end(plan: DayPlan) -> None:
    day = serve(plan)
    assert [wait.person for wait in day.waits] == list(plan.people)
    assert all(
        wait.person.arrives <= wait.until <= max(wait.person.arrives, wait.person.leaves)
        for wait in day.waits
    )


@given(plans())
def test_nobody_is_helped_while_someone_who_is_due_first_waits(plan: DayPlan) -> None:
    day = serve(plan)
    for number, one in enumerate(day.waits):
        for later, other in enumerate(day.waits):
            if other.assigned is None or (one.person.due, number) >= (other.person.due, later):
                continue
            present = one.person.arrives < other.assigned
            gone = min(one.until, one.until if one.assigned is None else one.assigned)
            assert not present or gone <= other.assigned, f"{other} overtook {one}"


@given(plans())
def test_callers_are_answered_in_the_order_in_which_they_called(plan: DayPlan) -> None:
    calls = replace(plan, people=tuple(replace(person, due=person.arrives) for person in plan.people))
    answered = [wait for wait in serve(calls).waits if wait.end is End.SERVED]
    assert [wait.until for wait in answered] == sorted(wait.until for wait in answered)


@given(plans())
def test_no_member_of_staff_serves_two_at_once(plan: DayPlan) -> None:
    by_member = defaultdict(list)
    for wait in serve(plan).waits:
        if wait.assigned is not None:
            wrap_up = plan.wrap_up if wait.end is End.SERVED else 0
            by_member[wait.member].append((wait.assigned, wait.served_until + wrap_up))
    for busy in by_member.values():
        assert all(until <= start for (_, until), (start, _) in pairwise(sorted(busy)))


@given(plans())
def test_nobody_waits_while_a_member_of_staff_on_duty_is_idle(plan: DayPlan) -> None:
    """Work conserving: who arrives when someone on duty is free is helped at once."""
    day = serve(plan)
    for person, wait in zip(plan.people, day.waits, strict=True):
        for member, duties in enumerate(plan.staff):
            on_duty = any(duty.start < person.arrives < duty.end for duty in duties)
            free = not any(
                other.member == member
                and other.assigned is not None
                and other.assigned <= person.arrives <= other.served_until + plan.wrap_up
                for other in day.waits
            )
            if on_duty and free:
                assert wait.assigned == person.arrives


@given(plans())
def test_staff_are_only_given_people_while_on_duty_or_staying_late_for_those_who_wait(plan: DayPlan) -> None:
    for wait in assigned(serve(plan)):
        duties = plan.staff[wait.member or 0]
        assert any(duty.start <= (wait.assigned or 0) < duty.end for duty in duties) or (
            (wait.assigned or 0) >= duties[-1].end
        )


def test_who_stays_alone_at_a_queue_without_staff_is_sent_away() -> None:
    caller = Person(arrives=5_000, due=5_000, leaves=HOUR, leaves_as=End.TIMED_OUT, service=1_000)
    (wait,) = serve(DayPlan((caller,), staff=(), empty_after=20_000)).waits
    assert (wait.end, wait.waited) == (End.NOBODY, 20_000)


def test_who_waits_is_not_sent_away_when_staff_come_back_in_time() -> None:
    first = Person(arrives=0, due=0, leaves=HOUR, leaves_as=End.TIMED_OUT, service=60_000)
    second = Person(arrives=1_000, due=1_000, leaves=HOUR, leaves_as=End.TIMED_OUT, service=1_000)
    staff = ((Duty(10_000, HOUR),),)
    ends = [wait.end for wait in serve(DayPlan((first, second), staff, empty_after=20_000)).waits]
    assert ends == [End.SERVED, End.SERVED]


def test_who_arrives_the_moment_staff_leave_is_too_late() -> None:
    last = Person(arrives=5_000, due=5_000, leaves=6_000, leaves_as=End.GAVE_UP, service=1)
    (wait,) = serve(DayPlan((last,), staff=((Duty(0, 5_000), Duty(9_000, 10_000)),))).waits
    assert (wait.end, wait.assigned) == (End.GAVE_UP, None)


def test_a_caller_who_hangs_up_while_it_rings_frees_the_agent_for_the_next() -> None:
    hasty = Person(arrives=0, due=0, leaves=3_000, leaves_as=End.GAVE_UP, service=HOUR)
    patient = Person(arrives=1_000, due=1_000, leaves=HOUR, leaves_as=End.TIMED_OUT, service=1_000)
    first, second = serve(DayPlan((hasty, patient), staff=((Duty(0, HOUR),),), pick_up=4_000)).waits
    assert (first.end, first.until) == (End.GAVE_UP, 3_000)
    assert (second.end, second.until) == (End.SERVED, 7_000)


def test_who_leaves_together_is_reported_once() -> None:
    """Two reports of one instant have no order: whoever reads them may take the first."""
    both = serve(DayPlan((), staff=((Duty(0, 5_000),), (Duty(0, 5_000),)))).staffing
    assert [(one.at, one.idle) for one in both] == [(0, 2), (5_000, 0)]


@given(plans())
def test_staff_are_reported_as_they_are_at_every_moment(plan: DayPlan) -> None:
    """Who is busy is not free for the next: nobody believes a board that says so while people wait."""
    day = serve(plan)
    reports = day.staffing
    assert all(earlier.at < later.at for earlier, later in pairwise(reports))
    assert all(replace(earlier, at=later.at) != later for earlier, later in pairwise(reports))
    for at in {wait.assigned or 0 for wait in assigned(day)} | {report.at for report in reports}:
        talking = sum((wait.assigned or 0) <= at < _free_again(wait, plan) for wait in assigned(day))
        last = next((report for report in reversed(reports) if report.at <= at), None)
        assert (last.busy if last else 0) == talking


def _free_again(wait: Wait, plan: DayPlan) -> int:
    return wait.served_until + (plan.wrap_up if wait.end is End.SERVED else 0)


# --- a day, as events ---------------------------------------------------------------------------------


@settings(max_examples=examples(8), deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from([TUESDAY, SUNDAY, CLOCK_BACK, CLOCK_ON]),
    st.sampled_from([0.3, 1, 3]),
    st.sampled_from([1, LARGE]),
)
def test_a_day_is_in_order_valid_and_says_every_id_once(
    seed: int, day: date, load: float, volume: float
) -> None:
    events = day_of(seed, day, load, volume)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert all(event.at.utcoffset() == timedelta(0) for event in events)
    assert all(count == 1 for count in Counter(event.id for event in events).values())
    assert [EVENT.validate_json(encode(event)) for event in events] == events


@settings(max_examples=examples(8), deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 1, 2]), st.sampled_from([1, LARGE]))
def test_every_queued_contact_has_exactly_one_outcome_and_the_wait_that_its_times_say(
    seed: int, load: float, volume: float
) -> None:
    events = day_of(seed, load=load, volume=volume)
    came = {event.contact: event.at for event in events if event.kind in {"call.queued", "visit.arrived"}}
    outcomes = Counter(
        event.contact
        for event in events
        if event.kind in {"call.answered", "call.missed", "visit.called", "visit.left"} and event.contact
    )
    assert outcomes == dict.fromkeys(came, 1)
    for event in events:
        if isinstance(event, CallAnswered | CallMissed) and event.contact is not None:
            assert event.at - came[event.contact] == timedelta(milliseconds=event.wait_ms)
        if isinstance(event, VisitCalled) and event.contact is not None:
            assert event.arrived_at == came[event.contact]
            assert event.at >= event.arrived_at


@settings(max_examples=examples(8), deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1, LARGE]))
def test_never_more_conversations_than_staff_reported(seed: int, volume: float) -> None:
    for queue in ("onthaal", "wonen"):
        changes, most, talking = [], 0, 0
        for event in day_of(seed, volume=volume):
            if getattr(event, "queue", None) == queue:
                if event.kind == "staff.changed":
                    most = max(most, event.available + event.busy + event.paused)
                changes.append({"call.answered": 1, "call.ended": -1}.get(event.kind, 0))
                talking += changes[-1]
                assert 0 <= talking <= most


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    assert day_of(7) == day_of(7)
    assert not {event.id for event in day_of(7)} & {event.id for event in day_of(8)}


def test_a_queue_does_not_depend_on_the_other_queues_dice() -> None:
    site = CITY.sites[0]
    swapped = site.model_copy(
        update={"queues": (site.queues[0], site.queues[2], site.queues[1], *site.queues[3:])}
    )
    other = CITY.model_copy(update={"sites": (swapped,)})

    def calls(city: CityFile) -> list[Event]:
        return [e for e in simulate(city, TUESDAY, 1) if getattr(e, "queue", "") == "onthaal"]

    assert calls(CITY) == calls(other)


def test_a_week_has_the_volume_of_lier() -> None:
    """15 to 20 calls an hour on its information number, and a counter hall of 43,000 visits a year."""
    week = [TUESDAY + timedelta(days=n) for n in range(7)]
    counted = Counter(
        event.kind for seed in range(3) for day in week for event in day_of(seed, day, city=LIER)
    )
    of_a_week = {kind: number / 3 for kind, number in counted.items()}
    spans = [span for day in week for span in Calendar(LIER).spans("contactcentrum", day)]
    opened = sum(end - start for start, end in spans) / 60
    assert 15 <= of_a_week["call.queued"] / opened <= 20
    assert of_a_week["visit.arrived"] * WEEKS == pytest.approx(43_000, rel=0.07)


def test_ten_times_its_volume_is_ten_times_the_calls_and_as_many_visits() -> None:
    def counted(volume: float) -> Counter[str]:
        days = (Counter[str](event.kind for event in day_of(seed, volume=volume)) for seed in range(5))
        return sum(days, Counter())

    small, large = counted(1), counted(LARGE)
    assert large["call.queued"] == pytest.approx(10 * small["call.queued"], rel=0.1)
    assert large["visit.arrived"] == small["visit.arrived"]


def test_the_busy_spell_of_a_large_desk_breaks_the_wait_target_and_it_recovers() -> None:
    rush = rush_start(CITY, TUESDAY)
    for seed in range(5):
        answered = [
            event
            for event in day_of(seed, volume=LARGE)
            if isinstance(event, CallAnswered) and event.queue != "nacht"
        ]

        def mean_wait_s(start: datetime, answered: list[CallAnswered] = answered) -> float:
            within = [e.wait_ms for e in answered if start <= e.at < start + timedelta(minutes=15)]
            return sum(within) / len(within) / 1000

        assert mean_wait_s(rush - timedelta(minutes=30)) < 45
        assert mean_wait_s(rush + timedelta(minutes=25)) > 45
        assert mean_wait_s(rush + timedelta(minutes=90)) < 45


@pytest.mark.parametrize("seed", range(5))
def test_the_bad_spell_of_a_small_desk_is_an_empty_room_and_its_staff_come_back(seed: int) -> None:
    """Two agents at a queue: never 0.4 of one, never both at coffee, and away together once a day."""
    rush = rush_start(CITY, TUESDAY)
    for queue in ("onthaal", "wonen"):
        events = [event for event in day_of(seed) if getattr(event, "queue", None) == queue]
        there = [
            (event.at, event.available + event.busy) for event in events if isinstance(event, StaffChanged)
        ]
        assert max(number for _, number in there) == 2
        empty = [
            (at, until) for (at, number), (until, _) in pairwise(there) if not number and is_open(at, until)
        ]
        ((left, back),) = empty
        assert rush <= left < rush + timedelta(minutes=15)  # who talks ends his call first
        assert timedelta(minutes=5) < back - left <= timedelta(minutes=30)
        called = [event for event in events if isinstance(event, CallQueued) and left < event.at < back]
        assert not [event for event in events if isinstance(event, CallAnswered) and left < event.at < back]
        lost = {event.contact for event in events if isinstance(event, CallMissed)}
        assert {call.contact for call in called if call.at < back - timedelta(minutes=1)} <= lost


def is_open(at: datetime, until: datetime) -> bool:
    """Longer than an agent is late in the morning, within the opening hours."""
    calendar = Calendar(CITY)
    within = all(calendar.is_open("desk", int(one.timestamp() * 1000)) for one in (at, until))
    return within and until - at > timedelta(minutes=5)


def test_every_way_to_end_happens() -> None:
    events = [event for seed in range(4) for event in day_of(seed, load=4, volume=LARGE)]
    outcomes = {event.outcome for event in events if isinstance(event, CallMissed)}
    assert outcomes == {"abandoned", "timed_out", "no_agents", "left_by_key", "closed"}
    assert {event.kind for event in events} == {
        "call.queued",
        "call.answered",
        "call.missed",
        "call.ended",
        "visit.arrived",
        "visit.called",
        "visit.left",
        "visit.served",
        "visit.no_show",
        "appointment.booked",
        "appointment.moved",
        "appointment.cancelled",
        "appointment.offer",
        "staff.changed",
        "source.heartbeat",
    }


def test_nobody_enters_a_closed_queue() -> None:
    calendar = Calendar(CITY)
    for event in day_of(3):
        if event.kind in {"call.queued", "visit.arrived"} and event.queue != "nacht":
            assert calendar.is_open("desk", int(event.at.timestamp() * 1000))


def test_appointments_are_up_to_twelve_working_days_ahead_and_during_opening_hours() -> None:
    calendar = Calendar(CITY)
    booked = [e for seed in range(6) for e in day_of(seed) if isinstance(e, AppointmentBooked)]
    leads = [calendar.lead_days(event.booked_at, event.starts_at) for event in booked]
    assert min(leads) == 0
    assert 10 <= max(leads) <= 13  # an evening booking for "today" goes to the next day
    assert 2 < sum(leads) / len(leads) < 5
    assert all(event.starts_at > event.booked_at for event in booked)
    assert all(calendar.is_open("desk", int(event.starts_at.timestamp() * 1000)) for event in booked)


def test_who_is_called_is_served_for_as_long_as_it_takes_or_did_not_come() -> None:
    events = [event for seed in range(4) for event in day_of(seed, load=2.5)]
    called = {event.contact: event.at for event in events if isinstance(event, VisitCalled)}
    served = {event.contact: event for event in events if isinstance(event, VisitServed)}
    no_shows = {event.contact for event in events if isinstance(event, VisitNoShow)}
    assert called.keys() == served.keys() | no_shows
    assert served.keys().isdisjoint(no_shows)
    for contact, event in served.items():
        assert event.at - called[contact] == timedelta(milliseconds=event.service_ms)


def test_an_appointment_is_moved_or_cancelled_after_it_was_made_and_on_that_day() -> None:
    events = [event for seed in range(4) for event in day_of(seed)]
    booked = {event.appointment: event for event in events if isinstance(event, AppointmentBooked)}
    changed = [event for event in events if isinstance(event, AppointmentMoved | AppointmentCancelled)]
    assert 0.04 < len(changed) / len(booked) < 0.2
    for event in changed:
        assert booked[event.appointment].at <= event.at
        assert event.at.date() == booked[event.appointment].at.date()


@pytest.mark.parametrize(("today", "next_day"), [
    (date(2026, 11, 24), date(2026, 11, 24)),
    (date(2026, 11, 28), date(2026, 11, 30)),  # a weekend
    (date(2026, 12, 25), date(2026, 12, 28)),  # Christmas on a Friday
])  # fmt: skip
def test_the_next_working_day(today: date, next_day: date) -> None:
    assert next_working_day(CITY, today) == next_day


def test_the_rush_begins_an_hour_and_a_half_after_opening() -> None:
    assert rush_start(CITY, TUESDAY) == datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def test_a_closed_day_brings_only_the_queue_that_never_closes() -> None:
    queues = {
        getattr(event, "queue", None)
        for event in day_of(day=SUNDAY)
        if event.kind.startswith(("call", "visit"))
    }
    assert queues == {"nacht"}

"""What exchanges, senders and clocks say of contacts when they say it in an odd way: for hypothesis.

Every story is one of a few minutes at the city of ``tests.chaos.load``; the moments count in half seconds,
so that ties and near misses are frequent. ``soup`` says anything at all, in no meaningful combination.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import strategies as st

from shared.contract.events import (
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    SourceRestarted,
    VisitArrived,
    VisitCalled,
    VisitLeft,
    VisitNoShow,
    VisitServed,
)

LONGEST: Final = timedelta(minutes=8)
"""Within which a story is over: less than the horizon of the city, and several of its open timeouts."""

STEP: Final = timedelta(milliseconds=500)
STEPS: Final = LONGEST // STEP

SHUT = datetime(2026, 10, 26, 11, 26, tzinfo=UTC)
"""A Monday, four minutes before the desk closes for lunch."""

OPENING = datetime(2026, 10, 26, 7, 26, tzinfo=UTC)
"""The same day, four minutes before it opens."""

STARTS: Final = (SHUT, OPENING, datetime(2026, 10, 25, 9, 56, tzinfo=UTC))
"""The last is a Sunday on which only the counters open."""

PHONES: Final = ("onthaal", "burgerzaken")
Draw = Callable[[st.SearchStrategy[int]], int]

_waits = st.sampled_from((0, 1, 2, 59, 60, 61))
_moments = st.integers(0, STEPS - 1)
_near = st.integers(-2, 2)


class Teller:
    """Gives events their ids and moments."""

    def __init__(self, start: datetime) -> None:
        self.start = start
        self.events: list[Event] = []

    def at(self, step: int) -> datetime:
        return self.start + min(max(step, 0), STEPS) * STEP

    @property
    def id(self) -> str:
        return f"e{len(self.events)}"


@st.composite
def stories(draw: st.DrawFn, start: datetime | None = None) -> list[Event]:
    """Some contacts, in the order in which they are told."""
    teller = Teller(draw(st.sampled_from(STARTS)) if start is None else start)
    for number in range(draw(st.integers(1, 4))):
        draw(st.sampled_from((_caller, _caller, _caller, _transfer, _visitor, _soup)))(draw, teller, number)
    for _ in range(draw(st.sampled_from((0, 0, 1, 2)))):
        _restart(draw, teller)
    for event in draw(st.lists(st.sampled_from(teller.events), max_size=3)) if teller.events else ():
        teller.events.append(event.model_copy(update={"id": teller.id}))
    return teller.events


def _caller(draw: st.DrawFn, teller: Teller, number: int) -> None:
    """Through one queue after the other, or the same one again; most of it as an exchange would say it."""
    step = draw(_moments)
    who = {"contact": f"c{number}", "source": "pbx", "site": "lier"}
    for _ in range(draw(st.integers(1, 4))):
        queue = draw(st.sampled_from(PHONES))
        wait = draw(st.one_of(_waits, st.integers(0, 300)))
        if draw(st.integers(0, 9)):
            position = draw(st.sampled_from((None, None, 1, 2)))
            at = teller.at(step + draw(st.sampled_from((0, 0, 0, -2, 2))))
            teller.events.append(CallQueued(id=teller.id, at=at, queue=queue, position=position, **who))
        step += wait
        for _ in range(draw(st.sampled_from((0, 1, 1, 1, 1, 2)))):
            _outcome(draw, teller, step + draw(st.sampled_from((0, 0, 0, -2, 2, 20))), wait, queue, who)
        step += draw(st.sampled_from((0, 0, 0, 1, 2, 60, 238, 240, 241, 300)))


def _outcome(draw: st.DrawFn, teller: Teller, step: int, wait: int, queue: str, who: dict[str, str]) -> None:
    at, wait_ms = teller.at(step), max(0, wait + draw(st.sampled_from((0, 0, 0, -2, 2)))) * STEP
    common = {"at": at, "wait_ms": wait_ms // timedelta(milliseconds=1), "queue": queue, **who}
    if draw(st.booleans()):
        teller.events.append(CallAnswered(id=teller.id, **common))
        if draw(st.booleans()):
            ended = {"at": teller.at(step + draw(_waits)), "queue": queue, **who}
            talk_ms = draw(st.sampled_from((None, 500, 30_000)))
            teller.events.append(CallEnded(id=teller.id, talk_ms=talk_ms, **ended))
    else:
        outcome = draw(st.sampled_from([Outcome.ABANDONED, Outcome.ABANDONED, *Outcome]))
        teller.events.append(CallMissed(id=teller.id, outcome=outcome, **common))


def _transfer(draw: st.DrawFn, teller: Teller, number: int) -> None:
    """A colleague's channel enters another queue, and the citizen's is what is answered there."""
    step = draw(_moments)
    of = {"source": "pbx", "site": "lier"}
    citizen, colleague = {"contact": f"c{number}", **of}, {"contact": f"t{number}", **of}
    here, there = draw(st.permutations(PHONES))
    wait, asks, then = (draw(st.integers(0, 40)) for _ in range(3))
    teller.events.append(CallQueued(id=teller.id, at=teller.at(step), queue=here, **citizen))
    step += wait
    _outcome(draw, teller, step, wait, here, citizen)
    step += asks
    teller.events.append(CallQueued(id=teller.id, at=teller.at(step), queue=there, position=1, **colleague))
    if draw(st.booleans()):
        handed = teller.at(step + draw(st.integers(0, 10)))
        teller.events.append(CallEnded(id=teller.id, at=handed, queue=here, talk_ms=1, **colleague))
    _outcome(draw, teller, step + then, then, there, citizen)


def _visitor(draw: st.DrawFn, teller: Teller, number: int) -> None:
    """Arrives, is called some times, comes or does not; or is left over from another day."""
    of = {
        "contact": draw(st.sampled_from((f"v{number}", f"v{number}", "v"))),
        "source": "counter",
        "site": "lier",
        "queue": "loket",
    }
    step = draw(_moments)
    arrived = teller.at(step) + draw(st.sampled_from((0, 0, 700))) * timedelta(microseconds=1)
    before = draw(st.sampled_from((timedelta(0), timedelta(0), timedelta(hours=3), timedelta(days=3))))
    booked = draw(st.sampled_from((None, None, arrived, arrived + 60 * STEP)))
    if not before and draw(st.booleans()):
        teller.events.append(VisitArrived(id=teller.id, at=arrived, appointment_at=booked, **of))
    for _ in range(draw(st.integers(0, 3))):
        step += draw(st.integers(0, 200))
        told = arrived - before + draw(st.sampled_from((0, 0, 0, -20, 20, 120, 121))) * STEP
        calls = {"at": teller.at(step), "arrived_at": told, "appointment_at": booked}
        teller.events.append(VisitCalled(id=teller.id, **calls, **of))
    ends = draw(st.sampled_from((None, None, VisitLeft, VisitNoShow)))
    if ends is not None:
        teller.events.append(ends(id=teller.id, at=teller.at(step + draw(st.integers(-4, 100))), **of))
    elif draw(st.booleans()):
        at = teller.at(step + draw(st.integers(0, 100)))
        teller.events.append(VisitServed(id=teller.id, at=at, service_ms=60_000, **of))


def _soup(draw: st.DrawFn, teller: Teller, number: int) -> None:
    """Anything at all of one call, at any moment."""
    contact = draw(st.sampled_from((f"s{number}", "s", None)))
    for _ in range(draw(st.integers(1, 6))):
        common = {
            "id": teller.id,
            "at": teller.at(draw(_moments)),
            "queue": draw(st.sampled_from(PHONES)),
            "source": draw(st.sampled_from(("pbx", "pbx", "pbx2"))),
            "site": "lier",
            "contact": contact,
        }
        wait_ms = draw(st.one_of(_waits, st.integers(0, STEPS))) * 500
        match draw(st.integers(0, 3)):
            case 0 if contact is not None:
                teller.events.append(CallQueued(position=draw(st.sampled_from((None, 1))), **common))
            case 1:
                teller.events.append(CallAnswered(wait_ms=wait_ms, **common))
            case 2:
                outcome = draw(st.sampled_from(list(Outcome)))
                teller.events.append(CallMissed(wait_ms=wait_ms, outcome=outcome, **common))
            case _:
                teller.events.append(CallEnded(talk_ms=wait_ms, **common))


def _restart(draw: st.DrawFn, teller: Teller) -> None:
    """At any moment, or just after somebody hung up."""
    hung_up = [event.at for event in teller.events if isinstance(event, CallMissed)]
    at = teller.at(draw(_moments))
    just_after: bool = draw(st.booleans())
    if hung_up and just_after:
        at = hung_up[draw(st.integers(0, len(hung_up) - 1))] + draw(_near) * STEP
    teller.events.append(SourceRestarted(id=teller.id, at=at, source="pbx", site="lier"))


def told(events: Sequence[Event]) -> str:
    """The story as one reads it, for what is reported."""
    return "\n".join(event.model_dump_json(exclude_none=True, exclude={"source", "site"}) for event in events)

"""The oracle of contacts, held against stories that one can count by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.config.model import CityFile
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
)
from tests.support import contact_oracle as oracle
from tests.support.contact_oracle import Contacts, Counted, at_ms

SECOND = timedelta(seconds=1)
START = datetime(2026, 3, 12, 11, 29, tzinfo=UTC)
"""A Thursday, 12:29 in Brussels: a minute before lunch."""

CITY = CityFile.model_validate(
    {
        "city": {"name": "Proefstad"},
        "hours": {"desk": {"thursday": ["08:30-12:30", "13:00-17:00"]}},
        "pipeline": {"open_timeout": "10m"},
        "sites": [
            {
                "id": "huis",
                "queues": [
                    {"id": "o", "kind": "phone"},
                    {"id": "b", "kind": "phone"},
                    {"id": "d", "kind": "phone", "hours": "desk"},
                    {"id": "l", "kind": "counter", "hours": "desk"},
                    {"id": "n", "kind": "counter"},
                ],
            }
        ],
    }
)
MISSED = {
    "H": Outcome.ABANDONED,
    "T": Outcome.TIMED_OUT,
    "K": Outcome.LEFT_BY_KEY,
    "N": Outcome.NO_AGENTS,
}
TOKEN = re.compile(
    r"(?P<kind>[A-Z])(?P<at>-?\d+)(?P<queue>[a-z]?)(/(?P<wait>\d+))?(@(?P<who>\w))?(#(?P<place>\d))?"
)
LATER = at_ms(START + timedelta(days=2))


def told(story: str) -> Iterator[Event]:
    """The events of a story: kind, second, queue; then ``/wait``, ``@contact`` (``0``: none), ``#place``."""
    for number, token in enumerate(story.split()):
        match = TOKEN.fullmatch(token)
        assert match is not None, token
        kind, second, queue, wait = match["kind"], int(match["at"]), match["queue"], int(match["wait"] or 0)
        at, who = START + second * SECOND, {"0": None, None: "a"}.get(match["who"], match["who"])
        common = {"id": f"{number}", "at": at, "source": "pbx", "site": "huis"}
        if kind == "R":
            yield SourceRestarted(**common)
            continue
        place = int(match["place"]) if match["place"] else None
        yield from _of(kind, wait, place, {**common, "queue": queue, "contact": who})


def _of(kind: str, wait: int, place: int | None, common: dict[str, object]) -> Iterator[Event]:
    at = common["at"]
    assert isinstance(at, datetime)
    match kind:
        case "Q":
            yield CallQueued.model_validate({**common, "position": place})
        case "A":
            yield CallAnswered.model_validate({**common, "wait_ms": wait * 1000})
        case "E":
            yield CallEnded.model_validate(common)
        case "V":
            yield VisitArrived.model_validate(common)
        case "C":
            yield VisitCalled.model_validate({**common, "arrived_at": at - wait * SECOND})
        case "L":
            yield VisitLeft.model_validate(common)
        case "S":
            yield VisitNoShow.model_validate(common)
        case _:
            missed = {"outcome": MISSED[kind], "wait_ms": wait * 1000, "position": place}
            yield CallMissed.model_validate({**common, **missed})


def written(counted: Iterable[Counted]) -> list[str]:
    """As ``answered 45b/15``: what, when and where, and of waits that count how long."""
    waits = {"answered", "abandoned"}
    return sorted(
        f"{one.what} {(one.at - at_ms(START)) // 1000}{one.place[1]}"
        + (f"/{one.wait // 1000}" if one.what in waits else "")
        for one in counted
    )


@pytest.mark.parametrize(
    ("story", "entries", "callers"),
    [
        ("Q0o A30o/30", "answered 30o/30", "answered 30o/30"),
        ("A30o/30", "answered 30o/30", "answered 30o/30"),
        # A caller through several queues.
        ("Q0o T30o/30 Q30b A45b/15", "answered 45b/15, timed_out 30o", "answered 45b/45"),
        ("Q0o T30o/30 Q30b H45b/15", "abandoned 45b/15, timed_out 30o", "abandoned 45b/45"),
        ("Q0o K300o/300 Q301o A303o/2", "answered 303o/2, left_by_key 300o", "answered 303o/303"),
        ("Q0o A30o/30 Q60b H90b/30", "abandoned 90b/30, answered 30o/30", "answered 30o/30"),
        ("Q0o T30o/30 Q630o A640o/10", "answered 640o/10, timed_out 30o", "answered 640o/640"),
        ("Q0o T30o/30 Q631o A640o/9", "answered 640o/9, timed_out 30o", "answered 640o/9, timed_out 30o"),
        ("Q0o T30o/30 Q30b", "timed_out 30o, unfinished 630b", "timed_out 30o"),
        ("Q0o Q30b", "unfinished 30o, unfinished 630b", "unfinished 630b"),
        # An entry has one outcome: the first, and an answer before anything else of that moment.
        ("Q0o A10o/10 A10o/10", "answered 10o/10", "answered 10o/10"),
        ("Q0o H10o/10 A10o/10", "answered 10o/10", "answered 10o/10"),
        ("Q0o A10o/10 H12o/12", "answered 10o/10", "answered 10o/10"),
        ("Q0o H10o/10 A12o/12", "abandoned 10o/10", "abandoned 10o/10"),
        ("H10o/10@0 H10o/10@0", "abandoned 10o/10, abandoned 10o/10", "abandoned 10o/10, abandoned 10o/10"),
        # Which entry an outcome belongs to, when the log tells whole seconds.
        ("Q0o T180o/180 Q180o A181o/1", "answered 181o/1, timed_out 180o", "answered 181o/181"),
        ("Q0o H-1o", "abandoned -1o/0", "abandoned -1o/0"),
        ("Q0o A-50o", "answered -50o/0", "answered -50o/0"),
        ("Q0o A30o/30 A300o/20", "answered 300o/20, answered 30o/30", "answered 30o/30"),
        # Where the waiting ends without an outcome.
        ("Q0o", "unfinished 600o", "unfinished 600o"),
        ("Q0d", "unfinished 60d", "unfinished 60d"),
        ("Q0o Q30b H40b/10", "abandoned 40b/10, unfinished 30o", "abandoned 40b/40"),
        ("Q0o Q30o@z#1 A40o/10@z", "answered 40o/10, unfinished 30o", "answered 40o/10, unfinished 30o"),
        ("Q0o Q30o@z H40o/10@z#1", "abandoned 40o/10, unfinished 40o", "abandoned 40o/10, unfinished 40o"),
        # Nobody is believed to stand at the head of a queue where somebody from before waited on.
        (
            "Q0o Q5o@y Q30o@z#1 A40o/40",
            "answered 40o/40, unfinished 605o, unfinished 630o",
            "answered 40o/40, unfinished 605o, unfinished 630o",
        ),
        (
            "Q5o@y Q30o@z#1 A40o/40@0",
            "answered 40o/40, unfinished 605o, unfinished 630o",
            "answered 40o/40, unfinished 605o, unfinished 630o",
        ),
        ("Q0o R60", "cut_off 60o", "cut_off 60o"),
        ("Q0o H59o/59 R60", "cut_off 59o", "cut_off 59o"),
        ("Q0o H58o/58 R60", "abandoned 58o/58", "abandoned 58o/58"),
        ("Q0o R60 A90o/90", "answered 90o/90", "answered 90o/90"),
        ("Q0o A9o/9 Q30b@c E31o@c A37b/7", "answered 37b/7, answered 9o/9", "answered 9o/9"),
    ],
)
def test_calls(story: str, entries: str, callers: str) -> None:
    known = Contacts.of(told(story))
    assert ", ".join(written(oracle.entries(known, CITY, LATER))) == entries
    assert ", ".join(written(oracle.callers(known, CITY, LATER))) == callers


@pytest.mark.parametrize(
    ("story", "visits"),
    [
        ("V0n C300n/300", "called 300n"),
        ("V0n C300n/300 C360n/360 C420n/420", "called 420n"),
        ("C300n/300 C420n/420", "called 420n"),
        ("V0n C300n/240 C420n/420", "called 420n"),  # a minute apart is one arrival
        ("V0n C300n/239 C420n/420", "called 300n, called 420n"),
        ("V0n C300n/300 L420n", "no_shows 420n"),
        ("V0n C300n/300 S420n", "no_shows 420n"),
        ("V0n L420n C500n/500", "called 500n"),  # he came back
        ("V0n L420n", "left 420n"),
        ("V0n S420n", "no_shows 420n"),
        ("V0n", "unfinished 14400n"),
        ("C7200n/21601", "unfinished -1n"),
        ("C7200n/21601 C7260n/21661", "unfinished -1n"),
        ("V0l", "unfinished 19860l"),  # an hour after 17:00, which is 4 h 31 min away
        ("C0n/14401@0", "unfinished -1n"),
    ],
)
def test_visits(story: str, visits: str) -> None:
    known = Contacts.of(told(story))
    found = [counted for counted, _ in oracle.visits(known, CITY, LATER)]
    assert ", ".join(written(found)) == visits


@pytest.mark.parametrize(
    ("story", "at", "who"),
    [
        ("Q0o", 0, ["o"]),
        ("Q0o", 600, []),
        ("Q0o A30o/30", 20, []),  # what is known now is known of then
        ("Q0o Q30b", 30, ["b"]),
        ("Q0d", 59, ["d"]),
        ("Q0d", 60, []),
        ("V0n Q0o", 5, ["n", "o"]),
        ("V0l", 16_259, ["l"]),
        ("V0l", 16_260, []),  # 17:00: the counter closes
        ("Q0o A9o/9 Q30b@c E31o@c", 31, []),
    ],
)
def test_who_waits(story: str, at: int, who: list[str]) -> None:
    known, now = Contacts.of(told(story)), at_ms(START + at * SECOND)
    found = [*oracle.waiting(known, CITY, now), *oracle.visits_waiting(known, CITY, now)]
    assert sorted(queue for _, queue, _ in found) == who

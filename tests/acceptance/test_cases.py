"""What a citizen would say happened: small stories that exchanges, senders and clocks tell in an odd way.

Each is read by ``wachtpost analyse``, followed or posted live, and imported; all ways in say the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from typer.testing import CliRunner

from domain.bucket import Resolution, decode
from domain.bucket_store import BucketStore, Slot
from domain.queue_ref import QueueRef
from services.ingest.auth import sha256
from shared.contract.kpis import QueueKind
from tests.acceptance.test_history import Town
from tests.support.eventually import WITHIN, eventually
from tests.support.redis_servers import EmbeddedValkey
from wachtpost.analyse.figures import Analysis, as_json
from wachtpost.cli import app

START = datetime(2026, 3, 12, 9, tzinfo=UTC)
"""A Thursday, 10:00 in Brussels; stories count seconds from here."""

LATER = START + timedelta(hours=1)
"""When everything has been told, and nobody's time is up yet."""

AFTERWARDS = START + timedelta(days=60)
"""When nothing about that day can come any more."""

CITY = """
[city]
name = "Proefstad"
language = "en"

[calendar]
public_holidays = ""

[hours.desk]
monday = ["09:00-16:30"]
tuesday = ["09:00-16:30"]
wednesday = ["09:00-16:30"]
thursday = ["09:00-16:30"]
friday = ["09:00-16:30"]
"""
SITE = """
[[sites]]
id = "huis{number}"
queues = [
    {{ id = "onthaal", kind = "phone" }},
    {{ id = "bevolking", kind = "phone" }},
    {{ id = "loket", kind = "counter", hours = "desk" }},
]

[[sources]]
kind = "http"
id = "kiosk{number}"
site = "huis{number}"
key_sha256 = ["{key}"]

[[sources]]
kind = "queue_log"
id = "pbx{number}"
site = "huis{number}"
path = "{path}"
"""

Said = Mapping[str, object]
"""An event as a sender writes it, its instants in seconds from ``START``."""


@dataclass(frozen=True)
class Story:
    """What happened, as a queue_log or as events, and what it comes to."""

    name: str
    log: Sequence[str] = ()
    """``SECOND CALL QUEUE VERB|data…``: the agent's field is left out."""
    events: Sequence[Said] = ()
    total: Said = field(default_factory=dict)
    """Of the site: callers."""
    entries: Said = field(default_factory=dict)
    """Of the site, counted as entries."""
    queues: Mapping[str, Said] = field(default_factory=dict)
    """Of a queue: entries."""
    lines: Said = field(default_factory=dict)
    """Of the reading."""
    outside: int = 0
    repeated: int = 0
    """Outcomes that were told again, or otherwise, and changed nothing."""


def visit(kind: str, at: float, contact: str, /, **more: object) -> Said:
    return {"kind": f"visit.{kind}", "at": at, "contact": contact, "queue": "loket", **more}


def call(kind: str, at: float, contact: str, /, **more: object) -> Said:
    return {"kind": f"call.{kind}", "at": at, "contact": contact, "queue": "onthaal", **more}


def punctual() -> Iterator[Said]:
    """Nineteen people, a minute apart, who all wait two minutes."""
    for minute in range(19):
        at = minute * 60
        yield visit("called", at + 120, f"v{minute}", arrived_at=at, appointment_at=at)


def busy() -> Iterator[str]:
    """A hundred callers: ten hang up, thirty are helped in the next queue, sixty at once."""
    for number in range(1000, 1100):
        at = 30 * (number - 1000)
        yield f"{at} {number} onthaal ENTERQUEUE|||1"
        if number < 1010:
            yield f"{at + 20} {number} onthaal ABANDON|1|1|20"
        elif number < 1040:
            yield f"{at + 25} {number} onthaal EXITWITHTIMEOUT|1|1|25"
            yield f"{at + 25} {number} bevolking ENTERQUEUE|||1"
            yield f"{at + 28} {number} bevolking CONNECT|3|b|1"
        else:
            yield f"{at + 10} {number} onthaal CONNECT|10|b|1"


HOUR, DAY = 3600, 86_400
STORIES = (
    Story(
        "who overflows into another queue and is helped there is one caller, who waited in both",
        log=[
            "0 a onthaal ENTERQUEUE|||1",
            "30 a onthaal EXITWITHTIMEOUT|1|1|30",
            "30 a bevolking ENTERQUEUE|||1",
            "45 a bevolking CONNECT|15|b|4",
        ],
        total={"offered": 1, "answered": 1, "missed": 0, "missed_ratio": 0.0, "wait_mean_s": 45.0},
        queues={
            "onthaal": {"offered": 1, "answered": 0, "outcomes": {"timed_out": 1}},
            "bevolking": {"offered": 1, "answered": 1, "missed": 0, "wait_mean_s": 15.0},
        },
    ),
    Story(
        "of a hundred callers of whom ten hang up a tenth is missed, though thirty overflowed",
        log=tuple(busy()),
        total={"offered": 100, "answered": 90, "missed": 10, "missed_ratio": 0.1},
        entries={"offered": 130, "answered": 90, "missed": 40, "missed_ratio": 0.307692308},
        queues={"onthaal": {"offered": 100, "missed": 40}, "bevolking": {"offered": 30, "missed": 0}},
    ),
    Story(
        "who asks for his place by a key and goes on waiting is one caller, who waited all the time",
        log=[
            "0 a onthaal ENTERQUEUE|||1",
            "300 a onthaal EXITWITHKEY|1|1|1|300",
            "301 a onthaal ENTERQUEUE|||1",
            "303 a onthaal CONNECT|2|b|1",
        ],
        total={"offered": 1, "answered": 1, "missed": 0, "wait_mean_s": 303.0},
        queues={"onthaal": {"offered": 2, "answered": 1, "wait_mean_s": 2.0}},
    ),
    Story(
        "of two phones that pick up at the same moment one answered",
        log=[
            "0 a onthaal ENTERQUEUE|||1",
            "10 a onthaal CONNECT|10|b|4",
            "10 a onthaal CONNECT|10|c|4",
            "60 a onthaal COMPLETECALLER|10|50|1",
        ],
        total={"offered": 1, "answered": 1, "missed": 0, "wait_mean_s": 10.0},
        queues={"onthaal": {"offered": 1, "answered": 1, "wait_sum_s": 10}},
        repeated=1,
    ),
    Story(
        "who was answered did not hang up before that, whatever is said afterwards",
        log=[
            "0 a onthaal ENTERQUEUE|||1",
            "10 a onthaal CONNECT|10|b|4",
            "12 a onthaal ABANDON|1|1|12",
        ],
        total={"offered": 1, "answered": 1, "missed": 0},
        queues={"onthaal": {"offered": 1, "answered": 1, "missed": 0}},
        repeated=1,
    ),
    Story(
        "an answer that is delivered again under another id is one answer",
        events=[
            call("queued", 0, "a"),
            call("answered", 20, "a", id="first", wait_ms=20_000),
            call("answered", 20, "a", id="again", wait_ms=20_000),
        ],
        total={"offered": 1, "answered": 1, "missed": 0, "wait_mean_s": 20.0},
        queues={"onthaal": {"offered": 1, "answered": 1}},
        repeated=1,
    ),
    Story(
        "a ticket that is called three times is one visit, which waited until the last call",
        events=[
            visit("arrived", 0, "t"),
            *(visit("called", at, "t", arrived_at=0) for at in (300, 360, 420)),
        ],
        queues={"loket": {"visits": {"walk_ins": 1, "walk_in_wait_mean_s": 420.0, "left": 0}}},
        repeated=2,
    ),
    Story(
        "who is called and does not come is a no-show, and no visit beside it",
        events=[
            visit("arrived", 0, "t"),
            visit("called", 300, "t", arrived_at=0),
            visit("left", 420, "t"),
        ],
        queues={"loket": {"visits": {"walk_ins": 0, "left": 0, "no_shows": 1}}},
    ),
    Story(
        "a transfer with consultation: the colleague's channel enters, the citizen's is answered",
        log=[
            "0 a onthaal ENTERQUEUE|||1",
            "12 a onthaal CONNECT|12|b|11",
            "30 c bevolking ENTERQUEUE|||1",
            "31 c onthaal ATTENDEDTRANSFER|APP|Queue|12|20|1",
            "37 a bevolking CONNECT|7|d|6",
            "90 a bevolking COMPLETEAGENT|7|53|1",
        ],
        total={"offered": 1, "answered": 1, "missed": 0, "unfinished": 0},
        queues={
            "onthaal": {"offered": 1, "answered": 1, "unfinished": 0},
            "bevolking": {"offered": 1, "answered": 1, "unfinished": 0, "wait_mean_s": 7.0},
        },
    ),
    Story(
        "a channel waits in one queue at a time",
        log=[
            "0 a onthaal ENTERQUEUE|||1",
            "30 a bevolking ENTERQUEUE|||1",
            "40 a bevolking ABANDON|1|1|10",
        ],
        total={"offered": 1, "answered": 0, "missed": 1},
        queues={"bevolking": {"offered": 1, "missed": 1}},
    ),
    Story(
        "who is turned away because it is too busy was offered, and is missed",
        log=[
            "0 a onthaal ENTERQUEUE|||1",
            "5 a onthaal CONNECT|5|b|2",
            "20 c onthaal DIVERT_CA_RATIO|",
            "21 d onthaal DIVERT_HOLDTIME|",
            "22 e onthaal FULL|",
        ],
        total={"offered": 4, "answered": 1, "missed": 3, "outcomes": {"abandoned": 0, "blocked": 3}},
        queues={"onthaal": {"offered": 4, "missed": 3}},
        lines={"unknown_verbs": 0},
    ),
    Story(
        "a leftover ticket that is called days later, to be rid of it, is in no mean",
        events=[
            *punctual(),
            visit("called", 0, "old", arrived_at=-66 * HOUR, appointment_at=-66 * HOUR),
        ],
        queues={"loket": {"unfinished": 1, "visits": {"with_appointment": 19, "wait_mean_s": 120.0}}},
        repeated=1,
    ),
    Story(
        "a ticket that is kept over night did not wait all night",
        events=[visit("called", -55 * 60, "t", arrived_at=-55 * 60 - (16 * 60 + 45) * 60)],
        queues={"loket": {"unfinished": 1}},
        repeated=1,
    ),
    Story(
        "a transfer without a talk time ends the conversation all the same",
        log=[
            "0 a onthaal ENTERQUEUE|||1",
            "5 a onthaal CONNECT|5|b|2",
            "60 a onthaal TRANSFER|200|from-internal",
        ],
        total={"offered": 1, "answered": 1},
        lines={"events": 3, "refused": {}},
    ),
    Story(
        "who times out and enters the same queue again in that second did not wait three minutes more",
        log=[
            "0 a onthaal ENTERQUEUE|||1",
            "180 a onthaal EXITWITHTIMEOUT|1|1|180",
            "180 a onthaal ENTERQUEUE|||1",
            "181 a onthaal CONNECT|1|b|1",
        ],
        total={"offered": 1, "answered": 1, "wait_mean_s": 181.0},
        queues={"onthaal": {"offered": 2, "answered": 1, "outcomes": {"timed_out": 1}, "wait_mean_s": 1.0}},
    ),
    Story(
        "a clock that was set back makes a wait of nothing, and loses no call",
        log=["0 a onthaal ENTERQUEUE|||1", "-50 a onthaal CONNECT|-50|b|4"],
        total={"offered": 1, "answered": 1, "wait_mean_s": 0.0},
        lines={"refused": {}},
    ),
    Story(
        "an outcome that is stamped a second before its entry is its outcome",
        log=["0 a onthaal ENTERQUEUE|||1", "-1 a onthaal ABANDON|1|1|0"],
        total={"offered": 1, "missed": 1, "unfinished": 0},
    ),
    Story(
        "whom the exchange threw out before it restarted did not hang up",
        log=[
            "0 a onthaal ENTERQUEUE|||1",
            "5 b onthaal ENTERQUEUE|||2",
            "59 a onthaal ABANDON|1|1|59",
            "60 NONE NONE QUEUESTART|",
        ],
        total={"answered": 0, "missed": 0, "unfinished": 0, "cut_off": 2},
    ),
)


def key(number: int) -> str:
    """The key of a site's kiosk."""
    return f"wachtpost_{number:043}"


def path(folder: Path, number: int) -> Path:
    """Where the story of a site is written."""
    return folder / (f"{number}.ndjson" if STORIES[number].events else f"{number}.log")


def city_text(folder: Path, numbers: Iterable[int]) -> str:
    """A city with a site for each story."""
    sites = (
        SITE.format(number=number, key=sha256(key(number)), path=folder / f"{number}.log")
        for number in numbers
    )
    return CITY + "".join(sites)


def event(said: Said, site: int, number: int) -> dict[str, object]:
    """The event as it is sent."""
    whole = {
        **said,
        "source": f"kiosk{site}",
        "site": f"huis{site}",
        "id": f"{site}-{said.get('id', number)}",
    }
    for name in ("at", "arrived_at", "appointment_at"):
        if isinstance(seconds := whole.get(name), int | float):
            whole[name] = (START + timedelta(seconds=seconds)).isoformat()
    return whole


def line(told: str) -> str:
    """The line as the exchange writes it."""
    at, name, queue, verb = told.split(" ")
    second = int(START.timestamp()) + int(at)
    number = name if name.isdigit() else "-".join(str(ord(sign)) for sign in name)
    called = name if name == "NONE" else f"{int(START.timestamp())}.{number}"
    return f"{second}|{called}|{queue}|NONE|{verb}\n"


def write(folder: Path, number: int) -> Path:
    """Write the file of a story."""
    story, file = STORIES[number], path(folder, number)
    events = (json.dumps(event(said, number, n)) + "\n" for n, said in enumerate(story.events))
    file.write_text("".join(events) + "".join(map(line, story.log)))
    return file


def holds(found: Mapping[str, Any], said: Said) -> dict[str, object]:
    """What is found under the names that something is said of, nested as it is said."""
    return {
        name: holds(found[name], value) if isinstance(value, dict) and value else found[name]
        for name, value in said.items()
    }


def right(number: int, found: Mapping[str, Any]) -> None:
    """The figures of a site are what its story comes to."""
    story = STORIES[number]
    assert holds(found["total"], story.total) == story.total
    assert holds(found["entries"], story.entries) == story.entries
    assert holds(found["queues"], story.queues) == story.queues
    assert found["outside_hours"] == story.outside


NUMBERS = pytest.mark.parametrize(
    "number", [pytest.param(number, id=story.name) for number, story in enumerate(STORIES)]
)


@NUMBERS
def test_read_from_a_file(number: int, tmp_path: Path) -> None:
    city = tmp_path / "city.toml"
    city.write_text(city_text(tmp_path, [number]))
    arguments = ["--json", "--city", city, "--source", f"pbx{number}", write(tmp_path, number)]
    answer = CliRunner().invoke(app, ["analyse", *map(str, arguments)])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    right(number, found)
    assert holds(found, STORIES[number].lines) == STORIES[number].lines
    assert sum(found["repeated_outcomes"].values()) == STORIES[number].repeated


class Lived(NamedTuple):
    """A town where all of it happened."""

    town: Town
    waiting: float
    """How many waited, all sites together, an hour later."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """A town in which all of it happened, each story at a site of its own: followed, or sent."""
    folder = tmp_path_factory.mktemp("town")
    server = EmbeddedValkey(folder / "valkey")
    server.start()
    try:
        town = Town(folder, server.url, city_text(folder, range(len(STORIES))))
        for number in range(len(STORIES)):
            write(folder, number)
        with town.running(LATER, "ingest", "evaluator") as (ingest, evaluator):
            for number, story in enumerate(STORIES):
                if story.events:
                    send(ingest.url, number)
            events = sum(len(story.log) + len(story.events) for story in STORIES)
            eventually(lambda: (evaluator.metric("events_read_total") or 0) >= events)
            assert evaluator.metric("dead_letters_total") == 0
            waiting = sum(sample.value for sample in evaluator.samples("calls_waiting"))
        town.until(AFTERWARDS)
        yield Lived(town, waiting)
    finally:
        server.kill()


def send(url: str, number: int) -> None:
    """What happened at a site's counter, one after the other."""
    for n, said in enumerate(STORIES[number].events):
        headers = {"Authorization": f"Bearer {key(number)}"}
        body = json.dumps(event(said, number, n))
        answer = httpx.post(f"{url}/v1/events", content=body, headers=headers, timeout=WITHIN)
        assert (answer.status_code, answer.json()["refused"]) == (202, []), answer.text


@NUMBERS
def test_as_it_happens(number: int, lived: Lived) -> None:
    days = BucketStore()
    for name, fields in lived.town.days().items():
        _, resolution, site, queue = name.split(":")
        if site == f"huis{number}":
            for day, bucket in fields.items():
                slot = Slot(QueueRef(site, queue), Resolution(resolution), day.decode())
                days.put(slot, decode(bucket))
    city = lived.town.city
    counters = {QueueRef(site.id, one.id) for site in city.sites for one in site.of_kind(QueueKind.COUNTER)}
    right(number, as_json(Analysis.of(days, counters), city))


def test_an_hour_later_nobody_is_left_on_the_board(lived: Lived) -> None:
    assert lived.waiting == 0


def test_imported_it_has_the_very_bytes_of_what_was_followed_and_sent(lived: Lived) -> None:
    town = lived.town
    live = town.days()
    town.forget_days()
    for number in range(len(STORIES)):
        signed = ("--by", "balie", "--why", "proef", "--source", f"pbx{number}")
        town.says("import", path(town.folder, number), *signed, at=AFTERWARDS)
    assert town.days() == live


def test_a_log_of_years_is_followed_from_where_it_matters(redis_url: str, tmp_path: Path) -> None:
    """What is too old is passed over and said once: no dead letters, no alarm on the first day."""
    old = [f"{-day * DAY} a onthaal ENTERQUEUE|||1" for day in range(400, 100, -1)]
    ours = ["0 b onthaal ENTERQUEUE|||1", "5 b onthaal CONNECT|5|c|2"]
    (tmp_path / "0.log").write_text("".join(map(line, old + ours)))
    town = Town(tmp_path, redis_url, city_text(tmp_path, [0]))
    with town.running(LATER, "ingest", "evaluator") as (ingest, evaluator):
        eventually(lambda: evaluator.metric("calls_answered", queue="onthaal") == 1)
        assert evaluator.metric("dead_letters_total") == ingest.metric("dead_letters_total") == 0
        told = [one for one in ingest.lines if one["level"] == "warning" and "300" in json.dumps(one)]
        assert len(told) == 1


def test_two_queues_that_would_become_one_are_told_by_both_their_names(tmp_path: Path) -> None:
    names = ("\N{CYRILLIC CAPITAL LETTER SHA}\N{CYRILLIC SMALL LETTER A}", "\N{CYRILLIC CAPITAL LETTER YA}-")
    log = [
        f"0 a {names[0]} ENTERQUEUE|||1",
        f"12 a {names[0]} ABANDON|1|1|12",
        f"0 b {names[1]} ENTERQUEUE|||1",
        f"12 b {names[1]} CONNECT|12|c|4",
    ]
    (tmp_path / "log").write_text("".join(map(line, log)), encoding="utf-8")
    answer = CliRunner().invoke(app, ["analyse", "--json", str(tmp_path / "log")])
    assert answer.exit_code == 2
    assert all(name in answer.output for name in names)


@pytest.mark.parametrize(
    ("dress", "lines"),
    [
        (
            "a table",
            (
                "2026-03-12 10:00:00.085718|1773306000.1|onthaal|NONE|ENTERQUEUE||x|1||\n"
                "2026-03-12 10:00:12.165823|1773306000.1|onthaal|NONE|ABANDON|1|1|12||\n"
            ),
        ),
        (
            "a table, exported",
            (
                '"1","2026-03-12 10:00:00","1773306000.1","onthaal","NONE","ENTERQUEUE","","x","1","",""\n'
                '"2","2026-03-12 10:00:12","1773306000.1","onthaal","NONE","ABANDON","1","1","12","",""\n'
            ),
        ),
        (
            "the system log",
            (
                "Mar 12 10:00:00 pbx asterisk[1]: 1773306000|1773306000.1|onthaal|NONE|ENTERQUEUE||x|1\n"
                "Mar 12 10:00:12 pbx asterisk[1]: 1773306012|1773306000.1|onthaal|NONE|ABANDON|1|1|12\n"
            ),
        ),
    ],
)
def test_a_log_in_another_dress_is_read_or_refused_as_a_whole(dress: str, lines: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(lines)
    answer = CliRunner().invoke(app, ["analyse", "--json", str(tmp_path / "log")])
    if answer.exit_code == 0:
        total = json.loads(answer.stdout)["total"]
        assert (total["offered"], total["missed"]) == (1, 1), dress
    else:
        assert (answer.exit_code, answer.stdout) == (2, ""), dress

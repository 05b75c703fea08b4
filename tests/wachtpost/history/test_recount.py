"""Files become whole local days, by the same code as live: whatever files, in whatever pieces."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.corrections import day_of, hours_of
from domain.counts import ms_of
from domain.queue_ref import QueueRef
from shared.calendar import Calendar
from shared.config.model import CityFile
from simulator.city_day import simulate
from wachtpost.history.plan import ContactGroup, Covered
from wachtpost.history.recount import Recounted, recount

CITY = CityFile.model_validate(
    tomllib.loads(
        """
        [city]
        name = "Test"
        [hours.desk]
        sunday = ["00:00-24:00"]
        thursday = ["09:00-17:00"]
        [[sites]]
        id = "huis"
        queues = [
            { id = "onthaal", kind = "phone", hours = "desk" },
            { id = "loket", kind = "counter", hours = "desk" },
        ]
        [[sources]]
        kind = "queue_log"
        id = "pbx"
        site = "huis"
        path = "/var/log/asterisk/queue_log"
        verbs = { NOSTAFF = "no_agents" }
        """
    )
)
CALENDAR = Calendar(CITY)
PHONE, COUNTER = QueueRef("huis", "onthaal"), QueueRef("huis", "loket")
NOW = ms_of(datetime(2026, 12, 1, tzinfo=UTC))
DAY = date(2026, 3, 12)


def count(*files: Path, now: int = NOW, city: CityFile = CITY) -> Recounted:
    return recount(files, city, Calendar(city), None, now)


def figures(done: Recounted) -> dict[tuple[str, str, str], bytes]:
    """Bucket by day, queue and part of the day."""
    return {
        (str(slot.start), slot.queue_ref.queue, hours_of(slot).value): bucket.encode()
        for slot, bucket in done.buckets.items()
    }


def fact(kind: str, number: int, at: str, **fields: object) -> dict[str, object]:
    queue = "onthaal" if kind.startswith("call") else "loket"
    return {"kind": kind, "id": f"{kind}-{number}", "at": at, "source": "s", "site": "huis", "queue": queue,
            **fields}  # fmt: skip


def ndjson(file: Path, facts: Iterable[dict[str, object]]) -> Path:
    file.write_text("".join(json.dumps(one) + "\n" for one in facts))
    return file


def call(number: int, at: str, wait_ms: int = 1000) -> dict[str, object]:
    return fact("call.answered", number, at, wait_ms=wait_ms)


def test_a_log_of_before_means_what_it_would_mean_live(tmp_path: Path) -> None:
    """A verb of the city's own, one of Wazo's, a clock that was set back, a conversation nobody timed."""
    log = tmp_path / "queue_log"
    log.write_text(
        "1773306000|1773306000.1|onthaal|NONE|ENTERQUEUE|||1\n"
        "1773306001|1773306001.2|onthaal|NONE|NOSTAFF|\n"
        "1773306002|1773306002.3|onthaal|NONE|DIVERT_HOLDTIME|\n"
        "1773305950|1773306000.1|onthaal|SIP/1|CONNECT|-50|x|1\n"
        "1773306010|1773306000.1|onthaal|SIP/1|TRANSFER|200|inside\n"
    )
    done = count(log)
    (bucket,) = done.buckets.values()
    assert (bucket.answered, bucket.wait_ms, bucket.no_agents, bucket.blocked, bucket.ended) == (
        1,
        0,
        1,
        1,
        0,
    )
    assert (done.reading.unknown_verbs, done.reading.unusable_waits, done.reading.refused) == (0, 1, {})


def test_files_of_different_sources_are_read_side_by_side(tmp_path: Path) -> None:
    """Read one after another, everybody at the counter would be unfinished: that day was over."""
    log = tmp_path / "queue_log"
    log.write_text(
        "1773302410|1773302410.1|onthaal|NONE|ENTERQUEUE|||1\n"
        "1773302430|1773302410.1|onthaal|Agent|CONNECT|20|1773302410.2|3\n"
        "1774302430|1774302410.1|onthaal|Agent|CONNECT|20|1774302410.2|3\n"
    )
    arrived = "2026-03-12T09:00:00Z"
    visits = ndjson(
        tmp_path / "visits.ndjson",
        [
            fact("visit.arrived", 1, arrived, contact="a"),
            fact("visit.called", 1, "2026-03-12T09:05:00Z", contact="a", arrived_at=arrived),
        ],
    )
    done = count(log, visits)
    assert figures(done) == figures(count(visits, log))
    assert figures(done)["2026-03-12", "loket", "inside"] == (
        b'{"walk_ins":1,"walk_in_wait_ms":300000,"walk_in_waits":{"300":1}}'
    )
    assert done.covered == {
        Covered(PHONE, DAY, ContactGroup.CALLS),
        Covered(PHONE, date(2026, 3, 23), ContactGroup.CALLS),
        Covered(COUNTER, DAY, ContactGroup.VISITS),
    }


def test_an_event_that_stands_in_two_files_counts_once(tmp_path: Path) -> None:
    days = [f"2026-03-{day:02}T10:00:00Z" for day in (5, 12, 19, 26)]
    all_of_it = ndjson(tmp_path / "all", [call(n, day) for n, day in enumerate(days)])
    half = ndjson(tmp_path / "half", [call(n, day) for n, day in enumerate(days)][:2])
    done = count(all_of_it, half, all_of_it)
    assert [bucket.answered for bucket in done.buckets.values()] == [1, 1, 1, 1]
    assert done.reading.duplicates == 2


def test_lines_far_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    times = [f"2026-03-{day:02}T10:00:00Z" for day in (12, 1, 20, 2, 9)]
    done = count(ndjson(tmp_path / "events", [call(n, at) for n, at in enumerate(times)]))
    assert done.reading.refused == {}
    assert sorted(str(slot.start) for slot in done.buckets) == sorted(at[:10] for at in times)


def test_what_lies_ahead_is_refused_and_does_not_spoil_the_rest(tmp_path: Path) -> None:
    times = ["2026-03-12T10:00:00Z", "2031-01-01T10:00:00Z", "2026-03-12T10:01:00Z"]
    now = ms_of(datetime(2026, 3, 12, 12, tzinfo=UTC))
    done = count(ndjson(tmp_path / "events", [call(n, at) for n, at in enumerate(times)]), now=now)
    assert done.reading.refused == {"future": 1}
    assert [bucket.answered for bucket in done.buckets.values()] == [2]


def test_a_refused_fact_covers_nothing(tmp_path: Path) -> None:
    wrong = [
        {**call(1, "2026-03-12T10:00:00Z"), "queue": "loket"},
        {**call(2, "2026-03-12T10:00:00Z"), "site": "x"},
    ]
    done = count(ndjson(tmp_path / "events", wrong))
    assert (done.covered, done.reading.refused) == (set(), {"wrong_kind": 1, "unknown_queue": 1})


@pytest.mark.parametrize(
    ("story", "facts", "covered"),
    [
        ("a call that came to nothing", [fact("call.queued", 1, "2026-03-12T10:00:00Z", contact="a")], {DAY}),
        (
            "over midnight, and the files end",
            [fact("call.queued", 1, "2026-03-12T22:30:00Z", contact="a")],
            {DAY},
        ),
        (
            "over midnight, and the files go on",
            [
                fact("call.queued", 1, "2026-03-12T22:30:00Z", contact="a"),
                fact("visit.left", 1, "2026-03-14T10:00:00Z"),
            ],
            {DAY, date(2026, 3, 13)},
        ),
        (
            "staff say nothing of contacts",
            [fact("staff.changed", 1, "2026-03-12T10:00:00Z", available=3)],
            set(),
        ),
    ],
)
def test_unfinished_contacts_make_a_day_one_that_the_files_are_about(story, facts, covered, tmp_path: Path):
    done = count(ndjson(tmp_path / "events", facts))
    assert {one.day for one in done.covered if one.group is ContactGroup.CALLS} == covered, story


@pytest.mark.parametrize(
    ("story", "at", "day"),
    [
        ("the last second of a day of 23 hours", "2026-03-29T21:59:59Z", "2026-03-29"),
        ("the first of the next", "2026-03-29T22:00:00Z", "2026-03-30"),
        ("the last second of a day of 25 hours", "2026-10-25T22:59:59Z", "2026-10-25"),
        ("the first of the year", "2025-12-31T23:00:00Z", "2026-01-01"),
    ],
)
def test_days_are_local_days(story: str, at: str, day: str, tmp_path: Path) -> None:
    done = count(ndjson(tmp_path / "events", [call(1, at)]))
    assert [str(slot.start) for slot in done.buckets] == [day], story


def test_opening_hours_decide_by_the_moment_of_entry(tmp_path: Path) -> None:
    done = count(ndjson(tmp_path / "e", [call(1, "2026-03-12T16:00:00Z"), call(2, "2026-03-12T16:00:01Z")]))
    assert [(hours_of(slot).value, bucket.answered) for slot, bucket in done.buckets.items()] == [
        ("inside", 1),
        ("outside", 1),
    ]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_any_split_over_files_and_any_repetition_gives_the_same_days(
    pieces: int, seed: int, tmp_path: Path
) -> None:
    """Facts within the dedup horizon may stand in any order, in any file, and more than once."""
    random, first = Random(seed), date(2026, 3, 12)
    events = [e for n in range(2) for e in simulate(CITY, first + timedelta(days=n), 1)]
    lines = [event.model_dump_json(exclude_none=True) for event in events]
    whole = tmp_path / "whole"
    whole.write_text("\n".join(lines))
    files = [tmp_path / f"piece-{n}" for n in range(pieces)]
    shares: dict[Path, list[str]] = {file: [] for file in files}
    for line in lines:
        for file in random.sample(files, random.choice([1, 1, min(2, pieces)])):
            shares[file].append(line)
    for file, share in shares.items():
        swapped = list(share)
        for at in range(0, len(swapped) - 1, 7):
            swapped[at], swapped[at + 1] = swapped[at + 1], swapped[at]
        file.write_text("\n".join(swapped))
    in_pieces, at_once = count(*files), count(whole)
    assert figures(in_pieces) == figures(at_once)
    assert in_pieces.covered == at_once.covered
    assert {day_of(slot) for slot in at_once.buckets} >= {first}

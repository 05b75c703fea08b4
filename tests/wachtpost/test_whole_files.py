"""Files as people give them: twice, in pieces, the wrong way round, damaged, or in another dress.

``analyse`` and ``history import`` read them alike: what one refuses the other does, for the same reason.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from domain.bucket import Bucket, Resolution, merged
from domain.counts import ms_of
from shared.calendar import Calendar
from shared.config.model import CityFile
from wachtpost.analyse.files import ReadingStats, analyse
from wachtpost.cli import app
from wachtpost.history.recount import recount

CITY = CityFile.model_validate(
    tomllib.loads(
        """
        city = { name = "Test" }
        [[sites]]
        id = "huis"
        queues = [{ id = "onthaal", kind = "phone" }, { id = "loket", kind = "counter" }]
        [[sources]]
        kind = "queue_log"
        id = "pbx"
        site = "huis"
        path = "/var/log/asterisk/queue_log"
        """
    )
)
NOW = ms_of(datetime(2026, 12, 1, tzinfo=UTC))
MARCH = int(datetime(2026, 3, 2, 8, tzinfo=UTC).timestamp())
DAY = 86_400

Counted = tuple[Bucket, ReadingStats]


def by_analyse(*files: Path) -> Counted:
    found, reading = analyse(files, CITY, NOW)
    return found.total, reading


def by_import(*files: Path) -> Counted:
    done = recount(files, CITY, Calendar(CITY), None, NOW)
    days = (bucket for slot, bucket in done.buckets.items() if slot.resolution is Resolution.DAY)
    return merged(days), done.reading


both = pytest.mark.parametrize("count", [by_analyse, by_import], ids=["analyse", "import"])
Count = Callable[..., Counted]


def calls(first_day: int, days: int, per_day: int = 20) -> list[str]:
    """A log of so many days of calls, every fourth of them abandoned."""
    lines = []
    for number in range(days * per_day):
        at = MARCH + (first_day + number // per_day) * DAY + number % per_day * 600
        call = f"{at}|{at - 1}.{number}|onthaal"
        end = f"{at + 9}|{at - 1}.{number}|onthaal"
        lines.append(f"{call}|NONE|ENTERQUEUE||0400000000|1")
        lines.append(f"{end}|Agent|CONNECT|9|{at}.9{number}|3" if number % 4 else f"{end}|NONE|ABANDON|1|1|9")
    return lines


def written(file: Path, *pieces: list[str]) -> Path:
    file.write_text("".join(f"{line}\n" for piece in pieces for line in piece))
    return file


def stamped(line: str, at: int) -> str:
    return f"{at}|{line.partition('|')[2]}"


@both
@pytest.mark.parametrize(
    "story", ["given twice", "every line twice", "wrong way round", "itself twice", "shuffled"]
)
def test_whatever_was_done_to_the_files_the_calls_are_those_that_were(
    story: str, count: Count, tmp_path: Path
):
    early, late = calls(0, 9), calls(12, 9)
    whole = early + late
    given = {
        "given twice": [written(tmp_path / "a", whole), written(tmp_path / "b", whole)],
        "every line twice": [written(tmp_path / "a", [line for line in whole for _ in range(2)])],
        "wrong way round": [written(tmp_path / "a", late, early)],
        "itself twice": [written(tmp_path / "a", whole, whole)],
        "shuffled": [written(tmp_path / "a", Random(7).sample(whole, len(whole)))],
    }
    total, reading = count(*given[story])
    expected, _ = count(written(tmp_path / "whole", whole))
    assert (expected.answered, expected.abandoned, expected.unfinished) == (270, 90, 0)
    assert total.encode() == expected.encode()
    assert reading.refused == {}


@both
@pytest.mark.parametrize(
    ("story", "place", "at", "reason"),
    [
        ("years ago", 100, MARCH - 900 * DAY, "unreadable"),
        ("next month, which has been", 100, MARCH + 90 * DAY, "unreadable"),
        ("next year, which has not", 100, MARCH + 400 * DAY, "future"),
        ("the first line", 0, MARCH + 90 * DAY, "unreadable"),
        ("the first line, years ago", 0, MARCH - 900 * DAY, "unreadable"),
        ("over a weekend", 160, MARCH + 90 * DAY, "unreadable"),
        ("the last line", -1, MARCH + 400 * DAY, "future"),
    ],
)
def test_one_garbled_epoch_costs_one_line(
    story: str, place: int, at: int, reason: str, count: Count, tmp_path: Path
):
    lines = calls(0, 4) + calls(7, 3)
    lines[place] = stamped(lines[place], at)
    total, reading = count(written(tmp_path / "log", lines))
    assert reading.refused == {reason: 1}, story
    assert total.offered in {139, 140}  # 140 where it was an entry that is gone
    del lines[place]
    expected, _ = count(written(tmp_path / "without", lines))
    assert total.encode() == expected.encode()


@both
def test_a_line_from_the_future_in_one_file_does_not_hold_its_other_lines_back(count: Count, tmp_path: Path):
    lines = calls(0, 12)
    halves = [lines[0::4] + lines[1::4], lines[2::4] + lines[3::4]]
    halves = [sorted(half) for half in halves]
    expected, _ = count(*(written(tmp_path / f"half-{n}", half) for n, half in enumerate(halves)))
    halves[0].insert(7, stamped(halves[0][7], MARCH + 900 * DAY))
    total, reading = count(*(written(tmp_path / f"half-{n}", half) for n, half in enumerate(halves)))
    assert reading.refused == {"future": 1}
    assert total.encode() == expected.encode()


def test_a_restart_from_the_future_ends_no_wait(tmp_path: Path):
    entered, gone = (
        f"{MARCH}|{MARCH}.1|onthaal|NONE|ENTERQUEUE|||1",
        f"{MARCH + 9}|{MARCH}.1|onthaal|NONE|ABANDON",
    )
    restart = f"{MARCH + 400 * DAY}|NONE|NONE|NONE|QUEUESTART|"
    total, reading = by_analyse(written(tmp_path / "log", [entered, restart, gone]))
    assert (total.abandoned, total.unfinished, reading.refused) == (1, 0, {"future": 1})


def event(kind: str, **fields: object) -> dict[str, object]:
    queue = "onthaal" if kind.startswith("call") else "loket"
    common = {"id": "e1", "at": "2026-03-12T10:00:00Z", "source": "s", "site": "huis", "queue": queue}
    return {"kind": kind, **common, **fields}


@both
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (event("visit.called", arrived_at="2026-02-01T10:00:00Z"), "invalid"),
        (event("visit.called", arrived_at="2026-03-12T10:03:00Z"), "invalid"),
        (
            event("appointment.booked", booked_at="2026-03-12T10:00:00Z", starts_at="2028-05-20T10:00:00Z"),
            "invalid",
        ),
        (event("call.answered", wait_ms=5, caller="x"), "invalid"),
        (event("call.answered", wait_ms=5, contact="0470 00 00 00"), "personal"),
        (event("call.answered", wait_ms=5, queue="elders"), "unknown_queue"),
        (event("call.answered", wait_ms=5, site="elders"), "unknown_queue"),
        (event("call.answered", wait_ms=5, at="2026-12-01T00:03:00Z"), "future"),
    ],
)
def test_a_file_admits_what_the_http_door_admits(
    wrong: dict[str, object], reason: str, count: Count, tmp_path: Path
):
    right = event("call.answered", id="e0", wait_ms=5)
    file = tmp_path / "events"
    file.write_text("".join(json.dumps(one) + "\n" for one in (right, wrong)))
    total, reading = count(file)
    assert reading.refused == {reason: 1}
    assert (total.answered, total.visits, total.walk_ins, total.booked) == (1, 0, 0, 0)


DRESSES = {
    "date texts": "2026-03-12 09:15:00.085718|1773303299.10|onthaal|NONE|ENTERQUEUE||0400000000|1||\n"
    "2026-03-12 09:15:12.165823|1773303299.10|onthaal|NONE|ABANDON|1|1|12||\n",
    "a table": '"1","2026-03-12 09:15:00","1773303299.10","onthaal","NONE","ABANDON","1","1","12"\n',
    "microseconds": "1773303300085718|1773303299.10|onthaal|NONE|ENTERQUEUE||0400000000|1\n",
    "syslog": "Mar 12 09:15:00 pbx asterisk[1]: 1773303300|1773303299.10|onthaal|NONE|ABANDON|1|1|12\n",
    "commas": "1773303300,1773303299.10,onthaal,NONE,ABANDON,1,1,12\n",
    "a dump": "INSERT INTO `queue_log` VALUES (1,'1773303300','1773303299.10','onthaal','NONE','ABANDON');\n",
    "a log that became a table": "1773303300|1773303299.10|onthaal|NONE|ABANDON|1|1|12\n"
    + '"2","2026-03-12 09:15:00","1773303299.10","onthaal","NONE","ABANDON","1","1","12"\n' * 2,
    "an array": '[{"kind":"call.answered"}]\n',
    "others' events": '{"event":"AgentConnect","queue":"onthaal"}\n',
    "two bytes a sign": "1773303300|1773303299.10|onthaal|NONE|ABANDON|1|1|12\n".encode("utf-16").decode(
        "latin-1"
    ),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_a_log_in_another_dress_is_refused_as_a_whole(dress: str, tmp_path: Path):
    strange = tmp_path / "queue_log"
    strange.write_text(DRESSES[dress], encoding="latin-1")
    for given in ([strange], [written(tmp_path / "good", calls(0, 1)), strange]):
        result = CliRunner().invoke(app, ["analyse", "--json", *map(str, given)])
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"{strange} " in result.stderr
        assert "0400000000" not in result.stderr


def test_microseconds_behind_a_point_are_understood(tmp_path: Path):
    lines = [
        "1773303300.085718|1.1|onthaal|NONE|ENTERQUEUE||x|1",
        "1773303312.1|1.1|onthaal|NONE|ABANDON|1|1|12",
    ]
    assert by_analyse(written(tmp_path / "log", lines))[0].abandoned == 1


@pytest.mark.parametrize("content", ["", "\n", "1773302400|NONE|NONE|NONE|QUEUESTART|\n"])
def test_a_log_in_which_nobody_called_is_no_mistake(content: str, tmp_path: Path):
    (tmp_path / "log").write_text(content)
    result = CliRunner().invoke(app, ["analyse", "--json", str(tmp_path / "log")])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["total"]["offered"] == 0


def test_never_an_empty_total_where_every_line_was_refused(tmp_path: Path):
    city = tmp_path / "city.toml"
    city.write_text(
        'city = { name = "x" }\nsites = [{ id = "s", queues = [{ id = "q", kind = "phone" }] }]\n'
    )
    log = written(tmp_path / "log", calls(0, 1))
    result = CliRunner().invoke(app, ["analyse", "--json", "--city", str(city), str(log)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{log}:1\n" in result.stderr
    assert '{ id = "onthaal", kind = "phone" }' in result.stderr


def test_two_queues_do_not_become_one_without_a_word(tmp_path: Path):
    lines = [
        "1773303312|1773303299.30|\u041a\u0430\u0441\u0441\u0430|NONE|ABANDON|1|1|12",
        "1773303312|1773303299.40|\u0411\u044e\u0440\u043e-|NONE|ABANDON|1|1|12",
    ]
    log = written(tmp_path / "log", lines)
    result = CliRunner().invoke(app, ["analyse", "--json", str(log)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "\u041a\u0430\u0441\u0441\u0430" in result.stderr
    assert "\u0411\u044e\u0440\u043e-" in result.stderr


def test_a_name_in_other_capitals_is_the_same_queue(tmp_path: Path):
    lines = [
        f"1773303312|1773303299.{n}|{name}|NONE|ABANDON|1|1|12"
        for n, name in enumerate(("Onthaal", "onthaal"))
    ]
    total, reading = by_analyse(written(tmp_path / "log", lines))
    assert (total.abandoned, reading.refused) == (2, {})

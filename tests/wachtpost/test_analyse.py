"""Whole files become figures: small logs with figures that one can add up by hand."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from domain.bucket import Bucket, Resolution, merged
from domain.bucket_store import BucketStore, Slot
from domain.queue_ref import QueueRef
from shared.config.model import Count
from tests.shared.contract.evolution import EXAMPLES
from tests.support.report_city import CITY, calls, city, overflow
from wachtpost.analyse.figures import Analysis, as_json, counting
from wachtpost.analyse.files import ReadingStats
from wachtpost.analyse.tables import tables
from wachtpost.cli import app

MORNING = """\
1773302400|NONE|NONE|NONE|QUEUESTART|
1773302410|1773302410.1|onthaal|NONE|ENTERQUEUE||0400000000|1
1773302430|1773302410.1|onthaal|Jo Janssens|CONNECT|20|1773302410.2|3
1773302440|1773302440.3|onthaal|NONE|ENTERQUEUE|||1
1773302445|1773302440.3|onthaal|NONE|ABANDON|1|1|5
1773302450|1773302450.4|wonen|NONE|ENTERQUEUE|||1
1773302490|1773302450.4|wonen|NONE|EXITWITHKEY|1|1|1|40
1773302490|1773302410.1|onthaal|Jo Janssens|COMPLETECALLER|20|60|1
"""
CRASH = """\
1773302500|1773302500.5|onthaal|NONE|ENTERQUEUE|||1
1773302600|NONE|NONE|NONE|QUEUESTART|
1773302610|1773302610.6|onthaal|NONE|ENTERQUEUE|||1
1773302656|1773302610.6|onthaal|Jo Janssens|CONNECT|46|1773302610.7|3
"""


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["analyse", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def figures(*arguments: object) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run("--json", *arguments))
    return answer


@pytest.fixture
def logs(tmp_path: Path) -> list[Path]:
    """A log and the one before it, as rotation leaves them: the older one packed."""
    newer, older = tmp_path / "queue_log", tmp_path / "queue_log.1.gz"
    newer.write_text(CRASH)
    older.write_bytes(gzip.compress(MORNING.encode()))
    return [newer, older]


def test_every_figure_of_a_small_day(logs: list[Path]) -> None:
    total = figures(*logs)["total"]
    expected = {
        "offered": 5,  # 2 answered, 1 hung up, 1 left by a key, 1 lost in the crash
        "answered": 2,
        "missed": 1,
        "missed_ratio": 0.333333333,
        "outcomes": {"abandoned": 1, "left_by_key": 1},
        "unfinished": 0,
        "wait_sum_s": 66,
        "wait_mean_s": 33.0,
        "wait_p90_s": 46.0,
        "wait_max_s": 46,
        "answered_within": {"20": 1, "45": 1, "60": 2},
        "service_level": 0.333333333,
        "speed_categories": {"0-20": 1, "20-45": 0, "45-60": 1, "60-120": 0, "120-180": 0, ">180": 0},
    }
    assert {name: total[name] for name in expected} == expected


def test_queues_and_days_add_up_to_the_total(logs: list[Path]) -> None:
    whole = figures(*logs)
    for part in (whole["queues"], whole["days"]):
        for name in ("offered", "answered", "missed", "unfinished"):
            assert sum(one[name] for one in part.values()) == whole["total"][name]
    assert list(whole["queues"]) == ["onthaal", "wonen"]
    assert list(whole["days"]) == ["2026-03-12"]


def test_the_order_of_the_files_does_not_matter_nor_does_giving_one_twice(logs: list[Path]) -> None:
    whole = figures(*logs)
    assert figures(*reversed(logs))["total"] == whole["total"]
    twice = figures(*logs, *logs)
    assert twice["total"] == whole["total"]


def overflown() -> Analysis:
    """A hundred callers, of whom 10 hang up and 30 are helped in a second queue."""
    queues = overflow()
    day = merged(queues.values())
    return Analysis(day, Bucket(), queues, {"2026-03-02": day})


@pytest.mark.parametrize("count", ["callers", "entries"])
def test_the_total_and_each_day_follow_the_definition_and_both_views_stand_beside_them(count: Count) -> None:
    whole: Any = as_json(overflown(), counting(CITY, count))
    callers, entries = whole["callers"], whole["entries"]
    keys = ("offered", "missed", "missed_ratio", "wait_mean_s")
    assert [callers[key] for key in keys] == [100, 10, 0.1, 11.666666667]
    assert [entries[key] for key in keys] == [130, 40, 0.307692308, 1.666666667]
    assert callers["wait_max_s"] == 35
    for total in (whole["total"], whole["days"]["2026-03-02"]):
        assert (total["callers"], total["entries"], total["counted_as"]) == (callers, entries, count)
        assert total["missed_ratio"] == whole[count]["missed_ratio"]
        assert total["definitions"]["lier-1"]["missed"] == whole[count]["missed"]
    (missed,) = [one for one in whole["total"]["targets"] if one["kpi"] == "missed_ratio"]
    assert missed["met"] is (count == "callers")
    queue = whole["queues"]["onthaal"]
    assert (queue["counted_as"], queue["missed"], queue["offered"]) == ("entries", 40, 100)


@pytest.mark.parametrize(
    ("analysis", "said"),
    [
        (overflown(), "30 entries are of callers who had been in a queue before. A caller counts once"),
        (
            Analysis(calls(3), Bucket(), {"onthaal": calls(3)}, {}),
            "every caller is one entry. The total counts",
        ),
    ],
)
def test_the_tables_say_what_makes_the_difference(analysis: Analysis, said: str) -> None:
    assert said in said_of(analysis)


def test_a_queue_without_contacts_has_no_ratio_rather_than_zero(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("1773302490|1773302450.4|wonen|NONE|EXITWITHKEY|1|1|1|40\n")
    total = figures(tmp_path / "log")["total"]
    assert (total["missed_ratio"], total["wait_mean_s"], total["wait_max_s"]) == (None, None, None)


def test_events_are_analysed_like_logs(tmp_path: Path) -> None:
    examples = [json.loads(file.read_text()) for file in sorted(EXAMPLES.glob("*.json"))]
    # All of one moment: with the restart among them, the exchange would have thrown its callers out.
    events = [json.dumps(one) for one in examples if one["kind"] != "source.restarted"]
    (tmp_path / "events.ndjson").write_text("\n".join(events))
    whole = figures(tmp_path / "events.ndjson")
    assert whole["total"]["answered"] == whole["total"]["missed"] == 1
    visits = whole["queues"]["loket-burgerzaken"]["visits"]
    assert visits["with_appointment"] == visits["booked"] == 1
    assert visits["wait_mean_s"] == 30.25
    assert (visits["served"], visits["service_mean_s"], visits["no_shows"]) == (1, 420.0, 1)
    assert (visits["moved"], visits["cancelled"]) == (1, 1)
    told = run(tmp_path / "events.ndjson")
    assert "1 kwam niet opdagen" in told
    assert "1 verplaatst, 1 afgezegd" in told
    assert visits["lead_time_mean_workdays"] == 4


def with_visits(counter: Bucket) -> Analysis:
    """A day of calls of which the exchange cut one off, and a day at a counter."""
    day = "2026-03-02"
    phone, desk = QueueRef("stad", "onthaal"), QueueRef("stad", "loket")
    cut_off = merged(iter((calls(3), Bucket(cut_off=1, unfinished=2))))
    slots = [
        (Slot(phone, Resolution.DAY, day), cut_off),
        (Slot(desk, Resolution.DAY, day), counter),
    ]
    return Analysis.of(BucketStore(slots), {desk})


def test_what_is_in_no_kpi_stands_apart_and_unfinished_visits_are_no_calls() -> None:
    counter = Bucket(walk_ins=1, no_shows=4, unfinished=5, served=1, service_ms=60_000, moved=2, cancelled=3)
    whole: Any = as_json(with_visits(counter), CITY)
    for total in (whole["total"], whole["days"]["2026-03-02"]):
        assert (total["offered"], total["cut_off"], total["unfinished"]) == (6, 1, 2)
        assert "cut_off" not in total["outcomes"]
        visits = total["visits"]
        assert [visits[key] for key in ("no_shows", "moved", "cancelled", "service_mean_s")] == [4, 2, 3, 60]
    assert whole["visits_unfinished"] == whole["queues"]["loket"]["unfinished"] == 5
    assert whole["queues"]["loket"]["offered"] == 0


def test_a_file_with_nothing_but_a_ticket_left_over_tells_of_no_call(tmp_path: Path) -> None:
    """A counter that keeps its queue over night: drawn in the afternoon, called in the morning."""
    called = {"kind": "visit.called", "id": "n", "contact": "n", "source": "balie", "site": "stad"}
    moments = {"at": "2026-03-03T08:10:00Z", "arrived_at": "2026-03-02T15:10:00Z"}
    (tmp_path / "events").write_text(json.dumps({**called, "queue": "loket", **moments}))
    whole = figures(tmp_path / "events")
    assert (whole["total"]["offered"], whole["total"]["unfinished"], whole["visits_unfinished"]) == (0, 0, 1)
    assert whole["queues"]["loket"]["unfinished"] == 1


def test_the_longest_wait_is_that_of_the_files_and_not_the_edge_of_a_cell(tmp_path: Path) -> None:
    """Above ten minutes a bucket knows waits to ten seconds; what lines say is exact."""
    (tmp_path / "log").write_text(
        "1773303000|1773302000.1|onthaal|Agent/1|CONNECT|1238|1.2|3\n"
        "1773303001|1773302900.2|wonen|Agent/1|CONNECT|20|1.2|3\n"
        "1773400000|1773399900.3|wonen|Agent/1|CONNECT|611|1.2|3\n"
    )
    whole = figures(tmp_path / "log")
    assert (whole["total"]["wait_max_s"], whole["entries"]["wait_max_s"]) == (1238, 1238)
    assert [whole["queues"][queue]["wait_max_s"] for queue in ("onthaal", "wonen")] == [1238, 611]
    assert [day["wait_max_s"] for day in whole["days"].values()] == [1238, 611]
    assert "20:38" in run(tmp_path / "log")


OVERFLOW = """\
1773302400|1773302399.1|onthaal|NONE|ENTERQUEUE|||1
1773302430|1773302399.1|onthaal|NONE|EXITWITHTIMEOUT|1|1|30
1773302431|1773302399.1|wonen|NONE|ENTERQUEUE|||1
1773302445|1773302399.1|wonen|Agent/1|CONNECT|14|1773302431.2|3
1773302450|1773302450.3|onthaal|NONE|ENTERQUEUE|||1
1773302458|1773302450.3|onthaal|NONE|ABANDON|1|1|8
"""


def test_who_overflows_and_is_helped_is_one_caller_from_a_log_to_the_figures(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(OVERFLOW)
    whole = figures(tmp_path / "log")
    keys = ("offered", "answered", "missed", "wait_mean_s")
    assert [whole["callers"][key] for key in keys] == [2, 1, 1, 45.0]
    assert [whole["entries"][key] for key in keys] == [3, 1, 2, 14.0]
    assert (whole["total"]["missed_ratio"], whole["queues"]["onthaal"]["missed"]) == (0.5, 2)


def test_the_tables_name_what_is_in_no_kpi() -> None:
    told = said_of(with_visits(Bucket(walk_ins=1, no_shows=4, unfinished=1, moved=1, cancelled=3)))
    for words in (
        "cut off by the exchange 1",
        "without an outcome 2",
        "4 did not come",
        "1 without an end",
        "1 moved, 3 cancelled",
    ):
        assert words in " ".join(told.split()), words


def said_of(analysis: Analysis) -> str:
    english = city(city={"name": "Test", "language": "en"})
    told = io.StringIO()
    Console(width=400, file=told).print(*tables(analysis, ReadingStats(), english))
    return told.getvalue()


def test_a_city_file_brings_its_queues_hours_and_definitions(logs: list[Path], tmp_path: Path) -> None:
    city = tmp_path / "city.toml"
    city.write_text(
        """
        [city]
        name = "Test"
        [hours.morning]
        thursday = ["08:00-09:01"]
        [[missed_definitions]]
        id = "everyone"
        outcomes = ["abandoned", "left_by_key"]
        [live]
        missed_definition = "everyone"
        [[sites]]
        id = "site"
        queues = [{ id = "onthaal", kind = "phone", hours = "morning" }]
        """
    )
    whole = figures("--city", city, *logs)
    assert whole["total"]["answered"] == 1  # at 09:00:30; the other at 09:04:16 is outside hours
    assert whole["outside_hours"] == 2  # with the one that the crash ended at 09:03:20
    assert whole["refused"] == {"unknown_queue": 2}  # wonen
    assert whole["total"]["definitions"]["everyone"]["missed"] == 1


def test_bad_lines_are_told_with_their_place_and_nothing_is_quoted(tmp_path: Path) -> None:
    bad = tmp_path / "log"
    bad.write_text(
        MORNING + "1773302600|1.1|onthaal|NONE|CONNECT|soon|0400000000\n0400000000\n|||||0400000000\n"
    )
    told = run(bad)
    assert f"{bad}:10\n      slechts 1 van de 5 velden" in told
    assert f"{bad}:11\n      veld 1 (epoch) is geen tijdstip" in told
    assert "0400000000" not in told
    whole = figures(bad)
    assert whole["refused"] == {"unreadable": 2}
    assert whole["unusable_waits"] == 1  # "soon"


ONE_HELPED = """\
1773303300|1773303299.1|onthaal|NONE|ENTERQUEUE|||1
1773303305|1773303299.1|onthaal|PJSIP/11|CONNECT|5|1773303300.19|2
"""


def test_callers_turned_away_by_the_verbs_of_wazo_are_offered_and_blocked(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        ONE_HELPED
        + "1773303320|1773303319.11|onthaal|NONE|DIVERT_CA_RATIO|\n"
        + "1773303321|1773303320.12|onthaal|NONE|DIVERT_HOLDTIME|\n"
        + "1773303322|1773303321.13|onthaal|NONE|FULL|\n"
    )
    whole = figures(log)
    assert (whole["total"]["offered"], whole["unknown_verbs"]) == (4, 0)
    assert whole["total"]["outcomes"] == {"abandoned": 0, "blocked": 3}


def test_two_phones_that_pick_up_one_call_are_one_answer_and_it_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(ONE_HELPED + "1773303305|1773303299.1|onthaal|PJSIP/12|CONNECT|5|1773303300.20|2\n")
    whole = figures(log)
    assert (whole["total"]["offered"], whole["total"]["answered"]) == (1, 1)
    assert whole["repeated_outcomes"] == {"queue_log": 1}
    assert "1 afloop van een contact dat er al een had" in run(log)


def test_a_conversation_that_nobody_timed_is_no_bad_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(ONE_HELPED + "1773303360|1773303299.1|onthaal|SIP/1|TRANSFER|200|inside\n")
    whole = figures(tmp_path / "log")
    assert (whole["total"]["answered"], whole["refused"]) == (1, {})


def test_a_clock_that_was_set_back_loses_no_call(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(ONE_HELPED.replace("CONNECT|5", "CONNECT|-50").replace("1773303305", "1773303250"))
    whole = figures(log)
    assert (whole["total"]["answered"], whole["total"]["wait_sum_s"]) == (1, 0)
    assert (whole["unusable_waits"], whole["refused"]) == (1, {})
    assert "1 oproep zonder mogelijke wachttijd" in run(log)


def test_a_verb_that_only_this_city_writes_means_what_its_file_says(tmp_path: Path) -> None:
    log, city = tmp_path / "log", tmp_path / "city.toml"
    log.write_text(ONE_HELPED + "1773303322|1773303321.13|onthaal|NONE|NOSTAFF|\n")
    city.write_text(
        """
        city = { name = "Test" }
        sites = [{ id = "site", queues = [{ id = "onthaal", kind = "phone" }] }]
        [[sources]]
        kind = "queue_log"
        id = "pbx"
        site = "site"
        path = "log"
        verbs = { NOSTAFF = "no_agents" }
        """
    )
    assert figures(log)["unknown_verbs"] == 1
    whole = figures("--city", city, log)
    assert (whole["total"]["offered"], whole["total"]["missed"], whole["unknown_verbs"]) == (2, 1, 0)


def test_neither_callers_nor_agents_are_ever_shown(logs: list[Path]) -> None:
    told = run(*logs) + run("--json", *logs)
    assert "0400000000" not in told
    assert "Janssens" not in told


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("nl", ("aange-", "nog niet te zeggen", "33 % (1 van 3, 6–79 %)", "12 gebeurtenissen")),
        ("en", ("offered", "not yet to say", "33% (1 of 3, 6–79%)", "events")),
        ("fr", ("manqués", "trop tôt pour le dire", "(1 sur 3, 6–79\N{NO-BREAK SPACE}%)", "lignes lues")),
        ("de", ("verpasst", "noch nicht zu sagen", "(1 von 3, 6–79\N{NO-BREAK SPACE}%)", "Zeilen gelesen")),
    ],
)
def test_tables_speak_the_language_of_the_city(language, said, logs: list[Path], tmp_path: Path) -> None:
    city = tmp_path / "city.toml"
    city.write_text(
        f"""
        city = {{ name = "Test", language = "{language}" }}
        targets = [{{ kpi = "missed_ratio", limit = 0.2 }}]
        [[sites]]
        id = "site"
        queues = [{{ id = "onthaal", kind = "phone" }}, {{ id = "wonen", kind = "phone" }}]
        """
    )
    told = run("--city", city, *logs)
    for words in said:
        assert words in told


@pytest.mark.parametrize(
    ("answered", "missed", "said", "verdict"),
    [
        (14, 6, "30% (6 of 20, 15–52%)", "undecided"),
        (11, 9, "45% (9 of 20, 26–66%)", "beyond"),
        (47, 13, "22% (13 of 60)", "beyond"),
        (48, 12, "20% (12 of 60)", "within"),
    ],
)
def test_a_target_is_held_against_what_so_many_contacts_say(
    answered: int, missed: int, said: str, verdict: str
) -> None:
    analysis = Analysis(calls(answered, missed), Bucket(), {}, {})
    whole: Any = as_json(analysis, CITY)
    (target,) = [one for one in whole["total"]["targets"] if one["kpi"] == "missed_ratio"]
    assert (target["part"], target["samples"], target["verdict"]) == (missed, answered + missed, verdict)
    assert target["met"] is {"undecided": None, "within": True, "beyond": False}[verdict]
    assert (target["low"] is None) == (answered + missed >= 60)
    assert said in said_of(analysis)


@pytest.mark.parametrize("name", ["absent", "folder"])
def test_what_cannot_be_read_is_said_in_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    result = CliRunner().invoke(app, ["analyse", str(tmp_path / name)])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert name in result.stderr
    assert "Traceback" not in result.stderr


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "log.gz").write_bytes(gzip.compress(MORNING.encode())[:-12])
    result = CliRunner().invoke(app, ["analyse", str(tmp_path / "log.gz")])
    assert result.exit_code == 2
    assert "log.gz" in result.stderr

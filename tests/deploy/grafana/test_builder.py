"""The boards are what the builder makes of a city file, and say what they must about it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types
from typer.testing import CliRunner

from deploy.grafana import words
from deploy.grafana.board import ABOUT, BoardName, QueueChoice
from deploy.grafana.every import written
from deploy.grafana.kpis import CALL_WAIT, LEAD_TIME, MISSED, SERVICE_LEVEL, VISIT_WAIT
from deploy.grafana.palette import Colour
from deploy.grafana.periods import MONTH, RunningKpi
from deploy.grafana.promql import STATE_CODES, TOTAL
from deploy.grafana.words import Edition
from domain.refusal_names import REFUSAL_NAMES
from services.evaluator.alerting.judge import CLOSED, INSUFFICIENT
from shared.config.model import CityFile
from shared.contract.boards import board_uid
from shared.contract.breach_events import BreachState, Severity
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.events import Outcome
from shared.contract.kpis import Measure
from tests.deploy.grafana.files import BOARDS, CITY_FILE, ROOT, read_boards, strings
from tests.deploy.grafana.rules import FROM_A_LABEL
from wachtpost.cli import app
from wachtpost.demo.city_copy import toml

DOCUMENT = tomllib.loads(CITY_FILE.read_text(encoding="utf-8"))
ENGLISH = Edition(CityFile.model_validate(DOCUMENT), "en")


def built(*arguments, city=CITY_FILE, out=BOARDS):
    return CliRunner().invoke(app, ["boards", "build", "--city", str(city), "--out", str(out), *arguments])


def test_the_committed_boards_are_what_the_builder_makes():
    done = built("--check")
    assert (done.exit_code, done.output) == (0, "")


def test_what_is_built_is_up_to_date_until_somebody_touches_it(tmp_path):
    assert built("--check", out=tmp_path).exit_code == 1, "nothing is there yet"
    assert built(out=tmp_path).exit_code == 0
    assert built("--check", out=tmp_path).exit_code == 0
    (tmp_path / "nl" / "live.json").write_text("{}")
    (tmp_path / "nl" / "old.json").write_text("{}")
    done = built("--check", out=tmp_path)
    assert done.exit_code == 1
    assert "nl/live.json is niet wat de bouwer maakt" in done.output
    assert "nl/old.json is geen bord van ons meer" in done.output
    assert (tmp_path / "nl" / "live.json").read_text() == "{}", "a check writes nothing"


def test_a_city_file_with_a_mistake_makes_no_boards(tmp_path):
    wrong = tmp_path / "city.toml"
    wrong.write_text(CITY_FILE.read_text(encoding="utf-8").replace("Europe/Brussels", "Europe/Lier"))
    assert built(city=wrong, out=tmp_path).exit_code == 2
    assert not (tmp_path / "nl").exists()


@pytest.mark.parametrize(
    ("windows", "title", "about", "asked"),
    [
        (["30m", "2h"], "Against the targets, 30 min", "over the last 30 minutes,", 'window="30m"'),
        (["2h", "90s"], "Against the targets, 90 s", "over the last 90 seconds,", 'window="90s"'),
        (["1h"], "Against the targets, 1 h", "over the last hour,", 'window="1h"'),
        (["2h", "last 20"], "Against the targets, last 20", "over the last 20 contacts,", 'window="last 20"'),
        (
            ["last 60", "last 20"],
            "Against the targets, last 20",
            "over the last 20 contacts,",
            'window="last 20"',
        ),
        (["last 5"], "Against the targets, last 5", "over the last 5 contacts,", 'window="last 5"'),
    ],
)
def test_windows_and_time_zone_are_those_of_the_city_file(tmp_path, windows, title, about, asked):
    document = tomllib.loads(CITY_FILE.read_text(encoding="utf-8"))
    document["city"]["time_zone"] = "America/Paramaribo"
    document["live"]["windows"] = windows
    document["rules"], document["history"] = [], {}
    city = tmp_path / "city.toml"
    city.write_text(toml(document), encoding="utf-8")
    assert built(city=city, out=tmp_path).exit_code == 0
    boards = {str(board): board for board in read_boards(tmp_path)}
    assert {board.body["timezone"] for board in boards.values()} == {"America/Paramaribo"}
    tile = boards["en/live"].panels[5]
    assert tile.title == title
    assert about in tile.body["description"]
    assert asked in tile.targets[0]["expr"]
    used = {w for b in boards.values() for w in re.findall(r'window=\\?"([\w ]+)', str(b.body))}
    assert used - {"today"} == set(windows), "no window that the city does not have"


@pytest.mark.parametrize(
    ("name", "size"),
    [("Onthaal", 14), ("Vreemdelingenzaken en inburgering", 10), ("Bevolking, reispas en id", 11)],
)
def test_bars_of_queues_with_long_names_have_smaller_letters(name, size):
    """On a screen of 1366, and on a phone, 305 px have to do."""
    document = json.loads(json.dumps(DOCUMENT, default=str))
    for queue in document["sites"][0]["queues"]:
        queue["name"] = name
    wall = json.loads(written(CityFile.model_validate(document))[Path("nl/live.json")])
    (bars,) = (panel for panel in wall["panels"] if panel["title"] == "Wacht per rij, laatste 20")
    assert bars["options"]["text"]["titleSize"] == size


def test_the_windows_of_now_are_the_fewest_contacts_and_of_longer_the_longest_time():
    live = {"windows": ["15m", "last 60", "1h", "last 20"]}
    say = Edition(CityFile.model_validate(DOCUMENT | {"live": live}), "en")
    assert (say.short, say.long) == ("last 20", "1h")


# --- Rules that say more than their measure ---------------------------------------------------------------

SPECIAL = [
    {
        "id": "niemand.helpt",
        "all": [{"kpi": "waiting", "limit": 0}, {"kpi": "nobody_available"}],
        "contacts": "visits",
    },
    {"id": "rij", "kpi": "waiting", "limit": 5},
    {"id": "balie", "kpi": "waiting", "limit": 5, "contacts": "visits"},
    {
        "id": "drukte",
        "all": [{"kpi": "waiting", "limit": 3}, {"kpi": "visit_wait_mean", "window": "1h", "limit": 600}],
    },
]


def special(language):
    return Edition(CityFile.model_validate(DOCUMENT | {"rules": SPECIAL}), language)


def test_the_wall_of_the_phones_shows_no_rule_about_visitors():
    wall = json.loads(written(special("en").city)[Path("en/live.json")])
    (states,) = (panel for panel in wall["panels"] if panel["title"] == "Breaches")
    assert 'rule!~"(niemand[.]helpt|balie|drukte)(-warning)?"' in states["targets"][0]["expr"]


def test_queues_of_several_sites_are_told_apart_where_all_sites_stand_together():
    other = {
        "id": "plein",
        "name": "Plein",
        "queues": [{"id": "onthaal", "kind": "phone", "name": "Onthaal"}],
    }
    city = CityFile.model_validate(DOCUMENT | {"sites": [*DOCUMENT["sites"], other]})
    for of, legend in ((city, "{{name}} · {{site}}"), (ENGLISH.city, "{{name}}")):
        asked = json.loads(written(of)[Path("en/pipeline.json")])
        of_queues = [panel for panel in asked["panels"] if "queue_info" in panel["targets"][0]["expr"]]
        assert [panel["targets"][0]["legendFormat"] for panel in of_queues] == [legend] * 2
        assert all(('"Plein"' in panel["targets"][0]["expr"]) == (of is city) for panel in of_queues)


def test_the_heartbeat_that_always_rings_is_no_alarm():
    """Else somebody is told for ever that something is wrong with the measuring."""
    files = (ROOT / "deploy/prometheus/rules").glob("*.yml")
    groups = [group for file in files for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    alarms = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert [rule["alert"] for rule in alarms if rule["labels"]["severity"] == "none"] == ["Watchdog"]
    for board in read_boards():
        asked = [
            query["expr"] for panel in board.panels for query in panel.targets if "ALERTS" in query["expr"]
        ]
        assert all('severity!="none"' in expr for expr in asked), board


# --- Languages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("catalogue", "spoken"),
    [
        (words.STATES, {*BreachState, INSUFFICIENT, CLOSED}),
        (words.SEVERITIES, set(Severity)),
        (words.KPIS, set(Measure)),
        (REFUSAL_NAMES, set(DeadLetterReason)),
        (words.OUTCOMES, {"answered", *Outcome}),
    ],
)
def test_the_boards_have_a_word_for_everything_that_a_label_may_say(catalogue, spoken):
    assert set(catalogue) == set(spoken)


# --- What a figure looks like ----------------------------------------------------------------------------


def test_the_most_serious_state_has_the_highest_number():
    order = sorted(STATE_CODES, key=STATE_CODES.__getitem__)
    assert order == [
        CLOSED,
        INSUFFICIENT,
        BreachState.OK,
        BreachState.PENDING,
        BreachState.CLEARING,
        BreachState.FIRING,
    ]


@pytest.mark.parametrize("kpi", [MISSED, CALL_WAIT, SERVICE_LEVEL, VISIT_WAIT])
@pytest.mark.parametrize("running", [False, True], ids=["now", "this month"])
def test_a_verdict_is_the_evaluators_and_no_comparison_of_the_boards(kpi, running):
    asked = (RunningKpi.of(kpi, MONTH) if running else kpi).verdict(ENGLISH, TOTAL, "15m")
    assert f"wachtpost_{'indicator' if running else 'kpi'}_verdict" in asked
    assert not {"<", ">", "<=", ">="}.intersection(asked.split())


@pytest.mark.parametrize(("kpi", "wrong"), [(LEAD_TIME, ">"), (SERVICE_LEVEL, "<")])
def test_what_the_diary_says_itself_is_compared_with_the_target(kpi, wrong):
    asked = kpi.compared(ENGLISH, "x")
    assert f"x {wrong} on (site, queue)" in asked
    assert "wachtpost_kpi_target" in asked
    assert not {"ceil(", "floor("}.intersection(asked.split())


@pytest.mark.parametrize("kpi", [MISSED, SERVICE_LEVEL, VISIT_WAIT])
def test_a_month_is_never_closed_and_a_rolling_figure_is_while_its_kind_of_queue_is_shut(kpi):
    asked = kpi.verdict(ENGLISH, TOTAL, "15m")
    assert f'wachtpost_queue_open{{site="$site", kind="{kpi.kind}"}}) == 0' in " ".join(asked.split())
    assert "wachtpost_queue_open" not in RunningKpi.of(kpi, MONTH).verdict(ENGLISH, TOTAL, "")


@pytest.mark.parametrize("board", read_boards(), ids=str)
def test_a_title_fits_a_phone(board):
    """Grafana cuts it off at 340 of its 390 px: 44 letters of 14 px, as `make pictures` measures."""
    assert [panel.title for panel in board.panels if len(panel.title) > 44] == []


def test_colours_are_those_of_okabe_and_ito_or_none():
    assert {colour for colour in Colour if colour.startswith("#")} == {
        "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F",
    }  # fmt: skip


# --- Variables, links, annotations -----------------------------------------------------------------------


@pytest.mark.parametrize("board", read_boards(), ids=str)
def test_a_variable_takes_the_name_for_people_and_the_id_for_the_query(board):
    labels = 'instance="wachtpost", kind="phone", name="Eerste lijn", queue="q-1", site="lier"'
    answer = f"wachtpost_queue_info{{{labels}}} 1 1"
    wanted = {"queue": ("Eerste lijn", "q-1"), "site": ("Eerste lijn", "lier")}
    for variable in board.variables:
        if variable["name"] in wanted:
            pattern = re.compile(variable["regex"].strip("/").removesuffix("/g").replace("(?<", "(?P<"))
            found = [match.groupdict() for match in pattern.finditer(answer)]
            text = next(one["text"] for one in found if one["text"])
            value = next(one["value"] for one in found if one["value"])
            assert (text, value) == wanted[variable["name"]]


@pytest.mark.parametrize("board", read_boards(), ids=str)
def test_links_stay_in_the_language_and_hand_a_queue_only_to_boards_that_know_it(board):
    others = [name for name in BoardName if name != board.name]
    urls = [link["url"] for link in board.body["links"]]
    assert [url.removeprefix("/d/").partition("${")[0] for url in urls] == [
        board_uid(name, board.language) for name in others
    ]
    here = ABOUT[BoardName(board.name)][2]
    for name, url in zip(others, urls, strict=True):
        there = ABOUT[name][2]
        assert ("queue" in url) == (bool(here and there) and there in (here, QueueChoice.ALL))


@pytest.mark.parametrize("board", read_boards(), ids=str)
def test_every_link_keeps_the_screen_on_the_wall_as_it_is(board):
    kept = "${__url.params:include:kiosk,_dash.hideTimePicker,_dash.hideVariables,_dash.hideLinks,from,to"
    urls = {url for url in strings(board.body, "url") if FROM_A_LABEL not in url}
    assert urls
    assert {url for url in urls if kept not in url} == set()


def test_the_kinds_of_queues_are_those_of_the_metric():
    assert {QueueChoice.PHONES, QueueChoice.COUNTERS} == {"phone", "counter"}

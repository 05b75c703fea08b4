"""The boards are what the builder makes of them, and the builder makes no board that cannot be read."""

from __future__ import annotations

import json
import re
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.grafana import __main__ as command
from deploy.grafana import every_board, may_be_empty, words, written
from deploy.grafana.board import WALL_HEIGHT, WIDTH, Band, Board, Name, Queues, uid
from deploy.grafana.every import FOLDER
from deploy.grafana.kpis import CALL_WAIT, MISSED, SERVICE_LEVEL, VISIT_WAIT
from deploy.grafana.palette import Colour
from deploy.grafana.panels import Fields, Panel, prose, stat
from deploy.grafana.periods import MONTH, Running
from deploy.grafana.promql import STATE_CODES, TOTAL
from deploy.grafana.words import Language, PanelText, Text, speaker
from services.evaluator.alerting.judge import CLOSED, INSUFFICIENT
from services.notifier.grafana.annotations import MARK
from shared.contract.breach_events import BreachState, Measure, Severity
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.events import Outcome

BOARDS = tuple(every_board())


def _read(made: Board | Panel) -> Any:
    """What Grafana reads."""
    return json.loads(json.dumps(made.to_json() if isinstance(made, Board) else made.to_json(1, {})))


TEXT = prose(("title", "about"), "words")


def test_the_committed_boards_are_what_the_builder_makes():
    assert sorted(command.differing(written())) == []


def test_a_board_that_nobody_makes_any_more_is_noticed(tmp_path, monkeypatch):
    left_over = tmp_path / "nl" / "old.json"
    left_over.parent.mkdir()
    left_over.write_text("{}")
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    assert list(command.differing({})) == [left_over]


@pytest.mark.parametrize(
    ("story", "arguments", "status"),
    [
        ("all as committed", ["--check"], 0),
        ("an option that does not exist", ["--dry-run"], 2),
    ],
)
def test_the_command_ends_with(story, arguments, status):
    assert command.main(arguments) == status, story


def test_check_says_which_board_is_stale(monkeypatch, capsys):
    monkeypatch.setattr(command, "written", lambda: {FOLDER / "nl" / "live.json": "another"})
    assert command.main(["--check"]) == 1
    assert "nl/live.json" in capsys.readouterr().err


# --- Layout ----------------------------------------------------------------------------------------------


def _area(place):
    return {
        (x, y)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    }


@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.sets(st.integers(1, WIDTH - 1), max_size=5)), min_size=1, max_size=6
    )
)
def test_whatever_the_bands_no_two_panels_overlap_and_none_leaves_the_grid(bands):
    made = []
    for height, cuts in bands:
        edges = [0, *sorted(cuts), WIDTH]
        widths = [right - left for left, right in pairwise(edges)]
        made.append(Band(height, tuple((width, TEXT) for width in widths)))
    board = Board(
        name=Name.LIVE,
        language=Language.NL,
        about=Text("a", "a"),
        bands=tuple(made),
        since="now-1h",
        refresh="5s",
    )
    panels = _read(board)["panels"]
    areas = [_area(panel["gridPos"]) for panel in panels]
    assert all(one.isdisjoint(other) for one, other in combinations(areas, 2))
    assert all(x < WIDTH for area in areas for x, _ in area)
    assert sum(map(len, areas)) == WIDTH * sum(height for height, _ in bands), "no holes either"
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))


@pytest.mark.parametrize("widths", [(), (12,), (12, 13), (24, 1)])
def test_a_band_that_does_not_fill_the_width_is_refused(widths):
    with pytest.raises(ValueError, match="24"):
        Band(4, tuple((width, TEXT) for width in widths))


def test_the_wall_board_fits_a_screen():
    for board in BOARDS:
        if board.name is Name.LIVE:
            assert sum(band.height for band in board.bands) <= WALL_HEIGHT


# --- Languages -------------------------------------------------------------------------------------------


def _texts(where):
    for name, value in vars(where).items():
        if isinstance(value, PanelText):
            yield f"{name}.title", value.title
            yield f"{name}.about", value.about
        elif isinstance(value, Text):
            yield name, value
        elif isinstance(value, dict):
            yield from ((f"{name}[{key}]", text) for key, text in value.items() if isinstance(text, Text))
        elif isinstance(value, type) and value.__module__ == words.__name__:
            yield from ((f"{name}.{inner}", text) for inner, text in _texts(value))


def test_every_text_exists_in_both_languages():
    texts = dict(_texts(words))
    assert len(texts) > 150, "the catalogue was not found"
    assert [name for name, text in texts.items() if not (text.nl.strip() and text.en.strip())] == []


def test_a_sentence_is_not_the_same_in_two_languages():
    assert [name for name, text in _texts(words) if text.nl == text.en and " " in text.nl] == []


def test_the_two_languages_ask_the_same_questions_of_the_same_boards():
    def shape(language):
        return [
            (board.name, [(panel.kind, len(panel.queries)) for panel in board.panels])
            for board in BOARDS
            if board.language is language
        ]

    assert shape(Language.NL) == shape(Language.EN)
    assert [name for name, _ in shape(Language.NL)] == list(Name)


@pytest.mark.parametrize(
    ("catalogue", "spoken"),
    [
        (words.STATES, {*BreachState, INSUFFICIENT, CLOSED}),
        (words.SEVERITIES, set(Severity)),
        (words.KPIS, set(Measure)),
        (words.REASONS, set(DeadLetterReason)),
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


@pytest.mark.parametrize(
    ("kpi", "wrong", "rounding"),
    [
        (MISSED, ">", "ceil"),
        (CALL_WAIT, ">", "ceil"),
        (VISIT_WAIT, ">", "ceil"),
        (SERVICE_LEVEL, "<", "floor"),
    ],
)
def test_a_verdict_compares_with_the_citys_target_and_rounds_towards_the_bad_side(kpi, wrong, rounding):
    asked = kpi.verdict(speaker(Language.EN), TOTAL, "15m")
    assert f"{wrong} on (site, queue)" in asked
    assert "wachtpost_kpi_target" in asked
    assert f"{rounding}(" in asked


@pytest.mark.parametrize("kpi", [MISSED, SERVICE_LEVEL, VISIT_WAIT])
def test_a_month_is_never_closed_and_a_rolling_figure_is_while_its_kind_of_queue_is_shut(kpi):
    asked = kpi.verdict(speaker(Language.EN), TOTAL, "15m")
    assert f'wachtpost_queue_open{{site="$site", kind="{kpi.kind}"}}) == 0' in " ".join(asked.split())
    assert "wachtpost_queue_open" not in Running.of(kpi, MONTH).verdict(speaker(Language.EN), TOTAL, "")


def test_no_number_of_the_citys_targets_stands_in_a_board():
    for board in BOARDS:
        for panel in _read(board)["panels"]:
            steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            assert [step["value"] for step in steps] == [None], panel["title"]


def test_a_stat_without_data_says_so():
    made = _read(stat(("t", "a"), [], Fields(no_value="no data")))
    assert made["fieldConfig"]["defaults"]["noValue"] == "no data"


def test_colours_are_those_of_okabe_and_ito_or_none():
    assert {colour for colour in Colour if colour.startswith("#")} == {
        "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F",
    }  # fmt: skip


# --- Variables, links, annotations -----------------------------------------------------------------------


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_a_variable_takes_the_name_for_people_and_the_id_for_the_query(board):
    labels = 'instance="wachtpost", kind="phone", name="Eerste lijn", queue="q-1", site="lier"'
    answer = f"wachtpost_queue_info{{{labels}}} 1 1"
    wanted = {"queue": ("Eerste lijn", "q-1"), "site": ("Eerste lijn", "lier")}
    for variable in _read(board)["templating"]["list"]:
        if variable["name"] in wanted:
            pattern = re.compile(variable["regex"].strip("/").removesuffix("/g").replace("(?<", "(?P<"))
            found = [match.groupdict() for match in pattern.finditer(answer)]
            text = next(one["text"] for one in found if one["text"])
            value = next(one["value"] for one in found if one["value"])
            assert (text, value) == wanted[variable["name"]]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_links_stay_in_the_language_and_hand_a_queue_only_to_boards_that_know_it(board):
    urls = [link["url"] for link in _read(board)["links"]]
    assert [url.removeprefix("/d/").partition("?")[0] for url in urls] == [
        uid(name, board.language) for name in Name if name is not board.name
    ]
    for url in urls:
        if "queue" in url:
            assert "wachtpost-breaches" in url or "wachtpost-policy" in url or _same_kind(board, url)


def _same_kind(board, url):
    counters = {Name.COUNTERS, Name.APPOINTMENTS}
    aimed = next(name for name in Name if f"wachtpost-{name}" in url)
    return {board.name, aimed} <= counters or {board.name, aimed} <= {Name.BREACHES, Name.POLICY}


def test_annotations_are_found_by_the_tag_that_the_notifier_writes():
    for board in BOARDS:
        listed = _read(board)["annotations"]["list"]
        tags = [one["target"]["tags"] for one in listed if one.get("enable")]
        if board.name is not Name.PIPELINE:
            assert tags == [[MARK, "site:$site"]]


def test_what_may_be_empty_is_a_query_of_a_board_and_has_a_reason():
    asked = {
        (board.uid, panel.title, ref)
        for board in BOARDS
        for panel in board.panels
        for ref, _ in panel.asked()
    }
    assert may_be_empty().keys() <= asked
    assert all(len(reason) > 10 for reason in may_be_empty().values())


def test_a_panels_title_is_unique_on_its_board():
    for board in BOARDS:
        titles = [panel.title for panel in board.panels]
        assert len(titles) == len(set(titles)), board.uid


def test_no_panel_lacks_a_description_or_a_query():
    for board in BOARDS:
        for panel in board.panels:
            assert isinstance(panel, Panel)
            assert len(panel.about) > 10, panel.title
            assert panel.queries or panel.kind == "text"


def test_the_kinds_of_queues_are_those_of_the_metric():
    assert {Queues.PHONES, Queues.COUNTERS} == {"phone", "counter"}

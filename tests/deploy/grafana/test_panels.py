"""What people read on the boards, as Grafana's own packages make it of the panels and of the answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import pytest
from grafana_foundation_sdk.builders import bargauge, stat
from grafana_foundation_sdk.builders.common import HideSeriesConfig, ReduceDataOptions
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue
from grafana_foundation_sdk.models.units import PercentUnit

from deploy.grafana.board import BoardName, board
from deploy.grafana.every import finished
from deploy.grafana.palette import PLAIN
from deploy.grafana.panels import (
    LATENCY,
    bars,
    columns_per_row,
    fixed,
    given,
    instant,
    listing,
    matrix,
    number,
    rows,
    sorted_by,
)
from deploy.grafana.words import NO_DATA, Edition, PanelText
from shared.config.model import CityFile
from shared.translation import languages
from tests.deploy.grafana.files import Board, JsonObject, boards_looking_back, read_boards
from tests.deploy.grafana.panels import Reading, needs_grafana, read, vector
from tests.deploy.grafana.panels.expected import unexpected
from tests.deploy.grafana.panels.faults import complaints
from tests.deploy.grafana.queries import Prometheus, ask_panels
from tests.deploy.grafana.stage import WINDOWS
from tests.deploy.grafana.test_builder import DOCUMENT

CITY = CityFile.model_validate(DOCUMENT)
DUTCH = Edition(CITY, "nl")
TEXT = PanelText("Wachttijd", NO_DATA)


# --- Grafana takes it otherwise than its author thought ----------------------------------------------------

Drawn: TypeAlias = Builder[dashboard.Panel]

SPEEDS = vector(({"category": "20-45", "order": "00020"}, 0.4), ({"category": "0-20", "order": "00000"}, 0.5))
YEARS = vector(({"x": "2025", "series": "binnen doel"}, 0.13), ({"x": "2024", "series": "boven doel"}, 0.21))
QUEUE = vector(({"queue": "loket-wonen", "name": "Loket Wonen"}, 102))
SEVERITY = vector(({"severity": "ticket", "name": "Stad Lier"}, 1))
MANY = vector(*(({"name": f"Loket {number}"}, number) for number in range(30)))
TOLD = vector(({"told": "boven doel (4.8 min)"}, 1))


def shares(renamed: Mapping[str, str]) -> Drawn:
    """Bars that are named by a column."""
    hidden = {"Time": True, "order": True}
    organized = {"excludeByName": hidden, "indexByName": {}, "includeByName": {}, "renameByName": renamed}
    panel = bars(DUTCH, TEXT, rows("speeds"), per_row=True).unit(PercentUnit).color_scheme(fixed(PLAIN))
    return panel.transformations([sorted_by("order"), DataTransformerConfig("organize", options=organized)])


def years(unit: str) -> Drawn:
    """A bar per year. ``unit``: of what stands below the bars."""
    panel = (
        columns_per_row(DUTCH, TEXT, rows("years")).unit(PercentUnit).decimals(0).color_scheme(fixed(PLAIN))
    )
    panel.override_by_name("x\\series", given(unit=unit))
    return panel.transformations([sorted_by("x"), matrix("x", "series", "Value")])


def listed(*settings: DynamicConfigValue, sort_by: str = "Waar", hidden: Iterable[str] = ()) -> Drawn:
    """A row per queue, with its id for the links. ``settings``: of the column with that id."""
    organized = {
        "excludeByName": dict.fromkeys(["Time", *hidden], True),
        "includeByName": {},
        "indexByName": {"name": 0, "Value": 1},
        "renameByName": {"name": "Waar", "Value": "Aantal", "severity": "Ernst"},
    }
    panel = listing(DUTCH, TEXT, rows("queues"), sort_by=sort_by).override_by_name("queue", list(settings))
    return panel.transformations([DataTransformerConfig("organize", options=organized)])


def waited(unit: str) -> Drawn:
    return number(DUTCH, TEXT, instant("wait", "{{name}}")).unit(unit).color_scheme(fixed(PLAIN))


def named_bars(legend: str) -> bargauge.Panel:
    return bars(DUTCH, TEXT, instant("x_wait_seconds", legend)).color_scheme(fixed(PLAIN))


def bare() -> Drawn:
    """Grafana's own tile."""
    reduced = ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    return (
        stat.Panel()
        .title("Wachttijd")
        .reduce_options(reduced)
        .targets([instant("wait", "{{name}}").ref_id("A")])
    )


HIDDEN = DynamicConfigValue("custom.hideFrom.viz", True)
WRONG: Sequence[tuple[str, Drawn, JsonObject, str]] = (
    ("a column renamed to itself", shares({"Value": "Value"}), SPEEDS, "'Value' says nothing to anybody"),
    (
        "a year that a unit makes a number",
        years(PercentUnit),
        YEARS,
        "'2025' stands on the axis as '202500%'",
    ),
    (
        "a column hidden in a way that tables do not know",
        listed(*given(custom_hideFrom=HideSeriesConfig().viz(True))),
        QUEUE,
        "Grafana does not know the setting custom.hideFrom",
    ),
    ("so it is there", listed(), QUEUE, "the column 'queue' is there for no reader"),
    ("an order by a column that is not there", listed(HIDDEN, sort_by="Ernst"), QUEUE, "sorted by 'Ernst'"),
    ("hours that no wait has", waited("dthms"), QUEUE, "'00:01:42' should have no hours"),
    ("seconds from sixty on", waited("s"), QUEUE, "'1.70 mins' is English"),
    (
        "a bar that is alone",
        named_bars("{{name}}").display_name(""),
        QUEUE,
        "the bar of ('102',) has no name",
    ),
    ("no thresholds", bare(), QUEUE, "is in #F2495C, which is Grafana's own"),
    ("no name", named_bars("__auto"), vector(({}, 1)), "'x_wait_seconds' is an id"),
    ("an id without a word", listed(HIDDEN), SEVERITY, "'ticket' is an id"),
    (
        "a figure as Prometheus writes it",
        named_bars("{{told}}"),
        TOLD,
        "'boven doel (4.8 min)' has a decimal",
    ),
)
RIGHT: Sequence[tuple[str, Drawn, JsonObject, Sequence[tuple[str, Sequence[str]]]]] = (
    ("bars by a column", shares({}), SPEEDS, [("0-20", ("50%",)), ("20-45", ("40%",))]),
    ("years", years("string"), YEARS, [("boven doel", ("21%", "")), ("binnen doel", ("", "13%"))]),
    ("a hidden column", listed(HIDDEN), QUEUE, [("Waar", ("Loket Wonen",)), ("Aantal", ("102",))]),
    ("seconds that stay seconds", waited(LATENCY), QUEUE, [("", ("102 s",))]),
    ("a bar that is alone and says whose it is", named_bars("{{name}}"), QUEUE, [("Loket Wonen", ("102",))]),
    (
        "bars of which one is called otherwise",
        named_bars("{{category}}").override_by_name("0-20", given(displayName="snel")),
        SPEEDS,
        [("20-45", ("0",)), ("snel", ("1",))],
    ),
)


@pytest.fixture(scope="module")
def readings() -> Mapping[str, Reading]:
    """All of ``WRONG`` and ``RIGHT`` as people read them, by their stories."""
    every = [(story, panel, answer) for story, panel, answer, _ in (*WRONG, *RIGHT)]
    made = board(DUTCH, BoardName.LIVE, "now-3h", "10s")
    for _, panel, _ in every:
        made.with_panel(panel)
    drawn = Board("live", "nl", json.loads(JSONEncoder().encode(finished(made, BoardName.LIVE, DUTCH.city))))
    answers = [{"A": answer} for *_, answer in every]
    found = read((drawn, panel, answer) for panel, answer in zip(drawn.panels, answers, strict=True))
    return {story: reading for (story, *_), reading in zip(every, found, strict=True)}


@needs_grafana
@pytest.mark.parametrize(("story", "complaint"), [(story, complaint) for story, *_, complaint in WRONG])
def test_what_nobody_should_read_is_found(
    readings: Mapping[str, Reading], story: str, complaint: str
) -> None:
    assert complaint in "\n".join(complaints(readings[story], DUTCH))


@needs_grafana
@pytest.mark.parametrize(("story", "parts"), [(story, parts) for story, *_, parts in RIGHT])
def test_what_people_should_read_is_no_fault(
    readings: Mapping[str, Reading], story: str, parts: Sequence[tuple[str, Sequence[str]]]
) -> None:
    reading = readings[story]
    assert [(part.name, part.texts) for part in reading.parts] == parts
    assert list(complaints(reading, DUTCH)) == []


@needs_grafana
def test_an_axis_says_what_it_was_given(readings: Mapping[str, Reading]) -> None:
    assert readings["years"].axis == (("2024", "2024"), ("2025", "2025"))


# --- All panels of all boards, with the answers of a real Prometheus ---------------------------------------


@pytest.mark.slow
@needs_grafana
def test_every_panel_of_every_board_says_what_people_read(prometheus: Prometheus) -> None:
    readings = read_all(read_boards(), prometheus)
    wrong = [told for one in readings for told in complaints(one, Edition(CITY, one.board.language))]
    for language in languages():
        mine = [one for one in readings if one.board.language == language]
        wrong += unexpected(mine, Edition(CITY, language))
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.slow
@needs_grafana
@pytest.mark.parametrize("windows", WINDOWS, ids=", ".join)
def test_so_does_every_panel_of_a_city_that_looks_back_otherwise(
    prometheus: Prometheus, windows: tuple[str, ...]
) -> None:
    boards = [board for board in boards_looking_back(*windows) if board.language == "nl"]
    # These boards have no rules, and the city that is watched has: they are called by their measures.
    wrong = [told for told in faults(boards, prometheus) if "are called" not in told]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.slow
@needs_grafana
def test_where_there_is_nothing_to_say_every_panel_says_so(prometheus_of_yesterday: Prometheus) -> None:
    wrong = faults(read_boards(), prometheus_of_yesterday)
    assert not wrong, "\n" + "\n".join(wrong)


def faults(boards: Iterable[Board], prometheus: Prometheus) -> list[str]:
    """Return what people should not read on these boards."""
    readings = read_all(boards, prometheus)
    return [told for one in readings for told in complaints(one, Edition(CITY, one.board.language))]


def read_all(boards: Iterable[Board], prometheus: Prometheus) -> list[Reading]:
    """Return every panel of these boards as people read it."""
    readings = read((board, *one) for board in boards for one in ask_panels(board, prometheus))
    print(f"\n{len(readings)} panels were read, {sum(bool(one.parts) for one in readings)} say something")
    assert readings, "somebody has to look"
    return readings

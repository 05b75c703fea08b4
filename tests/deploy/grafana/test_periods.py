"""Months and years on a board: their axis, their colours and the line of their target."""

from __future__ import annotations

import json
import tomllib

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.kpis import HANDLE_TIME, MISSED
from deploy.grafana.palette import Colour, scale
from deploy.grafana.panels import COUNT, TEXT, columns
from deploy.grafana.periods import MONTH, YEAR, history, speeds
from deploy.grafana.words import Edition, PolicyWords
from shared.config.model import CityFile
from shared.translation import languages
from tests.deploy.grafana.files import CITY_FILE, Panel, read_boards

DOCUMENT = tomllib.loads(CITY_FILE.read_text(encoding="utf-8"))


def edition(language="en", **changes):
    return Edition(CityFile.model_validate(DOCUMENT | changes), language)


def panel(made):
    return Panel(json.loads(JSONEncoder().encode(made.build())))


@pytest.mark.parametrize("language", languages())
def test_what_stands_on_the_axis_of_bars_is_no_number_and_theirs_has_its_unit_beside_it(language):
    """Of 2025 a percentage would make 202500%, and 23 times "5.2 working days" lie over each other."""
    (board,) = (one for one in read_boards() if (one.name, one.language) == ("policy", language))
    charts = [one for one in board.panels if one.type == "barchart"]
    assert len(charts) == 6
    for chart in charts:
        assert chart.everywhere("unit") == [COUNT, TEXT], "the only override of it is the axis'"
        assert chart.defaults["custom"]["axisLabel"]
        assert "text" not in chart.options, "sizes are Grafana's, which leaves out what does not fit"


@pytest.mark.parametrize(
    ("targets", "kpi", "queries"),
    [
        ([{"kpi": "missed_ratio", "limit": 0.2, "period": "year"}], MISSED, 2),
        ([{"kpi": "missed_ratio", "limit": 0.2, "queue": "onthaal"}], MISSED, 1),
        ([{"kpi": "missed_ratio", "limit": 0.2}], HANDLE_TIME, 1),
        ([], MISSED, 1),
    ],
)
@pytest.mark.parametrize("span", [MONTH, YEAR])
def test_bars_have_the_line_of_a_target_of_all_places_together(targets, kpi, queries, span):
    city = edition(targets=targets, rules=[], budget_rules=[])
    assert len(panel(history(city, PolicyWords.MISSED_MONTHS, kpi, span)).targets) == queries


@pytest.mark.parametrize(
    "bounds", [["5s"], ["20s", "45s", "60s", "120s", "180s"], [f"{n}0s" for n in range(1, 16)]]
)
def test_every_speed_category_has_its_own_colour(bounds):
    chart = panel(speeds(edition(speed_categories={"bounds": bounds}), PolicyWords.SPEED))
    assert len({colour["fixedColor"] for colour in chart.everywhere("color")[1:]}) == len(bounds) + 1


def test_a_scale_goes_from_good_to_bad_and_mixes_only_what_is_not_there():
    assert (scale(1), scale(2)) == ((Colour.BLUE,), (Colour.BLUE, Colour.VERMILION))
    assert scale(6) == (Colour.BLUE, Colour.SKY, Colour.GREEN, Colour.YELLOW, Colour.ORANGE, Colour.VERMILION)
    assert scale(11)[::2] == scale(6)
    assert scale(11)[1] == "#2B93CE"


def test_a_column_that_keeps_its_name_is_not_renamed():
    kept = columns({"category": "category", "Value #A": "share"}).options
    assert isinstance(kept, dict)
    assert kept["renameByName"] == {"Value #A": "share"}

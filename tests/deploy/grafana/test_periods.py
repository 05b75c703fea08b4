"""Months and years on a board: their axis, their colours and the line of their target."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.every import written
from deploy.grafana.kpis import HANDLE_TIME, MISSED, VISIT_WAIT
from deploy.grafana.palette import Colour, scale
from deploy.grafana.panels import COUNT, TEXT, columns
from deploy.grafana.periods import MONTH, YEAR, history, speeds, waits_by_place
from deploy.grafana.words import Edition, PolicyWords
from shared.config.model import CityFile
from shared.translation import languages
from tests.deploy.grafana.files import CITY_FILE, Board, Panel, read_boards
from tests.deploy.grafana.test_verdicts import answers, needs_promtool

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
        first, *_ = chart.body["fieldConfig"]["overrides"]
        assert first["properties"] == [{"id": "noValue"}], "no bar there is no panel without bars"


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


@pytest.mark.parametrize(
    ("kind", "tiles", "charts"),
    [
        ("phone", ["Missed calls, this year", "Mean phone wait, this month"], 5),
        ("counter", ["Lead time, this month"], 1),
    ],
)
def test_a_city_has_no_charts_of_what_it_has_not(kind, tiles, charts):
    queue = {"id": "a", "name": "A", "kind": kind}
    sites = [{"id": "site", "name": "Site", "queues": [queue]}]
    made = written(CityFile.model_validate({"city": {"name": "Town"}, "sites": sites}))
    board = Board("policy", "en", json.loads(made[Path("en/policy.json")]))
    assert [one.title for one in board.panels if one.type == "stat"] == tiles
    assert sum(one.type == "barchart" for one in board.panels) == charts
    places = [one.body["gridPos"] for one in board.panels]
    widths = {sum(one["w"] for one in places if one["y"] == each["y"]) for each in places}
    assert widths == {24}, "no holes"


MONTH_AT = 'site="lier", period="2026-11"'


@needs_promtool
@pytest.mark.parametrize(
    ("targets", "bars"),
    [
        ({"month": 0.25, "year": 0.2}, {"target": 25}),
        ({"year": 0.2}, {"target per year": 20}),
        ({}, {}),
    ],
)
def test_a_month_is_held_against_its_target_or_else_shown_that_of_the_year(targets, bars, tmp_path):
    chart = panel(history(edition(), PolicyWords.MISSED_MONTHS, MISSED, MONTH))
    page = {
        f'wachtpost_indicator_target{{site="lier", queue="all", kpi="missed_ratio", period="{span}"}}': limit
        for span, limit in targets.items()
    }
    page[f'wachtpost_indicator_period{{{MONTH_AT}, span="month", state="running"}}'] = 1
    page[f'wachtpost_indicator_missed_ratio{{{MONTH_AT}, queue="all", origin="counted"}}'] = 0.125
    shown = {f'{{x="{x}", series="target"}}': value for x, value in bars.items()}
    counted = {'{x="2026-11 so far", series="counted"}': 12.5}
    asked, line = (one["expr"] for one in chart.targets)
    assert answers(asked, page, shown | counted, tmp_path) == ""
    assert answers(line, page, dict.fromkeys(["{}"] * len(bars), sum(bars.values())), tmp_path) == ""


@needs_promtool
def test_a_month_at_a_counter_says_its_mean_as_a_clock_and_how_it_stands(tmp_path):
    table = panel(waits_by_place(edition(), PolicyWords.COUNTER_MONTHS, VISIT_WAIT))
    at = f'{MONTH_AT}, queue="a"'
    page = {
        'wachtpost_queue_info{site="lier", queue="a", kind="counter", name="A"}': 1,
        f'wachtpost_indicator_period{{{MONTH_AT}, span="month", state="complete"}}': 1,
        f'wachtpost_indicator_visit_wait_mean_seconds{{{at}, origin="counted"}}': 487.6479,
        f'wachtpost_indicator_verdict{{{at}, kpi="visit_wait_mean"}}': 2,
    }
    told = {'{x="2026-11", name="A", cell="▲ 8:08 · above target"}': 487.6479}
    assert answers(table.targets[0]["expr"], page, told, tmp_path) == ""


@needs_promtool
def test_a_promise_stands_in_one_column_whatever_its_unit(tmp_path):
    (board,) = (one for one in read_boards() if str(one) == "en/policy")
    (table,) = (one for one in board.panels if one.title == "What the city promises")
    promised = {
        "missed_ratio": (0.2, "at most 20%"),
        "service_level": (0.8, "at least 80%"),
        "call_wait_mean": (45, "at most 0:45"),
        "lead_time_mean": (5, "at most 5 working days"),
    }
    page = {'wachtpost_queue_info{site="lier", queue="all", kind="site", name="Lier"}': 1.0}
    at = 'site="lier", queue="all", period="month"'
    for kpi, (limit, _) in promised.items():
        page[f'wachtpost_indicator_target{{{at}, kpi="{kpi}"}}'] = limit
    told = {
        f'{{{at}, kpi="{kpi}", name="Lier", promised="{words}"}}': 1 for kpi, (_, words) in promised.items()
    }
    assert answers(table.targets[0]["expr"], page, told, tmp_path) == ""


def test_a_scale_goes_from_good_to_bad_and_mixes_only_what_is_not_there():
    assert (scale(1), scale(2)) == ((Colour.BLUE,), (Colour.BLUE, Colour.VERMILION))
    assert scale(6) == (Colour.BLUE, Colour.SKY, Colour.GREEN, Colour.YELLOW, Colour.ORANGE, Colour.VERMILION)
    assert scale(11)[::2] == scale(6)
    assert scale(11)[1] == "#2B93CE"


def test_a_column_that_keeps_its_name_is_not_renamed():
    kept = columns({"category": "category", "Value #A": "share"}).options
    assert isinstance(kept, dict)
    assert kept["renameByName"] == {"Value #A": "share"}

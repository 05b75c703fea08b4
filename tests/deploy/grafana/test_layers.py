"""Which breaches are drawn on which chart, and how: the notifier's tags, found as Grafana finds them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from deploy.grafana.every import written
from deploy.grafana.layers import COLOURS, appearances
from services.notifier.grafana.annotations import CityWords, annotation_of
from services.notifier.model import Acknowledgement, Breach
from shared.config.model import CityFile
from shared.contract.annotation_tags import EVERY_CHART, Appearance
from shared.contract.kpis import Kpi, Measure
from tests.deploy.grafana.files import CITY_FILE, Board, JsonObject, read_boards
from tests.deploy.grafana.panels import kept, needs_grafana
from tests.support import samples

DOCUMENT = tomllib.loads(CITY_FILE.read_text(encoding="utf-8"))
CITY = CityFile.model_validate(DOCUMENT)
WORDS = CityWords.of(CITY)
AT = datetime(2026, 3, 12, 9, 5, tzinfo=UTC)
PHONES = ("onthaal", "burgerzaken", "omgeving")
COUNTERS = ("loket-burgerzaken", "loket-wonen")
BOARDS = {board.name: board for board in read_boards() if board.language == "nl"}


def breach(**differs: object) -> Breach:
    return samples.breach(AT, **({"site": "lier", "queue": "onthaal"} | differs))


def drawn(board: Board, chosen: Sequence[str], of: Breach) -> list[tuple[str, str]]:
    """Return the charts on which a breach is drawn, each with its colour, while these queues are chosen."""
    return sorted(_drawn(board, chosen, annotation_of(of, WORDS).tags))


def _drawn(board: Board, chosen: Sequence[str], tags: Sequence[str]) -> Iterator[tuple[str, str]]:
    queries = {
        str(one["name"]): str(one["query"]["query"]) for one in board.variables if one["type"] == "query"
    }
    for layer in board.annotations:
        if not layer["enable"]:
            continue
        variable, nobodys = layer["target"]["tags"]
        query = queries[variable.removeprefix("$")]
        template = re.search(r'"tag", "(\S+?)", "tag"', query)
        assert template is not None
        assert layer["target"]["matchAny"]
        places = [*chosen, "all"] if "$queue|all" in query else chosen
        asked = {template[1].replace("$1", "lier").replace("$2", place) for place in places}
        assert nobodys not in tags
        if asked.isdisjoint(tags):
            continue
        for panel in board.panels:
            if panel.id in layer["filter"]["ids"]:
                yield from ((name, layer["iconColor"]) for name in _repeats(panel.body, chosen, tags))


def _repeats(panel: JsonObject, chosen: Sequence[str], tags: Sequence[str]) -> Iterator[str]:
    """The copies of a panel that keep an annotation, as Grafana filters its tags, joined by commas."""
    filters = [one for one in panel.get("transformations", ()) if one["id"] == "filterByValue"]
    for queue in chosen if panel.get("repeat") else ("",):
        patterns = [one["options"]["filters"][0]["config"]["options"]["value"] for one in filters]
        own = [one.replace("$site", "lier").replace("$queue", queue) for one in patterns]
        if all(re.search(pattern, ",".join(tags)) for pattern in own):
            yield f"{panel['title']} {queue}".strip()


MISSED = "Gemiste oproepen, verloop"
WAIT = "Gemiddelde wachttijd, verloop"
CRITICAL, WARNING = COLOURS[Appearance.CRITICAL], COLOURS[Appearance.WARNING]
TAKEN = Acknowledgement(at=AT, by="balie")
BY_COUNTER = {"measure": Measure.VISIT_WAIT_MEAN, "window": "today", "severity": "warning"}


@pytest.mark.parametrize(
    ("of", "charts"),
    [
        (breach(), [(MISSED, CRITICAL)]),
        (breach(queue="all"), [(MISSED, CRITICAL)]),
        (breach(queue="omgeving"), []),  # not chosen
        (breach(site="elders"), []),
        (breach(severity="warning"), [(MISSED, WARNING)]),
        (breach(acknowledged=TAKEN), [(MISSED, COLOURS[Appearance.ACKNOWLEDGED])]),
        (breach(state="ok", closed_at=AT, acknowledged=TAKEN), [(MISSED, COLOURS[Appearance.ACKNOWLEDGED])]),
        (breach(state="ok", closed_at=AT, fired_at=None), [(MISSED, COLOURS[Appearance.BLIP])]),
        (breach(measure=Measure.LONGEST_WAIT), [(WAIT, CRITICAL)]),
        (breach(measure=Measure.LATE_RATIO, usual=0.25), [(WAIT, CRITICAL)]),
        (breach(measure=Measure.BURN_RATE, rule="budget-gemist-snel", queue="all"), [(MISSED, CRITICAL)]),
        (breach(window="year"), []),  # would tint the chart for weeks
        (breach(**BY_COUNTER | {"queue": "loket-wonen"}), []),
    ],
)
def test_a_chart_of_the_phones_draws_its_own_breaches_alone(of: Breach, charts: list[tuple[str, str]]):
    assert drawn(BOARDS["live"], ["onthaal", "burgerzaken"], of) == charts


def test_each_chart_of_a_counter_draws_that_counters():
    of = breach(**BY_COUNTER | {"queue": "loket-wonen"})
    (chart,) = drawn(BOARDS["counters"], ["loket-wonen", "loket-wonen-2", "ander-loket-wonen"], of)
    assert chart[0].endswith(" loket-wonen")
    assert chart[1] == WARNING
    assert not drawn(BOARDS["counters"], COUNTERS, breach()), "a phone's"
    assert not drawn(BOARDS["counters"], ["loket-burgerzaken"], of), "not chosen"


@pytest.mark.parametrize(
    ("of", "chosen", "times"),
    [
        (breach(), PHONES, 1),
        (breach(), COUNTERS, 0),
        (breach(window="year"), PHONES, 1),
        (breach(queue="all"), PHONES, 0),
        (breach(queue="all"), ["all"], 1),
        (breach(measure=Measure.NO_DATA, queue="pbx"), ["pbx"], 1),
    ],
)
def test_the_board_of_breaches_draws_all_that_is_chosen(of: Breach, chosen: Sequence[str], times: int):
    assert len(drawn(BOARDS["breaches"], chosen, of)) == times


@needs_grafana
def test_grafana_itself_takes_the_own_breaches_of_a_repeated_chart_and_leaves_their_tags_away():
    (chart,) = (panel for panel in BOARDS["counters"].panels if panel.body.get("repeat"))
    body = json.loads(json.dumps(chart.body).replace("$site", "lier").replace("$queue", "loket-wonen"))
    queues = ("ander-loket-wonen", "loket-wonen", "loket-wonen-2")
    written = (annotation_of(breach(**BY_COUNTER | {"queue": queue}), WORDS) for queue in queues)
    events = [{"time": one.time_ms, "text": one.text, "tags": list(one.tags)} for one in written]
    assert kept(body, events) == [{"time": events[1]["time"], "text": events[1]["text"]}]


def test_what_has_no_charts_over_time_and_what_has_no_rules_asks_for_nothing():
    for name in ("policy", "pipeline", "appointments"):
        assert [one["name"] for one in BOARDS[name].annotations] == ["Annotations & Alerts"]
    bare = CityFile.model_validate(DOCUMENT | {"rules": [], "budget_rules": []})
    for text in written(bare).values():
        assert len(json.loads(text)["annotations"]["list"]) == 1


def test_a_chart_has_the_looks_of_its_rules():
    assert appearances(CITY, Kpi.VISIT_WAIT_MEAN) == (
        Appearance.WARNING,
        Appearance.ACKNOWLEDGED,
        Appearance.BLIP,
    )
    assert appearances(CITY, Kpi.LEAD_TIME_MEAN) == (), "only a rule of months"
    assert appearances(CITY, EVERY_CHART) == tuple(Appearance)
    early = [{"id": "rij", "kpi": "waiting", "limit": 9, "warn_at": 5, "contacts": "visits"}]
    city = CityFile.model_validate(DOCUMENT | {"rules": early, "budget_rules": []})
    assert appearances(city, Kpi.VISIT_WAIT_MEAN)[:2] == (Appearance.CRITICAL, Appearance.WARNING)
    assert appearances(city, Kpi.CALL_WAIT_MEAN) == ()


def test_no_tag_of_an_annotation_is_read_by_anybody_and_no_two_layers_break_each_other_off():
    for board in read_boards():
        names = [one["name"] for one in board.annotations]
        assert len(set(names)) == len(names)
        shown = {number for one in board.annotations for number in one.get("filter", {}).get("ids", ())}
        for panel in board.panels:
            if panel.id in shown:
                last = panel.body["transformations"][-1]
                assert (last["topic"], last["options"]["excludeByName"]) == ("annotations", {"tags": True})

"""Rules by their sentence, and what is open now with the worst first, asked of Prometheus' own engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.board import BoardName
from deploy.grafana.breaches import breaches
from deploy.grafana.every import finished
from deploy.grafana.palette import BAD
from deploy.grafana.rules import sentences, told
from deploy.grafana.words import Edition
from shared.config.model import CityFile
from shared.translation import languages
from tests.deploy.grafana.files import Board
from tests.deploy.grafana.panels import needs_grafana, read, vector
from tests.deploy.grafana.test_builder import DOCUMENT
from tests.deploy.grafana.test_labels import complaints, needs_promtool

RULES: list[dict[str, Any]] = [
    {"id": "niemand", "kpi": "nobody_available"},
    {"id": "niemand.helpt", "all": [{"kpi": "waiting", "limit": 0}, {"kpi": "nobody_available"}]},
    {"id": "rij", "kpi": "waiting", "limit": 5, "warn_at": 1},
    {"id": "lang", "kpi": "longest_wait", "limit": 420},
    {"id": "loketrij", "kpi": "longest_wait", "limit": 900, "contacts": "visits"},
    {"id": "ongewoon", "kind": "shift", "kpi": "missed_ratio", "usual": 0.12},
    {"id": "gemist", "kpi": "missed_ratio", "queue": "*", "window": "last 20", "limit": 0.125},
    {"id": "kwartier", "kpi": "call_wait_mean", "window": "15m"},
    {"id": "niveau", "kpi": "service_level", "window": "1h", "limit": 0.8},
    {"id": "termijn", "kpi": "lead_time_mean", "window": "month", "limit": 5, "warn_at": 4.5},
    {"id": "jaar", "kpi": "missed_ratio", "window": "year", "warn_at": 0.18},
]
BUDGET = {"id": "snel", "kpi": "missed_ratio", "long_window": "2h", "short_window": "20m", "burn_rate": 3.5}
SILENT = {"id": "zwijgt", "source": "pbx", "after": "45m"}
BALIE = {
    "id": "balie",
    "name": "Balieverantwoordelijke",
    "channels": [{"kind": "webhook", "url": "http://localhost/"}],
}
PBX = {"kind": "queue_log", "id": "pbx", "site": "lier", "path": "queue_log"}
CITY = CityFile.model_validate(
    DOCUMENT
    | {"rules": RULES, "budget_rules": [BUDGET], "no_data_rules": [SILENT]}
    | {"sources": [PBX], "receivers": [BALIE], "routes": []}
)

SENTENCES = {
    "niemand": "niemand beschikbaar",
    "niemand.helpt": "wachtenden en niemand beschikbaar",
    "rij": "meer dan 5 wachtenden",
    "rij-warning": "meer dan 1 wachtende",
    "lang": "langste wachttijd boven 7:00",
    "loketrij": "langste wachttijd boven 15:00",
    "ongewoon": "ongewoon veel gemiste oproepen",
    "gemist": "gemiste oproepen boven 12,5 %, laatste 20",
    "kwartier": "wachttijd telefoon boven het doel, laatste 15 minuten",
    "niveau": "serviceniveau onder 80 %, laatste uur",
    "termijn": "termijn tot afspraak boven 5 werkdagen, deze maand",
    "termijn-warning": "termijn tot afspraak boven 4,5 werkdagen, deze maand",
    "jaar": "gemiste oproepen boven het doel, dit jaar",
    "jaar-warning": "gemiste oproepen boven 18 %, dit jaar",
    "snel": "gemiste oproepen boven 3,5× het doel, laatste 2 uur",
    "zwijgt": "langer dan 45 minuten geen gegevens",
}


def test_a_rule_is_known_by_what_it_says_is_wrong() -> None:
    assert sentences(Edition(CITY, "nl")) == SENTENCES


@pytest.mark.parametrize("language", languages())
def test_no_two_rules_of_a_place_say_the_same(language: str) -> None:
    said = list(sentences(Edition(CITY, language)).values())
    assert len(set(said)) == len(said)


@needs_promtool
def test_a_rule_that_the_city_file_no_longer_has_is_known_by_its_measure(tmp_path: Path) -> None:
    page = {
        'told{rule="rij-warning", measure="waiting"}': 1.0,
        'told{rule="oud", measure="late_ratio"}': 1.0,
        'told{rule="niemandxhelpt", measure="waiting"}': 1.0,
    }
    expected = [
        {"labels": 'told{rule="rij-warning", measure="waiting", what="meer dan 1 wachtende"}', "value": 1},
        {"labels": 'told{rule="oud", measure="late_ratio", what="te laat beantwoord"}', "value": 1},
        {"labels": 'told{rule="niemandxhelpt", measure="waiting", what="wachtenden"}', "value": 1},
    ]
    test = {"expr": told(Edition(CITY, "nl"), "told"), "eval_time": "0m", "exp_samples": expected}
    assert complaints([test], page, tmp_path) == ""


# --- Open now --------------------------------------------------------------------------------------------

QUEUES = {"onthaal": ("phone", "Onthaal"), "burgerzaken": ("counter", "Burgerzaken")}
QUEUES |= {"all": ("site", "Stad Lier"), "pbx": ("source", "pbx")}


def labels(rule: str, measure: str, severity: str, queue: str) -> str:
    return f'site="lier", queue="{queue}", rule="{rule}", measure="{measure}", severity="{severity}"'


MISSED = labels("gemist", "missed_ratio", "critical", "onthaal")
LONG = labels("lang", "longest_wait", "warning", "all")
VISITORS = labels("loketrij", "longest_wait", "critical", "all")
DESK = labels("balie", "waiting", "critical", "burgerzaken")
LEAD = labels("termijn", "lead_time_mean", "info", "burgerzaken")
SILENCE = labels("zwijgt", "no_data", "critical", "pbx")
SHIFT = labels("ongewoon", "missed_ratio", "critical", "all")
NOBODY = labels("niemand", "nobody_available", "critical", "all")
WELL = labels("jaar", "missed_ratio", "critical", "all")

PAGE: Mapping[str, float] = {
    **{
        f'wachtpost_queue_info{{site="lier", queue="{queue}", kind="{kind}", name="{name}"}}': 1
        for queue, (kind, name) in QUEUES.items()
    },
    **{
        f'wachtpost_kpi_state{{{at}, state="{state}"}}': 1
        for at, state in (
            *((at, "firing") for at in (MISSED, LONG, LEAD, SILENCE, NOBODY, SHIFT)),
            (VISITORS, "pending"),
            (WELL, "ok"),
        )
    },
    **{
        f"wachtpost_breach_opened_timestamp_seconds{{{at}}}": since
        for at, since in (
            (MISSED, 30),
            (LONG, 20),
            (LEAD, 10),
            (SILENCE, 40),
            (NOBODY, 50),
            (DESK, 45),
            (SHIFT, 58),
        )
    },
    f"wachtpost_kpi_state_since_timestamp_seconds{{{VISITORS}}}": 55,
    f"wachtpost_kpi_state_since_timestamp_seconds{{{MISSED}}}": 33,
    **{
        f"wachtpost_kpi_reading{{{at}}}": figure
        for at, figure in (
            *((MISSED, 0.35), (LONG, 521.3), (VISITORS, 3725), (LEAD, 6.25), (SILENCE, 2700)),
            (SHIFT, 0.612),
        )
    },
    **{
        f"wachtpost_kpi_limit{{{at}}}": figure
        for at, figure in (
            *((MISSED, 0.125), (LONG, 420), (VISITORS, 900), (LEAD, 5), (SILENCE, 2700)),
            (SHIFT, 0.4),
        )
    },
    f'wachtpost_breach_acknowledged_timestamp_seconds{{{LONG}, by="balie"}}': 25,
}


@cache
def drawn() -> Board:
    made = finished(breaches(Edition(CITY, "nl")), BoardName.BREACHES, CITY)
    return Board("breaches", "nl", json.loads(JSONEncoder().encode(made)))


def asked(number: int) -> str:
    """A query of *Open now*, by its place."""
    expr = str(drawn().panels[0].targets[number]["expr"])
    return expr.replace("$site", "lier").replace("$queue", ".*")


def row(
    at: str, kind: str, name: str, what: str, figure: str, limit: str, board: str, chosen: str = ""
) -> str:
    told = {"kind": kind, "name": name, "what": what, "figure": figure, "limit": limit, "board": board}
    told |= {"chosen": f"&{chosen}"} if chosen else {}
    return f"{{{at}, " + ", ".join(f'{label}="{text}"' for label, text in told.items()) + "}"


@needs_promtool
def test_what_is_open_has_its_place_sentence_figure_limit_and_board(tmp_path: Path) -> None:
    expected = {
        row(
            MISSED,
            "phone",
            "Onthaal",
            "gemiste oproepen boven 12,5 %, laatste 20",
            "35,0 %",
            "12,5 %",
            "wachtpost-live",
            "var-queue=onthaal",
        ): 30_000,
        row(
            LONG,
            "site",
            "Alle telefoonlijnen",
            "langste wachttijd boven 7:00",
            "8:41",
            "7:00",
            "wachtpost-live",
        ): 20_000,
        row(
            VISITORS,
            "site",
            "Alle loketten",
            "langste wachttijd boven 15:00",
            "1:02:05",
            "15:00",
            "wachtpost-counters",
        ): 55_000,
        row(
            DESK,
            "counter",
            "Burgerzaken",
            "wachtenden",
            "–",
            "–",
            "wachtpost-counters",
            "var-queue=burgerzaken",
        ): 45_000,
        row(
            LEAD,
            "counter",
            "Burgerzaken",
            "termijn tot afspraak boven 5 werkdagen, deze maand",
            "6,3 werkdagen",
            "5 werkdagen",
            "wachtpost-appointments",
            "var-queue=burgerzaken",
        ): 10_000,
        row(
            SILENCE,
            "source",
            "pbx",
            "langer dan 45 minuten geen gegevens",
            "45:00",
            "45:00",
            "wachtpost-pipeline",
            "var-queue=pbx",
        ): 40_000,
        row(
            SHIFT,
            "site",
            "Alle telefoonlijnen",
            "ongewoon veel gemiste oproepen",
            "61,2 %",
            "gewoonlijk 12 %",
            "wachtpost-live",
        ): 58_000,
        row(NOBODY, "site", "Alle telefoonlijnen", "niemand beschikbaar", "–", "–", "wachtpost-live"): 50_000,
    }
    told = [{"labels": one, "value": value} for one, value in expected.items()]
    test = {"expr": asked(0), "eval_time": "1m", "exp_samples": told}
    assert complaints([test], PAGE, tmp_path) == ""


@needs_promtool
def test_where_the_evaluator_is_not_heard_the_breaches_that_were_told_stay_and_it_says_so(
    tmp_path: Path,
) -> None:
    told_of = f"wachtpost_breach_opened_timestamp_seconds{{{LONG}}}"
    unknown = {"labels": '{what="niet bekend: er komen geen cijfers binnen"}', "value": 1}
    still = {"labels": '{name="Alle telefoonlijnen", what="langste wachttijd boven 7:00"}', "value": 1}
    test = {"expr": f"count by (name, what) ({asked(0)})", "eval_time": "1m"}
    assert complaints([{**test, "exp_samples": [unknown, still]}], {told_of: 20}, tmp_path) == ""
    assert complaints([{**test, "exp_samples": [unknown]}], {}, tmp_path) == ""
    none = {"labels": '{what="geen open overschrijdingen"}', "value": 1}
    heard = {'wachtpost_queue_info{site="lier", queue="onthaal"}': 1.0}
    assert complaints([{**test, "exp_samples": [none]}], heard, tmp_path) == ""


@needs_promtool
def test_the_worst_comes_first(tmp_path: Path) -> None:
    ordered = [MISSED, SILENCE, DESK, NOBODY, SHIFT, LONG, LEAD, VISITORS]
    tests = [
        {
            "expr": f"0 * topk({many}, {asked(3)})",
            "eval_time": "1m",
            "exp_samples": [{"labels": f"{{{at}}}", "value": 0} for at in ordered[:many]],
        }
        for many in range(1, len(ordered) + 1)
    ]
    assert complaints(tests, PAGE, tmp_path) == ""


@needs_promtool
def test_who_took_it_on_is_known_by_name_and_nobody_is_a_word(tmp_path: Path) -> None:
    title = next(receiver.title for receiver in CITY.receivers)
    expected = [{"labels": f'{{{LONG}, by="{title}"}}', "value": 25_000}]
    nobody = (MISSED, SILENCE, DESK, NOBODY, SHIFT, LEAD, VISITORS)
    expected += [{"labels": f'{{{at}, by="nog niemand"}}', "value": 0} for at in nobody]
    test = {"expr": asked(1), "eval_time": "1m", "exp_samples": expected}
    assert complaints([test], PAGE, tmp_path) == ""


# --- As Grafana draws it ---------------------------------------------------------------------------------


@needs_grafana
def test_a_person_reads_the_worst_first_in_words_and_none_of_the_columns_for_links() -> None:
    board = drawn()
    late = {"site": "lier", "queue": "all", "rule": "lang", "measure": "longest_wait", "severity": "warning"}
    soon = late | {"queue": "onthaal", "rule": "gemist", "measure": "missed_ratio", "severity": "critical"}
    texts = {
        "name": "Onthaal",
        "what": "gemiste oproepen boven 12,5 %",
        "figure": "35,0 %",
        "limit": "12,5 %",
    }
    link = {"kind": "phone", "board": "wachtpost-live", "chosen": "&var-queue=onthaal"}
    other = {"name": "Lier", "what": "langste wachttijd boven 7:00", "figure": "8:41", "limit": "7:00"}
    answers = {
        "A": vector((soon | texts | link, 1_795_000_000_000), (late | other | link, 1_795_010_000_000)),
        "B": vector((soon | {"by": "nog niemand"}, 0), (late | {"by": "balie"}, 1_795_020_000_000)),
        "C": vector((soon, 3), (late, 5)),
        "D": vector((soon, 3.2), (late, 5.1)),
    }
    (reading,) = read([(board, board.panels[0], answers)])
    assert [(part.name, part.texts) for part in reading.parts] == [
        ("Stand", ("overschreden", "even afwachten")),
        ("Ernst", ("waarschuwing", "kritiek")),
        ("Waar", ("Lier", "Onthaal")),
        ("Regel", ("langste wachttijd boven 7:00", "gemiste oproepen boven 12,5 %")),
        ("Kengetal", ("8:41", "35,0 %")),
        ("Grens", ("7:00", "12,5 %")),
        ("Sinds", ("18/11 14:53", "18/11 12:06")),
        ("Opgepakt door", ("balie", "nog niemand")),
        ("Opgepakt om", ("18/11 17:40", "–")),
    ]


@needs_grafana
@pytest.mark.parametrize(("many", "is_alarming"), [(0, False), (1, True)])
def test_none_to_take_on_is_no_alarm(many: int, is_alarming: bool) -> None:
    board = drawn()
    answers = {"A": vector(({}, many)), "B": vector(({}, 0)), "C": vector(({}, 0))}
    (reading,) = read([(board, board.panels[1], answers)])
    (colours,) = (part.colours for part in reading.parts if part.name == "nog niet opgepakt")
    assert (colours == (BAD,)) is is_alarming

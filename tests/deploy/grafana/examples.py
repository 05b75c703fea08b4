"""A small board that follows every rule, to be broken in one place at a time."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

from tests.deploy.grafana.files import UIDS, Board, JsonObject

SOURCE: Final[JsonObject] = {"type": "prometheus", "uid": "${datasource}"}
BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"

WORDS: Final = {
    "nl": {
        "title": "Telefonie",
        "about": "Hoe lang mensen aan de telefoon wachten, nu en het voorbije uur.",
        "wait": "Gemiddelde wachttijd",
        "wait_about": "Gemiddelde wachttijd van beantwoorde oproepen.",
        "state": "Overschreden",
        "state_about": "Of een regel overschreden is, in woorden.",
        "offered": "Oproepen",
        "offered_about": "Oproepen per seconde en wachtrij.",
        "none": "geen gegevens",
        "yes": "ja",
        "no": "neen",
        "target": "doel",
    },
    "en": {
        "title": "Telephony",
        "about": "How long people wait on the phone, now and in the last hour.",
        "wait": "Mean wait",
        "wait_about": "Mean wait of answered calls.",
        "state": "Breached",
        "state_about": "Whether a rule is breached, in words.",
        "offered": "Calls",
        "offered_about": "Calls a second, by queue.",
        "none": "no data",
        "yes": "yes",
        "no": "no",
        "target": "target",
    },
}


def board(language: str = "nl", name: str = "live") -> Board:
    """Return the board in one language; every call returns a new one."""
    words = WORDS[language]
    body: JsonObject = {
        "id": None,
        "uid": UIDS[language].format(name),
        "title": words["title"],
        "description": words["about"],
        "editable": False,
        "schemaVersion": 42,
        "tags": ["wachtpost"],
        "links": [],
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_datasource(), _queue()]},
        "annotations": {"list": [_annotation(words)]},
        "panels": [_wait(words), _state(words), _offered(words, language, name)],
    }
    return Board(name, language, copy.deepcopy(body))


def both() -> list[Board]:
    """Return the board in both languages."""
    return [board("nl"), board("en")]


def target(expr: str, ref: str = "A", *, instant: bool = False, legend: str = "") -> JsonObject:
    """Return a query of a panel."""
    return {
        "refId": ref,
        "datasource": SOURCE,
        "expr": expr,
        "instant": instant,
        "range": not instant,
        "legendFormat": legend,
    }


def copied(one: Board) -> Board:
    """Return a board that shares nothing with this one."""
    return Board(one.name, one.language, json.loads(json.dumps(one.body)))


def _panel(number: int, kind: str, place: tuple[int, int, int, int], title: str, about: str) -> JsonObject:
    x, y, w, h = place
    return {
        "id": number,
        "type": kind,
        "title": title,
        "description": about,
        "pluginVersion": "12.3.0",
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": w, "h": h},
    }


def _thresholds() -> JsonObject:
    return {"mode": "absolute", "steps": [{"color": BLUE, "value": None}]}


def _wait(words: dict[str, str]) -> JsonObject:
    return {
        **_panel(1, "stat", (0, 0, 8, 8), words["wait"], words["wait_about"]),
        "targets": [target('wachtpost_call_wait_mean_seconds{queue=~"$queue", window="15m"}', instant=True)],
        "options": {"colorMode": "value", "reduceOptions": {"calcs": ["lastNotNull"], "values": False}},
        "fieldConfig": {
            "defaults": {
                "unit": "s",
                "noValue": words["none"],
                "color": {"mode": "thresholds"},
                "thresholds": _thresholds(),
            },
            "overrides": [],
        },
    }


def _state(words: dict[str, str]) -> JsonObject:
    results = {"0": {"text": words["no"], "color": BLUE}, "1": {"text": words["yes"], "color": ORANGE}}
    return {
        **_panel(2, "state-timeline", (8, 0, 16, 8), words["state"], words["state_about"]),
        "targets": [target("max by (rule) (wachtpost_kpi_breached)", legend="{{rule}}")],
        "options": {"showValue": "always", "rowHeight": 0.8},
        "fieldConfig": {
            "defaults": {
                "color": {"mode": "fixed", "fixedColor": BLUE},
                "mappings": [{"type": "value", "options": results}],
                "thresholds": _thresholds(),
            },
            "overrides": [],
        },
    }


def _offered(words: dict[str, str], language: str, name: str) -> JsonObject:
    joined = (
        'sum by (site, queue) (rate(wachtpost_calls_offered_total{queue=~"$queue"}[$__rate_interval]))'
        " * on (site, queue) group_left (name) wachtpost_queue_info"
    )
    dashed = {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}}
    return {
        **_panel(3, "timeseries", (0, 8, 24, 10), words["offered"], words["offered_about"]),
        "targets": [
            target(joined, legend="{{name}}"),
            target("max(wachtpost_kpi_target)", "B", legend=words["target"]),
        ],
        "options": {
            "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}
        },
        "transformations": [{"id": "organize", "options": {"renameByName": {"name": words["offered"]}}}],
        "fieldConfig": {
            "defaults": {
                "unit": "reqps",
                "color": {"mode": "fixed", "fixedColor": BLUE},
                "custom": {"drawStyle": "line"},
                "links": [
                    {
                        "title": words["title"],
                        "url": f"/d/{UIDS[language].format(name)}?var-queue=${{__field.labels.queue}}",
                    }
                ],
            },
            "overrides": [
                {"matcher": {"id": "byFrameRefID", "options": "B"}, "properties": [dashed]},
                {
                    "matcher": {"id": "byName", "options": words["target"]},
                    "properties": [{"id": "unit", "value": f"suffix: {words['offered']}"}],
                },
            ],
        },
    }


def _datasource() -> JsonObject:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "hide": 2}


def _queue() -> dict[str, Any]:
    return {
        "name": "queue",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": "label_values(wachtpost_queue_info, queue)", "refId": "queue"},
        "includeAll": True,
        "allValue": ".+",
        "refresh": 1,
    }


def _annotation(words: dict[str, str]) -> JsonObject:
    return {
        "name": words["state"],
        "datasource": SOURCE,
        "enable": True,
        "iconColor": ORANGE,
        "target": {"refId": "breaches", "expr": "wachtpost_kpi_breached == 1"},
    }

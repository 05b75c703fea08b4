"""A whole board: bands of panels below each other, variables, annotations, and links to its sisters.

Panels get their place from the band they stand in, so that none can lie on another, and their number from
their order, so that it is the same in both languages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from deploy.grafana import words
from deploy.grafana.palette import BAD
from deploy.grafana.panels import SOURCE, Json, JsonObject, Link, Panel
from deploy.grafana.words import Boards, Language, Text, speaker

SCHEMA_VERSION: Final = 42
"""Of classic dashboards as Grafana 12.3 writes them."""

CITY_ZONE: Final = "Europe/Brussels"
"""The city's clock (``time_zone`` of the city file) and not the browser's: "today" has to be the day that
the evaluator counts, also on a TV stick that believes it is in UTC. A city elsewhere changes it here and
writes the boards anew."""

WIDTH: Final = 24
"""Columns of Grafana's grid."""
WALL_HEIGHT: Final = 26
"""Rows of the grid, of 38 pixels each, that a kiosk of 1920 × 1080 shows without scrolling, below its row
of controls."""

MARK: Final = "wachtpost"
"""Tag of all our boards, and of all annotations that the notifier writes."""


class Name(StrEnum):
    """The boards, as in their files and uids."""

    LIVE = "live"
    COUNTERS = "counters"
    APPOINTMENTS = "appointments"
    BREACHES = "breaches"
    POLICY = "policy"
    PIPELINE = "pipeline"


class Queues(StrEnum):
    """Which queues a board lets one choose from: what kind of ``wachtpost_queue_info`` they are."""

    NONE = ""
    PHONES = "phone"
    COUNTERS = "counter"
    ALL = "phone|counter|site|source"


TITLES: Final[Mapping[Name, Text]] = {
    Name.LIVE: Boards.LIVE,
    Name.COUNTERS: Boards.COUNTERS,
    Name.APPOINTMENTS: Boards.APPOINTMENTS,
    Name.BREACHES: Boards.BREACHES,
    Name.POLICY: Boards.POLICY,
    Name.PIPELINE: Boards.PIPELINE,
}
QUEUES_OF: Final[Mapping[Name, Queues]] = {
    Name.LIVE: Queues.PHONES,
    Name.COUNTERS: Queues.COUNTERS,
    Name.APPOINTMENTS: Queues.COUNTERS,
    Name.BREACHES: Queues.ALL,
    Name.POLICY: Queues.ALL,
    Name.PIPELINE: Queues.NONE,
}


def uid(name: Name, language: Language) -> str:
    """Return the uid of a board, which never changes: links and annotations are made of it."""
    return f"wachtpost-{name}" if language is Language.NL else f"wachtpost-{name}-{language}"


@dataclass(frozen=True, slots=True)
class Band:
    """Panels beside each other, each with its width; together as wide as the board."""

    height: int
    panels: tuple[tuple[int, Panel], ...]

    def __post_init__(self) -> None:
        if sum(width for width, _ in self.panels) != WIDTH:
            raise ValueError(
                f"a band is {WIDTH} wide: {[(width, panel.title) for width, panel in self.panels]}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    name: Name
    language: Language
    about: Text
    bands: tuple[Band, ...]
    since: str
    """Beginning of its time range, such as ``now-3h``."""
    refresh: str

    @property
    def uid(self) -> str:
        return uid(self.name, self.language)

    @property
    def panels(self) -> Iterator[Panel]:
        """Its panels in the order of their numbers."""
        return (panel for band in self.bands for _, panel in band.panels)

    def to_json(self) -> JsonObject:
        """Return it as Grafana 12 writes a classic dashboard."""
        say = speaker(self.language)
        return {
            "annotations": {"list": _annotations(self)},
            "description": say(self.about),
            "editable": False,
            "fiscalYearStartMonth": 0,
            "graphTooltip": 1,
            "id": None,
            "links": _links(self),
            "liveNow": False,
            "panels": list(_placed(self.bands)),
            "preload": False,
            "refresh": self.refresh,
            "schemaVersion": SCHEMA_VERSION,
            "tags": [MARK, self.language],
            "templating": {"list": _variables(self)},
            "time": {"from": self.since, "to": "now"},
            "timepicker": {},
            "timezone": CITY_ZONE,
            "title": say(TITLES[self.name]),
            "uid": self.uid,
            "version": 1,
            "weekStart": "monday",
        }


def breaches_of_queue(language: Language) -> Link:
    """From a series of a queue to that queue's breaches."""
    return _breaches_of("${__field.labels.queue}", language)


def breaches_of_row(language: Language) -> Link:
    """From a row of a table that has a column ``queue``, be it a hidden one, to that queue's breaches."""
    return _breaches_of("${__data.fields.queue}", language)


def _breaches_of(queue: str, language: Language) -> Link:
    address = (
        f"/d/{uid(Name.BREACHES, language)}?${{__url_time_range}}&${{site:queryparam}}&var-queue={queue}"
    )
    return Link(speaker(language)(words.BREACHES_OF), address)


def to_board(name: Name, language: Language) -> Link:
    """From a panel to a whole board, at the same time and, where it has sites, the same site."""
    site = "&${site:queryparam}" if QUEUES_OF[name] else ""
    return Link(speaker(language)(TITLES[name]), f"/d/{uid(name, language)}?${{__url_time_range}}{site}")


def _placed(bands: Sequence[Band]) -> Iterator[JsonObject]:
    number = y = 0
    for band in bands:
        x = 0
        for width, panel in band.panels:
            number += 1
            yield panel.to_json(number, {"h": band.height, "w": width, "x": x, "y": y})
            x += width
        y += band.height


def _links(board: Board) -> Sequence[Json]:
    """To every other board, at the same time and site; with the chosen queues where it has queues of that
    kind.

    Links by tag would hand on every variable, and a counter's board that is asked for a phone queue is
    empty.
    """
    return [_link(board, other) for other in Name if other is not board.name]


def _link(board: Board, other: Name) -> JsonObject:
    handed = []
    if QUEUES_OF[board.name] and QUEUES_OF[other]:
        handed.append("${site:queryparam}")
        if QUEUES_OF[board.name] is QUEUES_OF[other] or QUEUES_OF[other] is Queues.ALL:
            handed.append("${queue:queryparam}")
    query = f"?{'&'.join(handed)}" if handed else ""
    return {
        "asDropdown": False,
        "icon": "dashboard",
        "includeVars": False,
        "keepTime": True,
        "tags": [],
        "targetBlank": False,
        "title": speaker(board.language)(TITLES[other]),
        "tooltip": "",
        "type": "link",
        "url": f"/d/{uid(other, board.language)}{query}",
    }


# --- Variables -------------------------------------------------------------------------------------------


def _variables(board: Board) -> Sequence[Json]:
    say, queues = speaker(board.language), QUEUES_OF[board.name]
    data_source: JsonObject = {
        "current": {"text": "Wachtpost", "value": "wachtpost"},
        # One and the same everywhere; who has several finds it in the address.
        "hide": 2,
        "includeAll": False,
        "label": say(words.DATA_SOURCE),
        "multi": False,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "type": "datasource",
    }
    if queues is Queues.NONE:
        return [data_source]
    site = _queried("site", say(words.SITE), 'wachtpost_queue_info{kind="site"}')
    return [data_source, site, _queue_variable(queues, say(_QUEUE_LABELS[queues]))]


_QUEUE_LABELS: Final = {Queues.PHONES: words.QUEUE, Queues.COUNTERS: words.CLUSTER, Queues.ALL: words.PLACE}


def _queue_variable(queues: Queues, label: str) -> JsonObject:
    """People's names to choose from, ids in the queries. "All" is the ids of this kind, never a bare
    ``.*``."""
    asked = _queried("queue", label, f'wachtpost_queue_info{{site="$site", kind=~"{queues}"}}')
    return {**asked, "current": {"text": ["All"], "value": ["$__all"]}, "includeAll": True, "multi": True}


def _queried(label: str, title: str, series: str) -> JsonObject:
    query = f"query_result({series})"
    return {
        "current": {},
        "datasource": SOURCE,
        "definition": query,
        "hide": 0,
        "includeAll": False,
        "label": title,
        "multi": False,
        "name": label,
        "options": [],
        "query": {"qryType": 3, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 1,
        "regex": f'/name="(?<text>[^"]+)"|{label}="(?<value>[^"]+)"/g',
        "sort": 5,
        "type": "query",
    }


# --- Annotations -----------------------------------------------------------------------------------------


def _annotations(board: Board) -> Sequence[Json]:
    say = speaker(board.language)
    grafana: JsonObject = {"type": "grafana", "uid": "-- Grafana --"}
    built_in: JsonObject = {
        "builtIn": 1,
        "datasource": grafana,
        # The notifier's annotations may belong to this very board: this would show them a second time.
        "enable": False,
        "hide": True,
        "iconColor": BAD,
        "name": "Annotations & Alerts",
        "type": "dashboard",
    }
    if QUEUES_OF[board.name] is Queues.NONE:
        return [built_in]
    written: JsonObject = {
        "datasource": grafana,
        "enable": True,
        "hide": False,
        "iconColor": BAD,
        "name": say(words.Annotations.BREACHES),
        "target": {"limit": 100, "matchAny": False, "tags": [MARK, "site:$site"], "type": "tags"},
    }
    from_figures: JsonObject = {
        "datasource": SOURCE,
        # For who has no notifier that may write annotations.
        "enable": False,
        "hide": False,
        "iconColor": BAD,
        "name": say(words.Annotations.FROM_FIGURES),
        "tagKeys": "severity",
        "target": {
            "datasource": SOURCE,
            "expr": 'max by (queue, rule, severity) (wachtpost_kpi_breached{site="$site"}) == 1',
            "interval": "15s",
            "refId": "Breaches",
        },
        "textFormat": "{{queue}}",
        "titleFormat": "{{rule}}",
    }
    return [built_in, written, from_figures]

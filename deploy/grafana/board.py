"""What every board has: a name that never changes, links to its sisters, variables and annotations."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard
from grafana_foundation_sdk.models.common import DataSourceRef

from deploy.grafana import words
from deploy.grafana.palette import BAD
from deploy.grafana.panels import SOURCE, link
from deploy.grafana.words import BoardWords, Edition, Text
from shared.contract.annotation_tags import MARK
from shared.contract.boards import KIOSK, board_uid

GRAFANA: Final = DataSourceRef(type_val="grafana", uid="-- Grafana --")


class BoardName(StrEnum):
    """The boards, as in their files and uids."""

    LIVE = "live"
    COUNTERS = "counters"
    APPOINTMENTS = "appointments"
    BREACHES = "breaches"
    POLICY = "policy"
    PIPELINE = "pipeline"


class QueueChoice(StrEnum):
    """Which queues a board lets one choose from: what kind of ``wachtpost_queue_info`` they are."""

    NONE = ""
    PHONES = "phone"
    COUNTERS = "counter"
    ALL = "phone|counter|site|source"


ABOUT: Final[dict[BoardName, tuple[Text, Text, QueueChoice]]] = {
    BoardName.LIVE: (BoardWords.LIVE, BoardWords.LIVE_ABOUT, QueueChoice.PHONES),
    BoardName.COUNTERS: (BoardWords.COUNTERS, BoardWords.COUNTERS_ABOUT, QueueChoice.COUNTERS),
    BoardName.APPOINTMENTS: (BoardWords.APPOINTMENTS, BoardWords.APPOINTMENTS_ABOUT, QueueChoice.COUNTERS),
    BoardName.BREACHES: (BoardWords.BREACHES, BoardWords.BREACHES_ABOUT, QueueChoice.ALL),
    BoardName.POLICY: (BoardWords.POLICY, BoardWords.POLICY_ABOUT, QueueChoice.ALL),
    BoardName.PIPELINE: (BoardWords.PIPELINE, BoardWords.PIPELINE_ABOUT, QueueChoice.NONE),
}
"""Title, description, and the queues to choose from."""
_LABELS: Final = {
    QueueChoice.PHONES: words.QUEUE,
    QueueChoice.COUNTERS: words.CLUSTER,
    QueueChoice.ALL: words.PLACE,
}


def board(say: Edition, name: BoardName, since: str, refresh: str) -> Dashboard:
    """Return a board without panels. ``since``: where its time range begins, such as ``now-3h``.

    It runs on the city's clock and not on the browser's: "today" has to be the day that the evaluator counts,
    also on a TV stick that believes it is in UTC.
    """
    title, about, _ = ABOUT[name]
    return (
        Dashboard(say(title))
        .uid(board_uid(name, say.language))
        .description(say(about))
        .tags([MARK, say.language])
        .readonly()
        .version(1)
        .timezone(say.city.city.time_zone)
        .week_start("monday")
        .time(since, "now")
        .refresh(refresh)
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .links([_to_sister(say, name, other) for other in BoardName if other is not name])
        .variables(_variables(say, ABOUT[name][2]))
        .annotations(_annotations())
    )


# --- Links -----------------------------------------------------------------------------------------------

SHOWN_TIME: Final = ("from", "to")


def breaches_of_queue(say: Edition) -> list[Builder[dashboard.DashboardLink]]:
    """From a series of a queue to that queue's breaches."""
    return _breaches_of("${__field.labels.queue}", say)


def breaches_of_row(say: Edition) -> list[Builder[dashboard.DashboardLink]]:
    """From a row of a table that has a column ``queue``, be it a hidden one, to that queue's breaches."""
    return _breaches_of("${__data.fields.queue}", say)


def _breaches_of(queue: str, say: Edition) -> list[Builder[dashboard.DashboardLink]]:
    return [link(say(words.BREACHES_OF), f"{_address(BoardName.BREACHES, say, 'site')}&var-queue={queue}")]


def to_board(name: BoardName, say: Edition) -> list[Builder[dashboard.DashboardLink]]:
    """From a panel to a whole board, at the same time and, where it has sites, the same site."""
    title, _, queues = ABOUT[name]
    return [link(say(title), _address(name, say, *(("site",) if queues else ())))]


def to_board_of_row(say: Edition, board: str, chosen: str) -> Builder[dashboard.DashboardLink]:
    """From a row of a table to the board whose uid one column has, at that board's own time; another column
    has what is added to its address."""
    there, more = (f"${{__data.fields.{column}}}" for column in (board, chosen))
    return link(say(words.ITS_BOARD), f"/d/{there}{_kept(*KIOSK, 'var-site')}{more}")


def _to_sister(say: Edition, name: BoardName, other: BoardName) -> DashboardLink:
    """To another board at the same time and site; with the chosen queues where it has queues of that kind.

    A link by tag would hand on every variable, and a counter's board that is asked for a phone queue is
    empty.
    """
    (*_, here), (title, _, there) = ABOUT[name], ABOUT[other]
    handed = []
    if here and there:
        handed.append("site")
        if there in (here, QueueChoice.ALL):
            handed.append("queue")
    return link(say(title), _address(other, say, *handed)).icon("dashboard")


def _address(name: BoardName, say: Edition, *variables: str) -> str:
    """Return a board's address, with the time, the variables and the kiosk of the address that is left."""
    kept = (*KIOSK, *SHOWN_TIME, *(f"var-{variable}" for variable in variables))
    return f"/d/{board_uid(name, say.language)}{_kept(*kept)}"


def _kept(*names: str) -> str:
    """What an address keeps of the one that is left.

    Grafana writes the time and every variable into the address of a board that is open, so that something is
    always handed on; what is not there (the kiosk, at a desk) is left out.
    """
    return f"${{__url.params:include:{','.join(names)}}}"


# --- Variables -------------------------------------------------------------------------------------------


def _variables(say: Edition, queues: QueueChoice) -> list[Builder[dashboard.VariableModel]]:
    data_source = (
        DatasourceVariable("datasource")
        .label(say(words.DATA_SOURCE))
        .type("prometheus")
        .current(dashboard.VariableOption(text="Wachtpost", value="wachtpost"))
        # One and the same everywhere; who has several finds it in the address.
        .hide(dashboard.VariableHide.HIDE_VARIABLE)
    )
    if not queues:
        return [data_source]
    site = _queried("site", say(words.SITE), 'wachtpost_queue_info{kind="site"}')
    # People's names to choose from, ids in the queries. "All" is the ids of this kind, never a bare ``.*``.
    series = f'wachtpost_queue_info{{site="$site", kind=~"{queues}"}}'
    queue = _queried("queue", say(_LABELS[queues]), series).multi(True).include_all(True)
    return [data_source, site, queue.current(dashboard.VariableOption(text=["All"], value=["$__all"]))]


def _queried(label: str, title: str, series: str) -> QueryVariable:
    query = {"qryType": 3, "query": f"query_result({series})"}
    return (
        QueryVariable(label)
        .label(title)
        .datasource(SOURCE)
        .query({**query, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
        .refresh(dashboard.VariableRefresh.ON_DASHBOARD_LOAD)
        .regex(f'/name="(?<text>[^"]+)"|{label}="(?<value>[^"]+)"/g')
        .sort(dashboard.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    )


# --- Annotations -----------------------------------------------------------------------------------------


def _annotations() -> list[Builder[dashboard.AnnotationQuery]]:
    # The notifier's annotations may belong to this very board: this would show them a second time.
    built_in = AnnotationQuery().name("Annotations & Alerts").type("dashboard").built_in(1)
    return [built_in.datasource(GRAFANA).icon_color(BAD).enable(False).hide(True)]

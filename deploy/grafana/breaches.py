"""Breaches: what is wrong, who took it on, who was told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import (
    FieldTextAlignment,
    TableCellBackgroundDisplayMode,
    TableColoredBackgroundCellOptions,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from deploy.grafana import labels, rules
from deploy.grafana.board import BoardName, board, to_board_of_row
from deploy.grafana.kpis import severity_words, state_words
from deploy.grafana.labels import bracketed, replaced, worded
from deploy.grafana.palette import BAD, PLAIN, Colour
from deploy.grafana.panels import (
    LATENCY,
    MOMENT,
    PER_MINUTE,
    bars,
    calm_at_none,
    columns,
    fixed,
    given,
    instant,
    lines,
    listing,
    mapped,
    merged,
    not_shown,
    number,
    over_time,
    rows,
    shades,
    sorted_by,
    states_over_time,
    untold,
    with_words,
)
from deploy.grafana.promql import CHOSEN, GOING_ON, SITE, STATE_CODES, named, states
from deploy.grafana.rules import IDENTITY
from deploy.grafana.words import (
    FIGURE,
    NO_FIGURE,
    PLACE,
    RESULTS,
    RULE,
    SEVERITY,
    SINCE,
    STATE,
    Edition,
)
from deploy.grafana.words import BreachesWords as Words
from shared.config.types import ALL_QUEUES
from shared.contract.boards import board_uid
from shared.contract.breach_events import BreachState, Severity
from shared.contract.kpis import Kpi

LEADS_TO: Final = ("board", "chosen")
"""The columns that are there for the link of a row: a board's uid, and which queue it is about."""
RESULT_COLOURS: Final = (PLAIN, Colour.ORANGE, BAD, Colour.GREY)
WORDS_ON_COLOUR: Final = TableColoredBackgroundCellOptions(TableCellBackgroundDisplayMode.BASIC)


def breaches(say: Edition) -> Dashboard:
    return (
        board(say, BoardName.BREACHES, "now-24h", "10s")
        .with_panel(_open(say).height(11).span(20))
        .with_panel(_outbox(say).height(11).span(4))
        .with_panel(_history(say).height(10).span(24))
        .with_panel(_flapping(say).height(7).span(8))
        .with_panel(_deliveries(say).height(7).span(8))
        .with_panel(_speed(say).height(7).span(8))
    )


def _open(say: Edition) -> table.Panel:
    """The worst first: what is breached before what may become so, the serious before the less so, and what
    has lasted longest. Where the notifier is not heard, the evaluator's word stands, and the other way round.
    """
    headings = {
        "Value #C": say(STATE),
        "severity": say(SEVERITY),
        "name": say(PLACE),
        rules.WHAT: say(RULE),
        "figure": say(FIGURE),
        "limit": say(Words.LIMIT),
        "Value #A": say(SINCE),
        "by": say(Words.TAKEN_BY),
        "Value #B": say(Words.TAKEN_AT),
    }
    asked = (_described(say), _taken(say), _state(), _worst())
    in_words, wrapped = [*mapped(severity_words(say)), untold()], given(custom_wrapText=True)
    not_yet = [*mapped({"0": (NO_FIGURE, None)}), untold()]
    hidden_columns = ("Time", "site", "queue", "rule", "measure", "kind", "Value #D")
    # What is left of the width is the rule's.
    settings = {
        STATE: (120, state_column(say)),
        SEVERITY: (120, given(mappings=in_words, custom_cellOptions=WORDS_ON_COLOUR)),
        PLACE: (190, [*wrapped, *given(links=[to_board_of_row(say, *LEADS_TO).build()])]),
        FIGURE: (95, wrapped),
        Words.LIMIT: (95, wrapped),
        SINCE: (105, given(unit=MOMENT)),
        Words.TAKEN_BY: (110, wrapped),
        Words.TAKEN_AT: (105, given(unit=MOMENT, mappings=not_yet)),
    }
    panel = listing(say, Words.OPEN, *(rows(one) for one in asked))
    for text, (width, own) in settings.items():
        panel.override_by_name(say(text), [*own, *given(custom_width=width)])
    return (
        panel.override_by_name(say(RULE), wrapped)
        .override_by_regexp(f"/^({'|'.join(LEADS_TO)})$/", not_shown())
        .with_transformation(merged())
        .with_transformation(sorted_by("Value #D", highest_first=True))
        .with_transformation(columns(headings, hidden=hidden_columns))
    )


def _described(say: Edition) -> str:
    """Since when, in milliseconds; its place and that one's board, its sentence, its figure and the limit
    that this is held to are labels."""
    described = f"1000 * {_began()}"
    for label, written, series in (
        ("figure", labels.value, "wachtpost_kpi_reading"),
        ("limit", labels.limit, "wachtpost_kpi_limit"),
    ):
        words = rules.in_words(say, label, written, f"{series}{{{CHOSEN}}}")
        none = replaced(f"group by ({IDENTITY}) {_began()}", label, NO_FIGURE)
        either = bracketed(f"{words}\nor on ({IDENTITY})\n{none}")
        described = f"{bracketed(described)}\n* on ({IDENTITY}) group_left ({label})\n{either}"
    place = f"max by (site, queue, name, kind) (wachtpost_queue_info{{{SITE}}})"
    unnamed = replaced(f"group by (site, queue) {_began()}", "name", "$1", "queue", "(.+)")
    either = bracketed(f"{place}\nor on (site, queue)\n{unnamed}")
    placed = f"{bracketed(described)}\n* on (site, queue) group_left (name, kind)\n{either}"
    # What a shift is held to is no limit: it is noticed call by call.
    usual = worded(placed, "limit", rules.usual_shares(say), "rule")
    every = f"{rules.told(say, _with_board(say, usual))}\nor\n{_unheard(say)}"
    return labels.or_said(every, rules.WHAT, say(Words.NONE))


def _unheard(say: Edition) -> str:
    """A row that says so, where the evaluator is not heard: no breaches are then no good news."""
    query = f"NaN * group(absent(wachtpost_queue_info{{{SITE}}}))"
    query = replaced(query, rules.WHAT, say(Words.UNHEARD))
    return replaced(query, LEADS_TO[0], board_uid(BoardName.PIPELINE, say.language))


def _with_board(say: Edition, query: str) -> str:
    """Give breaches the board that shows what they are about, and which of its queues (``LEADS_TO``): by the
    kind of the queue, or else by what the rule is about."""

    def to(name: BoardName) -> str:
        return board_uid(name, say.language)

    board, chosen = LEADS_TO
    counters = to(BoardName.COUNTERS)
    visitors = dict.fromkeys(rules.about_visits(say), counters)
    measures: Mapping[str, str] = {
        Kpi.VISIT_WAIT_MEAN: counters,
        Kpi.LEAD_TIME_MEAN: to(BoardName.APPOINTMENTS),
    }
    query = replaced(query, board, to(BoardName.LIVE))
    query = worded(query, board, {"counter": counters, "source": to(BoardName.PIPELINE)}, "kind")
    query = worded(worded(query, board, visitors, "rule"), board, measures, "measure")
    one_queue = replaced(query, chosen, "&var-queue=$1", "queue", "(.+)")
    return worded(one_queue, chosen, {ALL_QUEUES: ""}, "queue")


def _taken(say: Edition) -> str:
    """When somebody took each on, and who; 0 and a word for nobody: else the columns would come and go."""
    at = f"max by ({IDENTITY}, by) (wachtpost_breach_acknowledged_timestamp_seconds{{{CHOSEN}}})"
    who = {receiver.id: receiver.title for receiver in say.city.receivers}
    nobody = replaced(f"0 * {bracketed(_state())}", "by", say(Words.NOBODY))
    return f"{worded(f'1000 * {at}', 'by', who)}\nor on ({IDENTITY})\n{nobody}"


def _worst() -> str:
    """The worse, the more: by state, then by severity, then by how long it has lasted."""
    serious = "\nor\n".join(
        bracketed(_state(f'{CHOSEN}, severity="{severity}"')) + f" + {tenths / 10}"
        for tenths, severity in enumerate(Severity)
    )
    # A breach of a year has lasted for thirty million seconds: a thirtieth, less than the next severity is.
    return f"{bracketed(serious)}\n+\n(time() - {_began()}) / 1e9"


def _opened(places: str = CHOSEN) -> str:
    """When breaches began that somebody was told of, by the notifier."""
    return f"max by ({IDENTITY}) (wachtpost_breach_opened_timestamp_seconds{{{places}}})"


def _state(places: str = CHOSEN) -> str:
    """The state of what is wrong or may become so, by the evaluator, or where that is not heard by the
    notifier."""
    unheard = f"0 * {_opened(places)} + {STATE_CODES[BreachState.FIRING]}"
    return f"{states(places, IDENTITY, GOING_ON)}\nor\n{unheard}"


def _began() -> str:
    """When each of these began; what has yet to become a breach, when it first was beyond its limit."""
    since = f"max by ({IDENTITY}) (wachtpost_kpi_state_since_timestamp_seconds{{{CHOSEN}}})"
    return bracketed(f"({_opened()}\nor\n{since})\nand\n{bracketed(_state())}")


def state_column(say: Edition) -> list[DynamicConfigValue]:
    """A state as a word on its colour."""
    words = [*mapped(state_words(say)), untold()]
    left = FieldTextAlignment.LEFT
    return given(mappings=words, custom_cellOptions=WORDS_ON_COLOUR, custom_align=left)


def _outbox(say: Edition) -> stat.Panel:
    open_now = 'sum(max by (partition) (wachtpost_breaches_open{acknowledged="false"}))'
    taken = 'sum(max by (partition) (wachtpost_breaches_open{acknowledged="true"}))'
    waiting = "sum(max by (partition) (wachtpost_outbox_deliveries))"
    return (
        number(
            say,
            Words.COUNT,
            instant(open_now, say(Words.NOT_TAKEN)),
            instant(taken, say(Words.TAKEN)),
            instant(waiting, say(Words.OUTBOX)),
            listed=True,
        )
        .decimals(0)
        .color_scheme(fixed(Colour.TEXT))
        .override_by_name(say(Words.NOT_TAKEN), given(color=fixed(BAD), mappings=calm_at_none()))
        .override_by_name(say(Words.TAKEN), given(color=fixed(PLAIN)))
    )


def _history(say: Edition) -> statetimeline.Panel:
    asked = over_time(
        rules.told(say, named(states(CHOSEN, IDENTITY))), f"{{{{name}}}} · {{{{{rules.WHAT}}}}}"
    )
    return states_over_time(say, Words.HISTORY, asked).mappings(mapped(state_words(say))).per_page(12)


def _flapping(say: Edition) -> bargauge.Panel:
    changes = f"max by ({IDENTITY}) (changes(wachtpost_kpi_breached{{{CHOSEN}}}[$__range])) > 0"
    asked = instant(f"topk(6,\n{rules.told(say, named(changes))}\n)", f"{{{{name}}}} · {{{{{rules.WHAT}}}}}")
    panel = bars(say, Words.FLAPPING, asked, title_size=14, value_size=16)
    return panel.color_scheme(fixed(Colour.ORANGE)).no_value(say(Words.NEVER))


def _deliveries(say: Edition) -> timeseries.Panel:
    tried = "60 * sum by (result) (rate(wachtpost_notifications_total[$__rate_interval]))"
    panel = lines(say, Words.DELIVERIES, over_time(tried, "{{result}}"), stacked=True)
    panel.unit(PER_MINUTE).decimals(1)
    return with_words(panel, say, RESULTS, RESULT_COLOURS)


def _speed(say: Edition) -> timeseries.Panel:
    def quantile(share: float) -> str:
        tries = "sum by (le) (rate(wachtpost_delivery_seconds_bucket[$__rate_interval]))"
        some = "sum(rate(wachtpost_delivery_seconds_count[$__rate_interval])) > 0"
        return f"histogram_quantile({share}, {tries})\nand on () {some}"

    half, most = over_time(quantile(0.5), say(Words.HALF)), over_time(quantile(0.95), say(Words.P95))
    return (
        lines(say, Words.SPEED, half, most)
        .unit(LATENCY)
        .color_scheme(shades(PLAIN))
        .override_by_name(say(Words.HALF), given(color=fixed(PLAIN)))
        .override_by_name(say(Words.P95), given(color=fixed(Colour.ORANGE)))
    )

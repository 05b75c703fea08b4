"""Breaches: what is wrong, who took it on, who was told."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import (
    FieldTextAlignment,
    TableCellBackgroundDisplayMode,
    TableColoredBackgroundCellOptions,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from deploy.grafana.board import BoardName, board
from deploy.grafana.kpis import by_rule, figure_words, severity_words, state_words
from deploy.grafana.labels import replaced
from deploy.grafana.palette import BAD, PLAIN, Colour
from deploy.grafana.panels import (
    LATENCY,
    MOMENT,
    PER_MINUTE,
    bars,
    columns,
    fixed,
    given,
    instant,
    lines,
    listing,
    mapped,
    merged,
    number,
    over_time,
    rows,
    shades,
    states_over_time,
    with_words,
)
from deploy.grafana.promql import CHOSEN, named, states
from deploy.grafana.words import FIGURE, PLACE, RESULTS, RULE, SEVERITY, SINCE, STATE, Edition
from deploy.grafana.words import BreachesWords as Words

IDENTITY: Final = "site, queue, rule, measure, severity"
"""Labels that tell one breach from another."""
RESULT_COLOURS: Final = (PLAIN, Colour.ORANGE, BAD, Colour.GREY)
WORDS_ON_COLOUR: Final = TableColoredBackgroundCellOptions(TableCellBackgroundDisplayMode.BASIC)


def breaches(say: Edition) -> Dashboard:
    return (
        board(say, BoardName.BREACHES, "now-24h", "10s")
        .with_panel(_open(say).height(9).span(20))
        .with_panel(_outbox(say).height(9).span(4))
        .with_panel(_history(say).height(11).span(24))
        .with_panel(_flapping(say).height(9).span(8))
        .with_panel(_deliveries(say).height(9).span(8))
        .with_panel(_speed(say).height(9).span(8))
    )


def _open(say: Edition) -> table.Panel:
    opened = f"wachtpost_breach_opened_timestamp_seconds{{{CHOSEN}}}"
    taken = f"wachtpost_breach_acknowledged_timestamp_seconds{{{CHOSEN}}}"
    # 0 and a word for what nobody took on: else the columns would come and go.
    nobody = replaced(f"0 * max by ({IDENTITY}) ({opened})", "by", say(Words.NOBODY))
    asked = (
        named(f"1000 * max by ({IDENTITY}) ({opened})"),
        named(f"1000 * max by ({IDENTITY}, by) ({taken})\nor on ({IDENTITY}) {nobody}"),
        named(f"{states(CHOSEN, IDENTITY)}\nand on ({IDENTITY}) {opened}"),
    )
    headings = {
        "Value #A": say(SINCE),
        "severity": say(SEVERITY),
        "name": say(PLACE),
        "rule": say(RULE),
        "measure": say(FIGURE),
        "Value #C": say(STATE),
        "by": say(Words.TAKEN_BY),
        "Value #B": say(Words.TAKEN_AT),
    }
    severity = given(
        mappings=mapped(severity_words(say)), custom_cellOptions=WORDS_ON_COLOUR, custom_width=130
    )
    not_yet = mapped({"0": (say(Words.NOT_YET), None)})
    return (
        listing(
            say,
            Words.OPEN,
            *(rows(by_rule(one, say)) for one in asked),
            sort_by=say(SINCE),
            highest_first=True,
        )
        .no_value(say(Words.NONE))
        .override_by_name(say(SINCE), given(unit=MOMENT, custom_width=130))
        .override_by_name(say(SEVERITY), severity)
        .override_by_name(say(FIGURE), given(mappings=mapped(figure_words(say))))
        .override_by_name(say(STATE), [*state_column(say), *given(custom_width=150)])
        .override_by_name(say(Words.TAKEN_AT), given(unit=MOMENT, mappings=not_yet, custom_width=130))
        .with_transformation(merged())
        .with_transformation(columns(headings, hidden=("Time", "site", "queue")))
    )


def state_column(say: Edition) -> list[DynamicConfigValue]:
    """A state as a word on its colour."""
    words = mapped(state_words(say))
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
        .override_by_name(say(Words.NOT_TAKEN), given(color=fixed(BAD)))
        .override_by_name(say(Words.TAKEN), given(color=fixed(PLAIN)))
    )


def _history(say: Edition) -> statetimeline.Panel:
    asked = over_time(named(states(CHOSEN, IDENTITY)), "{{name}} · {{rule}}")
    return states_over_time(say, Words.HISTORY, asked).mappings(mapped(state_words(say))).per_page(12)


def _flapping(say: Edition) -> bargauge.Panel:
    changes = f"max by (site, queue, rule) (changes(wachtpost_kpi_breached{{{CHOSEN}}}[$__range])) > 0"
    asked = instant(f"topk(6,\n{named(changes)}\n)", "{{name}} · {{rule}}")
    panel = bars(say, Words.FLAPPING, asked, title_size=14, value_size=16)
    return panel.color_scheme(fixed(Colour.ORANGE)).no_value(say(Words.NEVER))


def _deliveries(say: Edition) -> timeseries.Panel:
    tried = "60 * sum by (result) (rate(wachtpost_notifications_total[$__rate_interval]))"
    panel = lines(say, Words.DELIVERIES, over_time(tried, "{{result}}"), stacked=True).unit(PER_MINUTE)
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

"""Breaches: what is wrong, who took it on, who was told."""

from __future__ import annotations

from typing import Final

from deploy.grafana.board import Band, Board, Name
from deploy.grafana.kpis import kpi_words, severity_words, state_words
from deploy.grafana.palette import BAD, PLAIN, Colour
from deploy.grafana.panels import (
    COUNT,
    LATENCY,
    MOMENT,
    PER_MINUTE,
    Answer,
    Fields,
    JsonObject,
    Panel,
    Query,
    Word,
    bar_gauge,
    columns,
    fixed,
    mappings,
    merged,
    of_name,
    series_words,
    shades,
    stat,
    state_timeline,
    table,
    time_series,
)
from deploy.grafana.promql import CHOSEN, named, states
from deploy.grafana.words import (
    FIGURE,
    NO_DATA,
    PLACE,
    RESULTS,
    RULE,
    SEVERITY,
    SINCE,
    STATE,
    Boards,
    Language,
    Say,
    headed,
    speaker,
)
from deploy.grafana.words import Breaches as Words

IDENTITY: Final = "site, queue, rule, kpi, severity"
"""Labels that tell one breach from another."""
NO_BREACH: Final = "no breach is going on"
NO_RECEIVER: Final = "the city file has no receivers: nobody is told, so nothing is counted"

WORDS_ON_COLOUR: Final[JsonObject] = {"type": "color-background", "mode": "basic"}


def breaches(language: Language) -> Board:
    """Return the board in one language."""
    say = speaker(language)
    return Board(
        name=Name.BREACHES,
        language=language,
        about=Boards.BREACHES_ABOUT,
        since="now-24h",
        refresh="10s",
        bands=(
            Band(9, ((20, _open(say)), (4, _outbox(say)))),
            Band(11, ((24, _history(say)),)),
            Band(9, ((8, _flapping(say)), (8, _deliveries(say)), (8, _speed(say)))),
        ),
    )


def _open(say: Say) -> Panel:
    opened = f"wachtpost_breach_opened_timestamp_seconds{{{CHOSEN}}}"
    taken = f"wachtpost_breach_acknowledged_timestamp_seconds{{{CHOSEN}}}"
    # 0 and a word for what nobody took on: else the columns would come and go.
    nobody = f'label_replace(0 * max by ({IDENTITY}) ({opened}), "by", "{say(Words.NOBODY)}", "", "")'
    state = f"{states(CHOSEN, IDENTITY)}\nand on ({IDENTITY}) {opened}"
    headings = {
        "Value #A": say(SINCE),
        "severity": say(SEVERITY),
        "name": say(PLACE),
        "rule": say(RULE),
        "kpi": say(FIGURE),
        "Value #C": say(STATE),
        "by": say(Words.TAKEN_BY),
        "Value #B": say(Words.TAKEN_AT),
    }
    return table(
        headed(say, Words.OPEN),
        [
            Query(named(f"1000 * max by ({IDENTITY}) ({opened})"), Answer.ROWS, empty_because=NO_BREACH),
            Query(
                named(f"1000 * max by ({IDENTITY}, by) ({taken})\nor on ({IDENTITY}) {nobody}"),
                Answer.ROWS,
                empty_because=NO_BREACH,
            ),
            Query(named(state), Answer.ROWS, empty_because=NO_BREACH),
        ],
        Fields(
            colour=fixed(Colour.TEXT),
            no_value=say(Words.NONE),
            overrides=(
                of_name(say(SINCE), unit=MOMENT, custom_width=130),
                of_name(
                    say(SEVERITY),
                    mappings=mappings(severity_words(say)),
                    custom_cellOptions=WORDS_ON_COLOUR,
                    custom_width=130,
                ),
                of_name(say(FIGURE), mappings=mappings(kpi_words(say))),
                of_name(
                    say(STATE),
                    mappings=mappings(state_words(say)),
                    custom_cellOptions=WORDS_ON_COLOUR,
                    custom_width=150,
                    custom_align="left",
                ),
                of_name(
                    say(Words.TAKEN_AT),
                    unit=MOMENT,
                    mappings=mappings({"0": Word(say(Words.NOT_YET))}),
                    custom_width=130,
                ),
            ),
        ),
        transformations=(merged(), columns(headings, hidden=("Time", "site", "queue"))),
        sort_by=((say(SINCE), True),),
    )


def _outbox(say: Say) -> Panel:
    open_now = 'sum(max by (partition) (wachtpost_breaches_open{acknowledged="false"}))'
    taken = 'sum(max by (partition) (wachtpost_breaches_open{acknowledged="true"}))'
    parcels = "sum(max by (partition) (wachtpost_outbox_parcels))"
    return stat(
        headed(say, Words.COUNT),
        [
            Query(open_now, Answer.NOW, say(Words.NOT_TAKEN)),
            Query(taken, Answer.NOW, say(Words.TAKEN)),
            Query(parcels, Answer.NOW, say(Words.OUTBOX)),
        ],
        Fields(
            unit=COUNT,
            decimals=0,
            colour=fixed(Colour.TEXT),
            no_value=say(NO_DATA),
            overrides=(
                of_name(say(Words.NOT_TAKEN), color=fixed(BAD)),
                of_name(say(Words.TAKEN), color=fixed(PLAIN)),
            ),
        ),
        listed=True,
    )


def _history(say: Say) -> Panel:
    return state_timeline(
        headed(say, Words.HISTORY),
        [Query(named(states(CHOSEN, IDENTITY)), legend="{{name}} · {{rule}}")],
        Fields(words=state_words(say), no_value=say(NO_DATA)),
        per_page=12,
    )


def _flapping(say: Say) -> Panel:
    changes = f"max by (site, queue, rule) (changes(wachtpost_kpi_breached{{{CHOSEN}}}[$__range])) > 0"
    return bar_gauge(
        headed(say, Words.FLAPPING),
        [
            Query(
                f"topk(6,\n{named(changes)}\n)",
                Answer.NOW,
                "{{name}} · {{rule}}",
                empty_because="no rule began or ceased to be breached",
            )
        ],
        Fields(unit=COUNT, decimals=0, least=0, colour=fixed(Colour.ORANGE), no_value=say(Words.NEVER)),
        title_size=14,
        value_size=16,
    )


def _deliveries(say: Say) -> Panel:
    tried = "60 * sum by (result) (rate(wachtpost_notifications_total[$__rate_interval]))"
    colours = (PLAIN, Colour.ORANGE, BAD, Colour.GREY)
    return time_series(
        headed(say, Words.DELIVERIES),
        [Query(tried, legend="{{result}}", empty_because=NO_RECEIVER)],
        Fields(
            unit=PER_MINUTE,
            least=0,
            no_value=say(NO_DATA),
            overrides=tuple(series_words(say, RESULTS, colours)),
        ),
        stacked=True,
    )


def _speed(say: Say) -> Panel:
    def quantile(share: float) -> str:
        tries = "sum by (le) (rate(wachtpost_delivery_seconds_bucket[$__rate_interval]))"
        some = "sum(rate(wachtpost_delivery_seconds_count[$__rate_interval])) > 0"
        return f"histogram_quantile({share}, {tries})\nand on () {some}"

    quiet = "nothing was sent lately"
    return time_series(
        headed(say, Words.SPEED),
        [
            Query(quantile(0.5), legend=say(Words.HALF), empty_because=quiet),
            Query(quantile(0.95), legend=say(Words.P95), empty_because=quiet),
        ],
        Fields(
            unit=LATENCY,
            least=0,
            colour=shades(PLAIN),
            no_value=say(NO_DATA),
            overrides=(
                of_name(say(Words.HALF), color=fixed(PLAIN)),
                of_name(say(Words.P95), color=fixed(Colour.ORANGE)),
            ),
        ),
    )

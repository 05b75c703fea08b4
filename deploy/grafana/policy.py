"""Policy indicators: today against the targets, until the months and years are there. No made-up figures."""

from __future__ import annotations

from deploy.grafana.appointments import lead_time_today
from deploy.grafana.board import Band, Board, Name, to_board
from deploy.grafana.breaches import IDENTITY, WORDS_ON_COLOUR
from deploy.grafana.counters import cluster_verdicts
from deploy.grafana.kpis import (
    CALL_WAIT,
    MISSED,
    kpi_words,
    severity_words,
    state_words,
    verdict_fields,
    verdicts,
)
from deploy.grafana.palette import Colour
from deploy.grafana.panels import (
    CLOCK,
    MOMENT,
    RATIO,
    Answer,
    Fields,
    Panel,
    Query,
    Word,
    columns,
    fixed,
    mappings,
    merged,
    of_name,
    prose,
    stat,
    table,
)
from deploy.grafana.promql import CHOSEN, SITE, TODAY, TOTAL, Kpi, named, states
from deploy.grafana.words import (
    FIGURE,
    NO_DATA,
    PLACE,
    RULE,
    SEVERITY,
    SINCE,
    STATE,
    WORKDAYS,
    Boards,
    Language,
    PanelText,
    Say,
    headed,
    speaker,
)
from deploy.grafana.words import Policy as Words


def policy(language: Language) -> Board:
    """Return the board in one language."""
    say = speaker(language)
    return Board(
        name=Name.POLICY,
        language=language,
        about=Boards.POLICY_ABOUT,
        since="now-24h",
        refresh="1m",
        bands=(
            Band(
                6,
                (
                    (8, _tile(say, Words.MISSED, MISSED, language)),
                    (8, _tile(say, Words.WAIT, CALL_WAIT, language)),
                    (8, lead_time_today(say, language)),
                ),
            ),
            Band(
                5,
                ((24, cluster_verdicts(say, Words.COUNTERS, language, f'{SITE}, queue!="all"')),),
            ),
            Band(5, ((24, prose(headed(say, Words.PLAIN), say(Words.PLAIN_TEXT))),)),
            Band(12, ((10, _targets(say)), (14, _rules(say)))),
        ),
    )


def _tile(say: Say, text: PanelText, kpi: Kpi, language: Language) -> Panel:
    return stat(
        headed(say, text),
        [verdicts(kpi, say, TOTAL, TODAY, one=True, counted=True)],
        verdict_fields(kpi, say),
        named=True,
        solid=True,
        links=(to_board(Name.BREACHES, language),),
    )


def _targets(say: Say) -> Panel:
    """A column per unit: one column cannot have three."""
    asked = (
        (Words.SHARE, "missed_ratio|service_level", RATIO),
        (Words.WAIT_COLUMN, "call_wait_mean|visit_wait_mean", CLOCK),
        (Words.LEAD_COLUMN, "lead_time_mean", f"suffix:{say(WORKDAYS)}"),
    )
    headings = {
        "kpi": say(FIGURE),
        "name": say(PLACE),
        **{f"Value #{ref}": say(text) for ref, (text, _, _) in zip("ABC", asked, strict=True)},
    }
    return table(
        headed(say, Words.TARGETS),
        [
            Query(
                named(f'max by (site, queue, kpi) (wachtpost_kpi_target{{{SITE}, kpi=~"{kpis}"}})'),
                Answer.ROWS,
                empty_because="the city file may have no target of this kind",
            )
            for _, kpis, _ in asked
        ],
        Fields(
            colour=fixed(Colour.TEXT),
            no_value="–",
            overrides=(
                of_name(say(FIGURE), mappings=mappings(kpi_words(say))),
                *(of_name(say(text), unit=unit, custom_align="right") for text, _, unit in asked),
            ),
        ),
        transformations=(merged(), columns(headings, hidden=("Time", "site", "queue"))),
        sort_by=((say(FIGURE), False),),
    )


def _rules(say: Say) -> Panel:
    since = f"max by ({IDENTITY}) (wachtpost_kpi_state_since_timestamp_seconds{{{CHOSEN}}})"
    # 0 for a rule that is well: else the column would come and go.
    well = f"0 * max by ({IDENTITY}) (wachtpost_kpi_breached{{{CHOSEN}}})"
    headings = {
        "rule": say(RULE),
        "name": say(PLACE),
        "kpi": say(FIGURE),
        "severity": say(SEVERITY),
        "Value #A": say(STATE),
        "Value #B": say(SINCE),
    }
    return table(
        headed(say, Words.RULES),
        [
            Query(named(states(CHOSEN, IDENTITY)), Answer.ROWS),
            Query(named(f"1000 * {since}\nor on ({IDENTITY}) {well}"), Answer.ROWS),
        ],
        Fields(
            colour=fixed(Colour.TEXT),
            no_value=say(NO_DATA),
            overrides=(
                of_name(
                    say(STATE),
                    mappings=mappings(state_words(say)),
                    custom_cellOptions=WORDS_ON_COLOUR,
                    custom_align="left",
                    custom_width=160,
                ),
                of_name(say(SEVERITY), mappings=mappings(severity_words(say)), custom_width=120),
                of_name(say(FIGURE), mappings=mappings(kpi_words(say))),
                of_name(say(SINCE), unit=MOMENT, mappings=mappings({"0": Word("–")}), custom_width=120),
            ),
        ),
        transformations=(merged(), columns(headings, hidden=("Time", "site", "queue"))),
        sort_by=((say(STATE), True),),
        filterable=True,
    )

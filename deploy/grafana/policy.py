"""Policy indicators: months and years against the targets, what came before, and where they are heading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from deploy.grafana.board import Band, Board, Name, breaches_of_queue, to_board
from deploy.grafana.breaches import IDENTITY, WORDS_ON_COLOUR
from deploy.grafana.kpis import (
    CALL_WAIT,
    LEAD_TIME,
    MISSED,
    VISIT_WAIT,
    kpi_words,
    severity_words,
    state_words,
    verdict_fields,
    verdicts,
)
from deploy.grafana.palette import BAD, GOOD, Colour
from deploy.grafana.panels import (
    CLOCK,
    COUNT,
    MOMENT,
    RATIO,
    Answer,
    Fields,
    Json,
    Link,
    Panel,
    Query,
    Word,
    columns,
    fixed,
    headed_columns,
    mappings,
    merged,
    of_name,
    stat,
    table,
)
from deploy.grafana.periods import MONTH, YEAR, Running, history, put, speeds, waits_by_place
from deploy.grafana.promql import CHOSEN, SITE, TOTAL, named, states
from deploy.grafana.words import (
    FIGURE,
    NO_DATA,
    PLACE,
    RULE,
    SEVERITY,
    SINCE,
    STATE,
    TARGET,
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
    link = (to_board(Name.BREACHES, language),)
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
                    (8, _tile(say, Words.MISSED, Running.of(MISSED, YEAR), link)),
                    (8, _tile(say, Words.WAIT, Running.of(CALL_WAIT, MONTH), link)),
                    (8, _tile(say, Words.LEAD, Running.of(LEAD_TIME, MONTH), link)),
                ),
            ),
            Band(5, ((24, _counters(say, language)),)),
            Band(6, ((24, _budget(say)),)),
            Band(
                11,
                (
                    (15, history(say, headed(say, Words.YEARS), replace(MISSED, decimals=2), YEAR)),
                    (9, _breaks(say)),
                ),
            ),
            Band(
                10,
                (
                    (12, history(say, headed(say, Words.MISSED_MONTHS), MISSED, MONTH)),
                    (12, history(say, headed(say, Words.WAIT_MONTHS), CALL_WAIT, MONTH)),
                ),
            ),
            Band(
                10,
                (
                    (12, speeds(say, headed(say, Words.SPEED))),
                    (12, history(say, headed(say, Words.LEAD_MONTHS), LEAD_TIME, MONTH)),
                ),
            ),
            Band(11, ((24, waits_by_place(say, headed(say, Words.COUNTER_MONTHS), VISIT_WAIT)),)),
            Band(12, ((10, _targets(say)), (14, _rules(say)))),
        ),
    )


def _tile(say: Say, text: PanelText, kpi: Running, links: tuple[Link, ...]) -> Panel:
    return stat(
        headed(say, text),
        [verdicts(kpi, say, TOTAL, "", one=True, counted=True)],
        verdict_fields(kpi, say),
        named=True,
        solid=True,
        links=links,
    )


def _counters(say: Say, language: Language) -> Panel:
    kpi = Running.of(VISIT_WAIT, MONTH)
    return stat(
        headed(say, Words.COUNTERS),
        [verdicts(kpi, say, f'{SITE}, queue!="all"', "", counted=True)],
        verdict_fields(kpi, say, (breaches_of_queue(language),)),
        named=True,
        solid=True,
        links=(to_board(Name.BREACHES, language),),
    )


_LIKELY, _OPEN, _UNLIKELY = 0, 1, 2
"""Where the whole interval of a projection stands against the target: within, on both sides, beyond."""


def _budget(say: Say) -> Panel:
    """What may still be missed this month and this year, and where they are heading."""
    chosen = f'{SITE}, kpi="{MISSED.name}"'
    left = f"max by (period) (wachtpost_error_budget_contacts{{{chosen}}})"
    low, middle, high = (
        f'max by (period) (wachtpost_error_budget_projected_ratio{{{chosen}, bound="{bound}"}})'
        for bound in ("low", "middle", "high")
    )
    # As the evaluator has it: the target of that span, or else the other one.
    targets = f'wachtpost_indicator_target{{{TOTAL}, kpi="{MISSED.name}"}}'
    target = "\nor ".join(
        (f"max by (period) ({targets})", *(put(f"max({targets})", "period", span) for span in (MONTH, YEAR)))
    )
    outlook = "\nor ".join(
        (
            f"0 * ({low} > on (period) ({target})) + {_UNLIKELY}",
            f"0 * ({high} > on (period) ({target})) + {_OPEN}",
            f"0 * {high} + {_LIKELY}",
        )
    )
    soon = "in the first days of a month there is too little to go by for a projection"
    asked = (
        (Words.LEFT, left, "", COUNT),
        (Words.OUTLOOK, outlook, soon, COUNT),
        (Words.PROJECTED, MISSED.rounded(middle), soon, RATIO),
        (Words.AT_LEAST, MISSED.rounded(low), soon, RATIO),
        (Words.AT_MOST, MISSED.rounded(high), soon, RATIO),
        (TARGET, f"({target})\nand {left}", "", RATIO),
    )
    spans = mappings({MONTH: Word(say(Words.THIS_MONTH)), YEAR: Word(say(Words.THIS_YEAR))})
    return table(
        headed(say, Words.BUDGET),
        [Query(query, Answer.ROWS, empty_because=why) for _, query, why, _ in asked],
        Fields(
            colour=fixed(Colour.TEXT),
            no_value=say(Words.NO_BUDGET),
            overrides=(
                of_name(say(Words.PERIOD), mappings=spans),
                *(
                    of_name(say(text), unit=unit, decimals=1 if unit == RATIO else 0, custom_align="left")
                    for text, _, _, unit in asked
                ),
                of_name(say(Words.OUTLOOK), mappings=_outlooks(say), custom_cellOptions=WORDS_ON_COLOUR),
            ),
        ),
        transformations=(
            merged(),
            columns({"period": say(Words.PERIOD)} | headed_columns(say(text) for text, *_ in asked)),
        ),
        sort_by=((say(Words.PERIOD), False),),
        tall=True,
    )


def _outlooks(say: Say) -> Sequence[Json]:
    return mappings(
        {
            str(_LIKELY): Word(say(Words.LIKELY), GOOD),
            str(_OPEN): Word(say(Words.OPEN), Colour.YELLOW),
            str(_UNLIKELY): Word(say(Words.UNLIKELY), BAD),
        }
    )


def _breaks(say: Say) -> Panel:
    every = mappings({"all": Word(say(Words.EVERY_SERIES))} | kpi_words(say))
    reasons = mappings({what: Word(say(text)) for what, text in Words.REASONS.items()})
    headings = {
        "period": say(Words.FROM),
        "kpi": say(FIGURE),
        "what": say(Words.WHAT),
        "text": say(Words.EXPLAINED),
    }
    return table(
        headed(say, Words.BREAKS),
        [
            Query(
                "group by (period, kpi, what, text) (wachtpost_indicator_break)",
                Answer.ROWS,
                empty_because="a city's series need not break anywhere",
            )
        ],
        Fields(
            colour=fixed(Colour.TEXT),
            no_value=say(Words.NO_BREAKS),
            overrides=(
                of_name(say(Words.FROM), custom_width=90),
                of_name(say(FIGURE), mappings=every, custom_width=130),
                of_name(say(Words.WHAT), mappings=reasons, custom_width=110),
                of_name(say(Words.EXPLAINED), custom_wrapText=True),
            ),
        ),
        transformations=(columns(headings, hidden=("Time", "Value")),),
        sort_by=((say(Words.FROM), False),),
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
        "period": say(Words.JUDGED),
        **headed_columns(say(text) for text, _, _ in asked),
    }
    spans = mappings({MONTH: Word(say(Words.PER_MONTH)), YEAR: Word(say(Words.PER_YEAR))})
    return table(
        headed(say, Words.TARGETS),
        [
            Query(
                named(
                    f'max by (site, queue, kpi, period) (wachtpost_indicator_target{{{SITE}, kpi=~"{kpis}"}})'
                ),
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
                of_name(say(Words.JUDGED), mappings=spans),
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

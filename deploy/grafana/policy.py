"""Policy indicators: months and years against the targets, what came before, and where they are heading."""

from __future__ import annotations

from dataclasses import replace

from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import FieldTextAlignment

from deploy.grafana import rules
from deploy.grafana.board import BoardName, board, breaches_of_queue, to_board
from deploy.grafana.breaches import WORDS_ON_COLOUR, state_column
from deploy.grafana.kpis import (
    CALL_WAIT,
    HANDLE_TIME,
    LEAD_TIME,
    MISSED,
    VISIT_WAIT,
    figure_words,
    judged,
    severity_words,
    verdicts,
)
from deploy.grafana.labels import or_said
from deploy.grafana.palette import BAD, GOOD, Colour
from deploy.grafana.panels import (
    CLOCK,
    COUNT,
    MOMENT,
    RATIO,
    columns,
    given,
    headed_columns,
    listing,
    mapped,
    merged,
    number,
    rows,
    untold,
)
from deploy.grafana.periods import MONTH, YEAR, RunningKpi, history, put, speeds, waits_by_place
from deploy.grafana.promql import CHOSEN, SITE, TOTAL, KpiQuery, named, states
from deploy.grafana.rules import IDENTITY
from deploy.grafana.words import (
    FIGURE,
    NO_FIGURE,
    NO_TARGET,
    PLACE,
    RULE,
    SEVERITY,
    SINCE,
    STATE,
    TARGET,
    WORKDAYS,
    Edition,
    PanelText,
)
from deploy.grafana.words import PolicyWords as Words
from shared.contract.kpis import KPIS, Kpi, Unit


def policy(say: Edition) -> Dashboard:
    return (
        board(say, BoardName.POLICY, "now-24h", "1m")
        .with_panel(_tile(say, Words.MISSED, MISSED, YEAR).height(6).span(8))
        .with_panel(_tile(say, Words.WAIT, CALL_WAIT, MONTH).height(6).span(8))
        .with_panel(_tile(say, Words.LEAD, LEAD_TIME, MONTH).height(6).span(8))
        .with_panel(_counters(say).height(5).span(24))
        .with_panel(_budget(say).height(6).span(24))
        .with_panel(history(say, Words.YEARS, replace(MISSED, decimals=2), YEAR).height(11).span(15))
        .with_panel(_breaks(say).height(11).span(9))
        .with_panel(history(say, Words.MISSED_MONTHS, MISSED, MONTH).height(10).span(12))
        .with_panel(history(say, Words.WAIT_MONTHS, CALL_WAIT, MONTH).height(10).span(12))
        .with_panel(speeds(say, Words.SPEED).height(10).span(8))
        .with_panel(history(say, Words.HANDLE_MONTHS, HANDLE_TIME, MONTH).height(10).span(8))
        .with_panel(history(say, Words.LEAD_MONTHS, LEAD_TIME, MONTH).height(10).span(8))
        .with_panel(waits_by_place(say, Words.COUNTER_MONTHS, VISIT_WAIT).height(11).span(24))
        .with_panel(_targets(say).height(12).span(10))
        .with_panel(_rules(say).height(12).span(14))
    )


def _tile(say: Edition, text: PanelText, kpi: KpiQuery, span: str) -> stat.Panel:
    asked = verdicts(RunningKpi.of(kpi, span), say, TOTAL, "", one=True)
    panel = judged(number(say, text, asked, named=True, solid=True), kpi, say)
    return panel.links(to_board(BoardName.BREACHES, say))


def _counters(say: Edition) -> stat.Panel:
    asked = verdicts(RunningKpi.of(VISIT_WAIT, MONTH), say, f'{SITE}, queue!="all"', "")
    panel = judged(number(say, Words.COUNTERS, asked, named=True, solid=True), VISIT_WAIT, say)
    return panel.data_links(breaches_of_queue(say)).links(to_board(BoardName.BREACHES, say))


_LIKELY, _OPEN, _UNLIKELY = 0, 1, 2
"""Where the whole interval of a projection stands against the target: within, on both sides, beyond."""


def _budget(say: Edition) -> table.Panel:
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
    asked = (
        (Words.LEFT, left, COUNT),
        (Words.OUTLOOK, outlook, COUNT),
        (Words.PROJECTED, middle, RATIO),
        (Words.AT_LEAST, low, RATIO),
        (Words.AT_MOST, high, RATIO),
        (TARGET, f"({target})\nand {left}", RATIO),
    )
    first, *others = (query for _, query, _ in asked)
    queries = (rows(query) for query in (or_said(first, "period", say(Words.NO_BUDGET)), *others))
    panel = listing(say, Words.BUDGET, *queries, sort_by=say(Words.PERIOD), tall=True)
    spans = mapped({MONTH: (say(Words.THIS_MONTH), None), YEAR: (say(Words.THIS_YEAR), None)})
    panel.override_by_name(say(Words.PERIOD), given(mappings=spans))
    for text, _, unit in asked:
        settings = given(unit=unit, decimals=1 if unit == RATIO else 0, custom_align=FieldTextAlignment.LEFT)
        panel.override_by_name(say(text), settings)
    outlooks = {
        str(_LIKELY): (say(Words.LIKELY), GOOD),
        str(_OPEN): (say(Words.OPEN), Colour.YELLOW),
        str(_UNLIKELY): (say(Words.UNLIKELY), BAD),
    }
    on_colour = given(mappings=[*mapped(outlooks), untold()], custom_cellOptions=WORDS_ON_COLOUR)
    panel.override_by_name(say(Words.OUTLOOK), on_colour)
    headings = {"period": say(Words.PERIOD)} | headed_columns(say(text) for text, *_ in asked)
    return panel.with_transformation(merged()).with_transformation(columns(headings))


def _breaks(say: Edition) -> table.Panel:
    every = mapped({"all": (say(Words.EVERY_SERIES), None), **figure_words(say)})
    reasons = mapped({what: (say(text), None) for what, text in Words.REASONS.items()})
    headings = {
        "period": say(Words.FROM),
        "kpi": say(FIGURE),
        "what": say(Words.WHAT),
        "text": say(Words.EXPLAINED),
    }
    asked = rows("group by (period, kpi, what, text) (wachtpost_indicator_break)")
    return (
        listing(say, Words.BREAKS, asked, sort_by=say(Words.FROM))
        .no_value(say(Words.NO_BREAKS))
        .override_by_name(say(Words.FROM), given(custom_width=90))
        .override_by_name(say(FIGURE), given(mappings=every, custom_width=130))
        .override_by_name(say(Words.WHAT), given(mappings=reasons, custom_width=110))
        .override_by_name(say(Words.EXPLAINED), given(custom_wrapText=True))
        .with_transformation(columns(headings, hidden=("Time", "Value")))
    )


def _targets(say: Edition) -> table.Panel:
    """A column per unit: one column cannot have three."""
    asked = (
        (Words.SHARE, Unit.RATIO, RATIO),
        (Words.TIME_COLUMN, Unit.SECONDS, CLOCK),
        (Words.LEAD_COLUMN, Unit.WORKDAYS, f"suffix:{say(WORKDAYS)}"),
    )
    series = "wachtpost_indicator_target"
    first, *others = (
        named(f'max by (site, queue, kpi, period) ({series}{{{SITE}, kpi=~"{_kpis_in(unit)}"}})')
        for _, unit, _ in asked
    )
    promised = or_said(first, "kpi", say(NO_TARGET), f"{series}{{{SITE}}}")
    queries = (rows(query) for query in (promised, *others))
    spans = mapped({MONTH: (say(Words.PER_MONTH), None), YEAR: (say(Words.PER_YEAR), None)})
    panel = listing(say, Words.TARGETS, *queries, sort_by=say(FIGURE))
    panel.override_by_name(say(FIGURE), given(mappings=mapped(figure_words(say))))
    panel.override_by_name(say(Words.JUDGED), given(mappings=spans))
    for text, _, shown in asked:
        panel.override_by_name(say(text), given(unit=shown, custom_align=FieldTextAlignment.RIGHT))
    headings = {
        "kpi": say(FIGURE),
        "name": say(PLACE),
        "period": say(Words.JUDGED),
        **headed_columns(say(text) for text, _, _ in asked),
    }
    return panel.transformations([merged(), columns(headings, hidden=("Time", "site", "queue"))])


def _kpis_in(unit: Unit) -> str:
    return "|".join(kpi for kpi in Kpi if KPIS[kpi].unit is unit)


def _rules(say: Edition) -> table.Panel:
    since = f"max by ({IDENTITY}) (wachtpost_kpi_state_since_timestamp_seconds{{{CHOSEN}}})"
    # 0 for a rule that is well: else the column would come and go.
    well = f"0 * max by ({IDENTITY}) (wachtpost_kpi_breached{{{CHOSEN}}})"
    now, began = (named(states(CHOSEN, IDENTITY)), named(f"1000 * {since}\nor on ({IDENTITY}) {well}"))
    headings = {
        rules.WHAT: say(RULE),
        "name": say(PLACE),
        "severity": say(SEVERITY),
        "Value #A": say(STATE),
        "Value #B": say(SINCE),
    }
    never = [*mapped({"0": (NO_FIGURE, None)}), untold()]
    return (
        listing(
            say,
            Words.RULES,
            rows(or_said(rules.told(say, now), rules.WHAT, say(Words.NO_RULES))),
            rows(rules.told(say, began)),
            sort_by=say(STATE),
            highest_first=True,
        )
        .filterable(True)
        .override_by_name(say(RULE), given(custom_wrapText=True))
        .override_by_name(say(STATE), [*state_column(say), *given(custom_width=160)])
        .override_by_name(say(SEVERITY), given(mappings=mapped(severity_words(say)), custom_width=120))
        .override_by_name(say(SINCE), given(unit=MOMENT, mappings=never, custom_width=120))
        .with_transformation(merged())
        .with_transformation(columns(headings, hidden=("Time", "site", "queue", "rule", "measure")))
    )

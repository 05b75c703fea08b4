"""Policy indicators: months and years against the targets, what came before, and where they are heading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from grafana_foundation_sdk.builders import barchart, bargauge, stat, table
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import FieldTextAlignment

from deploy.grafana import labels, rules
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
from deploy.grafana.labels import joined, or_said, replaced
from deploy.grafana.palette import BAD, GOOD, Colour
from deploy.grafana.panels import (
    MOMENT,
    bars,
    columns,
    given,
    listing,
    mapped,
    merged,
    number,
    rows,
    untold,
)
from deploy.grafana.periods import MONTH, YEAR, RunningKpi, history, speeds, waits_by_place
from deploy.grafana.promql import CHOSEN, SITE, TOTAL, KpiQuery, named, states
from deploy.grafana.rules import IDENTITY
from deploy.grafana.words import (
    FIGURE,
    NO_FIGURE,
    PLACE,
    RULE,
    SEVERITY,
    SINCE,
    STATE,
    Edition,
    PanelText,
)
from deploy.grafana.words import PolicyWords as Words
from shared.config.model import Queue
from shared.contract.kpis import KPIS, Kpi, QueueKind, Unit


def policy(say: Edition) -> Dashboard:
    """Only what a city has: who has no counters sees no empty charts about them."""
    phones, counters = (any(queue.kind is kind for queue in _queues(say)) for kind in QueueKind)
    made = board(say, BoardName.POLICY, "now-24h", "1m")
    for panel in (
        *_side_by_side(_tiles(say, phones=phones, counters=counters), 6),
        *_side_by_side([*([_budget(say)] if phones else []), *([_counters(say)] if counters else [])], 9),
        *_with_breaks(say, phones=phones),
        *_in_pairs([*_charts(say, phones=phones, counters=counters), _targets(say)], 11),
    ):
        made.with_panel(panel)
    if counters:
        made.with_panel(waits_by_place(say, Words.COUNTER_MONTHS, VISIT_WAIT).height(15).span(_WIDTH))
    return made.with_panel(_rules(say).height(12).span(_WIDTH))


_WIDTH: Final = 24
"""Of a board."""

AnyPanel: TypeAlias = barchart.Panel | bargauge.Panel | stat.Panel | table.Panel


def _queues(say: Edition) -> Iterator[Queue]:
    return (queue for site in say.city.sites for queue in site.queues)


def _side_by_side(panels: Sequence[AnyPanel], height: int) -> Iterator[AnyPanel]:
    return (panel.height(height).span(_WIDTH // len(panels)) for panel in panels)


def _in_pairs(panels: Sequence[AnyPanel], height: int) -> Iterator[AnyPanel]:
    for first in range(0, len(panels), 2):
        yield from _side_by_side(panels[first : first + 2], height)


def _tiles(say: Edition, *, phones: bool, counters: bool) -> list[AnyPanel]:
    of_phones = ((Words.MISSED, MISSED, YEAR), (Words.WAIT, CALL_WAIT, MONTH)) if phones else ()
    of_counters = ((Words.LEAD, LEAD_TIME, MONTH),) if counters else ()
    return [_tile(say, *one) for one in (*of_phones, *of_counters)]


def _charts(say: Edition, *, phones: bool, counters: bool) -> Iterator[AnyPanel]:
    if phones:
        yield history(say, Words.MISSED_MONTHS, MISSED, MONTH)
        yield history(say, Words.WAIT_MONTHS, CALL_WAIT, MONTH)
        yield speeds(say, Words.SPEED)
        yield history(say, Words.HANDLE_MONTHS, HANDLE_TIME, MONTH)
    if counters:
        yield history(say, Words.LEAD_MONTHS, LEAD_TIME, MONTH)


def _with_breaks(say: Edition, *, phones: bool) -> Iterator[AnyPanel]:
    """Where series break, beside the years, which break most."""
    if phones:
        yield history(say, Words.YEARS, replace(MISSED, decimals=2), YEAR).height(11).span(15)
    yield _breaks(say).height(11 if phones else 6).span(9 if phones else _WIDTH)


def _tile(say: Edition, text: PanelText, kpi: KpiQuery, span: str) -> stat.Panel:
    asked = verdicts(RunningKpi.of(kpi, span), say, TOTAL, "", one=True)
    panel = judged(number(say, text, asked, named=True, solid=True), kpi, say)
    return panel.links(to_board(BoardName.BREACHES, say))


def _counters(say: Edition) -> bargauge.Panel:
    asked = verdicts(RunningKpi.of(VISIT_WAIT, MONTH), say, f'{SITE}, queue!="all"', "")
    panel = judged(bars(say, Words.COUNTERS, asked, title_size=13, value_size=18), VISIT_WAIT, say)
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
        (
            f"max by (period) ({targets})",
            *(replaced(f"max({targets})", "period", span) for span in (MONTH, YEAR)),
        )
    )
    outlook = "\nor ".join(
        (
            f"0 * ({low} > on (period) ({target})) + {_UNLIKELY}",
            f"0 * ({high} > on (period) ({target})) + {_OPEN}",
            f"0 * {high} + {_LIKELY}",
        )
    )
    ends = labels.number(say, "low", f"100 * {low}", "period", 1)
    ends += f"\n* on (period) group_left (high) {labels.value(say, 'high', Unit.RATIO, high, 'period')}"
    asked = (
        or_said(labels.number(say, "left", left, "period"), "period", say(Words.NO_BUDGET)),
        outlook,
        labels.value(say, "projected", Unit.RATIO, middle, "period"),
        joined(ends, "range", "–", "low", "high"),
        labels.limit(say, "promised", Unit.RATIO, f"({target})\nand {left}", "period"),
    )
    headings = {
        "period": say(Words.PERIOD),
        "left": say(Words.LEFT),
        "Value #B": say(Words.OUTLOOK),
        "projected": say(Words.PROJECTED),
        "range": say(Words.RANGE),
        "promised": say(Words.PROMISED),
    }
    spans = mapped({MONTH: (say(Words.THIS_MONTH), None), YEAR: (say(Words.THIS_YEAR), None)})
    outlooks = mapped(
        {
            str(_LIKELY): (say(Words.LIKELY), GOOD),
            str(_OPEN): (say(Words.OPEN), Colour.YELLOW),
            str(_UNLIKELY): (say(Words.UNLIKELY), BAD),
        }
    )
    left_aligned = FieldTextAlignment.LEFT
    on_colour = given(
        mappings=[*outlooks, untold()],
        custom_cellOptions=WORDS_ON_COLOUR,
        custom_align=left_aligned,
        custom_width=_OUTLOOK_WIDTH,
    )
    hidden = ("Time", "low", "high", "Value #A", "Value #C", "Value #D", "Value #E")
    return (
        listing(say, Words.BUDGET, *map(rows, asked), sort_by=say(Words.PERIOD), tall=True)
        .override_by_name(say(Words.PERIOD), given(mappings=spans))
        .override_by_name(say(Words.OUTLOOK), on_colour)
        .transformations([merged(), columns(headings, hidden)])
    )


_OUTLOOK_WIDTH: Final = 140
"""Pixels: the words in two lines, on half of the smallest screen."""


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
        .override_by_name(say(FIGURE), given(mappings=every, custom_width=125))
        .override_by_name(say(Words.WHAT), given(mappings=reasons, custom_width=110))
        .with_transformation(columns(headings, hidden=("Time", "Value")))
    )


def _targets(say: Edition) -> table.Panel:
    kinds: dict[tuple[Unit, bool], list[str]] = {}
    for kpi in Kpi:
        kinds.setdefault((KPIS[kpi].unit, KPIS[kpi].more_is_better), []).append(kpi)
    told = "\nor\n".join(_promises(say, unit, kpis, least=least) for (unit, least), kpis in kinds.items())
    spans = mapped({MONTH: (say(Words.PER_MONTH), None), YEAR: (say(Words.PER_YEAR), None)})
    headings = {
        "kpi": say(FIGURE),
        "name": say(PLACE),
        "promised": say(Words.PROMISED),
        "period": say(Words.JUDGED),
    }
    return (
        listing(say, Words.TARGETS, rows(named(told)), sort_by=say(FIGURE))
        .no_value(say(Words.NO_TARGETS))
        .override_by_name(say(FIGURE), given(mappings=mapped(figure_words(say))))
        .override_by_name(say(Words.JUDGED), given(mappings=spans))
        .transformations([columns(headings, hidden=("Time", "site", "queue", "Value"))])
    )


def _promises(say: Edition, unit: Unit, kpis: Sequence[str], *, least: bool) -> str:
    """The targets in that unit, each in words as the label ``promised``: "at most 5 working days"."""
    by = "site, queue, kpi, period"
    promised = f'max by ({by}) (wachtpost_indicator_target{{{SITE}, kpi=~"{"|".join(kpis)}"}})'
    words = say(Words.AT_LEAST if least else Words.AT_MOST, limit="$1")
    return replaced(labels.limit(say, "promised", unit, promised, by), "promised", words, "promised", "(.+)")


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
        .override_by_name(say(RULE), given(custom_minWidth=200))
        .override_by_name(say(STATE), [*state_column(say), *given(custom_width=160)])
        .override_by_name(say(SEVERITY), given(mappings=mapped(severity_words(say)), custom_width=120))
        .override_by_name(say(SINCE), given(unit=MOMENT, mappings=never, custom_width=120))
        .with_transformation(merged())
        .with_transformation(columns(headings, hidden=("Time", "site", "queue", "rule", "measure")))
    )

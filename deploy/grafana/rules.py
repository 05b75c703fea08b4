"""The rules of a city file in words: what each says is wrong, in one short sentence.

Nobody at a desk knows a rule by its id. The words are those of the messages; where a rule is held against the
city's target, so does its sentence, for each place has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import floor
from typing import Final

from deploy.grafana.labels import TIMES_SIGN, joined, replaced, worded
from deploy.grafana.words import KPIS, NO_FIGURE, SHIFTS, WORKDAYS, Edition, Text
from shared.config.alerting import (
    BudgetRule,
    CombinedRule,
    Condition,
    KpiCondition,
    KpiRule,
    NobodyCondition,
    NobodyRule,
    QueueRule,
    ShiftRule,
    StateCondition,
    StateRule,
    kinds_of,
)
from shared.config.types import ALL_QUEUES
from shared.contract.annotation_tags import LONG_WINDOWS
from shared.contract.breach_events import Level, rule_label
from shared.contract.kpis import UNITS, Measure, QueueKind, Unit, kpis_of, more_is_better
from shared.translation import Msg, translator

WHAT: Final = "what"
"""The label that says what a breach is about."""

# Translators: what a rule says is wrong: "gemiste oproepen boven 20 %", and then a window: ", laatste 20".
_ABOVE: Final = Msg("{figure} above {limit}")
_BELOW: Final = Msg("{figure} below {limit}")
_ABOVE_TARGET: Final = Msg("{figure} above its target")
_BELOW_TARGET: Final = Msg("{figure} below its target")
# Translators: what a rule says is wrong; {limit} is a factor: "gemiste oproepen boven 3× het doel".
_ABOVE_TIMES_TARGET: Final = Msg("{figure} above {limit} the target")
# Translators: what a rule says is wrong; {time} is how long, such as "45 minuten".
_SILENT: Final = Msg("no data for more than {time}")


_ALL_PHONES: Final = Msg("All phone lines")
_ALL_COUNTERS: Final = Msg("All counters")
_TOTAL: Final = "total"
"""A label of no answer."""

IDENTITY: Final = "site, queue, rule, measure, severity"
"""Labels that tell one breach from another."""


def told(say: Edition, query: str) -> str:
    """Give answers with the labels ``rule`` and ``measure`` the label ``WHAT``: the rule's sentence, or what
    its measure is called where the city file no longer has the rule. A site's total is called, in ``name``,
    by what it is the total of."""
    measures = {measure: say(text) for measure, text in KPIS.items()}
    return _named_total(say, worded(worded(query, WHAT, measures, "measure"), WHAT, sentences(say), "rule"))


def _named_total(say: Edition, query: str) -> str:
    counters = say(_ALL_COUNTERS)
    rules = dict.fromkeys(about_visits(say), counters)
    measures: Mapping[str, str] = dict.fromkeys(kpis_of([QueueKind.COUNTER]), counters)
    query = replaced(query, _TOTAL, say(_ALL_PHONES))
    query = worded(worded(query, _TOTAL, rules, "rule"), _TOTAL, measures, "measure")
    query = joined(query, _TOTAL, ";", "queue", _TOTAL)
    query = replaced(query, "name", "$1", _TOTAL, f"{ALL_QUEUES};(.+)")
    return replaced(query, _TOTAL, "")


def about_visits(say: Edition) -> tuple[str, ...]:
    """What rules are called in metrics whose measure phones have as well, and that look at counters."""
    return tuple(
        label
        for rule in say.city.rules
        if isinstance(rule, StateRule | NobodyRule | CombinedRule)
        if rule.contacts == "visits" or QueueKind.PHONE not in kinds_of(rule)
        for label in (rule.id, rule_label(rule.id, Level.WARNING))
    )


def is_of_weeks(rule: QueueRule) -> bool:
    """Whether a rule is over a month or a year, as its breaches say: by the first of its conditions."""
    first = rule.all[0] if isinstance(rule, CombinedRule) else rule
    return isinstance(first, KpiCondition) and first.window in LONG_WINDOWS


def in_words(
    say: Edition, label: str, written: Callable[[Edition, str, Unit, str, str], str], series: str
) -> str:
    """1 per rule, with its figure or its limit in a label, ``written`` in the unit of its measure; no answers
    where it has none."""
    each = []
    for unit in Unit:
        measures = "|".join(measure for measure in Measure if UNITS[measure] is unit)
        of_these = f'max by ({IDENTITY}) ({series[:-1]}, measure=~"{measures}"}})'
        each.append(written(say, label, unit, of_these, IDENTITY))
    return "\nor\n".join(each)


def usual_shares(say: Edition) -> Mapping[str, str]:
    """Of each rule that notices a shift, the share that is usual, if the city file says which."""
    speak = translator(say.language)
    return {
        rule.id: NO_FIGURE
        if rule.usual is None
        else speak.gettext("usually {share}", share=speak.ratio_limit(rule.usual))
        for rule in say.city.rules
        if isinstance(rule, ShiftRule)
    }


def sentences(say: Edition) -> Mapping[str, str]:
    """What each rule says is wrong, by what it is called in metrics: its early limit is a rule of its own."""
    return dict(_sentences(say))


def _sentences(say: Edition) -> Iterator[tuple[str, str]]:
    for rule in say.city.rules:
        yield rule.id, _of_queue(say, rule)
        if isinstance(rule, KpiRule | StateRule) and rule.warn_at is not None:
            early = rule.model_copy(update={"limit": rule.warn_at})
            yield rule_label(rule.id, Level.WARNING), _condition(say, early)
    for budget in say.city.budget_rules:
        yield budget.id, _budget(say, budget)
    for no_data in say.city.no_data_rules:
        yield no_data.id, say(_SILENT, time=translator(say.language).duration(no_data.after))


def _of_queue(say: Edition, rule: QueueRule) -> str:
    match rule:
        case CombinedRule():
            return translator(say.language).list([_condition(say, part) for part in rule.all])
        case ShiftRule():
            return say(SHIFTS[rule.kpi])
        case _:
            return _condition(say, rule)


def _condition(say: Edition, part: Condition) -> str:
    match part:
        case KpiCondition():
            return f"{_over(say, Measure(part.kpi), part.limit)}, {say.looking_back(part.window)}"
        case StateCondition(kpi=Measure.WAITING) if part.limit < 1:
            return say(KPIS[part.kpi])
        case StateCondition(kpi=Measure.WAITING):
            return _more_waiting(say, floor(part.limit))
        case StateCondition():
            return _over(say, part.kpi, part.limit)
        case NobodyCondition():
            return say(KPIS[part.kpi])


def _more_waiting(say: Edition, people: int) -> str:
    # Translators: what a rule says is wrong: "meer dan 5 wachtenden".
    return translator(say.language).ngettext(
        "more than {number} waiting", "more than {number} waiting", people
    )


def _over(say: Edition, measure: Measure, limit: float | None) -> str:
    return say(_side(measure, limit), figure=say(KPIS[measure]), limit=_limit(say, UNITS[measure], limit))


def _side(measure: Measure, limit: float | None) -> Text:
    if limit is None:
        return _BELOW_TARGET if more_is_better(measure) else _ABOVE_TARGET
    return _BELOW if more_is_better(measure) else _ABOVE


def _limit(say: Edition, unit: Unit, limit: float | None) -> str:
    if limit is None:
        return ""
    written = translator(say.language).limit(unit, limit)
    return f"{written} {say(WORKDAYS)}" if unit is Unit.WORKDAYS else written


def _budget(say: Edition, rule: BudgetRule) -> str:
    limit = f"{_limit(say, Unit.TIMES, rule.burn_rate)}{TIMES_SIGN}"
    burns = say(_ABOVE_TIMES_TARGET, figure=say(KPIS[rule.kpi]), limit=limit)
    return f"{burns}, {say.looking_back(rule.long_window)}"

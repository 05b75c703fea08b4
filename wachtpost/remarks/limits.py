"""Rules that never fire at a desk, or never clear, whatever comes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from shared.config.alerting import (
    CombinedRule,
    Condition,
    KpiCondition,
    KpiRule,
    NobodyCondition,
    QueueRule,
    StateCondition,
    StateRule,
)
from shared.config.model import CityFile, Queue, QueueLogSource, queues_about
from shared.config.references import ReferenceMistake
from shared.config.tables import KeyPath
from shared.config.types import longest_opening
from shared.contract.kpis import KPIS, Kpi, Measure, QueueKind, Unit


def queues_of(city: CityFile, rule: QueueRule) -> list[Queue]:
    """The queues that a rule is about, at all sites."""
    return [
        queue for site in city.sites if rule.site in {None, site.id} for queue in queues_about(rule, site)
    ]


def _longest_opening(city: CityFile, queues: Iterable[Queue]) -> timedelta | None:
    """For how long these queues are open at a stretch; ``None``: day and night."""
    names = {queue.hours for queue in queues}
    return None if None in names else longest_opening(city.hours[name] for name in names if name)


def conditions(city: CityFile) -> Iterator[tuple[KeyPath, QueueRule, QueueRule | Condition]]:
    """Every condition of a rule, with its place; of most rules that is the rule itself."""
    for number, rule in enumerate(city.rules):
        at: KeyPath = ("rules", number)
        if isinstance(rule, CombinedRule):
            yield from (((*at, "all", place), rule, part) for place, part in enumerate(rule.all))
        else:
            yield at, rule, rule


def never_fires(city: CityFile) -> Iterator[ReferenceMistake]:
    """Rules that are judged nowhere or never, or whose limit is beyond what can be measured here."""
    for number, rule in enumerate(city.rules):
        at: KeyPath = ("rules", number)
        queues = queues_of(city, rule)
        if not queues:
            yield ReferenceMistake(at, "judged_nowhere")
        elif _longest_opening(city, queues) == timedelta(0) and _open_only(rule):
            yield ReferenceMistake(at, "never_open")
    for at, rule, condition in conditions(city):
        longest = _longest_wait(city, condition, queues_of(city, rule))
        if longest is not None and _limit(condition) >= longest.total_seconds():
            yield ReferenceMistake((*at, "limit"), "wait_unreachable", number=longest.total_seconds())
        if isinstance(condition, NobodyCondition) and _staff_is_never_told(city, queues_of(city, rule)):
            yield ReferenceMistake((*at, "kpi"), "staff_never_told")
    for number, no_data in enumerate(city.no_data_rules):
        if no_data.hours is not None and longest_opening([city.hours[no_data.hours]]) == timedelta(0):
            yield ReferenceMistake(("no_data_rules", number, "hours"), "never_open")


def _limit(condition: QueueRule | Condition) -> float:
    return condition.limit or 0 if isinstance(condition, KpiCondition | StateCondition) else 0


def _open_only(rule: QueueRule) -> bool:
    return rule.open_only if isinstance(rule, KpiRule | StateRule | CombinedRule) else True


def _longest_wait(
    city: CityFile, condition: QueueRule | Condition, queues: Sequence[Queue]
) -> timedelta | None:
    """The longest wait that can be seen: after that a contact is unfinished. ``None``: any."""
    calls, visits = city.pipeline.open_timeout, city.pipeline.visit_timeout
    if isinstance(condition, StateCondition) and condition.kpi is Measure.LONGEST_WAIT:
        at_phones = any(queue.kind is QueueKind.PHONE for queue in queues)
        bounds = (calls if at_phones else visits, _longest_opening(city, queues))
        return min(filter(None, bounds), default=None)
    of_visits = isinstance(condition, KpiCondition) and condition.kpi is Kpi.VISIT_WAIT_MEAN
    return visits if of_visits else None


def _staff_is_never_told(city: CityFile, queues: Sequence[Queue]) -> bool:
    """Whether sources speak for these queues, and all of them are logs of calls."""
    names = {queue.id for queue in queues}
    speaking = [
        source
        for source in city.sources
        if names & {queue.id for queue in source.queues_of(city.site(source.site))}
    ]
    return bool(speaking) and all(isinstance(source, QueueLogSource) for source in speaking)


def never_clears(city: CityFile) -> Iterator[ReferenceMistake]:
    """Rules that are over only at a value that is hardly ever seen, or after more time than there is."""
    for number, rule in enumerate(city.rules):
        at: KeyPath = ("rules", number)
        opening = _longest_opening(city, queues_of(city, rule))
        if opening and _open_only(rule) and rule.keep_firing >= opening:
            yield ReferenceMistake((*at, "keep_firing"), "clears_at_closing")
        if isinstance(rule, KpiRule):
            yield from _clears_at_best(at, rule)


def _clears_at_best(at: KeyPath, rule: KpiRule) -> Iterator[ReferenceMistake]:
    facts = KPIS[rule.kpi]
    best = facts.highest if facts.more_is_better else 0.0
    # A ratio at its best is common in a quarter of an hour, and gone for good in a month that had one miss.
    if facts.unit is Unit.RATIO and not isinstance(rule.window, str):
        return
    clear_at = rule.limit if rule.clear_at is None else rule.clear_at
    if clear_at == best:
        key = "limit" if rule.clear_at is None else "clear_at"
        yield ReferenceMistake((*at, key), "clears_at_best", number=best)
    if rule.warn_at is None or rule.limit is None or clear_at is None:
        return
    if abs(rule.warn_at - best) <= abs(rule.limit - clear_at):  # as far below it as clear_at below the limit
        yield ReferenceMistake((*at, "warn_at"), "clears_at_best", number=best)

"""The rules of the city file, spelled out per queue and limit. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from domain.queue_ref import QueueRef
from domain.windows import RunningPeriod, Window, window_label
from services.evaluator.alerting.rule_state import Patience, RuleLimits
from shared.config.alerting import (
    BudgetRule,
    CombinedRule,
    KpiCondition,
    KpiRule,
    NoDataRule,
    QueueRule,
    ShiftRule,
    StateCondition,
    StateRule,
)
from shared.config.alerting import Condition as ConfiguredCondition
from shared.config.model import CityFile, Queue, Site, Source, queues_about
from shared.config.types import ALL_QUEUES, EVERY_QUEUE, LastContacts
from shared.contract.breach_events import Level, RuleKey, Severity
from shared.contract.kpis import KPIS, STATE_MEASURES, Kpi, Measure

STALE_COUNT: Final = timedelta(minutes=30)
"""A breach of a window by count, or of a shift, is over after so long without a contact: at 18 an hour that
comes by chance once in 8,000 contacts."""

AT_ONCE: Final = Patience()

PERIOD_LENGTH: Final[Mapping[RunningPeriod, timedelta]] = {
    RunningPeriod.TODAY: timedelta(days=1),
    RunningPeriod.MONTH: timedelta(days=31),
    RunningPeriod.YEAR: timedelta(days=366),
}
"""Of the windows that begin with the calendar; at most."""


@dataclass(frozen=True, slots=True)
class ShiftTerms:
    """What a shift is about (``domain.shift``)."""

    usual: float | None
    """None: what it was in the days that are known; its key has 0 then, and its events what that is."""
    bad: float
    false_alarm_every: int
    within: timedelta | None
    """From when on an answer is late; none: it is about missed calls."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One figure, and what it must be beyond."""

    measure: Measure
    limits: RuleLimits
    windows: tuple[Window, ...] = ()
    """One; for a burn rate the long and the short one; none for no data and for what is now."""
    min_samples: int | None = None
    """None: by the range of the figure."""
    kpi: Kpi | None = None
    target: float | None = None
    """What a burn rate is measured against."""
    shift: ShiftTerms | None = None
    stale_after: timedelta = STALE_COUNT
    """Where it counts back: after so long without a contact it has no reading."""

    @property
    def window(self) -> str:
        """What it looks back over, as in its key; empty: nothing."""
        return window_label(self.windows[0]) if self.windows else ""

    @property
    def counts_back(self) -> bool:
        """Whether what it looks at never empties by itself before closing time."""
        return self.shift is not None or any(isinstance(window, LastContacts) for window in self.windows)

    @property
    def rolling(self) -> bool:
        """Whether it is about what happens, and not about a stretch of the calendar or a source."""
        if self.counts_back or self.measure in STATE_MEASURES:
            return True
        return bool(self.windows) and all(isinstance(window, timedelta) for window in self.windows)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule at one queue (or a site's total) with one limit."""

    key: RuleKey
    conditions: tuple[Condition, ...]
    """All of which must hold. The first is what its key and its messages are about."""
    patience: Patience = AT_ONCE
    queue_refs: tuple[QueueRef, ...] = ()
    """The queues whose contacts it is about."""
    hours: tuple[str | None, ...] = ()
    """Opening hours of those queues; judged while any is open."""
    open_only: bool = True

    @property
    def first(self) -> Condition:
        return self.conditions[0]

    @property
    def rolling(self) -> bool:
        """Whether it is over when the desk closes: nobody waits any more, and nothing happens."""
        return all(condition.rolling for condition in self.conditions)


def rules_of(city: CityFile, sites: Iterable[Site]) -> list[Rule]:
    """Return every rule at these sites, in the order of the city file."""
    found: list[Rule] = []
    for site in sites:
        for rule in city.rules:
            if rule.site in {None, site.id}:
                found += _queue_rules(city, site, rule)
        for budget in city.budget_rules:
            if budget.site in {None, site.id}:
                found += _budget_rule(city, site, budget)
        for no_data in city.no_data_rules:
            of = (one for one in city.sources if one.id == no_data.source and one.site == site.id)
            found += [_no_data_rule(site, source, no_data) for source in of]
    return found


def _queue_rules(city: CityFile, site: Site, rule: QueueRule) -> Iterator[Rule]:
    """A rule at each queue, or at the total, that it is about."""
    fitting = queues_about(rule, site)
    names = [queue.id for queue in fitting] if rule.queue == EVERY_QUEUE else [rule.queue]
    for name in names:
        queues = [queue for queue in fitting if name in {queue.id, ALL_QUEUES}]
        if queues:
            yield from (
                _at_place(site, name, queues, rule, *level) for level in _levels(city, site, name, rule)
            )


_Level = tuple[Level, tuple[Condition, ...]]


def _levels(city: CityFile, site: Site, queue: str, rule: QueueRule) -> Iterator[_Level]:
    """The limit, and ``warn_at`` with the same gap before it clears, as far as the KPI goes."""
    parts = rule.all if isinstance(rule, CombinedRule) else (rule,)
    stale_after = _stale_after(rule) or STALE_COUNT
    conditions = tuple(
        replace(_condition(city, site, queue, part), stale_after=stale_after) for part in parts
    )
    yield Level.LIMIT, conditions
    if isinstance(rule, KpiRule | StateRule) and rule.warn_at is not None:
        (condition,) = conditions
        limits, warn_at = condition.limits, Decimal(repr(rule.warn_at))
        # In decimals, as the city wrote them: 0.1 + (0.15 - 0.2) is 0.05 and not a little less.
        gap = Decimal(repr(limits.clear_at)) - Decimal(repr(limits.limit))
        highest = KPIS[rule.kpi].highest if isinstance(rule, KpiRule) else math.inf
        clear_at = min(max(0.0, float(warn_at + gap)), highest)
        early = replace(limits, limit=rule.warn_at, clear_at=clear_at)
        yield Level.WARNING, (replace(condition, limits=early),)


def _condition(city: CityFile, site: Site, queue: str, part: QueueRule | ConfiguredCondition) -> Condition:
    match part:
        case KpiCondition():
            # A rule without a limit has a target everywhere: the city file is refused otherwise.
            limit = city.limit_of(part, site.id, queue) or 0.0
            clear_at = limit if part.clear_at is None else part.clear_at
            return Condition(
                measure=Measure(part.kpi),
                limits=RuleLimits(limit, clear_at, KPIS[part.kpi].more_is_better),
                windows=(RunningPeriod(part.window) if isinstance(part.window, str) else part.window,),
                min_samples=part.min_samples or city.live.min_samples,
                kpi=part.kpi,
            )
        case StateCondition():
            clear_at = part.limit if part.clear_at is None else part.clear_at
            return Condition(Measure(part.kpi), RuleLimits(part.limit, clear_at))
        case ShiftRule():
            within = part.within
            if part.kpi is Measure.LATE_RATIO and within is None:
                promised = city.promise(Kpi.CALL_WAIT_MEAN, site.id, queue)
                within = timedelta(seconds=promised or 0)
            shift = ShiftTerms(part.usual, part.bad, part.false_alarm_every, within)
            return Condition(
                Measure(part.kpi),
                RuleLimits(part.bad, part.usual or 0.0),
                (RunningPeriod.TODAY,),
                shift=shift,
            )
        case _:
            return Condition(Measure.NOBODY_AVAILABLE, RuleLimits(0, 0))


def _at_place(
    site: Site,
    name: str,
    queues: Sequence[Queue],
    rule: QueueRule,
    level: Level,
    conditions: tuple[Condition, ...],
) -> Rule:
    first = conditions[0]
    severity = rule.severity if level is Level.LIMIT else Severity.WARNING
    usual = None if first.shift is None else first.limits.clear_at
    key = _key(rule.id, level, severity, site, name, first)
    return Rule(
        key=key if usual is None else key.model_copy(update={"usual": usual}),
        conditions=conditions,
        patience=Patience(rule.hold, rule.keep_firing, _unread(rule, conditions)),
        queue_refs=tuple(QueueRef(site.id, queue.id) for queue in queues),
        hours=tuple(queue.hours for queue in queues),
        open_only=rule.open_only if isinstance(rule, KpiRule | StateRule | CombinedRule) else True,
    )


def _stale_after(rule: QueueRule) -> timedelta | None:
    return rule.stale_after if isinstance(rule, KpiRule | CombinedRule | ShiftRule) else None


def _unread(rule: QueueRule, conditions: Iterable[Condition]) -> timedelta:
    """How long a breach lasts without a reading; of contacts counted back there is one for long enough."""
    return max(
        timedelta(0) if condition.counts_back else _stale_after(rule) or _length(condition)
        for condition in conditions
    )


def _length(condition: Condition) -> timedelta:
    """Of what a condition looks back over."""
    lengths = (
        PERIOD_LENGTH[window] if isinstance(window, RunningPeriod) else window
        for window in condition.windows
        if not isinstance(window, LastContacts)
    )
    return max(lengths, default=STALE_COUNT)


def _budget_rule(city: CityFile, site: Site, rule: BudgetRule) -> Iterator[Rule]:
    target = city.target(rule.kpi, site.id, ALL_QUEUES)
    queues = site.of_kind(KPIS[rule.kpi].kind)
    if target is None or not queues or target.limit == 0:
        return
    condition = Condition(
        measure=Measure.BURN_RATE,
        limits=RuleLimits(rule.burn_rate, rule.burn_rate),
        windows=(rule.long_window, rule.short_window),
        min_samples=rule.min_samples or city.live.min_samples,
        kpi=rule.kpi,
        target=target.limit,
    )
    yield Rule(
        key=_key(rule.id, Level.LIMIT, rule.severity, site, ALL_QUEUES, condition),
        conditions=(condition,),
        patience=Patience(stale_after=rule.long_window),
        queue_refs=tuple(QueueRef(site.id, queue.id) for queue in queues),
        hours=tuple(queue.hours for queue in queues),
    )


def _no_data_rule(site: Site, source: Source, rule: NoDataRule) -> Rule:
    after = rule.after.total_seconds()
    condition = Condition(Measure.NO_DATA, RuleLimits(after, after))
    of_queues = tuple(queue.hours for queue in source.queues_of(site)) or (None,)
    return Rule(
        key=_key(rule.id, Level.LIMIT, rule.severity, site, rule.source, condition),
        conditions=(condition,),
        hours=of_queues if rule.hours is None else (rule.hours,),
    )


def _key(
    rule: str, level: Level, severity: Severity, site: Site, queue: str, condition: Condition
) -> RuleKey:
    return RuleKey(
        rule=rule,
        level=level,
        measure=condition.measure,
        severity=severity,
        site=site.id,
        queue=queue,
        window=condition.window,
        limit=condition.limits.limit,
        clear_at=condition.limits.clear_at,
    )

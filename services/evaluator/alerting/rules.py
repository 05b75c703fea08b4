"""The rules of the city file, spelled out per queue and limit. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final, TypedDict

from domain.queue_ref import QueueRef
from domain.windows import RunningPeriod, Window, window_label
from services.evaluator.alerting.rule_state import RuleLimits
from shared.config.alerting import BudgetRule, KpiRule, NoDataRule, QueueRule, StateRule
from shared.config.model import CityFile, Queue, Site, Source, queues_about
from shared.config.types import ALL_QUEUES, EVERY_QUEUE, LastContacts
from shared.contract.breach_events import Level, RuleKey, Severity
from shared.contract.kpis import KPIS, STATE_MEASURES, Kpi, Measure

UNREAD_WINDOWS: Final = 2
"""A breach is over after as many windows without a reading: none of what opened it is in sight any more."""

PERIOD_LENGTH: Final[Mapping[RunningPeriod, timedelta]] = {
    RunningPeriod.TODAY: timedelta(days=1),
    RunningPeriod.MONTH: timedelta(days=31),
    RunningPeriod.YEAR: timedelta(days=366),
}
"""Of the windows that begin with the calendar; at most."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule at one queue (or a site's total) with one limit."""

    key: RuleKey
    limits: RuleLimits
    windows: tuple[Window, ...] = ()
    """One; for a burn rate the long and the short one; none for no data and for who waits now."""
    queue_refs: tuple[QueueRef, ...] = ()
    """The queues whose contacts it is about."""
    hours: tuple[str | None, ...] = ()
    """Opening hours of those queues; judged while any is open."""
    open_only: bool = True
    min_samples: int = 1
    kpi: Kpi | None = None
    target: float | None = None
    """What a burn rate is measured against."""

    @property
    def rolling(self) -> bool:
        """Whether its value empties by itself when nobody comes."""
        over_time = bool(self.windows) and all(isinstance(window, timedelta) for window in self.windows)
        return over_time or self.key.measure in STATE_MEASURES


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
        if queues and isinstance(rule, KpiRule):
            yield from _kpi_rules(city, site, name, queues, rule)
        elif queues and isinstance(rule, StateRule):
            for level, limits in _levels(rule, rule.limit, None):
                key = _key(rule.id, level, rule.kpi, _severity(rule, level), site, name, None, limits)
                yield Rule(key, limits, **_place(site, queues), open_only=rule.open_only)


def _kpi_rules(
    city: CityFile, site: Site, name: str, queues: Sequence[Queue], rule: KpiRule
) -> Iterator[Rule]:
    limit = city.limit_of(rule, site.id, name)
    if limit is None or isinstance(rule.window, LastContacts):
        return
    window = RunningPeriod(rule.window) if isinstance(rule.window, str) else rule.window
    for level, limits in _levels(rule, limit, _unread(window)):
        measure = Measure(rule.kpi)
        yield Rule(
            _key(rule.id, level, measure, _severity(rule, level), site, name, window, limits),
            limits,
            (window,),
            **_place(site, queues),
            open_only=rule.open_only,
            min_samples=rule.min_samples or city.live.min_samples or 1,
            kpi=rule.kpi,
        )


class _Place(TypedDict):
    queue_refs: tuple[QueueRef, ...]
    hours: tuple[str | None, ...]


def _place(site: Site, queues: Sequence[Queue]) -> _Place:
    """What a rule says of where it is judged."""
    return {
        "queue_refs": tuple(QueueRef(site.id, queue.id) for queue in queues),
        "hours": tuple(queue.hours for queue in queues),
    }


def _severity(rule: KpiRule | StateRule, level: Level) -> Severity:
    return rule.severity if level is Level.LIMIT else Severity.WARNING


def _unread(window: Window) -> timedelta:
    """How long a breach lasts without a reading."""
    length = PERIOD_LENGTH[window] if isinstance(window, RunningPeriod) else window
    return UNREAD_WINDOWS * length


def _levels(
    rule: KpiRule | StateRule, limit: float, unread: timedelta | None
) -> Iterator[tuple[Level, RuleLimits]]:
    """The limit, and ``warn_at`` with the same gap before it clears, as far as the KPI goes."""
    patience = (rule.hold, rule.keep_firing, unread)
    more_is_better = isinstance(rule, KpiRule) and KPIS[rule.kpi].more_is_better
    clear_at = limit if rule.clear_at is None else rule.clear_at
    yield Level.LIMIT, RuleLimits(limit, clear_at, *patience, more_is_better)
    if rule.warn_at is not None:
        # In decimals, as the city wrote them: 0.1 + (0.15 - 0.2) is 0.05 and not a little less.
        gap = Decimal(repr(clear_at)) - Decimal(repr(limit))
        highest = KPIS[rule.kpi].highest if isinstance(rule, KpiRule) else math.inf
        warn_clear = min(max(0.0, float(Decimal(repr(rule.warn_at)) + gap)), highest)
        yield Level.WARNING, RuleLimits(rule.warn_at, warn_clear, *patience, more_is_better)


def _budget_rule(city: CityFile, site: Site, rule: BudgetRule) -> Iterator[Rule]:
    target = city.target(rule.kpi, site.id, ALL_QUEUES)
    queues = site.of_kind(KPIS[rule.kpi].kind)
    if target is None or not queues or target.limit == 0:
        return
    level, long = Level.LIMIT, rule.long_window
    limits = RuleLimits(rule.burn_rate, rule.burn_rate, unread=_unread(long))
    yield Rule(
        key=_key(rule.id, level, Measure.BURN_RATE, rule.severity, site, ALL_QUEUES, long, limits),
        limits=limits,
        windows=(long, rule.short_window),
        queue_refs=tuple(QueueRef(site.id, queue.id) for queue in queues),
        hours=tuple(queue.hours for queue in queues),
        min_samples=rule.min_samples or city.live.min_samples or 1,
        kpi=rule.kpi,
        target=target.limit,
    )


def _no_data_rule(site: Site, source: Source, rule: NoDataRule) -> Rule:
    after = rule.after.total_seconds()
    limits = RuleLimits(after, after)
    key = _key(rule.id, Level.LIMIT, Measure.NO_DATA, rule.severity, site, rule.source, None, limits)
    of_queues = tuple(queue.hours for queue in source.queues_of(site)) or (None,)
    return Rule(key=key, limits=limits, hours=of_queues if rule.hours is None else (rule.hours,))


def _key(
    rule: str,
    level: Level,
    measure: Measure,
    severity: Severity,
    site: Site,
    queue: str,
    window: Window | None,
    limits: RuleLimits,
) -> RuleKey:
    return RuleKey(
        rule=rule,
        level=level,
        measure=measure,
        severity=severity,
        site=site.id,
        queue=queue,
        window="" if window is None else window_label(window),
        limit=limits.limit,
        clear_at=limits.clear_at,
    )

"""The rules of the city file, spelled out per queue and limit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from domain.queue_ref import QueueRef
from domain.windows import RunningPeriod, Window, window_label
from services.evaluator.alerting.rule_state import RuleLimits
from shared.config.alerting import BudgetRule, KpiRule, NoDataRule
from shared.config.model import CityFile, Site, Source
from shared.config.types import ALL_QUEUES, EVERY_QUEUE
from shared.contract.breach_events import Level, RuleKey, Severity
from shared.contract.kpis import KPIS, Kpi, Measure

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
    """One; for a burn rate the long and the short one; none for no data."""
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
        return bool(self.windows) and all(isinstance(window, timedelta) for window in self.windows)


def rules_of(city: CityFile, sites: Iterable[Site]) -> list[Rule]:
    """Return every rule at these sites, in the order of the city file."""
    found: list[Rule] = []
    for site in sites:
        for rule in city.rules:
            if rule.site in {None, site.id}:
                found += _kpi_rules(city, site, rule)
        for budget in city.budget_rules:
            if budget.site in {None, site.id}:
                found += _budget_rule(city, site, budget)
        for no_data in city.no_data_rules:
            of = (one for one in city.sources if one.id == no_data.source and one.site == site.id)
            found += [_no_data_rule(site, source, no_data) for source in of]
    return found


def _kpi_rules(city: CityFile, site: Site, rule: KpiRule) -> Iterator[Rule]:
    fitting = site.of_kind(KPIS[rule.kpi].kind)
    names = [queue.id for queue in fitting] if rule.queue == EVERY_QUEUE else [rule.queue]
    window = RunningPeriod(rule.window) if isinstance(rule.window, str) else rule.window
    for name in names:
        queues = [queue for queue in fitting if name in {queue.id, ALL_QUEUES}]
        limit = city.limit_of(rule, site.id, name)
        if not queues or limit is None:
            continue
        for level, limits in _levels(rule, limit, _unread(window)):
            severity = rule.severity if level is Level.LIMIT else Severity.WARNING
            yield Rule(
                key=_key(rule.id, level, Measure(rule.kpi), severity, site, name, window, limits),
                limits=limits,
                windows=(window,),
                queue_refs=tuple(QueueRef(site.id, queue.id) for queue in queues),
                hours=tuple(queue.hours for queue in queues),
                open_only=rule.open_only,
                min_samples=rule.min_samples or city.live.min_samples,
                kpi=rule.kpi,
            )


def _unread(window: Window) -> timedelta:
    """How long a breach lasts without a reading."""
    length = PERIOD_LENGTH[window] if isinstance(window, RunningPeriod) else window
    return UNREAD_WINDOWS * length


def _levels(rule: KpiRule, limit: float, unread: timedelta) -> Iterator[tuple[Level, RuleLimits]]:
    """The limit, and ``warn_at`` with the same gap before it clears, as far as the KPI goes."""
    facts = KPIS[rule.kpi]
    clear_at = limit if rule.clear_at is None else rule.clear_at
    yield Level.LIMIT, RuleLimits(limit, clear_at, rule.hold, rule.keep_firing, unread, facts.more_is_better)
    if rule.warn_at is not None:
        # In decimals, as the city wrote them: 0.1 + (0.15 - 0.2) is 0.05 and not a little less.
        gap = Decimal(repr(clear_at)) - Decimal(repr(limit))
        warn_clear = min(max(0.0, float(Decimal(repr(rule.warn_at)) + gap)), facts.highest)
        patience = (rule.hold, rule.keep_firing, unread)
        limits = RuleLimits(rule.warn_at, warn_clear, *patience, facts.more_is_better)
        yield Level.WARNING, limits


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
        min_samples=rule.min_samples or city.live.min_samples,
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

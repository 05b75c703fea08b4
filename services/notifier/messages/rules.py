"""What the city file says of the rule that was breached, if it has it still. Pure."""

from __future__ import annotations

from services.notifier.messages.figures import target_of
from services.notifier.model import Breach
from shared.config.alerting import CombinedRule, KpiCondition, QueueRule, measure_of
from shared.config.model import CityFile, queues_about
from shared.config.types import ALL_QUEUES
from shared.contract.breach_events import Level
from shared.contract.kpis import KPIS, STATE_MEASURES, Kpi, Measure, QueueKind


def rule_of(city: CityFile, breach: Breach) -> QueueRule | None:
    """Return the rule of the city file that it is a breach of, if there is one still."""
    fitting = (rule for rule in city.rules if rule.id == breach.rule)
    return next((rule for rule in fitting if measure_of(rule) is breach.measure), None)


def kpi_of(city: CityFile, breach: Breach) -> Kpi | None:
    """Return the figure that it is about; of a burn rate the one that burns; none for what is no KPI."""
    if breach.measure is Measure.BURN_RATE:
        return next((rule.kpi for rule in city.budget_rules if rule.id == breach.rule), None)
    return Kpi(breach.measure) if breach.measure in KPIS else None


def is_target(city: CityFile, breach: Breach) -> bool:
    """Return whether the limit of its rule is the city's target, not one of the rule's own.

    Of a rule that is gone, whether the city promises just that.
    """
    target = target_of(city, Kpi(breach.measure), breach) if breach.measure in KPIS else None
    if target is None or breach.usual is not None:
        return False
    rule = rule_of(city, breach)
    first = rule.all[0] if isinstance(rule, CombinedRule) else rule
    if first is not None and not (isinstance(first, KpiCondition) and first.limit is None):
        return False
    return target.limit == breach.limit if breach.level is Level.LIMIT else rule is not None


def is_about_visitors(city: CityFile, breach: Breach) -> bool:
    """Return whether it is about visitors, at that counter or at all that its rule is about; else callers."""
    if breach.measure not in STATE_MEASURES:
        return breach.measure in KPIS and KPIS[breach.measure].kind is QueueKind.COUNTER
    site = next((site for site in city.sites if site.id == breach.site), None)
    if site is None:
        return False
    rule = rule_of(city, breach)
    about = () if rule is None or breach.queue != ALL_QUEUES else queues_about(rule, site)
    named = (queue for queue in site.queues if queue.id == breach.queue)
    return any(queue.kind is QueueKind.COUNTER for queue in about or named)

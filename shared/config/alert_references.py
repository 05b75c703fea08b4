"""Whether rules, receivers and routes of a city file fit what they are about.

Like ``shared.config.references`` this works on the plain tables and passes over what has the wrong shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from shared.config.hold_times import hold_time_mistakes
from shared.config.references import (
    ALL_QUEUES,
    EVERY_QUEUE,
    RULES,
    ReferenceMistake,
    SiteQueues,
    name_mistakes,
    queue_mistakes,
    queues_by_site,
    unknown,
)
from shared.config.tables import (
    LARGEST,
    KeyPath,
    Table,
    ids_in,
    number_in,
    table_in,
    tables_in,
    text_in,
    texts_in,
)
from shared.config.uniqueness import doubles
from shared.contract.kpis import KPIS, Kpi, KpiFacts, Unit, more_is_better


def meeting_mistakes(document: Table) -> list[ReferenceMistake]:
    """Return everything in a city file that does not fit something else in it."""
    return [
        *doubles(document),
        *name_mistakes(document),
        *alert_mistakes(document),
        *hold_time_mistakes(document),
    ]


def alert_mistakes(document: Table) -> list[ReferenceMistake]:
    """Return what does not fit in the sections about breaches, in the order of the checks."""
    return [
        *_rule_mistakes(document),
        *_budget_mistakes(document),
        *_no_data_mistakes(document),
        *_route_mistakes(document),
        *_hours_unknown(document),
        *_mail_server_missing(document),
        *_report_mistakes(document),
    ]


# --- rules -------------------------------------------------------------------------------------------


def _rule_mistakes(document: Table) -> Iterator[ReferenceMistake]:
    site_queues = queues_by_site(document)
    for number, rule in tables_in(document, "rules"):
        at: KeyPath = ("rules", number)
        site, queue = text_in(rule, "site"), text_in(rule, "queue", ALL_QUEUES)
        yield from unknown((*at, "site"), site, site_queues.sites)
        if queue != EVERY_QUEUE and site_queues.sites and (site is None or site in site_queues.sites):
            yield from queue_mistakes((*at, "queue"), text_in(rule, "kpi"), queue, site_queues.queues(site))
        yield from _limit_mistakes(at, rule, document, site_queues)


def _facts(rule: Table) -> KpiFacts | None:
    return KPIS.get(text_in(rule, "kpi") or "")


def _limit_mistakes(
    at: KeyPath, rule: Table, document: Table, site_queues: SiteQueues
) -> Iterator[ReferenceMistake]:
    own = number_in(rule, "limit")
    if own is not None:
        yield from _never_over((*at, "limit"), rule, [own])
        yield from _order_mistakes(at, rule, [own])
    elif rule.get("limit") is None:
        limits = _target_limits(rule, document, site_queues)
        yield from _target_missing(at, rule, document, site_queues)
        yield from _never_over(at, rule, limits)
        yield from _order_mistakes(at, rule, limits)


def _never_over(at: KeyPath, rule: Table, limits: list[float]) -> Iterator[ReferenceMistake]:
    """A limit that no figure can be beyond never opens a breach."""
    facts = _facts(rule)
    if facts is None or not limits:
        return
    if facts.more_is_better and min(limits) <= 0:
        yield ReferenceMistake(at, "limit_never_below", known=(f"{min(limits):g}",), number=0)
    elif not facts.more_is_better and max(limits) >= facts.highest:
        yield ReferenceMistake(at, "limit_never_above", known=(f"{max(limits):g}",), number=facts.highest)


def _order_mistakes(at: KeyPath, rule: Table, limits: list[float]) -> Iterator[ReferenceMistake]:
    """A warning comes before the limit, and a breach is over on its good side, of every queue."""
    if not limits:
        return
    warn_at, clear_at = number_in(rule, "warn_at"), number_in(rule, "clear_at")
    if more_is_better(text_in(rule, "kpi") or ""):
        highest = max(limits)
        if warn_at is not None and warn_at <= highest:
            yield ReferenceMistake((*at, "warn_at"), "warn_at_low", number=highest)
        if clear_at is not None and clear_at < highest:
            yield ReferenceMistake((*at, "clear_at"), "clear_at_low", number=highest)
        return
    lowest = min(limits)
    if warn_at is not None and warn_at >= lowest:
        yield ReferenceMistake((*at, "warn_at"), "warn_at_high", number=lowest)
    if clear_at is not None and clear_at > lowest:
        yield ReferenceMistake((*at, "clear_at"), "clear_at_high", number=lowest)


def _judged_at(rule: Table, site_queues: SiteQueues) -> Iterator[tuple[str, str]]:
    """The site and queue, or site and ``all``, at which a rule is judged."""
    facts, queue = _facts(rule), text_in(rule, "queue", ALL_QUEUES)
    for site, queues in site_queues.sites.items():
        if facts is None or text_in(rule, "site") not in {None, site}:
            continue
        fitting = [name for name, of in queues.items() if of == facts.kind]
        if queue == ALL_QUEUES and fitting:
            yield site, ALL_QUEUES
        for name in fitting:
            if queue in {EVERY_QUEUE, name}:
                yield site, name


def _target_limits(rule: Table, document: Table, site_queues: SiteQueues) -> list[float]:
    """The limits that the targets set for a rule without one, as ``CityFile.limit_of`` finds them.

    Without ratios above 1: the model says so of the target itself.
    """
    targets = (_targets(document, rule, *at) for at in _judged_at(rule, site_queues))
    limits = [number_in(fitting[0], "limit") for fitting in targets if fitting]
    facts = _facts(rule)
    most = 1 if facts and facts.unit is Unit.RATIO else LARGEST
    return [limit for limit in limits if limit is not None and 0 <= limit <= most]


def _targets(document: Table, rule: Table, site: str, queue: str) -> list[Table]:
    """The targets of a rule's KPI at a queue, else at the site's total; the one that counts first."""
    fitting = [
        target
        for _, target in tables_in(document, "targets")
        if text_in(target, "kpi") == text_in(rule, "kpi")
        and text_in(target, "queue", ALL_QUEUES) in {queue, ALL_QUEUES}
        and text_in(target, "site") in {None, site}
    ]
    return sorted(
        fitting,
        key=lambda target: (
            text_in(target, "queue", ALL_QUEUES) != queue,
            text_in(target, "site") is None,
            text_in(target, "period", "month") != text_in(rule, "window"),
        ),
    )


def _target_missing(
    at: KeyPath, rule: Table, document: Table, site_queues: SiteQueues
) -> Iterator[ReferenceMistake]:
    lacking = [pair for pair in _judged_at(rule, site_queues) if not _targets(document, rule, *pair)]
    if lacking:
        one_site = len(site_queues.sites) == 1
        known = tuple(queue if one_site else f"{site}/{queue}" for site, queue in lacking)
        yield ReferenceMistake(at, "target_missing", known=known)


def _budget_mistakes(document: Table) -> Iterator[ReferenceMistake]:
    site_queues = queues_by_site(document)
    for number, rule in tables_in(document, "budget_rules"):
        at: KeyPath = ("budget_rules", number)
        yield from unknown((*at, "site"), text_in(rule, "site"), site_queues.sites)
        total = {"kpi": text_in(rule, "kpi", Kpi.MISSED_RATIO), "site": text_in(rule, "site")}
        facts = _facts(total)
        if facts and facts.budgeted:
            yield from _target_missing(at, total, document, site_queues)
            yield from _burn_unreachable(
                at, rule, facts.highest, _target_limits(total, document, site_queues)
            )


def _burn_unreachable(
    at: KeyPath, rule: Table, highest: float, limits: list[float]
) -> Iterator[ReferenceMistake]:
    """When every single call is missed, the budget of a ratio burns at 1 / target and no faster.

    A burn rate of exactly that would never be exceeded. A target of 0 leaves no budget to burn.
    """
    burn_rate = number_in(rule, "burn_rate")
    if any(limit <= 0 for limit in limits):
        yield ReferenceMistake(at, "budget_of_nothing")
    fastest = min((highest / limit for limit in limits if limit > 0), default=None)
    if burn_rate is not None and fastest is not None and burn_rate >= fastest:
        yield ReferenceMistake((*at, "burn_rate"), "burn_unreachable", number=fastest)


def _no_data_mistakes(document: Table) -> Iterator[ReferenceMistake]:
    sources = ids_in(document, "sources")
    for number, rule in tables_in(document, "no_data_rules"):
        yield from unknown(("no_data_rules", number, "source"), text_in(rule, "source"), sources)


# --- who is told -------------------------------------------------------------------------------------


def _route_mistakes(document: Table) -> Iterator[ReferenceMistake]:
    site_queues = queues_by_site(document)
    receivers, rules = ids_in(document, "receivers"), ids_in(document, *RULES)
    for number, route in tables_in(document, "routes"):
        sites = [site for _, site in texts_in(route, "sites") if site in site_queues.sites] or list(
            site_queues.sites
        )
        queues = list(
            dict.fromkeys([ALL_QUEUES, *chain.from_iterable(site_queues.sites[site] for site in sites)])
        )
        for key, known in (
            ("receivers", receivers),
            ("escalate_to", receivers),
            ("sites", list(site_queues.sites)),
            ("queues", queues),
            ("rules", rules),
        ):
            for position, name in texts_in(route, key):
                yield from unknown(("routes", number, key, position), name, known)


def _hours_unknown(document: Table) -> Iterator[ReferenceMistake]:
    if not isinstance(document.get("hours", {}), dict):
        return
    hours = table_in(document, "hours")
    for number, rule in tables_in(document, "no_data_rules"):
        yield from unknown(("no_data_rules", number, "hours"), text_in(rule, "hours"), hours)
    for number, quiet in tables_in(table_in(document, "notify"), "quiet"):
        yield from unknown(("notify", "quiet", number, "hours"), text_in(quiet, "hours"), hours)


def _mail_server_missing(document: Table) -> Iterator[ReferenceMistake]:
    if document.get("smtp") is not None:
        return
    for number, receiver in tables_in(document, "receivers"):
        for position, channel in tables_in(receiver, "channels"):
            if text_in(channel, "kind") == "email":
                yield ReferenceMistake(("receivers", number, "channels", position, "kind"), "smtp_missing")


def _report_mistakes(document: Table) -> Iterator[ReferenceMistake]:
    """Whoever gets the monthly report exists, and has an e-mail address."""
    mailed = {
        text_in(receiver, "id")
        for _, receiver in tables_in(document, "receivers")
        if any(text_in(channel, "kind") == "email" for _, channel in tables_in(receiver, "channels"))
    }
    receivers = ids_in(document, "receivers")
    for position, name in texts_in(table_in(document, "report"), "receivers"):
        at = ("report", "receivers", position)
        yield from unknown(at, name, receivers)
        if name in receivers and name not in mailed:
            yield ReferenceMistake(at, "report_no_mail", name)

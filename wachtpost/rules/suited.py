"""Which rules suit a desk where its own find too little: those that ``wachtpost init`` writes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from domain.queue_ref import QueueRef
from shared.calendar import Calendar
from shared.config.model import CityFile, Site
from shared.config.types import ALL_QUEUES
from shared.contract.kpis import Kpi, QueueKind
from shared.formatting import nearest
from shared.translation import Translator
from wachtpost.init.city_text import rule_lines
from wachtpost.init.rules import Promise, rules_for
from wachtpost.init.volume import volume_of
from wachtpost.rules.findings import FindingKind, findings
from wachtpost.rules.simulation import Simulation
from wachtpost.rules.trial import RuleTrial, Trial
from wachtpost.rules.usual import PastContacts

TOO_LITTLE_COMES: Final = frozenset(
    {FindingKind.NEVER_ENOUGH, FindingKind.HARDLY_EVER, FindingKind.NEVER_SO_MANY}
)
"""Findings of rules that are made for a desk with more contacts."""


def suited_lines(
    city: CityFile,
    calendar: Calendar,
    trial: Trial,
    simulation: Simulation,
    contacts: PastContacts,
    say: Translator,
) -> Iterator[str]:
    """Yield rules for the kinds of queues at which rules found too few contacts, as a city file has them."""
    for site in city.sites:
        for kind in QueueKind:
            refs = {QueueRef(site.id, queue.id) for queue in site.of_kind(kind)}
            of_kind = [one for one in trial.rules if refs.intersection(one.rule.queue_refs)]
            if any(_finds_too_few(one, trial, city, say) for one in of_kind):
                yield from _of_kind(city, calendar, site, kind, simulation, contacts, say)


def _finds_too_few(tried: RuleTrial, trial: Trial, city: CityFile, say: Translator) -> bool:
    return any(one.kind in TOO_LITTLE_COMES for one in findings(tried, trial, city, say))


def _of_kind(
    city: CityFile,
    calendar: Calendar,
    site: Site,
    kind: QueueKind,
    simulation: Simulation,
    contacts: PastContacts,
    say: Translator,
) -> Sequence[str]:
    queues = site.of_kind(kind)
    store, reports = simulation.aggregator.bucket_store, simulation.aggregator.last_reports
    buckets = {queue.id: store.total(QueueRef(site.id, queue.id)) for queue in queues}
    volume = volume_of(city, calendar, kind, queues, buckets, contacts.days)
    if volume is None:
        return ()
    wait = Kpi.CALL_WAIT_MEAN if kind is QueueKind.PHONE else Kpi.VISIT_WAIT_MEAN
    missed, waited = (city.target(of, site.id, ALL_QUEUES) for of in (Kpi.MISSED_RATIO, wait))
    usual = Promise()
    promise = Promise(
        usual.missed if missed is None else missed.limit, usual.wait_s if waited is None else waited.limit
    )
    staff = any(QueueRef(site.id, queue.id) in reports.staffs() for queue in queues)
    appointments = any(bucket.visits for bucket in buckets.values())
    chosen = rules_for(volume, kind, promise, say, staff=staff, appointments=appointments)
    if not chosen:
        return ()
    # Translators: contacts are calls, or visitors.
    head = say.ngettext(
        "Rules that suit {number} contact an hour, as wachtpost init writes them:",
        "Rules that suit {number} contacts an hour, as wachtpost init writes them:",
        nearest(volume.per_hour, 0 if volume.per_hour >= 10 else 1),
    )
    return [head, *(f"  {line}" for rule in chosen for line in ("", *rule_lines(rule))), ""]

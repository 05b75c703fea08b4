"""Whether the names in a city file meet: whatever refers to a name must refer to one that exists.

Works on the plain tables, not on the validated model, so that a file with a wrong limit *and* a
wrong name hears of both at once. Whatever has the wrong shape is passed over: the model says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from shared.config.tables import KeyPath as KeyPath
from shared.config.tables import Table, ids_in, tables_in, text_in, texts_in
from shared.contract.kpis import KPIS

ALL_QUEUES: Final = "all"
"""The queue name under which a site's total is shown; no queue may be called so."""

EVERY_QUEUE: Final = "*"
"""In a rule: each queue that has the KPI is judged by itself."""

DEFAULT_DEFINITION: Final = "lier-1"
"""The missed definition of a file that names none."""

RULES: Final = ("rules", "budget_rules", "no_data_rules")
"""The sections of rules; an id is unique over all of them, for a route knows a rule by nothing else."""


@dataclass(frozen=True)
class ReferenceMistake:
    """A name that does not meet another; ``kind`` is a key of ``shared.config.messages.MISTAKES``."""

    at: KeyPath
    kind: str
    name: str = ""
    """Empty: something is missing, or a number does not fit."""
    known: tuple[str, ...] = ()
    number: float | None = None
    """What a number must be compared with."""
    other: KeyPath = ()
    """Where the same thing stands already."""

    def __str__(self) -> str:
        known = f" (known: {', '.join(self.known)})" if self.known else ""
        number = "" if self.number is None else f" {self.number:g}"
        other = f" (as {'.'.join(map(str, self.other))})" if self.other else ""
        return f"{'.'.join(map(str, self.at))}: {self.kind} {self.name}".rstrip() + number + known + other


@dataclass(frozen=True)
class SiteQueues:
    """What there is to refer to: the kind of each queue, by site and queue; ``None`` where it is missing."""

    sites: Mapping[str, Mapping[str, str | None]]

    def queues(self, site: str | None) -> dict[str, set[str | None]]:
        """The kinds that each queue of a site has; of all sites without one."""
        found: dict[str, set[str | None]] = {}
        for name, queues in self.sites.items():
            if site in {None, name}:
                for queue, kind in queues.items():
                    found.setdefault(queue, set()).add(kind)
        return found


def name_mistakes(document: Table) -> list[ReferenceMistake]:
    """Return every name that refers to nothing, in the order of the checks.

    Those of rules, receivers and routes: ``shared.config.alert_references``.
    """
    return [
        *_definition_unknown(document),
        *_hours_unknown(document),
        *_target_mistakes(document),
        *_source_mistakes(document),
    ]


def _definition_unknown(document: Table) -> Iterator[ReferenceMistake]:
    known = (
        ids_in(document, "missed_definitions") if "missed_definitions" in document else [DEFAULT_DEFINITION]
    )
    live = document.get("live", {})
    if isinstance(live, dict) and isinstance(document.get("missed_definitions", []), list):
        yield from unknown(
            ("live", "missed_definition"), text_in(live, "missed_definition", DEFAULT_DEFINITION), known
        )


def _hours_unknown(document: Table) -> Iterator[ReferenceMistake]:
    hours = document.get("hours", {})
    if not isinstance(hours, dict):
        return
    for number, site in tables_in(document, "sites"):
        for position, queue in tables_in(site, "queues"):
            yield from unknown(("sites", number, "queues", position, "hours"), text_in(queue, "hours"), hours)


def _target_mistakes(document: Table) -> Iterator[ReferenceMistake]:
    site_queues = queues_by_site(document)
    seen = set()
    for number, target in tables_in(document, "targets"):
        site, queue = text_in(target, "site"), text_in(target, "queue", ALL_QUEUES)
        target_of = (text_in(target, "kpi"), site, queue, text_in(target, "period", "month"))
        if target_of in seen and target_of[0]:
            yield ReferenceMistake(("targets", number), "target_twice", target_of[0])
        seen.add(target_of)
        yield from unknown(("targets", number, "site"), site, site_queues.sites)
        if site_queues.sites and (site is None or site in site_queues.sites):
            yield from queue_mistakes(
                ("targets", number, "queue"), target_of[0], queue, site_queues.queues(site)
            )


def queue_mistakes(
    at: KeyPath, kpi: str | None, queue: str | None, queues: Mapping[str, set[str | None]]
) -> Iterator[ReferenceMistake]:
    """Find a queue that is neither the total nor among ``queues``, or that does not have the KPI."""
    yield from unknown(at, queue, list(dict.fromkeys([ALL_QUEUES, *queues])))
    facts = KPIS.get(kpi or "")
    kinds = queues.get(queue or "")
    if facts and kinds and None not in kinds and facts.kind not in kinds:
        fitting = tuple(name for name, of in queues.items() if facts.kind in of)
        yield ReferenceMistake(at, "kpi_other_kind", queue or "", (ALL_QUEUES, *fitting))


def _source_mistakes(document: Table) -> Iterator[ReferenceMistake]:
    site_queues = queues_by_site(document)
    for number, source in tables_in(document, "sources"):
        site = text_in(source, "site")
        yield from unknown(("sources", number, "site"), site, site_queues.sites)
        if site is None or site not in site_queues.sites:
            continue
        for key, queue in texts_in(source, "queues"):
            yield from unknown(("sources", number, "queues", key), queue, site_queues.sites[site])


def queues_by_site(document: Table) -> SiteQueues:
    """Return the sites and queues of a city file."""
    sites: dict[str, dict[str, str | None]] = {}
    for _, site in tables_in(document, "sites"):
        name = text_in(site, "id")
        if name is not None:
            queues = {text_in(queue, "id"): text_in(queue, "kind") for _, queue in tables_in(site, "queues")}
            sites[name] = {queue: kind for queue, kind in queues.items() if queue is not None}
    return SiteQueues(sites)


def unknown(
    at: KeyPath, name: str | None, known: Mapping[str, object] | list[str]
) -> Iterator[ReferenceMistake]:
    """Find a name that is not among those that are known."""
    if name is not None and name not in known:
        yield ReferenceMistake(at, "name_unknown", name, tuple(known))

"""Which receivers a breach goes to, and which ones later when nobody acknowledges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta
from typing import NamedTuple, Protocol

from services.notifier.model import Breach
from shared.config.alerting import Route
from shared.contract.breach_events import Severity
from shared.contract.kpis import Measure


class Matchers(Protocol):
    """Which breaches are meant. An empty list fits all."""

    @property
    def severities(self) -> tuple[Severity, ...]: ...
    @property
    def measures(self) -> tuple[Measure, ...]: ...
    @property
    def sites(self) -> tuple[str, ...]: ...
    @property
    def queues(self) -> tuple[str, ...]: ...
    @property
    def rules(self) -> tuple[str, ...]: ...


class Escalation(NamedTuple):
    """Whom a route tells as well, so long after its own receivers."""

    receiver: str
    after: timedelta


def fits(matchers: Matchers, breach: Breach) -> bool:
    """Whether every list of the matchers is empty or holds what the breach is about."""
    wanted: tuple[tuple[Collection[str], str], ...] = (
        (matchers.severities, breach.severity),
        (matchers.measures, breach.measure),
        (matchers.sites, breach.site),
        (matchers.queues, breach.queue),
        (matchers.rules, breach.rule),
    )
    return all(not listed or value in listed for listed, value in wanted)


def receivers_of(routes: Iterable[Route], breach: Breach) -> tuple[str, ...]:
    """Return the receivers of every route that fits, each once, in the order of the routes."""
    return tuple(dict.fromkeys(r for route in routes if fits(route, breach) for r in route.receivers))


def escalations_of(routes: Iterable[Route], breach: Breach, told: Collection[str]) -> Iterator[Escalation]:
    """Yield whom the fitting routes escalate to that have one of ``told`` among their receivers."""
    for route in routes:
        if fits(route, breach) and any(receiver in told for receiver in route.receivers):
            for receiver in route.escalate_to:
                yield Escalation(receiver, route.escalate_after)

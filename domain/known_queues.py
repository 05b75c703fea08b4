"""Which queues there are, and which facts each takes: asked at the door, and again by whoever counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Self

from shared.config.model import Site
from shared.contract.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentMoved,
    AppointmentOffer,
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    SourceHeartbeat,
    SourceRestarted,
    VisitArrived,
    VisitCalled,
    VisitLeft,
    VisitNoShow,
    VisitServed,
)
from shared.contract.kpis import QueueKind

OF_CALLS: Final[tuple[type[Event], ...]] = (CallQueued, CallAnswered, CallMissed, CallEnded)
OF_VISITS: Final[tuple[type[Event], ...]] = (
    VisitArrived,
    VisitCalled,
    VisitLeft,
    VisitNoShow,
    VisitServed,
    AppointmentOffer,
    AppointmentBooked,
    AppointmentMoved,
    AppointmentCancelled,
)

KIND_OF: Final[Mapping[type[Event], QueueKind]] = dict.fromkeys(OF_CALLS, QueueKind.PHONE) | dict.fromkeys(
    OF_VISITS, QueueKind.COUNTER
)
"""Of which kind a queue is that a fact belongs to. Staff serve any, and what is not here is of no queue."""


class Misplaced(Enum):
    """Why a fact belongs to no queue that there is."""

    SITE = auto()
    """There is no such site."""
    QUEUE = auto()
    """The site has no such queue."""
    KIND = auto()
    """A call at a counter, or a visit or an appointment at a phone queue."""


@dataclass(frozen=True, slots=True)
class KnownQueues:
    """The queues of some sites."""

    kinds: Mapping[str, Mapping[str, QueueKind]]
    """By site and queue."""

    @classmethod
    def of(cls, sites: Iterable[Site]) -> Self:
        """Return those of sites of the city file."""
        return cls({site.id: {queue.id: queue.kind for queue in site.queues} for site in sites})

    def misplaced(self, event: Event) -> Misplaced | None:
        """Return why a fact belongs to no queue here, or nothing where it does."""
        queues = self.kinds.get(event.site)
        if queues is None:
            return Misplaced.SITE
        if isinstance(event, SourceHeartbeat | SourceRestarted):
            return None
        kind = queues.get(event.queue)
        if kind is None:
            return Misplaced.QUEUE
        return Misplaced.KIND if KIND_OF.get(type(event), kind) is not kind else None

    def has(self, queue: str) -> bool:
        """Whether any site has a queue of that name."""
        return any(queue in queues for queues in self.kinds.values())

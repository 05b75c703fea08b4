"""What is known of one contact: its facts, as they arrived."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, NamedTuple

from domain.counts import Count
from shared.contract.events import Outcome

SECOND_MS: Final = 1000
"""How far two stamps of one moment lie apart: logs write whole seconds."""


class Step(Enum):
    """What happened to a contact."""

    QUEUED = auto()
    ANSWERED = auto()
    MISSED = auto()
    ENDED = auto()
    ARRIVED = auto()
    CALLED = auto()
    LEFT = auto()
    NO_SHOW = auto()
    SERVED = auto()
    BOOKED = auto()
    MOVED = auto()
    CANCELLED = auto()


OUTCOMES: Final = (Step.ANSWERED, Step.MISSED)
"""What a call comes to."""


class ContactFact(NamedTuple):
    """One step of a contact. Instants in UTC ms."""

    arrived: int
    """When it came on the stream."""
    step: Step
    queue: str
    at: int
    amount: int | None = 0
    """Wait, talk or service in ms, lead time in working days; ``None``: not known."""
    outcome: Outcome | None = None
    """Of ``MISSED``."""
    since: int = 0
    """Of ``CALLED``: when the visitor arrived."""
    appointment: int | None = None
    """Of ``CALLED``: the booked time."""


class OpenWait(NamedTuple):
    """A stay without outcome. Instants in UTC ms."""

    queue: str
    entered: int
    until: int
    """From then on nobody is seen waiting there."""
    due: int
    """When it is given up, and what the contact adds to the counts changes."""


class ContactCounts(NamedTuple):
    """What a contact adds to the counts, by what is known of it."""

    counts: list[Count]
    waits: list[OpenWait]

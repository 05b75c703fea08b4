"""Silences: for a while, nobody is told of what fits. What is judged, shown and logged stays as it is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.notifier.model import Breach
from services.notifier.routing import fits
from shared.contract.breach_events import Severity
from shared.contract.events import Name
from shared.contract.kpis import Measure
from shared.instants import Instant


class Silence(BaseModel):
    """From ``starts_at`` inclusive to ``ends_at`` exclusive; an empty list fits all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    severities: tuple[Severity, ...] = ()
    measures: tuple[Measure, ...] = ()
    sites: tuple[Name, ...] = ()
    queues: tuple[Name, ...] = ()
    rules: tuple[Name, ...] = ()
    starts_at: Instant
    ends_at: Instant
    why: Annotated[str, Field(max_length=200)] = ""
    by: Annotated[str, Field(max_length=64)] = Field(
        default="", description="A receiver's id or a role; never a person's name"
    )

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("a silence ends after it starts")
        return self


def silence_of(silences: Iterable[Silence], breach: Breach, now: datetime) -> Silence | None:
    """Return the active silence that fits the breach; of several the one that lasts longest."""
    active = [s for s in silences if s.starts_at <= now < s.ends_at and fits(s, breach)]
    return max(active, key=lambda silence: (silence.ends_at, silence.id), default=None)

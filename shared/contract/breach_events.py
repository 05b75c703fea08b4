"""The wire contract between evaluator and notifier: what became of a breach, on the breaches stream.

A rule of the city file is judged at each of its queues (or at a site's total), and each of its limits by
itself (``RuleKey``). A *breach* is one time that it left ``ok``; it is named by the key and by when that was.
The evaluator writes a ``breach.changed`` for every step of the state machine, in the same script as the
buckets that caused it, and a ``breach.progress`` once a minute while it lasts. Ids are deterministic: judging
again writes the same ids.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from shared.contract.events import Name
from shared.contract.kpis import Measure
from shared.instants import Instant
from shared.stored_state import FiniteFloat


class BreachState(StrEnum):
    """The state that a rule is in."""

    OK = "ok"
    PENDING = "pending"
    """Over the limit, not yet for as long as ``hold``."""
    FIRING = "firing"
    CLEARING = "clearing"
    """Back under ``clear_at``, not yet for as long as ``keep_firing``."""


class Cause(StrEnum):
    """Why a rule went from one state to another."""

    OVER = "over"
    """The figure went over the limit."""
    HELD = "held"
    """It stayed there for as long as ``hold``."""
    BACK = "back"
    """It went back under ``clear_at``."""
    STAYED_BACK = "stayed_back"
    """It stayed there for as long as ``keep_firing``."""
    CLOSED = "closed"
    """The desk closed: nobody waits any more."""
    NO_READING = "no_reading"
    """No longer measured: for too long nobody came, and nobody waits: what it was about is past."""
    RULE_GONE = "rule_gone"
    """The rule, or its queue, is no longer in the city file."""


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Level(StrEnum):
    """Which limit of a rule it is."""

    LIMIT = "limit"
    WARNING = "warning"
    """``warn_at``: nearly at the limit."""


class _Count(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Hour(_Count):
    """A clock hour so far, beside the one before: what changed at the top of the hour."""

    started_at: Instant
    offered: int
    offered_before: int
    """In the same number of minutes of the hour before."""
    staff: int | None = Field(default=None, description="Who serves now, free or talking, as last reported")
    staff_before: int | None = None


class ConditionReading(_Count):
    """One of the further conditions of a combined rule, as it was when the rule was judged."""

    measure: Measure
    limit: FiniteFloat
    window: str = Field(default="", description="As of a rule")
    value: float | None = None
    samples: int = Field(default=0, ge=0)
    part: int | None = None


class BreachReading(_Count):
    """The figure that was judged, and what a supervisor wants to know beside it."""

    value: float | None = Field(default=None, description="In the unit of the measure; absent: no reading")
    samples: int = Field(ge=0, description="Contacts that the value rests on")
    part: int | None = Field(
        default=None, description="Of a ratio: how many of the samples it counts (missed, in time, late)"
    )
    low: float | None = Field(
        default=None, description="The value is known to lie from here ... (95 %); absent from 60 samples on"
    )
    high: float | None = Field(default=None, description="... up to here")
    since: Instant | None = Field(
        default=None, description="Where a window by count begins, or a shift; else absent"
    )
    also: tuple[ConditionReading, ...] = Field(
        default=(), description="The further conditions of a combined rule; all of them hold at once"
    )
    before: float | None = Field(default=None, description="The same figure five minutes earlier: the trend")
    before_samples: int | None = Field(default=None, description="Contacts that ``before`` rests on")
    before_part: int | None = None
    waiting: int | None = None
    longest_wait_s: float | None = None
    budget_left: int | None = Field(
        default=None, description="Contacts that may still be missed in the period to stay within target"
    )
    hour: Hour | None = None


class RuleKey(BaseModel):
    """Which rule, at which queue, with which limit.

    Where it lies flat in JSON that others read it is inherited (events, the notifier's breaches, the body of
    a webhook); the evaluator's own values hold one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    rule: Name
    level: Level
    measure: Measure
    severity: Severity
    site: Name
    queue: Name = Field(description="``all``: the site's total; for ``no_data`` the source")
    window: str = Field(
        description="15m, 1h, last 20, today, month or year; empty for ``no_data`` and for who waits now"
    )
    limit: FiniteFloat = Field(description="Of a shift the bad share that it is about")
    clear_at: FiniteFloat
    usual: FiniteFloat | None = Field(
        default=None, description="Of a shift: the share that is usual; absent: no shift"
    )

    @property
    def name(self) -> str:
        """Names the rule's state in Redis, and begins the ids of its breaches: ``missed:limit:lier:all``."""
        return f"{self.rule}:{self.level}:{self.site}:{self.queue}"

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels in metrics: site, queue, rule, measure, severity."""
        return self.site, self.queue, rule_label(self.rule, self.level), self.measure, self.severity

    def parts(self) -> dict[str, Any]:
        """Return the fields of the key, for another value that has them."""
        return {name: getattr(self, name) for name in RuleKey.model_fields}


class _BreachEvent(RuleKey):
    id: Annotated[str, Field(min_length=1, max_length=256)]
    breach: Annotated[str, Field(min_length=1, max_length=256, description="Which breach: rule and opening")]
    at: Instant
    opened_at: Instant
    fired_at: Instant | None = None
    reading: BreachReading
    worst: float | None = Field(default=None, description="The furthest over the limit since it opened")
    worst_samples: int | None = Field(default=None, description="Contacts that ``worst`` rests on")
    worst_part: int | None = None


class BreachChanged(_BreachEvent):
    """A rule went from one state to another."""

    kind: Literal["breach.changed"] = "breach.changed"
    previous: BreachState
    state: BreachState
    cause: Cause


class BreachProgress(_BreachEvent):
    """A breach lasts: the figures of now, once a minute."""

    kind: Literal["breach.progress"] = "breach.progress"
    state: BreachState


BreachEvent = Annotated[BreachChanged | BreachProgress, Field(discriminator="kind")]
"""Anything on the breaches stream."""

BREACH_EVENT: Final[TypeAdapter[BreachEvent]] = TypeAdapter(BreachEvent)


def rule_label(rule: str, level: Level) -> str:
    """Return what a rule is called in metrics: the early limit is a rule of its own there."""
    return f"{rule}-{level}" if level is Level.WARNING else rule


def encode(event: BreachEvent) -> bytes:
    """Return the event as the JSON that goes on the stream."""
    return event.__pydantic_serializer__.to_json(event, exclude_none=True)

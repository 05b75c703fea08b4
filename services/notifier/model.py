"""What is told to whom and why: plain values between engine, outbox, messages and channels."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from shared.config.alerting import Matchers, NotifyConfig, Route
from shared.contract.breach_events import BreachReading, BreachState, Cause, RuleKey
from shared.contract.kpis import more_is_better
from shared.instants import Instant


class _NotifierValue(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True)
    """Behind the name of a field stands what the release before stored it as."""


class Acknowledgement(_NotifierValue):
    """Somebody took it on: reminders and escalation stop."""

    at: Instant
    by: Annotated[str, Field(max_length=64)] = Field(
        description="A receiver's id or a role; never a person's name"
    )


class Breach(RuleKey):
    """A breach as the notifier knows it: the evaluator's latest word, and what became of it here."""

    id: str
    opened_at: Instant
    fired_at: Instant | None = None
    closed_at: Instant | None = None
    at: Instant
    """When the evaluator last said something about it."""
    state: BreachState
    cause: Cause | None = None
    """Why it took its last step; of one that is closed: why it ended."""
    reading: BreachReading
    worst: float | None = None
    worst_samples: int | None = None
    worst_part: int | None = None
    acknowledged: Acknowledgement | None = None
    times: int = 1
    """In a digest, of one that came and went: how often its rule did so since it was last told of."""

    @property
    def still_holds(self) -> bool:
        """Whether its figures are beyond their limits now: it may last while they are on their way back."""
        reading = self.reading
        if reading.value is None or self.usual is not None:
            return reading.value is not None
        figures = [(self.measure, reading.value, self.limit)]
        figures += [(one.measure, one.value, one.limit) for one in reading.also if one.value is not None]
        return all(
            value < limit if more_is_better(measure) else value > limit for measure, value, limit in figures
        )

    @property
    def has_fired(self) -> bool:
        return self.fired_at is not None or self.state in {BreachState.FIRING, BreachState.CLEARING}


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


class Silence(Matchers):
    """For a while, nobody is told of what fits. What is judged, shown and logged stays as it is.

    From ``starts_at`` inclusive to ``ends_at`` exclusive.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
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


@dataclass(frozen=True)
class NotifierPolicy:
    """What decisions rest on besides the state: who there is, who is told of what, and how."""

    receivers: frozenset[str]
    """Their ids. What is due to anybody else is dropped, with the reason."""
    routes: tuple[Route, ...]
    notify: NotifyConfig
    is_open: Callable[[str | None, int], bool]
    """``shared.calendar.Calendar.is_open``: whether hours of that name are on at an instant (UTC ms)."""
    by_mail: frozenset[str] = frozenset()
    """Those of the receivers who have an e-mail channel."""
    about_visitors: Callable[[Breach], bool] = lambda _: False
    """Whether a breach is about visitors, not about callers."""


class DecisionLine(_NotifierValue):
    """What was decided about one breach and one receiver: a line of the delivery log."""

    at: Instant
    receiver: str
    """Empty when it is about no receiver in particular: such a line is not kept."""
    kind: Literal["decision"] = "decision"
    breach: str
    """Of a report: its id."""
    reason: str
    """A ``DecisionReason``, perhaps one of a later release."""
    notification: str | None = Field(
        default=None, validation_alias=AliasChoices("notification", "notice"), serialization_alias="notice"
    )
    """The id of the notification that tells it."""
    because: str = ""
    """The silence, or the breach that inhibits."""


class NotificationKind(StrEnum):
    """Why a message is sent."""

    FIRING = "firing"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    """Nobody acknowledged: told to more receivers."""
    RESOLVED = "resolved"
    DIGEST = "digest"
    """What flapping or quiet hours held back, in one message."""
    TEST = "test"
    REPORT = "report"
    """The policy report of a period, by mail; about no breach."""


class AttachedReport(_NotifierValue):
    """What a report's notification brings: megabytes, so it lies elsewhere (``report_events.Document``)."""

    document: str
    """Its id."""
    period: str
    """``2026-10``."""


class Notification(_NotifierValue):
    """One message to one receiver, before anybody put it into words."""

    id: str
    """Deterministic; the idempotency key of every delivery of it starts with this."""
    kind: NotificationKind = Field(
        validation_alias=AliasChoices("kind", "happening"), serialization_alias="happening"
    )
    receiver: str
    breaches: tuple[Breach, ...]
    at: Instant
    number: int = 1
    """Which reminder it is; for other kinds 1."""
    enclosed: AttachedReport | None = None
    """Of a report, and only there."""


class Delivery(_NotifierValue):
    """A notification on its way by one channel to one address: what the outbox holds and retries."""

    key: str
    """Idempotency key: ``<notification id>/<channel>[/<address>][+<part>]``. All attempts carry the same."""
    notification: Notification = Field(
        validation_alias=AliasChoices("notification", "notice"), serialization_alias="notice"
    )
    channel: int
    """Which of the receiver's channels, by position."""
    address: str | None = None
    """The mail address; other channels have one target."""
    turn: int = 0
    """Rises with every notification that is posted while this one waits: who goes first, by no clock."""
    attempts: int = 0
    refusals: int = 0
    """How often the other side said no and not why."""
    next_try: Instant

    def encode(self) -> str:
        """Return it as it is stored."""
        return self.model_dump_json(by_alias=True)


class DeliveryFailed(Exception):  # noqa: N818 - the base of the two ways not to be delivered
    """A delivery could not be handed over. The text names no secret and no address."""


class TransientFailure(DeliveryFailed):
    """Worth another try, not before ``retry_after`` seconds when that is given."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class UnexplainedFailure(TransientFailure):
    """A no without a reason: worth a few tries, not a day of them."""


class PermanentFailure(DeliveryFailed):
    """Trying again cannot help; somebody has to mend something."""

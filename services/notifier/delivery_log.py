"""The delivery log: what was decided and what became of it, one JSON line each. No address, no secret."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter

from services.notifier.model import DecisionLine
from services.notifier.outbox import Attempt, DeliveryResult
from shared.contract.dead_letters import DeadLetterReason
from shared.instants import Instant
from shared.process.code_failures import CodeFailure


class _LogLine(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", validate_by_name=True)

    at: Instant
    receiver: str


class DeliveryLine(_LogLine):
    """What became of one try of one delivery."""

    kind: Literal["delivery"] = "delivery"
    key: str
    """The idempotency key; it names the notification, the channel and which of its addresses."""
    notification_kind: str = Field(
        validation_alias=AliasChoices("notification_kind", "happening"), serialization_alias="happening"
    )
    channel: int
    attempt: int
    result: DeliveryResult
    why: str = ""
    breaches: tuple[str, ...]
    report: str | None = None
    """Of a report: its period."""


class FailureLine(_LogLine):
    """An entry of the breaches stream that our own code fails on: nothing was decided on it."""

    kind: Literal["failure"] = "failure"
    receiver: str = ""
    """Nobody knows whom it was for."""
    entry: str
    reason: Literal[DeadLetterReason.INTERNAL_ERROR] = DeadLetterReason.INTERNAL_ERROR
    why: str
    """Where our own code failed."""


Line = Annotated[DecisionLine | DeliveryLine | FailureLine, Field(discriminator="kind")]
LINE: Final[TypeAdapter[Line]] = TypeAdapter(Line)


def failure_line(entry: str, failure: CodeFailure, now: datetime) -> bytes:
    """Return the line of an entry that is set aside."""
    return encode(FailureLine(at=now, entry=entry, why=failure.place))


def delivery_line(tried: Attempt, now: datetime) -> bytes:
    """Return the line of a try."""
    return encode(
        DeliveryLine(
            at=now,
            receiver=tried.delivery.notification.receiver,
            key=tried.delivery.key,
            notification_kind=tried.delivery.notification.kind,
            channel=tried.delivery.channel,
            attempt=tried.delivery.attempts + 1,
            result=tried.result,
            why=tried.why,
            breaches=tuple(breach.id for breach in tried.delivery.notification.breaches),
            report=None if (brought := tried.delivery.notification.enclosed) is None else brought.period,
        )
    )


def encode(line: DecisionLine | DeliveryLine | FailureLine) -> bytes:
    """Return a line as it is kept."""
    return line.__pydantic_serializer__.to_json(line, exclude_none=True, by_alias=True)

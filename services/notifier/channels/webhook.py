"""Our own webhook: a documented JSON body, signed. What receivers may rely on: ``docs/webhook.md``."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.notifier.channels.post import HttpPost, header_value
from services.notifier.messages.message import Message
from services.notifier.model import Acknowledgement, Breach, Delivery, NotificationKind
from services.notifier.secrets import read_secret
from shared.contract.breach_events import BreachState, ConditionReading, Hour, RuleKey
from shared.contract.kpis import UNITS, Unit, more_is_better
from shared.process.clock import Clock

VERSION: Final = 1
"""Of the body. A new optional field is free; anything else is a new version."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class BreachBody(RuleKey):
    """One breach in the body of a webhook."""

    id: str
    unit: Unit
    """Of ``value``, ``limit``, ``clear_at``, ``usual``, ``low``, ``high``, ``before`` and ``worst``."""
    wrong: Literal["above", "below"]
    """On which side of the limit the figure is wrong."""
    state: BreachState
    at: AwareDatetime
    opened_at: AwareDatetime
    fired_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    acknowledged: Acknowledgement | None
    value: float | None
    before: float | None
    before_samples: int | None
    before_part: int | None
    worst: float | None
    worst_samples: int | None
    worst_part: int | None
    samples: int
    part: int | None
    low: float | None
    high: float | None
    since: AwareDatetime | None
    also: tuple[ConditionReading, ...]
    waiting: int | None
    longest_wait_s: float | None
    budget_left: int | None
    hour: Hour | None


class WebhookBody(_Part):
    """The body of a webhook. Every field is always there; what is not known is null."""

    version: int = VERSION
    id: str
    key: str
    kind: NotificationKind
    number: int
    at: AwareDatetime
    receiver: str
    subject: str
    text: str
    breaches: tuple[BreachBody, ...]


def webhook_body(delivery: Delivery, words: Message) -> bytes:
    """Return the body as JSON."""
    notification = delivery.notification
    body = WebhookBody(
        id=notification.id,
        key=delivery.key,
        kind=notification.kind,
        number=notification.number,
        at=notification.at,
        receiver=notification.receiver,
        subject=words.subject,
        text=words.text,
        breaches=tuple(map(_breach, notification.breaches)),
    )
    return body.model_dump_json().encode()


def _breach(breach: Breach) -> BreachBody:
    reading = breach.reading
    return BreachBody(
        **breach.parts(),
        id=breach.id,
        unit=UNITS[breach.measure],
        wrong="below" if more_is_better(breach.measure) else "above",
        state=breach.state,
        at=breach.at,
        opened_at=breach.opened_at,
        fired_at=breach.fired_at,
        closed_at=breach.closed_at,
        acknowledged=breach.acknowledged,
        value=reading.value,
        before=reading.before,
        before_part=reading.before_part,
        before_samples=reading.before_samples,
        worst=breach.worst,
        worst_part=breach.worst_part,
        worst_samples=breach.worst_samples,
        samples=reading.samples,
        part=reading.part,
        low=reading.low,
        high=reading.high,
        since=reading.since,
        also=reading.also,
        waiting=reading.waiting,
        longest_wait_s=reading.longest_wait_s,
        budget_left=reading.budget_left,
        hour=reading.hour,
    )


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature: HMAC-SHA256 over ``<timestamp>.<body>``, so that neither can be replaced."""
    mac = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"v1={mac.hexdigest()}"


def webhook_headers(key: str, secret: str | None, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of one attempt. ``now`` is what keeps an old recording from being played again."""
    timestamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": header_value(key),
        "Wachtpost-Timestamp": timestamp,
    }
    if secret is not None:
        headers["Wachtpost-Signature"] = sign(secret, timestamp, body)
    return headers


@dataclass(frozen=True)
class WebhookSender:
    """Sends the documented body, signed when there is a secret."""

    post: HttpPost
    clock: Clock
    secret_file: Path | None = None

    async def send(self, delivery: Delivery, words: Message) -> None:
        secret = None if self.secret_file is None else read_secret(self.secret_file).get_secret_value()
        body = webhook_body(delivery, words)
        await self.post.deliver(body, webhook_headers(delivery.key, secret, body, self.clock()))

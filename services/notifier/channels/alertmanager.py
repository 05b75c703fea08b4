"""The webhook body of a Prometheus Alertmanager (version 4), for receivers that already understand one.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config says what the fields are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from services.notifier.channels.post import HttpPost, header_value
from services.notifier.messages.message import Message
from services.notifier.model import Breach, Delivery, Notification, NotificationKind
from shared.contract.breach_events import BreachState, Severity
from shared.contract.kpis import Measure

NOT_OVER: Final = "0001-01-01T00:00:00Z"
"""What Alertmanager writes for the end of an alert that lasts: Go's zero time."""

GROUPED_BY: Final = ("alertname", "level", "site", "queue")
"""As in ``group_by`` of an Alertmanager, as far as all breaches of a message agree."""

TEST_ALERT: Final = "WachtpostTest"
"""Stands in a message without breaches: receivers expect at least one alert."""

Status = Literal["firing", "resolved"]


class Alert(BaseModel):
    model_config = ConfigDict(frozen=True)

    status: Status
    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: str  # noqa: N815 - Alertmanager's names
    endsAt: str  # noqa: N815
    generatorURL: str  # noqa: N815
    fingerprint: str


class AlertmanagerBody(BaseModel):
    model_config = ConfigDict(frozen=True)

    version: Literal["4"] = "4"
    groupKey: str  # noqa: N815
    truncatedAlerts: int = 0  # noqa: N815
    status: Status
    receiver: str
    groupLabels: dict[str, str]  # noqa: N815
    commonLabels: dict[str, str]  # noqa: N815
    commonAnnotations: dict[str, str]  # noqa: N815
    externalURL: str  # noqa: N815
    alerts: tuple[Alert, ...]


def alertmanager_body(
    delivery: Delivery, words: Message, *, external_url: str = "", board_url: str = ""
) -> bytes:
    """Return the body as JSON. The addresses are those of the notifier and of the live board."""
    notification = delivery.notification
    said = {"summary": words.subject, "description": words.text}
    alerts = tuple(_alert(breach, said, board_url) for breach in notification.breaches) or (
        _test_alert(notification, said, board_url),
    )
    common = _common(alert.labels for alert in alerts)
    grouped: dict[str, str] = {name: common[name] for name in GROUPED_BY if name in common}
    body = AlertmanagerBody(
        groupKey=_group_key(grouped),
        status="resolved" if all(alert.status == "resolved" for alert in alerts) else "firing",
        receiver=notification.receiver,
        groupLabels=grouped,
        commonLabels=common,
        commonAnnotations=_common(alert.annotations for alert in alerts),
        externalURL=external_url,
        alerts=alerts,
    )
    return body.model_dump_json().encode()


def _alert(breach: Breach, said: Mapping[str, str], board_url: str) -> Alert:
    labels = {
        "alertname": breach.rule,
        "level": breach.level.value,
        "measure": breach.measure.value,
        "queue": breach.queue,
        "severity": breach.severity.value,
        "site": breach.site,
        "window": breach.window,
    }
    labels = {name: value for name, value in labels.items() if value}  # to Prometheus, empty is absent
    over = breach.state is BreachState.OK
    return Alert(
        status="resolved" if over else "firing",
        labels=labels,
        annotations={**said, **_figures(breach)},
        startsAt=_instant(breach.fired_at or breach.opened_at),
        endsAt=_instant(breach.closed_at or breach.at) if over else NOT_OVER,
        generatorURL=board_url,
        fingerprint=fingerprint(labels),
    )


def _figures(breach: Breach) -> dict[str, str]:
    reading = breach.reading
    figures = {"breach": breach.id, "samples": str(reading.samples)}
    if reading.part is not None:
        figures["part"] = str(reading.part)
    if breach.measure is Measure.NOBODY_AVAILABLE:
        return figures  # a yes or no, which the words say
    figures["limit"] = f"{breach.limit:g}"
    # No reading is not zero: without one there is no annotation.
    if reading.value is not None:
        figures["value"] = f"{reading.value:g}"
    if breach.usual is not None:
        figures["usual"] = f"{breach.usual:g}"
    return figures


def _test_alert(notification: Notification, said: Mapping[str, str], board_url: str) -> Alert:
    labels = {"alertname": TEST_ALERT, "severity": Severity.INFO.value}
    over = notification.kind is NotificationKind.RESOLVED
    return Alert(
        status="resolved" if over else "firing",
        labels=labels,
        annotations=dict(said),
        startsAt=_instant(notification.at),
        endsAt=_instant(notification.at) if over else NOT_OVER,
        generatorURL=board_url,
        fingerprint=fingerprint(labels),
    )


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return 16 hex digits that stay the same for the same labels: firing and resolved meet by it."""
    named = json.dumps(sorted(labels.items()), ensure_ascii=True)
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _common(sets: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What all agree on."""
    first, *others = sets
    return {name: value for name, value in first.items() if all(o.get(name) == value for o in others)}


def _group_key(grouped: Mapping[str, str]) -> str:
    return "{}:{" + ", ".join(f"{name}={json.dumps(value)}" for name, value in grouped.items()) + "}"


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class AlertmanagerSender:
    """Sends what an Alertmanager would."""

    post: HttpPost
    external_url: str = ""
    board_url: str = ""

    async def send(self, delivery: Delivery, words: Message) -> None:
        body = alertmanager_body(delivery, words, external_url=self.external_url, board_url=self.board_url)
        await self.post.deliver(
            body, {"Content-Type": "application/json", "Idempotency-Key": header_value(delivery.key)}
        )

"""The body that receivers of an Alertmanager already understand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.notifier.channels.alertmanager import alertmanager_body, fingerprint
from services.notifier.model import Delivery, NotificationKind
from shared.contract.breach_events import BreachState
from tests.support.deliveries import MISSED, OVER, SERVICE_LEVEL, WORDS, delivery

GOLDEN = Path(__file__).parent / "golden"


def body(sent: Delivery) -> Any:
    made = alertmanager_body(
        sent,
        WORDS,
        external_url="https://wachtpost.lier.example/",
        board_url="https://grafana.lier.example/d/live",
    )
    return json.loads(made)


@pytest.mark.parametrize(
    ("golden", "sent"),
    [
        ("alertmanager_firing", delivery(MISSED)),
        ("alertmanager_resolved", delivery(OVER, kind=NotificationKind.RESOLVED)),
        ("alertmanager_one_of_two_over", delivery(OVER, SERVICE_LEVEL, kind=NotificationKind.DIGEST)),
        ("alertmanager_test", delivery(kind=NotificationKind.TEST)),
    ],
)
def test_the_body_is_as_an_alertmanager_sends_it(golden: str, sent: Delivery):
    assert body(sent) == json.loads((GOLDEN / f"{golden}.json").read_text(encoding="utf-8"))


def test_firing_and_resolved_meet_by_fingerprint_and_group():
    begin, end = body(delivery(MISSED)), body(delivery(OVER, kind=NotificationKind.RESOLVED))
    assert begin["alerts"][0]["fingerprint"] == end["alerts"][0]["fingerprint"]
    assert begin["groupKey"] == end["groupKey"]


def test_two_queues_do_not_meet():
    alerts = body(delivery(MISSED, MISSED.model_copy(update={"queue": "algemeen"})))["alerts"]
    assert alerts[0]["fingerprint"] != alerts[1]["fingerprint"]


def test_a_fingerprint_does_not_depend_on_the_order_of_labels():
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})


def test_a_label_without_value_is_absent():
    """To Prometheus an empty label is no label; a silence has no window."""
    assert "window" not in body(delivery(MISSED.model_copy(update={"window": ""})))["commonLabels"]


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (BreachState.PENDING, "firing"),
        (BreachState.FIRING, "firing"),
        (BreachState.CLEARING, "firing"),  # not over before it is over
        (BreachState.OK, "resolved"),
    ],
)
def test_when_an_alert_is_resolved(state: BreachState, status: str):
    told = body(delivery(MISSED.model_copy(update={"state": state})))
    assert (told["status"], told["alerts"][0]["status"]) == (status, status)

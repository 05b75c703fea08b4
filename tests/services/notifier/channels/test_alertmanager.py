"""The body that receivers of an Alertmanager already understand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.notifier.channels.alertmanager import alertmanager_body, fingerprint
from services.notifier.model import Delivery, NotificationKind
from shared.contract.breach_events import BreachReading, BreachState
from shared.contract.kpis import Measure
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


@pytest.mark.parametrize(
    ("differs", "figures"),
    [
        ({}, {"limit": "0.2", "samples": "50", "part": "17", "value": "0.34"}),
        ({"usual": 0.12}, {"limit": "0.2", "samples": "50", "part": "17", "value": "0.34", "usual": "0.12"}),
        ({"reading": BreachReading(value=None, samples=0)}, {"limit": "0.2", "samples": "0"}),
        (
            {"measure": Measure.NOBODY_AVAILABLE, "reading": BreachReading(value=1.0, samples=2)},
            {"samples": "2"},  # a yes or no is no figure
        ),
    ],
)
def test_the_figures_of_an_alert(differs: dict[str, object], figures: dict[str, str]):
    annotations = body(delivery(MISSED.model_copy(update=differs)))["alerts"][0]["annotations"]
    words = {"summary", "description", "breach"}
    assert {name: figure for name, figure in annotations.items() if name not in words} == figures


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

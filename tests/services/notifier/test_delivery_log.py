"""The delivery log: what a line says, and what it never says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.notifier import outbox
from services.notifier.delivery_log import LINE, DeliveryLine, delivery_line, encode
from services.notifier.model import DecisionLine
from services.notifier.reasons import DecisionReason
from tests.support.deliveries import MISSED, SERVICE_LEVEL, delivery

NOW = datetime(2026, 3, 2, 9, 12, 30, tzinfo=UTC)
DELIVERY = delivery(MISSED, SERVICE_LEVEL, address="balie@stad.example").model_copy(update={"key": "n/1/0"})


@pytest.mark.parametrize("reason", DecisionReason)
def test_a_decision_says_who_what_and_why_and_can_be_read_back(reason: DecisionReason):
    notification = "n" if reason is DecisionReason.FIRST else None
    line = DecisionLine(
        at=NOW, receiver="team", breach="b", reason=reason, notification=notification, because="s1"
    )
    assert LINE.validate_json(encode(line)) == line


def test_a_line_of_the_release_before_is_read():
    about = b'{"at":"2026-03-02T09:12:30Z","receiver":"team","kind":"decision","breach":"b",'
    line = LINE.validate_json(about + b'"reason":"first","notice":"n"}')
    assert isinstance(line, DecisionLine)
    assert (line.reason, line.notification) == (DecisionReason.FIRST, "n")


@pytest.mark.parametrize(
    ("tried", "why"),
    [
        (outbox.delivered(DELIVERY), ""),
        (outbox.missed(DELIVERY, "it answered 500", None, NOW), "it answered 500"),
        (outbox.refused(DELIVERY, "it refused the message (410)"), "it refused the message (410)"),
        (outbox.Attempt(DELIVERY, outbox.DeliveryResult.OBSOLETE, "acknowledged"), "acknowledged"),
    ],
    ids=lambda value: value.result if isinstance(value, outbox.Attempt) else "",
)
def test_a_try_says_what_became_of_it_and_can_be_read_back(tried: outbox.Attempt, why: str):
    line = LINE.validate_json(delivery_line(tried, NOW))
    assert line == DeliveryLine(
        at=NOW,
        receiver="supervisors",
        key="n/1/0",
        notification_kind="firing",
        channel=0,
        attempt=1,
        result=tried.result,
        why=why,
        breaches=(MISSED.id, SERVICE_LEVEL.id),
    )


def test_no_line_holds_an_address():
    assert b"@" not in delivery_line(outbox.delivered(DELIVERY), NOW)


def test_tries_are_counted_from_one():
    third = DELIVERY.model_copy(update={"attempts": 2})
    line = LINE.validate_json(delivery_line(outbox.delivered(third), NOW))
    assert isinstance(line, DeliveryLine)
    assert line.attempt == 3

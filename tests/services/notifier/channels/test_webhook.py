"""The body and the signature of a webhook, as its receivers and ``docs/webhook.md`` know them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from services.notifier.channels.webhook import sign, webhook_body, webhook_headers
from services.notifier.model import Acknowledgement, Delivery, NotificationKind
from shared.contract.breach_events import BreachReading, ConditionReading
from shared.contract.kpis import Measure
from tests.support.deliveries import MISSED, NOW, OVER, SERVICE_LEVEL, WORDS, delivery

GOLDEN = Path(__file__).parent / "golden"
DOC = Path(__file__).resolve().parents[4] / "docs" / "webhook.md"

TAKEN_ON = MISSED.model_copy(update={"acknowledged": Acknowledgement(at=NOW, by="supervisors")})


@pytest.mark.parametrize(
    ("golden", "sent"),
    [
        ("webhook_firing", delivery(MISSED)),
        (
            "webhook_reminder_of_two",
            delivery(TAKEN_ON, SERVICE_LEVEL, kind=NotificationKind.REMINDER, number=3),
        ),
        ("webhook_resolved", delivery(OVER, kind=NotificationKind.RESOLVED)),
        ("webhook_test", delivery(kind=NotificationKind.TEST)),
    ],
)
def test_the_body_is_as_documented(golden: str, sent: Delivery):
    expected = json.loads((GOLDEN / f"{golden}.json").read_text(encoding="utf-8"))
    assert json.loads(webhook_body(sent, WORDS)) == expected


NOBODY = ConditionReading(measure=Measure.NOBODY_AVAILABLE, limit=0.0, value=1.0)


def test_what_a_rule_says_beyond_its_figure_is_in_the_body():
    latest = BreachReading(value=0.35, part=7, samples=20, low=0.181, high=0.567, since=NOW, also=(NOBODY,))
    told = MISSED.model_copy(update={"window": "last 20", "usual": 0.12, "reading": latest})
    told_of = json.loads(webhook_body(delivery(told), WORDS))["breaches"][0]
    expected = {"window": "last 20", "usual": 0.12, "part": 7, "samples": 20, "low": 0.181, "high": 0.567}
    assert told_of | expected | {"since": "2026-03-02T09:12:30Z"} == told_of
    nobody = {"measure": "nobody_available", "limit": 0.0, "window": "", "value": 1.0, "samples": 0}
    assert told_of["also"] == [nobody | {"part": None}]
    text = DOC.read_text(encoding="utf-8")
    assert [name for name in told_of["also"][0] if f"`{name}`" not in text] == []


def test_the_body_is_the_same_at_every_attempt():
    again = delivery(MISSED).model_copy(update={"attempts": 4})
    assert webhook_body(again, WORDS) == webhook_body(delivery(MISSED), WORDS)


def test_the_signature_is_the_hmac_of_timestamp_and_body():
    # printf '1772442750.{}' | openssl dgst -sha256 -hmac geheim
    expected = "v1=0eacd6ac79bfb5a2a36da95d989d0ab16e4750d4abda6f4069a53b465d32db3a"
    assert sign("geheim", "1772442750", b"{}") == expected


def test_the_headers_of_an_attempt():
    assert webhook_headers("n/0", "geheim", b"{}", NOW) == {
        "Content-Type": "application/json",
        "Idempotency-Key": "n/0",
        "Wachtpost-Timestamp": "1772442750",
        "Wachtpost-Signature": sign("geheim", "1772442750", b"{}"),
    }


def test_without_a_secret_there_is_no_signature():
    assert "Wachtpost-Signature" not in webhook_headers("n/0", None, b"{}", NOW)


@pytest.mark.parametrize(
    ("key", "header"),
    [
        (delivery(MISSED).key, delivery(MISSED).key),  # ours pass as they are
        ("a\r\nX-Evil: 1", "a%0D%0AX-Evil: 1"),  # no header can be smuggled in
        ("één", "%C3%A9%C3%A9n"),
        ("100%", "100%25"),
    ],
)
def test_a_key_is_a_header_of_one_line(key: str, header: str):
    assert webhook_headers(key, None, b"", NOW)["Idempotency-Key"] == header


# The documentation -----------------------------------------------------------------------------------


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)


def test_the_example_in_the_documentation_is_what_is_sent():
    assert json.loads(blocks("json")[0]) == json.loads(webhook_body(delivery(MISSED), WORDS))


@pytest.mark.parametrize("model", ["body", "breach"])
def test_the_documentation_names_every_field(model: str):
    body = json.loads(webhook_body(delivery(MISSED), WORDS))
    fields = body if model == "body" else body["breaches"][0]
    text = DOC.read_text(encoding="utf-8")
    assert [name for name in fields if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("story", "timestamp", "body", "key", "at", "trusted"),
    [
        ("ours", "1772442750", b"{}", "geheim", 1772442760, True),
        ("another body", "1772442750", b"[]", "geheim", 1772442760, False),
        ("another time", "1772442751", b"{}", "geheim", 1772442760, False),
        ("another key", "1772442750", b"{}", "geheim!", 1772442760, False),
        ("played again an hour later", "1772442750", b"{}", "geheim", 1772446350, False),
    ],
)
def test_the_check_in_the_documentation_works(story, timestamp, body, key, at, trusted):
    names: dict[str, object] = {}
    exec(blocks("python")[0], names)
    is_ours = names["is_ours"]
    assert callable(is_ours)
    headers = {
        "Wachtpost-Timestamp": timestamp,
        "Wachtpost-Signature": sign("geheim", "1772442750", b"{}"),
    }
    assert is_ours(headers, body, key, at) is trusted, story

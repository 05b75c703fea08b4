"""What the notifier makes of a report: who is mailed, in which line it stands, when it is given up."""

from __future__ import annotations

import email
import email.policy
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from services.notifier import outbox
from services.notifier.app import policy_of
from services.notifier.channels.mail import compose
from services.notifier.commands import STREAM_ITEM, Acknowledge
from services.notifier.consumer import decide
from services.notifier.delivery_log import LINE, delivery_line
from services.notifier.messages.message import Message
from services.notifier.model import AttachedReport, Delivery, Notification, NotificationKind, Silence
from services.notifier.outbox import FIRST_WAIT, GIVE_UP, GIVE_UP_REPORT, DeliveryResult
from services.notifier.reasons import DecisionReason
from services.notifier.report_delivery import send_report
from services.notifier.settings import NotifierSettings
from services.notifier.state import NotifierState
from shared.config.model import CityFile
from shared.contract.report_events import Attachment, ReportReady, encode
from tests.support.deliveries import MISSED, NOW
from wachtpost.access import Access
from wachtpost.notify import log

WORD_OF_OCTOBER = ReportReady(
    id="report:2026-10", at=NOW, period="2026-10", receivers=("hoofd", "scherm", "weg", "raad", "hoofd")
)


def city(language: str = "nl") -> CityFile:
    """Two who can be mailed, one who cannot."""
    return CityFile.model_validate(
        {
            "city": {"name": "Test", "language": language},
            "sites": [{"id": "lier", "queues": [{"id": "algemeen", "kind": "phone"}]}],
            "smtp": {"host": "127.0.0.1", "tls": "none", "sender": "wachtpost@stad.example"},
            "receivers": [
                {
                    "id": "hoofd",
                    "channels": [
                        {"kind": "webhook", "url": "https://in.example/"},
                        {"kind": "email", "to": ["a@stad.example", "b@stad.example"]},
                        {"kind": "alertmanager", "url": "https://am.example/"},
                        {"kind": "apprise", "url_file": "/run/secrets/teams"},
                    ],
                },
                {"id": "raad", "channels": [{"kind": "email", "to": ["c@stad.example"]}]},
                {"id": "scherm", "channels": [{"kind": "webhook", "url": "https://scherm.example/"}]},
            ],
        }
    )


def deliveries() -> list[Delivery]:
    decision = send_report(NotifierState(), WORD_OF_OCTOBER, NOW, policy_of(city()))
    return [
        delivery
        for notification in decision.notifications
        for delivery in outbox.deliveries(notification, city())
    ]


ONE, TWO, THREE = deliveries()


def test_each_receiver_with_a_mail_address_gets_it_once_and_the_others_are_told_apart():
    decision = send_report(NotifierState(), WORD_OF_OCTOBER, NOW, policy_of(city()))
    assert [(one.receiver, one.reason, one.breach, one.notification) for one in decision.log] == [
        ("hoofd", DecisionReason.REPORT, "report:2026-10", "report:2026-10/hoofd"),
        ("scherm", DecisionReason.NO_MAIL, "report:2026-10", None),
        ("weg", DecisionReason.RECEIVER_GONE, "report:2026-10", None),
        ("raad", DecisionReason.REPORT, "report:2026-10", "report:2026-10/raad"),
    ]
    assert (decision.document, decision.changed) == ("report:2026-10", {})
    assert decision == send_report(NotifierState(), WORD_OF_OCTOBER, NOW, policy_of(city()))


def test_it_goes_by_mail_only_and_each_address_has_its_key():
    assert [(one.key, one.address) for one in (ONE, TWO, THREE)] == [
        ("report:2026-10/hoofd/1/0", "a@stad.example"),
        ("report:2026-10/hoofd/1/1", "b@stad.example"),
        ("report:2026-10/raad/0/0", "c@stad.example"),
    ]


def test_a_silence_of_everything_does_not_keep_it_back():
    silence = Silence(
        id="s", starts_at=NOW - timedelta(hours=1), ends_at=NOW + timedelta(hours=1), by="balie", why="x"
    )
    decision = send_report(NotifierState(silences={"s": silence}), WORD_OF_OCTOBER, NOW, policy_of(city()))
    assert [notification.receiver for notification in decision.notifications] == ["hoofd", "raad"]


def test_it_is_heard_among_everything_else_in_its_order():
    words = [
        Acknowledge(id="one", at=NOW, breaches=("unknown",), by="balie"),
        STREAM_ITEM.validate_json(encode(WORD_OF_OCTOBER)),
        Acknowledge(id="two", at=NOW, breaches=("unknown",), by="raad"),
    ]
    decisions = decide(NotifierState(), words, NOW, policy_of(city()))
    assert [len(decision.notifications) for decision in decisions] == [0, 2, 0]
    assert [decision.document for decision in decisions] == [None, "report:2026-10", None]


# On its way --------------------------------------------------------------------------------------------


def test_a_report_that_waits_does_not_hold_up_alerts_to_the_same_address():
    alert = Notification(
        id="n",
        kind=NotificationKind.FIRING,
        receiver="raad",
        breaches=(MISSED,),
        at=NOW + timedelta(hours=1),
    )
    (later,) = outbox.deliveries(alert, city())
    at = NOW + timedelta(hours=2)
    assert {one.key for one in outbox.due([THREE, later], (), at)} == {THREE.key, later.key}
    another = THREE.model_copy(update={"key": "z"})
    assert [one.key for one in outbox.due([THREE, another], (), at)] == [THREE.key], "one at a time"
    assert [one.key for one in outbox.due([THREE, another], (THREE.key,), at)] == []


@pytest.mark.parametrize(
    ("age", "kind", "result"),
    [
        (GIVE_UP, NotificationKind.FIRING, DeliveryResult.DEAD),
        (GIVE_UP, NotificationKind.REPORT, DeliveryResult.RETRY),
        (GIVE_UP_REPORT - FIRST_WAIT, NotificationKind.REPORT, DeliveryResult.RETRY),
        (GIVE_UP_REPORT, NotificationKind.REPORT, DeliveryResult.DEAD),
    ],
)
def test_a_report_is_tried_for_a_week(age: timedelta, kind: NotificationKind, result: DeliveryResult):
    notification = ONE.notification.model_copy(update={"kind": kind})
    tried = outbox.missed(
        ONE.model_copy(update={"notification": notification}), "it answered 452", None, NOW + age
    )
    assert tried.result is result


@pytest.mark.parametrize(
    ("waiting", "tried", "gone"),
    [
        ([ONE, TWO, THREE], outbox.delivered(ONE), set()),
        ([THREE], outbox.delivered(THREE), {"report:2026-10"}),
        ([THREE], outbox.refused(THREE, "550"), {"report:2026-10"}),
        ([THREE], outbox.missed(THREE, "452", None, NOW), set()),
    ],
    ids=["others wait", "the last", "the last, refused", "tried again"],
)
def test_the_document_goes_with_the_last_delivery(
    waiting: list[Delivery], tried: outbox.Attempt, gone: set[str]
):
    assert outbox.documents_gone(tried, waiting) == gone


def test_a_delivery_of_another_report_keeps_nothing_alive():
    enclosed = AttachedReport(document="report:2026-11", period="2026-11")
    other = ONE.model_copy(
        update={"key": "x", "notification": ONE.notification.model_copy(update={"enclosed": enclosed})}
    )
    assert outbox.documents_gone(outbox.delivered(THREE), [THREE, other]) == {"report:2026-10"}


# The mail and the log ----------------------------------------------------------------------------------


def test_attachments_arrive_as_they_are_with_their_names():
    files = (
        Attachment(name="a.html", media_type="text/html", data="<p>één</p>\r\n".encode()),
        Attachment(name="a.pdf", media_type="application/pdf", data=bytes(range(256)) * 50),
        Attachment(name="a.csv", media_type="text/csv", data=b"a;b\r\n"),
    )
    words = Message("Rapport", "Zie bijlage – één.\n", html="", attachments=files)
    composed = compose(ONE, words, sender="wachtpost@stad.example", address="a@stad.example", at=NOW)
    raw = composed.as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    read = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    assert read.get_content_type() == "multipart/mixed"
    body = read.get_body(["plain"])
    assert body is not None
    assert body.get_content().strip() == "Zie bijlage – één."
    found = [
        (one.get_filename(), one.get_content_type(), one.get_payload(decode=True))
        for one in read.iter_attachments()
    ]
    assert found == [(one.name, one.media_type, one.data) for one in files]
    assert {one.get_content_disposition() for one in read.iter_attachments()} == {"attachment"}
    assert [one.get_content_charset() for one in read.iter_attachments()] == ["utf-8", None, "utf-8"]


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("nl", "hoofd  email  beleidsrapport aangekomen  2026-10"),
        ("en", "hoofd  email  policy report arrived  2026-10"),
    ],
)
def test_the_log_says_it_in_words(language: str, line: str, tmp_path: Path):
    given = Access(NotifierSettings(city_file=tmp_path), city(language))
    described = log.described(given, LINE.validate_json(delivery_line(outbox.delivered(ONE), NOW)))
    assert described.endswith(line)

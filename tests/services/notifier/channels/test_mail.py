"""The mail itself: its headers, its thread, and what cannot be smuggled into it."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage

import aiosmtplib
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.notifier.channels.mail import THREADS_MOST, compose, failure_of, one_line, plain_address
from services.notifier.messages.message import SUBJECT_LENGTH, Message
from services.notifier.model import Delivery, NotificationKind, PermanentFailure, TransientFailure
from tests.support.deliveries import MISSED, NOW, OVER, SERVICE_LEVEL, WORDS, delivery

SENDER = "wachtpost@lier.example"
ANNA = "team-een@lier.example"
BERT = "team-twee@lier.example"


def mail(sent: Delivery, words: Message = WORDS) -> EmailMessage:
    """The mail as its reader has it: composed, sent as bytes, parsed again."""
    composed = compose(sent, words, sender=SENDER, address=sent.address or ANNA, at=NOW)
    read = email.message_from_bytes(composed.as_bytes(), policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def test_a_mail_from_head_to_foot():
    read = mail(delivery(MISSED, address=ANNA))
    assert (read["From"], read["To"], read["Subject"]) == (f"Wachtpost <{SENDER}>", ANNA, WORDS.subject)
    assert read["Date"].datetime == NOW
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["X-Wachtpost-Key"] == delivery(MISSED, address=ANNA).key
    text, html = read.get_body(["plain"]), read.get_body(["html"])
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == WORDS.text.splitlines()
    assert html.get_content().splitlines() == WORDS.html.splitlines()
    assert read.get_content_type() == "multipart/alternative"


WORD = st.text("abcdefghij0123456789éàöß–…\u00a0:'(),%", min_size=1, max_size=30)


@given(st.lists(WORD.map(str.strip).filter(bool), min_size=1, max_size=12).map(" ".join))
@example("Onthaal: gemiddeld 1:31 wachten (laatste 15 minuten), doel hoogstens 0:45")
@example("Terminé – Tous les guichets\u00a0: n'est plus surveillé (délai de rendez-vous)")
@example("Onthaal: durchschnittlich 1:31 Wartezeit (letzte 20), Ziel höchstens 0:45")
def test_a_subject_begins_on_its_first_line_and_is_read_as_it_was_written(subject: str):
    subject = one_line(subject)[:SUBJECT_LENGTH].strip()
    words = replace(WORDS, subject=subject)
    raw = compose(delivery(MISSED), words, sender=SENDER, address=ANNA, at=NOW).as_bytes()
    lines = raw.split(b"\r\n\r\n")[0].split(b"\r\n")
    begins = next(line for line in lines if line.startswith(b"Subject: "))
    assert begins != b"Subject: ", "some mail programs show nothing then"
    assert all(line.strip() for line in lines)
    read = email.message_from_bytes(raw, policy=email.policy.default)["Subject"]
    assert read.split() == subject.split()


def test_no_line_is_longer_than_mail_allows():
    long = Message(subject="é" * 500, text="x" * 5000, html="<p>" + "é" * 5000 + "</p>")
    composed = compose(delivery(*[MISSED] * 20), long, sender=SENDER, address=ANNA, at=NOW)
    raw = composed.as_bytes()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()


def test_the_same_delivery_has_the_same_message_id_at_every_attempt():
    one, again = mail(delivery(MISSED)), mail(delivery(MISSED).model_copy(update={"attempts": 3}))
    assert one["Message-ID"] == again["Message-ID"]
    assert one["Message-ID"].endswith("@lier.example>")


def test_different_deliveries_have_different_message_ids():
    sent = [
        delivery(MISSED, address=ANNA),
        delivery(MISSED, address=BERT),
        delivery(MISSED, kind=NotificationKind.REMINDER, address=ANNA),
        delivery(MISSED, kind=NotificationKind.REMINDER, number=2, address=ANNA),
    ]
    assert len({mail(p)["Message-ID"] for p in sent}) == len(sent)


def test_reminders_and_the_all_clear_stand_under_the_first_message():
    first = mail(delivery(MISSED))
    reminder = mail(delivery(MISSED, kind=NotificationKind.REMINDER))
    over = mail(delivery(OVER, kind=NotificationKind.RESOLVED))
    assert first["References"] == reminder["References"] == over["References"]
    assert first["In-Reply-To"] == first["References"]
    assert first["References"] != mail(delivery(SERVICE_LEVEL))["References"]


def test_a_message_about_two_breaches_is_in_both_threads():
    both = mail(delivery(MISSED, SERVICE_LEVEL))["References"].split()
    assert both == [mail(delivery(breach))["References"] for breach in (MISSED, SERVICE_LEVEL)]


def test_a_digest_of_a_bad_day_joins_so_many_threads_and_no_more():
    breaches = [MISSED.model_copy(update={"id": f"breach-{n}"}) for n in range(200)]
    read = mail(delivery(*breaches, kind=NotificationKind.DIGEST))
    assert len(read["References"].split()) == THREADS_MOST


def test_a_test_message_belongs_to_no_thread():
    read = mail(delivery(kind=NotificationKind.TEST))
    assert (read["References"], read["In-Reply-To"]) == (None, None)


def test_without_html_it_is_plain_text():
    read = mail(delivery(MISSED), Message("s", "t", ""))
    assert read.get_content_type() == "text/plain"


HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
    "X-Auto-Response-Suppress", "X-Wachtpost-Key", "MIME-Version", "Content-Type",
}  # fmt: skip


@given(
    subject=st.text(st.characters(exclude_categories=["Cs"]))
    | st.just("a\r\nBcc: x@evil.example\r\n\r\nbody"),
    key=st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.just("k\nX-Evil: 1"),
)
def test_no_header_can_be_smuggled_in(subject: str, key: str):
    sent = delivery(MISSED).model_copy(update={"key": key})
    read = mail(sent, Message(subject, WORDS.text, WORDS.html))
    assert set(read.keys()) == HEADERS
    assert len(read.keys()) == len(HEADERS)
    assert "\n" not in read["Subject"] + read["X-Wachtpost-Key"]


@pytest.mark.parametrize(
    ("address", "written_to"),
    [
        ("team@lier.example", "team@lier.example"),
        ("Team+wacht_1@sub.Lier.example", "Team+wacht_1@sub.lier.example"),
        ("team@localhost", "team@localhost"),
        ("team@café.example", "team@xn--caf-dma.example"),
        ("équipe@lier.example", None),
        ("a@b\r\nRCPT TO:<x@evil.example>", None),
        ("a@b\n", None),
        ("<a>@b.example", None),
        ("a,x@b.example", None),
        ('"a b"@c.example', None),
        ("a b@c.example", None),
        ("a@b@c.example", None),
        ("a@b..example", None),
        ("a@", None),
        ("@b", None),
        ("", None),
    ],
)
def test_addresses(address: str, written_to: str | None):
    plain = plain_address(address)
    assert (plain and plain.casefold()) == (written_to and written_to.casefold())


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("error", "kind", "why"),
    [
        # about this mail: the server's word is final when it says so
        (aiosmtplib.SMTPSenderRefused(553, "5.7.1 you?", SENDER), PermanentFailure, "sender.*553 5.7.1$"),
        (aiosmtplib.SMTPSenderRefused(451, "later", SENDER), TransientFailure, "sender.*451$"),
        (aiosmtplib.SMTPDataError(554, "5.6.0 no"), PermanentFailure, "message: 554 5.6.0$"),
        (aiosmtplib.SMTPDataError(452, "4.3.1 full"), TransientFailure, "message: 452 4.3.1$"),
        # about us as a whole: somebody mends it, and the mail waits
        (
            aiosmtplib.SMTPAuthenticationError(535, "5.7.8 no"),
            TransientFailure,
            "login of smtp.user: 535 5.7.8$",
        ),
        (aiosmtplib.SMTPConnectResponseError(554, "no service"), TransientFailure, "turns us away: 554$"),
        (aiosmtplib.SMTPHeloError(550, "who?"), TransientFailure, "turns us away: 550$"),
        (aiosmtplib.SMTPReadTimeoutError("t"), TransientFailure, "not answer within 60 s"),
        (TimeoutError(), TransientFailure, "not answer within 60 s"),
        (aiosmtplib.SMTPServerDisconnected("gone"), TransientFailure, "broke off"),
        (ConnectionRefusedError(111, "Connection refused"), TransientFailure, "Connection refused"),
        (aiosmtplib.SMTPException("no STARTTLS"), TransientFailure, "no STARTTLS"),
    ],
)
def test_what_an_error_of_the_dialogue_means(error: OSError | aiosmtplib.SMTPException, kind: type, why: str):
    said = failure_of(error, MINUTE)
    assert type(said) is kind
    with pytest.raises(kind, match=why):
        raise said


@pytest.mark.parametrize(
    ("code", "kind"),
    [(450, TransientFailure), (421, TransientFailure), (550, PermanentFailure), (-1, TransientFailure)],
)
def test_a_refused_recipient_is_not_named(code: int, kind: type):
    refused = aiosmtplib.SMTPRecipientRefused(code, f"5.1.1 <{ANNA}>: unknown", ANNA)
    said = failure_of(aiosmtplib.SMTPRecipientsRefused([refused]), MINUTE)
    assert type(said) is kind
    assert ANNA not in str(said)

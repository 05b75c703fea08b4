"""Mail to a real SMTP server, with and without TLS, and to servers that behave badly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from services.notifier.channels import build_senders
from services.notifier.channels.sender import Sender, SenderLimits
from services.notifier.model import PermanentFailure, TransientFailure
from tests.support.channel_city import NoSecrets, city
from tests.support.deliveries import MISSED, NOW, WORDS, delivery
from tests.support.eventually import WITHIN
from tests.support.receivers import HANG_UP, HOST, Authority, MailReceiver, mail_receiver, scripted_server

ANNA, BERT = "team-een@lier.example", "team-twee@lier.example"
TO_ANNA, TO_BERT = delivery(MISSED, address=ANNA), delivery(MISSED, address=BERT)
PASSWORD = "a-password-of-the-test"


@pytest.fixture
async def server() -> AsyncIterator[MailReceiver]:
    """A server without TLS: what most tests of refusals need."""
    async with mail_receiver() as server:
        yield server


SHORT, LONG = timedelta(seconds=0.5), timedelta(seconds=WITHIN)
"""A limit that the server is to break, and one that a busy machine keeps."""


def sender(
    port: int, tls: str = "none", trust: Authority | None = None, limit: timedelta = LONG, **smtp: object
) -> Sender:
    told = city(
        {"kind": "email", "to": [ANNA, BERT]},
        smtp={"host": HOST, "port": port, "tls": tls, "sender": "wachtpost@lier.example", **smtp},
    )
    senders = build_senders(
        told,
        NoSecrets(),
        httpx.AsyncClient(),
        lambda: NOW,
        limits=SenderLimits(mail=limit),
        tls=None if trust is None else trust.client(),
    )
    return senders["supervisors", 0]


async def test_a_mail_arrives(server: MailReceiver):
    await sender(server.port).send(TO_ANNA, WORDS)
    (mail,) = server.mails
    assert (mail.sender, mail.recipients) == ("wachtpost@lier.example", (ANNA,))
    assert mail.message["Subject"] == WORDS.subject
    assert mail.message["X-Wachtpost-Key"] == TO_ANNA.key
    text, html = mail.message.get_body(["plain"]), mail.message.get_body(["html"])
    assert text is not None
    assert html is not None
    assert "34 %" in text.get_content()
    assert "34 %" in html.get_content()


@pytest.mark.parametrize(
    ("reply", "error", "why"),
    [
        ("450 4.2.1 try later", TransientFailure, "recipient: 450 4.2.1"),
        ("452 too many", TransientFailure, "recipient: 452"),
        ("421 4.3.2 shutting down", TransientFailure, "recipient: 421 4.3.2"),
        (f"550 5.1.1 <{BERT}>: nobody here", PermanentFailure, "recipient: 550 5.1.1"),
    ],
)
async def test_one_good_and_one_bad_recipient(server: MailReceiver, reply: str, error: type, why: str):
    """Each has a result of its own, and nobody's address is in the reason."""
    server.refuses[BERT] = reply
    mails = sender(server.port)
    await mails.send(TO_ANNA, WORDS)
    with pytest.raises(error, match=why) as refused:
        await mails.send(TO_BERT, WORDS)
    assert BERT not in str(refused.value)
    assert [mail.recipients for mail in server.mails] == [(ANNA,)]


@pytest.mark.parametrize(
    ("command", "reply", "error", "why"),
    [
        ("MAIL", "550 5.7.1 not you", PermanentFailure, "sender .smtp.sender.: 550 5.7.1"),
        ("MAIL", "451 4.7.1 greylisted", TransientFailure, "sender .smtp.sender.: 451 4.7.1"),
        ("DATA", "552 5.3.4 too large", PermanentFailure, "message: 552 5.3.4"),
        ("DATA", "451 4.3.0 broken", TransientFailure, "message: 451 4.3.0"),
    ],
)
async def test_a_refused_mail(server: MailReceiver, command: str, reply: str, error: type, why: str):
    server.replies[command] = reply
    with pytest.raises(error, match=why):
        await sender(server.port).send(TO_ANNA, WORDS)


READY, HELLO, OK, GO_ON = b"220 mail.example", b"250 mail.example", b"250 OK", b"354 go on"


@pytest.mark.parametrize(
    ("story", "script", "why"),
    [
        ("hangs up at once", [HANG_UP], "connection"),
        ("hangs up after EHLO", [READY, HANG_UP], "connection"),
        ("hangs up after MAIL", [READY, HELLO, HANG_UP], "connection"),
        ("hangs up after RCPT", [READY, HELLO, OK, HANG_UP], "connection"),
        ("hangs up when it has the mail", [READY, HELLO, OK, OK, GO_ON, HANG_UP], "connection"),
        ("has no service", [b"554 no service here"], "turns us away: 554"),
        ("is busy", [b"421 4.3.2 come back later"], "turns us away: 421 4.3.2"),
        ("is no mail server", [b"HTTP/1.1 400 Bad Request"], "mail server"),
    ],
)
async def test_a_server_that_fails_in_mid_dialogue(story: str, script: list[bytes | None], why: str):
    async with scripted_server(*script) as port:
        with pytest.raises(TransientFailure, match=why):
            await sender(port).send(TO_ANNA, WORDS)


@pytest.mark.parametrize(
    ("story", "script"),
    [
        ("says nothing", []),
        ("says nothing after the greeting", [READY]),
        ("says nothing when it has the mail", [READY, HELLO, OK, OK, GO_ON]),
    ],
)
async def test_a_server_that_takes_for_ever_is_given_up(story: str, script: list[bytes]):
    async with scripted_server(*script) as port:
        with pytest.raises(TransientFailure, match=r"not answer within 0\.5 s"):
            await sender(port, limit=SHORT).send(TO_ANNA, WORDS)


async def test_a_server_that_answers_each_line_just_in_time_is_given_up_all_the_same():
    pause = SHORT.total_seconds() / 2
    async with scripted_server(READY, HELLO, OK, OK, GO_ON, OK, pause=pause) as port:
        with pytest.raises(TransientFailure, match=r"not answer within 0\.5 s"):
            await sender(port, limit=SHORT).send(TO_ANNA, WORDS)


async def test_a_server_that_takes_the_mail_and_does_not_say_goodbye():
    """It has the mail: hanging up on us then must not bring it twice."""
    async with scripted_server(READY, HELLO, OK, OK, GO_ON, OK, HANG_UP) as port:
        await sender(port).send(TO_ANNA, WORDS)


async def test_nobody_listens():
    async with scripted_server() as port:
        pass
    with pytest.raises(TransientFailure, match=r"^mail server: the connection failed: Connection refused$"):
        await sender(port).send(TO_ANNA, WORDS)


@pytest.mark.parametrize("address", ["a@b\r\nRCPT TO:<x@evil.example>", "<a>@b.example", "nobody", None])
async def test_an_address_that_is_none_never_reaches_the_server(server: MailReceiver, address: str | None):
    with pytest.raises(PermanentFailure, match="mail address"):
        await sender(server.port).send(delivery(MISSED, address=address), WORDS)
    assert server.mails == []


# TLS and login ---------------------------------------------------------------------------------------


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "smtp-password"
    fill(path, f"{PASSWORD}\n")
    return path


def fill(path: Path, content: str) -> None:
    path.write_text(content)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_login_within_tls(tls: str, password_file: Path):
    office = Authority()
    context = office.server()
    async with mail_receiver(
        starttls=context if tls == "starttls" else None,
        tls=context if tls == "tls" else None,
        users={"wachtpost": PASSWORD},
    ) as server:
        mails = sender(server.port, tls, office, user="wachtpost", password_file=str(password_file))
        await mails.send(TO_ANNA, WORDS)
        (mail,) = server.mails
        assert mail.user == "wachtpost"
        assert mail.encrypted or tls == "tls"


async def test_a_wrong_password_is_mended_without_a_restart(password_file: Path):
    """Transient: what waits goes out as soon as the right password is in the file."""
    office = Authority()
    async with mail_receiver(starttls=office.server(), users={"wachtpost": PASSWORD}) as server:
        mails = sender(server.port, "starttls", office, user="wachtpost", password_file=str(password_file))
        fill(password_file, "wrong")
        with pytest.raises(TransientFailure, match=r"refuses the login of smtp\.user: 535"):
            await mails.send(TO_ANNA, WORDS)
        fill(password_file, PASSWORD)
        await mails.send(TO_ANNA, WORDS)
        assert len(server.mails) == 1


async def test_the_settings_password_file_goes_before_the_city_files(password_file: Path, tmp_path: Path):
    office = Authority()
    async with mail_receiver(starttls=office.server(), users={"wachtpost": PASSWORD}) as server:
        smtp = {
            "host": HOST,
            "port": server.port,
            "sender": "wachtpost@lier.example",
            "user": "wachtpost",
            "password_file": str(tmp_path / "not-there"),
        }
        senders = build_senders(
            city({"kind": "email", "to": [ANNA]}, smtp=smtp),
            NoSecrets(smtp_password_file=password_file),
            httpx.AsyncClient(),
            lambda: NOW,
            tls=office.client(),
        )
        await senders["supervisors", 0].send(TO_ANNA, WORDS)
        assert server.logins[-1] == ("wachtpost", PASSWORD)


async def test_without_starttls_neither_mail_nor_password_goes_out(password_file: Path):
    """Somebody in between may have stripped it."""
    async with mail_receiver(users={"wachtpost": PASSWORD}) as server:
        mails = sender(server.port, "starttls", user="wachtpost", password_file=str(password_file))
        with pytest.raises(TransientFailure, match="STARTTLS"):
            await mails.send(TO_ANNA, WORDS)
        assert (server.logins, server.mails) == ([], [])


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("story", "name", "trusted", "why"),
    [
        ("signed by a stranger", HOST, False, "not trusted: unable to get local issuer"),
        ("for another name", "other.example", True, "not trusted: .*mismatch"),
    ],
)
async def test_a_certificate_that_we_do_not_trust_gets_nothing(tls, story, name, trusted, why, password_file):
    office = Authority()
    context = office.server(name)
    async with mail_receiver(
        starttls=context if tls == "starttls" else None,
        tls=context if tls == "tls" else None,
        users={"wachtpost": PASSWORD},
    ) as server:
        trust = office if trusted else Authority()
        mails = sender(server.port, tls, trust, user="wachtpost", password_file=str(password_file))
        with pytest.raises(TransientFailure, match=why):
            await mails.send(TO_ANNA, WORDS)
        assert (server.logins, server.mails) == ([], []), story


async def test_tls_to_a_server_that_speaks_in_clear(server: MailReceiver):
    with pytest.raises(TransientFailure, match=r"TLS failed|connection"):
        await sender(server.port, "tls", Authority()).send(TO_ANNA, WORDS)


async def test_a_user_without_a_password_file(server: MailReceiver):
    with pytest.raises(PermanentFailure, match=r"smtp\.user needs smtp\.password_file"):
        await sender(server.port, user="wachtpost").send(TO_ANNA, WORDS)

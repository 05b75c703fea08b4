"""No secret and no address in what a channel says or logs, at any level, when everything goes wrong."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.notifier.channels import Senders, build_senders
from services.notifier.channels.post import http_client
from services.notifier.model import Delivery, DeliveryFailed, TransientFailure
from services.notifier.secrets import MOST, TALKATIVE, read_secret
from tests.support.channel_city import NoSecrets, city
from tests.support.deliveries import MISSED, NOW, WORDS, delivery
from tests.support.receivers import (
    HOST,
    Authority,
    Fault,
    HttpReceiver,
    MailReceiver,
    Reply,
    http_receiver,
    mail_receiver,
)

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""Apprise imports it on Pythons that still have it."""

SECRET = "s3cret-of-the-test"
PATH_TOKEN, QUERY_TOKEN, USER_TOKEN = "t0ken-in-path", "t0ken-in-query", "t0ken-of-user"
TEAM = "team-een@lier.example"
NEVER = (SECRET, PATH_TOKEN, QUERY_TOKEN, USER_TOKEN, TEAM)

MAIL, WEBHOOK, ALERTMANAGER, APPRISE = range(4)
"""The channels of the receiver, by position."""


@pytest.fixture(autouse=True)
def _loggers_as_before():
    before = {name: logging.getLogger(name).level for name in TALKATIVE}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


class Desk:
    """All four channels, with a secret in every place that can hold one, and what they reach."""

    def __init__(self, senders: Senders, http: HttpReceiver, mail: MailReceiver) -> None:
        self.senders, self.http, self.mail = senders, http, mail

    async def send(self, channel: int) -> str:
        """Everything that a failure shows: its text, its causes, its traceback."""
        try:
            await self.senders["supervisors", channel].send(to(channel), WORDS)
        except DeliveryFailed as error:
            return repr(error) + "".join(traceback.format_exception(error))
        return ""


def to(channel: int) -> Delivery:
    return delivery(MISSED, address=TEAM if channel == MAIL else None)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    files = {name: tmp_path / name for name in ("password", "hmac", "url")}
    office = Authority()
    async with (
        http_receiver() as http,
        mail_receiver(starttls=office.server(), users={"wachtpost": SECRET}) as mail,
        http_client() as client,
    ):
        there = f"{http.url}/{PATH_TOKEN}?key={QUERY_TOKEN}"
        target = there.replace("http://", f"json://{USER_TOKEN}:{SECRET}@")
        for name, content in {"password": SECRET, "hmac": SECRET, "url": target}.items():
            files[name].write_text(content)
        told = city(
            {"kind": "email", "to": [TEAM]},
            {"kind": "webhook", "url": there, "secret_file": str(files["hmac"])},
            {"kind": "alertmanager", "url": there},
            {"kind": "apprise", "url_file": str(files["url"])},
            smtp={
                "host": HOST,
                "port": mail.port,
                "sender": "wachtpost@lier.example",
                "user": "wachtpost",
                "password_file": str(files["password"]),
            },
        )
        yield Desk(build_senders(told, NoSecrets(), client, lambda: NOW, tls=office.client()), http, mail)


@pytest.mark.parametrize("channel", [WEBHOOK, ALERTMANAGER, APPRISE])
@pytest.mark.parametrize(
    "answer",
    [
        Reply(204),
        Reply(500, body=SECRET.encode()),
        Reply(401),
        Reply(301, {"Location": f"/{PATH_TOKEN}"}),
        Reply(307, {"Location": f"http://elsewhere.example/{PATH_TOKEN}"}),
        Fault.RESET,
        Fault.NONSENSE,
    ],
)
async def test_http_tells_nothing(
    desk: Desk, caplog: pytest.LogCaptureFixture, channel: int, answer: Reply | Fault
):
    caplog.set_level(logging.DEBUG)
    desk.http.will(answer)
    told = await desk.send(channel)
    assert len(desk.http.requests) == 1
    assert (told == "") == (answer == Reply(204))
    assert [secret for secret in NEVER if secret in told + caplog.text] == []


@pytest.mark.parametrize(
    "reply", ["250 OK", f"550 5.1.1 <{TEAM}>: unknown", f"450 {TEAM} try later", f"421 {SECRET} bye"]
)
async def test_mail_tells_nothing(desk: Desk, caplog: pytest.LogCaptureFixture, reply: str):
    if not reply.startswith("250"):
        desk.mail.refuses[TEAM] = reply
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.CRITICAL, logger="mail.log")  # the test's own server logs recipients
    told = await desk.send(MAIL)
    assert desk.mail.logins == [("wachtpost", SECRET)]
    assert (told == "") == reply.startswith("250")
    assert [secret for secret in NEVER if secret in told + caplog.text] == []


async def test_the_libraries_would_tell(desk: Desk, caplog: pytest.LogCaptureFixture):
    """Without our hush the scan above would find something: it is able to fail."""
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    await desk.send(WEBHOOK)
    assert PATH_TOKEN in caplog.text


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"s3cret\xff", "is not UTF-8"),
        (b"s3cret" * MOST, "larger than 64 KiB"),
    ],
)
def test_a_bad_secret_file_is_named_and_not_shown(tmp_path: Path, content: bytes | None, why: str):
    path = tmp_path / "some-file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TransientFailure, match=why) as failed:
        read_secret(path)
    told = "".join(traceback.format_exception(failed.value))
    assert str(path) in told
    assert "s3cret" not in told


def test_a_secret_is_what_stands_in_the_file_without_the_space_around_it(tmp_path: Path):
    path = tmp_path / "some-file"
    path.write_bytes(b"  two words \r\n")
    assert read_secret(path).get_secret_value() == "two words"
    assert "two words" not in repr(read_secret(path))

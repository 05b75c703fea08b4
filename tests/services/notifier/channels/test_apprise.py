"""Apprise's own JSON target to a real HTTP receiver, and what happens without Apprise."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from apprise.plugins.custom_json import NotifyJSON

from services.notifier.channels.apprise_target import AppriseSender, notify_type
from services.notifier.model import NotificationKind, PermanentFailure, TransientFailure, UnexplainedFailure
from tests.support.deliveries import MISSED, WORDS, delivery
from tests.support.eventually import WITHIN, eventually_async
from tests.support.receivers import Fault, HttpReceiver, Reply, http_receiver

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""Apprise imports it on Pythons that still have it."""

SENT = delivery(MISSED)
SHORT, LONG = timedelta(seconds=0.5), timedelta(seconds=WITHIN)


@pytest.fixture
async def receiver() -> AsyncIterator[HttpReceiver]:
    async with http_receiver() as receiver:
        receiver.url = receiver.url.replace("http://", "json://")
        yield receiver


@pytest.fixture
def url_file(tmp_path: Path) -> Path:
    return tmp_path / "apprise-url"


def sender(url_file: Path, content: str, limit: timedelta = LONG) -> AppriseSender:
    url_file.write_text(content)
    return AppriseSender(url_file, limit)


async def test_a_message_arrives(receiver: HttpReceiver, url_file: Path):
    await sender(url_file, f"# the team's room\n{receiver.url}\n").send(SENT, WORDS)
    (request,) = receiver.requests
    body = json.loads(request.body)
    assert (body["title"], body["type"]) == (WORDS.subject, "failure")
    assert body["message"].splitlines() == WORDS.text.splitlines()


@pytest.mark.parametrize(
    ("story", "answer", "options"),
    [
        ("is broken", Reply(500), ""),
        ("resets", Fault.RESET, ""),
        ("is broken; the address asks for retries", Reply(500), "?retry=3&wait=0"),
        ("is broken; the address calls that success", Reply(500), "?optional=yes"),
        ("redirects", Reply(307, {"Location": "/there"}), ""),
        ("redirects; the address wants to follow", Reply(307, {"Location": "/there"}), "?redirect=yes"),
    ],
)
async def test_a_failure_is_tried_again_by_the_outbox_only(receiver, url_file, story, answer, options):
    receiver.will(answer)
    with pytest.raises(UnexplainedFailure, match="could not deliver"):
        await sender(url_file, receiver.url + "/" + options).send(SENT, WORDS)
    assert len(receiver.requests) == 1, story


async def test_a_target_that_hangs_is_given_up(receiver: HttpReceiver, url_file: Path):
    receiver.will(Fault.HANG)
    with pytest.raises(TransientFailure, match=r"did not finish within 0\.5 s"):
        await sender(url_file, receiver.url + "/?rto=3", SHORT).send(SENT, WORDS)
    await eventually_async(lambda: len(receiver.requests) == 1)


async def test_two_messages_do_not_wait_for_each_other(
    receiver: HttpReceiver, url_file: Path, monkeypatch: pytest.MonkeyPatch
):
    """One Apprise object for both would make the second wait for an hour."""
    monkeypatch.setattr(NotifyJSON, "request_rate_per_sec", 3600)
    messages = sender(url_file, receiver.url)
    await messages.send(SENT, WORDS)
    await messages.send(SENT, WORDS)
    assert len(receiver.requests) == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("json://a.example\njson://b.example\n", "must hold one address, on one line; it has 2"),
        ("# nothing yet\n", "it has 0"),
        ("", "is empty"),
        ("no-such-service://token", "no address that Apprise understands"),
        ("slack://", "no address that Apprise understands"),
    ],
)
async def test_a_file_that_must_be_mended(url_file: Path, content: str, why: str):
    with pytest.raises(TransientFailure, match=why) as failed:
        await sender(url_file, content).send(SENT, WORDS)
    assert str(url_file) in str(failed.value)


async def test_without_the_extra_it_says_what_to_install(url_file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(PermanentFailure, match="make extras EXTRAS=apprise"):
        await sender(url_file, "json://a.example").send(SENT, WORDS)


@pytest.mark.parametrize(
    ("kind", "look"),
    [
        (NotificationKind.FIRING, "failure"),
        (NotificationKind.ESCALATION, "failure"),
        (NotificationKind.REMINDER, "warning"),
        (NotificationKind.RESOLVED, "success"),
        (NotificationKind.DIGEST, "info"),
        (NotificationKind.TEST, "info"),
    ],
)
def test_how_a_message_looks(kind: NotificationKind, look: str):
    assert notify_type(delivery(MISSED, kind=kind).notification) == look

"""Webhooks and Alertmanager bodies to a real HTTP receiver that behaves badly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest

from services.notifier.channels import build_senders
from services.notifier.channels.post import DRAIN_MOST, http_client
from services.notifier.channels.sender import Sender, SenderLimits
from services.notifier.channels.webhook import sign
from services.notifier.model import PermanentFailure, TransientFailure
from tests.support.channel_city import NoSecrets, city
from tests.support.deliveries import MISSED, NOW, WORDS, delivery
from tests.support.eventually import WITHIN
from tests.support.receivers import (
    HOST,
    Authority,
    Fault,
    HttpReceiver,
    Reply,
    http_receiver,
    scripted_server,
)

SHORT, LONG = timedelta(seconds=0.5), timedelta(seconds=WITHIN)
"""A limit that the receiver is to break, and one that a busy machine keeps."""

SENT = delivery(MISSED)
SECRET = "a-secret-of-the-test"
IN_A_MINUTE = format_datetime(NOW + timedelta(minutes=1), usegmt=True)


@pytest.fixture
async def receiver() -> AsyncIterator[HttpReceiver]:
    async with http_receiver() as receiver:
        yield receiver


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with http_client() as client:
        yield client


def sender(
    client: httpx.AsyncClient, url: str, kind: str = "webhook", limit: timedelta = LONG, **more: str
) -> Sender:
    """The sender of the only channel of a city file."""
    told = city({"kind": kind, "url": url, **more})
    return build_senders(told, NoSecrets(), client, lambda: NOW, limits=SenderLimits(http=limit))[
        "supervisors", 0
    ]


async def test_a_webhook_arrives_signed(receiver: HttpReceiver, client: httpx.AsyncClient, tmp_path: Path):
    secret_file = tmp_path / "secret"
    secret_file.write_text(f"{SECRET}\n")
    await sender(client, f"{receiver.url}/in?x=1", secret_file=str(secret_file)).send(SENT, WORDS)
    (request,) = receiver.requests
    assert (request.method, request.target) == ("POST", "/in?x=1")
    assert request.headers["idempotency-key"] == SENT.key
    timestamp = request.headers["wachtpost-timestamp"]
    assert request.headers["wachtpost-signature"] == sign(SECRET, timestamp, request.body)
    assert json.loads(request.body)["key"] == SENT.key


async def test_an_alertmanager_body_arrives(receiver: HttpReceiver, client: httpx.AsyncClient):
    await sender(client, receiver.url, "alertmanager").send(SENT, WORDS)
    (request,) = receiver.requests
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == SENT.key
    assert json.loads(request.body)["alerts"][0]["labels"]["alertname"] == "missed-live"


HTML = b"<html><h1>502 Bad Gateway</h1></html>"


@pytest.mark.parametrize("kind", ["webhook", "alertmanager"])
@pytest.mark.parametrize(
    ("story", "answer"),
    [
        ("200 with a body", Reply(200, body=b"ok")),
        ("201", Reply(201)),
        ("204 without one", Reply(204)),
        ("200, and the body never ends", Fault.FLOOD),
        ("200, and the body stops half way", Fault.HANG_IN_BODY),
        ("200, and the body comes a byte at a time", Fault.DRIP_IN_BODY),
    ],
)
async def test_delivered(receiver, client, kind, story, answer):
    receiver.will(answer)
    async with asyncio.timeout((LONG / 2).total_seconds()):  # nobody waits for the body to be complete
        await sender(client, receiver.url, kind).send(SENT, WORDS)
    assert len(receiver.requests) == 1, story


@pytest.mark.parametrize("kind", ["webhook", "alertmanager"])
@pytest.mark.parametrize(
    ("story", "answer", "error", "why", "retry_after"),
    [
        ("resets", Fault.RESET, TransientFailure, "connection", None),
        ("closes without a word", Fault.CLOSE, TransientFailure, "connection broke off", None),
        ("does not speak HTTP", Fault.NONSENSE, TransientFailure, "connection broke off", None),
        ("asks for seconds", Reply(429, {"Retry-After": "7"}), TransientFailure, "429", 7.0),
        ("asks for a date", Reply(429, {"Retry-After": IN_A_MINUTE}), TransientFailure, "429", 60.0),
        ("asks for a week", Reply(503, {"Retry-After": "604800"}), TransientFailure, "503", 3600.0),
        ("is broken", Reply(500), TransientFailure, "500", None),
        ("is behind a broken proxy", Reply(502, body=HTML), TransientFailure, "502", None),
        ("does not know us", Reply(401), PermanentFailure, "401", None),
        ("moved, same host", Reply(301, {"Location": "/new"}), PermanentFailure, "moved .301.", None),
        (
            "redirects away",
            Reply(307, {"Location": "http://x.example/"}),
            PermanentFailure,
            "another host",
            None,
        ),
        ("redirects nowhere", Reply(308), PermanentFailure, "without saying where", None),
    ],
)
async def test_not_delivered(receiver, client, kind, story, answer, error, why, retry_after):
    receiver.will(answer)
    with pytest.raises(error, match=why) as failed:
        await sender(client, receiver.url, kind).send(SENT, WORDS)
    assert getattr(failed.value, "retry_after", None) == retry_after
    assert len(receiver.requests) == 1, story


@pytest.mark.parametrize("kind", ["webhook", "alertmanager"])
@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP])
async def test_a_receiver_that_takes_for_ever_is_given_up(receiver, client, kind, fault):
    receiver.will(fault)
    with pytest.raises(TransientFailure, match=r"no answer within 0\.5 s"):
        await sender(client, receiver.url, kind, SHORT).send(SENT, WORDS)


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_within_the_same_origin_carries_the_message_on(
    receiver: HttpReceiver, client: httpx.AsyncClient, status: int
):
    receiver.will(Reply(status, {"Location": "/new"}), Reply(204))
    await sender(client, f"{receiver.url}/old").send(SENT, WORDS)
    old, new = receiver.requests
    assert [(r.method, r.target) for r in (old, new)] == [("POST", "/old"), ("POST", "/new")]
    assert old.body == new.body
    assert old.headers["idempotency-key"] == new.headers["idempotency-key"]


async def test_a_second_redirect_is_not_followed(receiver: HttpReceiver, client: httpx.AsyncClient):
    receiver.will(Reply(307, {"Location": "/b"}), Reply(307, {"Location": "/c"}))
    with pytest.raises(PermanentFailure, match="redirects twice"):
        await sender(client, receiver.url).send(SENT, WORDS)
    assert len(receiver.requests) == 2


async def test_a_redirect_to_another_port_is_another_host(receiver: HttpReceiver, client: httpx.AsyncClient):
    """What listens next door may be anything: no message, and no request either."""
    async with http_receiver() as neighbour:
        receiver.will(Reply(308, {"Location": neighbour.url}))
        with pytest.raises(PermanentFailure, match="another host"):
            await sender(client, receiver.url).send(SENT, WORDS)
        assert neighbour.requests == []


async def test_an_endless_answer_is_not_read(receiver: HttpReceiver, client: httpx.AsyncClient):
    receiver.will(Fault.FLOOD)
    await sender(client, receiver.url).send(SENT, WORDS)
    # Beyond what we read, what fits into the buffers of two sockets may be under way.
    assert receiver.sent < DRAIN_MOST + 64 * 1024 * 1024


async def test_nobody_listens(client: httpx.AsyncClient):
    async with http_receiver() as receiver:
        pass
    with pytest.raises(TransientFailure, match="connection"):
        await sender(client, receiver.url).send(SENT, WORDS)


async def test_a_proxy_of_the_environment_sees_nothing(
    receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
):
    async with http_receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        async with http_client() as client:
            await sender(client, receiver.url).send(SENT, WORDS)
        assert (len(proxy.requests), len(receiver.requests)) == (0, 1)


# TLS -------------------------------------------------------------------------------------------------


async def test_https_with_a_certificate_that_we_trust():
    city_hall = Authority()
    async with http_receiver(city_hall.server()) as receiver, http_client(city_hall.client()) as client:
        await sender(client, receiver.url).send(SENT, WORDS)
        assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("story", "name", "trusted", "why"),
    [
        ("signed by a stranger", "127.0.0.1", False, "not trusted: unable to get local issuer"),
        ("for another name", "other.example", True, "not trusted: .*mismatch"),
    ],
)
async def test_a_certificate_that_we_do_not_trust_gets_nothing(story, name, trusted, why):
    """Transient: an expired certificate is renewed, and what waited goes out."""
    city_hall = Authority()
    ours = city_hall.client() if trusted else Authority().client()
    async with http_receiver(city_hall.server(name)) as receiver, http_client(ours) as client:
        with pytest.raises(TransientFailure, match=why):
            await sender(client, receiver.url).send(SENT, WORDS)
        assert receiver.requests == [], story


async def test_https_to_a_server_that_speaks_in_clear(client: httpx.AsyncClient):
    async with scripted_server(b"220 mail.example ESMTP") as port:
        with pytest.raises(TransientFailure, match="TLS failed"):
            await sender(client, f"https://{HOST}:{port}").send(SENT, WORDS)

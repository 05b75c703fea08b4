"""The notifier's HTTP on a real Redis: what a GET shows, what a POST puts on the stream, who may ask."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAway

from services.notifier.api.http import MOST_FORM, http_app
from services.notifier.api.pages import Pages
from services.notifier.commands import STREAM_ITEM, Acknowledge, CreateSilence, ExpireSilence, StreamItem
from services.notifier.messages.links import LinkClaim, Signer
from services.notifier.messages.template_files import load_templates
from services.notifier.model import Acknowledgement, Breach, Silence
from services.notifier.state import BreachRecord, NotifierState, encode
from services.notifier.state_store import NotifierChanges, NotifierStore
from shared.contract.kpis import Measure
from shared.redis import keys
from shared.redis.stream_entries import BEGINNING
from tests.support.entries import entries
from tests.support.notifications import NOW, breach, city

KEY = "wachtpost_" + "s" * 43
SIGNER = Signer(b"a key that is long enough")
OPEN = breach()
OTHER = breach(Measure.VISIT_WAIT_MEAN)
TAKEN = OPEN.model_copy(update={"acknowledged": Acknowledgement(at=NOW, by="teamleiders")})
CLOSED = OPEN.model_copy(update={"closed_at": NOW})
BEARER = {"Authorization": f"Bearer {KEY}"}
LATER = NOW + timedelta(hours=1)


def client_of(stores: dict[int, NotifierStore], signer: Signer | None = SIGNER) -> httpx.AsyncClient:
    pages = Pages(city(), load_templates(None, lambda fault: pytest.fail(str(fault))))
    app = http_app(stores, pages, signer, [sha256(KEY.encode()).hexdigest()], lambda: NOW)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://notifier")


@pytest.fixture
async def client(redis_client: Redis) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of({0: NotifierStore(redis_client, 0, "web", timedelta(minutes=1))}) as client:
        yield client


async def remember(
    redis: Redis, *breaches: Breach, partition: int = 0, silence: Silence | None = None
) -> None:
    """Have the owner know these breaches."""
    owner = NotifierStore(redis, partition, "owner", timedelta(minutes=1))
    fence = await owner.lease.claim()
    assert fence is not None
    state = NotifierState(
        breaches={one.id: BreachRecord(one) for one in breaches},
        silences={} if silence is None else {silence.id: silence},
    )
    await owner.commit(fence, BEGINNING, BEGINNING, NotifierChanges(records=encode(state)))


async def said(redis: Redis, partition: int = 0) -> list[StreamItem]:
    """What is on the breaches stream."""
    return [STREAM_ITEM.validate_json(body) for _, body in await entries(redis, keys.breaches(partition))]


def token(*breaches: Breach, until: timedelta = timedelta(hours=1)) -> str:
    return SIGNER.sign(LinkClaim(tuple(one.id for one in breaches), "teamleiders"), NOW + until)


async def visit(
    client: httpx.AsyncClient, method: str, form: dict[str, str], path: str = "/acknowledge"
) -> httpx.Response:
    if method == "GET":
        return await client.get(path, params=form, headers=BEARER)
    return await client.post(path, data=form, headers=BEARER)


# The acknowledge page ----------------------------------------------------------------------------------


async def test_looking_at_the_page_says_nothing_however_often(redis_client: Redis, client: httpx.AsyncClient):
    await remember(redis_client, OPEN)
    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        await client.request(method, "/acknowledge", params={"token": token(OPEN)})
    assert await said(redis_client) == []


async def test_the_button_says_who_takes_what_on(redis_client: Redis, client: httpx.AsyncClient):
    await remember(redis_client, OPEN, OTHER)
    page = await client.post("/acknowledge", data={"token": token(OPEN, OTHER)})
    assert page.status_code == 200
    (word,) = await said(redis_client)
    assert isinstance(word, Acknowledge)
    assert (word.breaches, word.by, word.at) == ((OPEN.id, OTHER.id), "teamleiders", NOW)


@pytest.mark.parametrize(
    ("known", "until", "status", "title"),
    [
        (OPEN, timedelta(hours=-1), 410, "Deze link is verlopen"),
        (TAKEN, timedelta(hours=1), 200, "Al opgepakt"),
        (CLOSED, timedelta(hours=1), 200, "Dit is al voorbij"),
        (OTHER, timedelta(hours=1), 200, "Dit is al voorbij"),  # forgotten long ago
    ],
    ids=["expired", "taken", "over", "forgotten"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_button_that_has_nothing_to_do_does_nothing(
    redis_client: Redis,
    client: httpx.AsyncClient,
    method: str,
    known: Breach,
    until: timedelta,
    status: int,
    title: str,
):
    await remember(redis_client, known)
    form = {"token": token(OPEN, until=until)}
    page = await visit(client, method, form)
    assert page.status_code == status
    assert title in page.text
    assert await said(redis_client) == []


@pytest.mark.parametrize("body", [b"", b"token=", b"token=x.y", b"\xff\xfe", b"token=%FF%00", b"&&&=;"])
async def test_nonsense_is_forged(redis_client: Redis, client: httpx.AsyncClient, body: bytes):
    page = await client.post("/acknowledge", content=body)
    assert page.status_code == 403
    assert await said(redis_client) == []


async def test_a_form_that_is_too_large_is_not_read(redis_client: Redis, client: httpx.AsyncClient):
    page = await client.post("/acknowledge", content=b"token=" + b"x" * MOST_FORM)
    assert page.status_code == 413
    assert await said(redis_client) == []


async def test_without_a_key_no_link_is_ours(redis_client: Redis):
    await remember(redis_client, OPEN)
    async with client_of(
        {0: NotifierStore(redis_client, 0, "web", timedelta(minutes=1))}, signer=None
    ) as client:
        assert (await client.post("/acknowledge", data={"token": token(OPEN)})).status_code == 403
    assert await said(redis_client) == []


async def test_each_breach_is_acknowledged_on_the_stream_of_its_own_partition(redis_client: Redis):
    stores = {n: NotifierStore(redis_client, n, "web", timedelta(minutes=1)) for n in range(2)}
    sites = {keys.partition_of(site, 2): site for site in ("huis", "lier", "mol", "geel")}
    breaches = [OPEN.model_copy(update={"id": f"b{n}", "site": site}) for n, site in sites.items()]
    assert len(breaches) == 2
    for n, one in zip(sites, breaches, strict=True):
        await remember(redis_client, one, partition=n)
    async with client_of(stores) as client:
        assert (await client.post("/acknowledge", data={"token": token(*breaches)})).status_code == 200
    for n, one in zip(sites, breaches, strict=True):
        (word,) = await said(redis_client, n)
        assert isinstance(word, Acknowledge)
        assert word.breaches == (one.id,)


# Silences ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        *({"Authorization": value} for value in (KEY, f"Basic {KEY}", "Bearer x", "Bearer ", b"Bearer \xe9")),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/breaches"),
        ("GET", "/v1/silences"),
        ("POST", "/v1/silences"),
        ("DELETE", "/v1/silences?id=x"),
    ],
)
async def test_nobody_asks_or_silences_without_a_key(
    redis_client: Redis,
    client: httpx.AsyncClient,
    method: str,
    path: str,
    headers: dict[str, str],
):
    wanted = {"ends_at": LATER.isoformat()} if method == "POST" else None
    answer = await client.request(method, path, headers=headers, json=wanted)
    assert answer.status_code == 401
    assert await said(redis_client) == []


async def test_a_silence_begins_now_unless_it_says_otherwise(redis_client: Redis, client: httpx.AsyncClient):
    wanted = {"ends_at": LATER.isoformat(), "queues": ["onthaal"], "why": "werken", "by": "balie"}
    answer = await client.post("/v1/silences", json=wanted, headers=BEARER)
    assert answer.status_code == 202
    (word,) = await said(redis_client)
    assert isinstance(word, CreateSilence)
    assert word.silence == Silence(
        id=answer.json()["id"], starts_at=NOW, ends_at=LATER, queues=("onthaal",), why="werken", by="balie"
    )


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"ends_at": "morgen"},
        {"ends_at": "2026-11-24T12:00:00"},
        {"ends_at": NOW.isoformat()},
        {
            "starts_at": (NOW - 2 * timedelta(hours=1)).isoformat(),
            "ends_at": (NOW - timedelta(hours=1)).isoformat(),
        },
        {"starts_at": LATER.isoformat(), "ends_at": LATER.isoformat()},
        {"ends_at": LATER.isoformat(), "queue": "onthaal"},
        {"ends_at": LATER.isoformat(), "queues": ["NO SUCH NAME"]},
        {"ends_at": LATER.isoformat(), "why": "x" * 201},
        {"ends_at": LATER.isoformat(), "by": "x" * 65},
        {"ends_at": LATER.isoformat(), "why": "klacht van 0470 12 34 56"},
        {"ends_at": LATER.isoformat(), "by": "An Peeters"},
        {"ends_at": LATER.isoformat(), "by": "0470123456"},
        {"ends_at": LATER.isoformat(), "by": "tel.0470-12.34.56"},
        {"ends_at": LATER.isoformat(), "queues": ["An Peeters"], "why": "+32470123456"},
    ],
)
async def test_a_silence_that_makes_no_sense_is_refused_with_the_reason(
    redis_client: Redis, client: httpx.AsyncClient, wanted: dict[str, object]
):
    answer = await client.post("/v1/silences", json=wanted, headers=BEARER)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert not re.search("peeters|12.?34.?56", answer.text, re.IGNORECASE)
    assert await said(redis_client) == []


async def test_silences_and_breaches_are_listed_and_a_silence_ends(
    redis_client: Redis, client: httpx.AsyncClient
):
    await remember(
        redis_client,
        OPEN,
        CLOSED.model_copy(update={"id": "x"}),
        silence=Silence(id="s1", starts_at=NOW, ends_at=LATER),
    )
    listed = (await client.get("/v1/silences", headers=BEARER)).json()
    assert [one["id"] for one in listed] == ["s1"]
    going_on = (await client.get("/v1/breaches", headers=BEARER)).json()
    assert [one["id"] for one in going_on] == [OPEN.id]
    assert (await client.delete("/v1/silences", params={"id": "s1"}, headers=BEARER)).status_code == 202
    (word,) = await said(redis_client)
    assert isinstance(word, ExpireSilence)
    assert word.silence == "s1"


@pytest.mark.parametrize("name", ["", "x" * 65, "no such sign: €"])
async def test_what_cannot_be_a_silences_name_is_refused(
    redis_client: Redis, client: httpx.AsyncClient, name: str
):
    answer = await client.delete("/v1/silences", params={"id": name}, headers=BEARER)
    assert answer.status_code == 422
    assert await said(redis_client) == []


# Redis is away -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/acknowledge"), ("POST", "/acknowledge"), ("GET", "/v1/breaches")]
)
async def test_while_redis_is_away_everybody_is_asked_to_try_again(method: str, path: str):
    redis = Redis.from_url("redis://127.0.0.1:1/0")
    async with redis, client_of({0: NotifierStore(redis, 0, "web", timedelta(minutes=1))}) as client:
        with pytest.raises(RedisAway):
            await redis.ping()
        answer = await visit(client, method, {"token": token(OPEN)}, path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"

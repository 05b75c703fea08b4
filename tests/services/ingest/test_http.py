"""The HTTP door on real Redis: what is accepted is on the stream, what is refused is a dead letter."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from redis.asyncio import Redis

from domain.aggregator import StreamEvent
from services.evaluator.decoder import parse
from services.ingest import http
from services.ingest.http import events_app
from services.ingest.metrics import IngestMetrics
from services.ingest.publisher import Publisher
from services.ingest.settings import IngestSettings
from shared.contract import events
from shared.contract.events import EVENT, Event
from shared.process.health import Degraded
from shared.redis.stream_entries import Batch
from tests.shared.contract.evolution import EXAMPLES
from tests.support.entries import entries
from tests.support.eventually import eventually_async
from tests.support.ingest_desk import (
    KIOSK_KEY,
    NOW,
    PBX_KEY,
    PHONE,
    PSEUDONYMS,
    SLOW_KEY,
    answered,
    city,
    stored,
)
from tests.support.redis_servers import RedisServer
from tests.support.service_process import PSEUDONYM_KEY

EVENTS, DEAD = "{p0}:events", "{p0}:dead"
GOOD = json.dumps(answered(1))
YEARS = timedelta(days=3 * 365)


class Desk:
    """The door, a sender with its key, and a look behind the door."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.metrics = IngestMetrics(city())
        self.now = NOW
        settings = IngestSettings(pseudonym_key_file=PSEUDONYM_KEY)
        app = events_app(settings, city(), PSEUDONYMS, Publisher(redis), self.metrics, lambda: self.now)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingest")

    async def post(self, body: str | bytes, key: str | None = PBX_KEY, **headers: str) -> httpx.Response:
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        return await self.http.post("/v1/events", content=body, headers=headers)

    async def stream(self, name: str) -> list[dict[str, object]]:
        return [json.loads(entry) for _, entry in await entries(self.redis, name)]

    async def everything(self) -> bytes:
        """All that Redis holds, keys and values, as bytes."""
        held = b""
        async for key in self.redis.scan_iter():
            kind = await self.redis.type(key)
            value = await (self.redis.xrange(key) if kind == b"stream" else self.redis.get(key))
            held += key + repr(value).encode()
        return held

    def counted(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
async def endpoint(redis_client: Redis) -> AsyncIterator[Desk]:
    endpoint = Desk(redis_client)
    async with endpoint.http:
        yield endpoint


@pytest.mark.parametrize(
    "body",
    [GOOD, f"[{GOOD}]", f"{GOOD}\n", json.dumps(answered(1), indent=1), gzip.compress(GOOD.encode())],
    ids=["object", "array", "ndjson", "pretty", "gzip"],
)
@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson", "text/plain"])
async def test_an_event_is_on_the_stream_before_202(endpoint: Desk, body: str | bytes, content_type: str):
    packed = {"Content-Encoding": "gzip"} if isinstance(body, bytes) else {}
    response = await endpoint.post(body, **{"Content-Type": content_type, **packed})
    assert (response.status_code, response.json()) == (202, {"accepted": 1, "refused": []})
    (on_stream,) = await endpoint.stream(EVENTS)
    assert EVENT.validate_python(on_stream) == stored(answered(1))
    assert await endpoint.stream(DEAD) == []


async def test_every_kind_of_the_contract_comes_in_and_none_of_its_senders_own_texts(endpoint: Desk):
    endpoint.now = datetime(2026, 3, 12, 8, 16, tzinfo=UTC)
    examples = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(EXAMPLES.glob("*.json"))]
    queues = {"call": "onthaal", "visit": "wonen", "appointment": "wonen", "staff": "wonen"}
    sent = [
        {**one, **({"queue": queues[one["kind"].partition(".")[0]]} if "queue" in one else {})}
        for one in examples
    ]
    response = await endpoint.post(json.dumps(sent))
    assert response.json() == {"accepted": len(sent), "refused": []}
    ids, bodies = zip(*await entries(endpoint.redis, EVENTS), strict=True)
    read = parse(Batch(tuple(ids), tuple(bodies)))
    assert [one.event for one in read if isinstance(one, StreamEvent)] == [stored(one) for one in sent]
    held = await endpoint.everything()
    texts = {one[name] for one in sent for name in ("id", "contact", "appointment") if name in one}
    assert [text for text in texts if text.encode() in held and not text.startswith("17")] == []


@pytest.mark.parametrize(
    ("poison", "reason", "field"),
    [
        (b"\x00\xff\xfegarbage", "unreadable", None),
        (GOOD[:-20].encode(), "unreadable", None),
        (b"5", "invalid", None),
        (json.dumps(answered(2, wait_ms="long")), "invalid", "wait_ms"),
        (json.dumps(answered(2, kind="call.vanished")), "invalid", "kind"),
        (json.dumps(answered(2, caller=PHONE)), "invalid", "caller"),
        (json.dumps(answered(2, **{PHONE: 1})), "invalid", PHONE),
        (json.dumps(answered(2, at=(NOW + YEARS).isoformat())), "future", "at"),
        (json.dumps(answered(2, at=(NOW - YEARS).isoformat())), "late", "at"),
        (json.dumps(answered(2, queue="burgerzaken")), "unknown_queue", "queue"),
        (json.dumps(answered(2, queue="wonen")), "wrong_kind", "queue"),
        (json.dumps(answered(2, site="elders", queue="balie")), "not_allowed", "site"),
        (json.dumps(answered(2, id=PHONE)), "personal", "id"),
        (json.dumps(answered(2, contact=PHONE)), "personal", "contact"),
    ],
)
async def test_poison_becomes_a_dead_letter_and_harms_no_neighbour(
    endpoint: Desk, poison: str | bytes, reason: str, field: str | None
):
    poison = poison.encode() if isinstance(poison, str) else poison
    response = await endpoint.post(b"\n".join([GOOD.encode(), poison, json.dumps(answered(3)).encode()]))
    assert response.status_code == 202
    assert response.json()["accepted"] == 2
    (refused,) = response.json()["refused"]
    assert (refused["index"], refused["reason"], refused.get("field")) == (1, reason, field)
    assert refused["detail"]
    assert [event["id"] for event in await endpoint.stream(EVENTS)] == [
        stored(answered(n)).id for n in (1, 3)
    ]
    (letter,) = await endpoint.stream(DEAD)
    assert (letter["reason"], letter["source"], letter["where"]) == (reason, "pbx", "item 1")
    assert b"4700000" not in (await endpoint.everything()).replace(b" ", b"")
    assert endpoint.counted("wachtpost_dead_letters_total", reason=reason) == 1
    assert endpoint.counted("wachtpost_ingest_events_total", source="pbx") == 2


async def test_when_nothing_is_accepted_the_answer_is_422(endpoint: Desk):
    response = await endpoint.post(json.dumps(answered(1, queue="burgerzaken")))
    assert response.status_code == 422
    assert response.json()["accepted"] == 0
    assert len(await endpoint.stream(DEAD)) == 1


@pytest.mark.parametrize(
    ("body", "byte"), [(b"hello", 0), (b"", 0), (GOOD[:50].encode(), 49), (b"[1,\n2", 4)]
)
async def test_garbage_is_400_with_the_byte_and_one_dead_letter(endpoint: Desk, body: bytes, byte: int):
    response = await endpoint.post(body)
    assert response.status_code == 400
    assert f"at byte {byte}" in response.json()["detail"]
    (letter,) = await endpoint.stream(DEAD)
    assert (letter["reason"], letter["where"]) == ("unreadable", f"byte {byte}")


@pytest.mark.parametrize("key", [None, "", "wachtpost_wrong", PBX_KEY[:-1]])
async def test_without_a_known_key_nothing_is_looked_at(endpoint: Desk, key: str | None):
    response = await endpoint.post(GOOD, key)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert await endpoint.redis.dbsize() == 0
    assert endpoint.counted("wachtpost_ingest_requests_total", status="401") == 1


async def test_a_key_speaks_for_its_own_queues_only(endpoint: Desk):
    calls = [answered(number, source="kiosk") for number in (1, 2)]
    staff = {name: calls[0][name] for name in ("id", "at", "source", "site")}
    staff |= {"kind": "staff.changed", "queue": "wonen", "available": 2}
    lines = [json.dumps(one) for one in (staff, calls[1])]
    response = await endpoint.post("\n".join(lines), KIOSK_KEY)
    assert [one["reason"] for one in response.json()["refused"]] == ["not_allowed"]
    assert [event["queue"] for event in await endpoint.stream(EVENTS)] == ["wonen"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b" " * 10_000_000, {}, 413),
        (gzip.compress(b" " * 10_000_000), {"Content-Encoding": "gzip"}, 413),  # 10 kB on the wire
        (b"\n".join([GOOD.encode()] * 5_001), {}, 413),
        (b"[" + b",".join([b"{}"] * 5_001) + b"]", {}, 413),
        (GOOD.encode(), {"Content-Encoding": "br"}, 415),
        (b"no gzip", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(GOOD.encode())[:-9], {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(GOOD.encode()) * 2, {"Content-Encoding": "gzip"}, 400),
    ],
    ids=["10 MB", "gzip bomb", "5001 lines", "5001 array", "brotli", "no gzip", "cut gzip", "two gzips"],
)
async def test_beyond_the_bounds_nothing_is_accepted(
    endpoint: Desk, body: bytes, headers: dict[str, str], status: int
):
    response = await endpoint.post(body, **headers)
    assert response.status_code == status
    assert response.json()["detail"]
    assert await endpoint.stream(EVENTS) == []


async def test_a_body_that_lies_about_its_size_is_stopped_while_reading(endpoint: Desk):
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1_000):
            yield b" " * 100_000

    headers = {"Authorization": f"Bearer {PBX_KEY}"}
    response = await endpoint.http.post("/v1/events", content=endless(), headers=headers)
    assert response.status_code == 413


async def test_too_fast_is_429_for_the_whole_request_and_later_it_fits(endpoint: Desk):
    """``slow`` may send 2 a second, 20 at once."""

    def lines(first: int, count: int) -> str:
        return "\n".join(json.dumps(answered(n, source="slow")) for n in range(first, first + count))

    assert (await endpoint.post(lines(0, 21), SLOW_KEY)).status_code == 413  # would never fit
    assert (await endpoint.post(lines(0, 20), SLOW_KEY)).status_code == 202
    refused = await endpoint.post(lines(20, 3), SLOW_KEY)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert len(await endpoint.stream(EVENTS)) == 20
    assert (await endpoint.post(GOOD)).status_code == 202  # others are not held up
    endpoint.now += timedelta(seconds=2)
    assert (await endpoint.post(lines(20, 3), SLOW_KEY)).status_code == 202


async def test_a_big_request_is_written_in_order(endpoint: Desk):
    response = await endpoint.post("\n".join(json.dumps(answered(n)) for n in range(1_234)))
    assert response.json()["accepted"] == 1_234
    ids = [event["id"] for event in await endpoint.stream(EVENTS)]
    assert ids == [stored(answered(n)).id for n in range(1_234)]


async def test_an_empty_list_is_accepted_and_does_nothing(endpoint: Desk):
    response = await endpoint.post("[]")
    assert (response.status_code, response.json()["accepted"]) == (202, 0)
    assert await endpoint.redis.dbsize() == 0


async def test_the_contract_is_published_and_loads_nothing_from_elsewhere(endpoint: Desk):
    described = (await endpoint.http.get("/openapi.json")).json()
    schemas = described["components"]["schemas"]
    assert set(schemas) >= {"Event", "CallAnswered", "SourceHeartbeat", "IngestResponse", "Problem"}
    assert schemas["CallAnswered"]["additionalProperties"] is False
    post = described["paths"]["/v1/events"]["post"]
    assert set(post["responses"]) == {"202", "400", "401", "413", "415", "422", "429", "503"}
    refused = post["responses"]["422"]["content"]["application/json"]["schema"]
    assert refused["$ref"].endswith("/IngestResponse")
    example = post["requestBody"]["content"]["application/json"]["examples"]["one"]["value"]
    assert EVENT.validate_python(example, extra="forbid")
    assert (await endpoint.http.get("/docs")).status_code == 404


async def test_while_redis_is_away_the_answer_is_503_and_nothing_is_lost(own_server: RedisServer):
    async with Redis.from_url(own_server.url) as redis:
        endpoint = Desk(redis)
        async with endpoint.http:
            assert (await endpoint.post(GOOD)).status_code == 202
            own_server.stop()
            refused = await endpoint.post(json.dumps(answered(2)))
            assert refused.status_code == 503
            assert int(refused.headers["Retry-After"]) > 0
            own_server.start()

            async def sent_again() -> bool:
                return (await endpoint.post(json.dumps(answered(2)))).status_code == 202

            await eventually_async(sent_again)
            ids = {event["id"] for event in await endpoint.stream(EVENTS)}
            assert ids == {stored(answered(n)).id for n in (1, 2)}


@pytest.mark.parametrize("form", ["[{}]", "{}"], ids=["array", "ndjson"])
@pytest.mark.parametrize("where", ["admit", "without_persons"])
async def test_an_item_on_which_our_own_code_fails_is_a_dead_letter_and_harms_no_neighbour(
    endpoint: Desk, form: str, where: str, monkeypatch: pytest.MonkeyPatch
):
    works: Callable[..., object] = getattr(http, where)

    def fail(event: Event, *others: object) -> object:
        if event.id == answered(2)["id"]:
            raise ZeroDivisionError(PHONE)
        return works(event, *others)

    monkeypatch.setattr(http, where, fail)
    items = [json.dumps(answered(number)) for number in (1, 2, 3)]
    response = await endpoint.post(form.format((", " if "[" in form else "\n").join(items)))
    assert (response.status_code, response.json()["accepted"]) == (202, 2)
    (refused,) = response.json()["refused"]
    assert (refused["index"], refused["reason"]) == (1, "internal_error")
    (letter,) = await endpoint.stream(DEAD)
    assert (letter["reason"], letter["where"]) == ("internal_error", "item 1")
    assert "ZeroDivisionError at tests.services.ingest.test_http:" in str(letter["detail"])
    assert PHONE.encode() not in await endpoint.everything()
    assert PHONE not in response.text
    assert endpoint.counted("wachtpost_dead_letters_total", reason="internal_error") == 1
    assert isinstance(await endpoint.metrics.items.check(NOW), Degraded)


async def test_a_body_that_our_own_code_fails_to_read_is_read_item_by_item(
    endpoint: Desk, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> object:
        raise OverflowError(PHONE)

    monkeypatch.setattr(events.EVENTS, "validate_json", fail)
    response = await endpoint.post(f"[{GOOD}]")
    assert (response.status_code, response.json()) == (202, {"accepted": 1, "refused": []})

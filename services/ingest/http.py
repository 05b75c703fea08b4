"""The HTTP door: ``POST /v1/events``. It answers 202 only after Redis has the events.

One request's way: whose key → body within bounds → items → rate → door rules → pseudonyms → stream
and dead letters → answer.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Annotated, Final

import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from prometheus_client import Counter
from pydantic import BaseModel, Field, JsonValue
from redis.exceptions import RedisError
from starlette.requests import ClientDisconnect

from services.ingest import rate_limit
from services.ingest import request_body as bodies
from services.ingest.admission import AdmissionRules, RefusedItem, admit
from services.ingest.auth import KeyRing
from services.ingest.metrics import IngestMetrics
from services.ingest.pseudonyms import Pseudonyms, without_persons
from services.ingest.publisher import Publisher
from services.ingest.settings import IngestSettings
from shared.config.model import CityFile, HttpSource
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.events import EVENT, Event
from shared.process.clock import Clock
from shared.process.code_failures import CodeFailure, attempt
from shared.redis.connection import why_refused
from shared.redis.keys import partition_of
from shared.translation import Msg

EVENTS_PATH: Final = "/v1/events"
OPENAPI_PATH: Final = "/openapi.json"
PATHS: Final[Mapping[str, Msg]] = {
    EVENTS_PATH: Msg("Takes events, by POST and with an API key"),
    OPENAPI_PATH: Msg("Describes that for programs (OpenAPI)"),
}
"""Where the application is mounted, and what is there: the server around it matches whole paths only."""

RETRY_AFTER_OUTAGE: Final = 5
"""Seconds a sender should wait while Redis is away; it restarts in about that."""

RETRY_AFTER_REFUSAL: Final = 30
"""Seconds a sender should wait while Redis is full or its disk is; the evaluator makes room every minute."""

_GZIP: Final = 16 + zlib.MAX_WBITS
"""zlib's way to say: with a gzip header."""

log = structlog.stdlib.get_logger(__name__)


class ItemRefusal(BaseModel):
    """One item that was not accepted."""

    index: Annotated[int, Field(description="position in the request, from 0; blank lines do not count")]
    reason: DeadLetterReason
    detail: Annotated[str, Field(description="what is wrong and what would be right")]
    field: str | None = None


class IngestResponse(BaseModel):
    """What became of a request's items. An accepted event is safe in Redis; sent twice, it counts once."""

    accepted: int
    refused: list[ItemRefusal]


class Problem(BaseModel):
    """Why nothing of a request was looked at."""

    detail: str


def events_app(
    settings: IngestSettings,
    city: CityFile,
    pseudonyms: Pseudonyms,
    publisher: Publisher,
    metrics: IngestMetrics,
    now: Clock,
) -> ASGIApp:
    """Return the application that answers at ``PATHS``."""
    app = FastAPI(
        title="Wachtpost ingest",
        summary="Facts about waiting at the citizen-service desk.",
        version="1",
        docs_url=None,  # the stock pages load scripts from elsewhere
        redoc_url=None,
        openapi_url=OPENAPI_PATH,
    )
    endpoint = _EventsEndpoint(settings, city, pseudonyms, publisher, metrics, now)
    app.add_api_route(
        EVENTS_PATH,
        endpoint.receive,
        methods=["POST"],
        operation_id="postEvents",
        summary="Report events",
        description=_DESCRIPTION,
        response_class=Response,
        status_code=202,
        responses=_responses(),
        openapi_extra={"requestBody": _REQUEST_BODY, "security": [{"key": []}]},
    )
    app.add_exception_handler(RedisError, _redis_away)
    app.add_exception_handler(ClientDisconnect, _sender_gone)
    app.openapi_schema = _with_contract(app.openapi())
    return _counted(app, metrics.requests)


class _EventsEndpoint:
    """Handles requests, one after the other as they come."""

    def __init__(
        self,
        settings: IngestSettings,
        city: CityFile,
        pseudonyms: Pseudonyms,
        publisher: Publisher,
        metrics: IngestMetrics,
        now: Clock,
    ) -> None:
        self._settings = settings
        self._pseudonyms = pseudonyms
        self._publisher = publisher
        self._metrics = metrics
        self._now = now
        self._keys = KeyRing(city.sources)
        self._partitions = city.pipeline.partitions
        senders = [source for source in city.sources if isinstance(source, HttpSource)]
        self._admissions = {source.id: AdmissionRules.of(city, source) for source in senders}
        self._buckets: dict[str, rate_limit.TokenBucket] = {}

    async def receive(self, request: Request) -> Response:
        sender = self._keys.holder(request.headers.get("authorization"))
        if sender is None:
            raise HTTPException(
                401, "send a known key: Authorization: Bearer wachtpost_...", {"WWW-Authenticate": "Bearer"}
            )
        now = self._now()
        try:
            body = await _read(request, self._settings.body_limit)
            items = bodies.items(body, self._settings.items_limit)
        except bodies.UnreadableBodyError as error:
            self._charge(sender, 1, now)
            await self._bury(sender, [_garbage(error, sender, now)])
            raise HTTPException(400, str(error)) from None
        except bodies.TooManyItemsError:
            raise HTTPException(413, f"send at most {self._settings.items_limit} items a request") from None
        self._charge(sender, len(items), now)
        return await self._settle(sender, items, now)

    def _charge(self, sender: HttpSource, items: int, now: datetime) -> None:
        """Let the request pass, or refuse all of it: 429 when later will do, 413 when it never fits."""
        rate = sender.rate_per_second
        if items > rate_limit.burst(rate):
            raise HTTPException(413, f"send at most {rate_limit.burst(rate)} items at once with this key")
        bucket = self._buckets.get(sender.id) or rate_limit.full(rate, now)
        self._buckets[sender.id], wait = rate_limit.take(bucket, items, rate, now)
        if wait:
            raise HTTPException(
                429,
                f"more than {rate} events a second on average; nothing of this request was accepted",
                {"Retry-After": str(rate_limit.whole_seconds(wait))},
            )

    async def _settle(
        self, sender: HttpSource, items: Sequence[Event | RefusedItem], now: datetime
    ) -> Response:
        events, refusals = self._sorted(items, sender.id, now)
        await self._publisher.write(partition_of(sender.site, self._partitions), events)
        self._metrics.count(sender.id, events)
        await self._bury(
            sender, [one.letter(now, sender.id, f"item {index}") for index, one in refusals.items()]
        )
        refused = [
            ItemRefusal(index=index, reason=one.reason, detail=one.detail, field=one.name)
            for index, one in refusals.items()
        ]
        answer = IngestResponse(accepted=len(events), refused=refused)
        status = 202 if events or not refused else 422
        return Response(answer.model_dump_json(exclude_none=True), status, media_type="application/json")

    def _sorted(
        self, items: Sequence[Event | RefusedItem], source: str, now: datetime
    ) -> tuple[list[Event], dict[int, RefusedItem]]:
        """Return what may come in, and what may not by its position."""
        admission = self._admissions[source]
        events: list[Event] = []
        refusals: dict[int, RefusedItem] = {}
        for index, item in enumerate(items):
            judged = item if isinstance(item, RefusedItem) else attempt(self._let_in, item, admission, now)
            if isinstance(judged, CodeFailure):
                judged = RefusedItem.ours(judged)
            if not isinstance(judged, RefusedItem):
                events.append(judged)
                continue
            refusals[index] = judged
            if judged.failure is not None:
                self._metrics.items.note(judged.failure, source=source, item=index)
        return events, refusals

    def _let_in(self, event: Event, admission: AdmissionRules, now: datetime) -> Event | RefusedItem:
        return admit(event, admission, now) or without_persons(event, self._pseudonyms)

    async def _bury(self, sender: HttpSource, letters: Sequence[DeadLetter]) -> None:
        await self._publisher.bury(partition_of(sender.site, self._partitions), letters)
        self._metrics.refuse(sender.id, letters)


def _garbage(error: bodies.UnreadableBodyError, sender: HttpSource, now: datetime) -> DeadLetter:
    return RefusedItem(DeadLetterReason.UNREADABLE, str(error)).letter(now, sender.id, f"byte {error.byte}")


async def _read(request: Request, limit: int) -> bytes:
    """Return the body, unpacked. Stops reading as soon as it is too large: 413; 415 for an unknown packing.

    Raises ``UnreadableBodyError`` for a broken gzip.
    """
    packing = request.headers.get("content-encoding", "identity").strip().lower()
    if packing not in {"identity", "gzip"}:
        raise HTTPException(415, "send the body as it is, or packed with gzip")
    gzip = zlib.decompressobj(_GZIP) if packing == "gzip" else None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk if gzip is None else _unpacked(gzip, chunk, limit + 1 - len(body))
        if len(body) > limit:
            raise HTTPException(413, f"send at most {limit} bytes a request (unpacked)")
    if gzip is not None and (not gzip.eof or gzip.unused_data):
        raise bodies.UnreadableBodyError("expected one whole gzip member", len(body))
    return bytes(body)


def _unpacked(gzip: zlib._Decompress, chunk: bytes, room: int) -> bytes:
    try:
        return gzip.decompress(chunk, room)
    except zlib.error:
        raise bodies.UnreadableBodyError("not gzip", 0) from None


async def _redis_away(_request: Request, error: Exception) -> Response:
    log.warning("redis_away", error=type(error).__name__)
    refused = why_refused(error)
    problem = Problem(detail=f"the store {refused or 'is away'}; nothing is lost if you send this again")
    headers = {"Retry-After": str(RETRY_AFTER_REFUSAL if refused else RETRY_AFTER_OUTAGE)}
    return Response(problem.model_dump_json(), 503, headers, media_type="application/json")


async def _sender_gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it, but it is counted


def _counted(app: ASGIApp, requests: Counter) -> ASGIApp:
    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: MutableMapping[str, object]) -> None:
            if message["type"] == "http.response.start":
                requests.labels(str(message["status"])).inc()
            await send(message)

        await app(scope, receive, note)

    return counting


# What /openapi.json says beyond what FastAPI finds by itself ------------------------------------------

_DESCRIPTION: Final = """
One event as a JSON object, several as a JSON array or as lines of JSON (NDJSON); gzip is welcome.

* The answer comes after the events are safe. Sending an event again is harmless: same `id`, counted once.
* Every item is judged by itself: `refused` says which were not accepted, why, and what would be right.
* No phone numbers, no names: an `id`, `contact` or `appointment` that looks like a phone number is refused,
  and so are fields that the contract does not know. Any other is stored as a pseudonym (HMAC), unless it is
  an `id` or `contact` of a telephone exchange's own: `<epoch>.<sequence>`, within a day of `at`.
* A ticket's events have the same `contact`: `visit.arrived`, `visit.called` (the last call counts), then
  `visit.served`, `visit.no_show` or `visit.left`. An appointment's have the same `appointment`.
""".strip()

_EXAMPLE: Final[Mapping[str, JsonValue]] = {
    "kind": "call.answered",
    "id": "pbx-1772445600.17-answered",
    "at": "2026-03-02T10:00:12Z",
    "source": "pbx",
    "site": "lier",
    "queue": "burgerzaken",
    "contact": "1772445600.17",
    "wait_ms": 12000,
}
_EVENT_REF: Final[dict[str, JsonValue]] = {"$ref": "#/components/schemas/Event"}
_REQUEST_BODY: Final[dict[str, JsonValue]] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"oneOf": [_EVENT_REF, {"type": "array", "items": _EVENT_REF}]},
            "examples": {
                "one": {"summary": "one event", "value": dict(_EXAMPLE)},
                "several": {"summary": "several", "value": [dict(_EXAMPLE)]},
            },
        },
        "application/x-ndjson": {
            "schema": {"type": "string", "description": "one event a line"},
            "example": json.dumps(_EXAMPLE) + "\n",
        },
    },
}


def _told(model: type[BaseModel], description: str, example: BaseModel) -> dict[str, object]:
    content = {"application/json": {"example": example.model_dump(mode="json", exclude_none=True)}}
    return {"model": model, "description": description, "content": content}


def _responses() -> dict[int | str, dict[str, object]]:
    refused = ItemRefusal(
        index=1,
        reason=DeadLetterReason.UNKNOWN_QUEUE,
        detail="known queues of lier: burgerzaken",
        field="queue",
    )
    problems = {
        400: ("No JSON at all; says at which byte.", "not JSON: expected value at byte 17"),
        401: ("No key, or an unknown one.", "send a known key: Authorization: Bearer wachtpost_..."),
        413: ("Too large: bytes or items.", "send at most 5000 items a request"),
        415: ("An unknown content encoding.", "send the body as it is, or packed with gzip"),
        429: (
            "Too fast; `Retry-After` says how long to wait. Nothing was accepted.",
            "more than 50 events a second",
        ),
        503: (
            "Redis is away, nearly full, or cannot write to its disk; `Retry-After` says when to send again.",
            "the store is away",
        ),
    }
    return {
        202: _told(
            IngestResponse, "At least one event was accepted.", IngestResponse(accepted=1, refused=[refused])
        ),
        422: _told(IngestResponse, "No item was accepted.", IngestResponse(accepted=0, refused=[refused])),
        **{
            status: _told(Problem, description, Problem(detail=detail))
            for status, (description, detail) in problems.items()
        },
    }


def _with_contract(described: dict[str, object]) -> dict[str, object]:
    """Add the wire contract and the API key to what FastAPI described."""
    event = EVENT.json_schema(ref_template="#/components/schemas/{model}")
    models = event.pop("$defs")
    for model in models.values():
        if model.get("type") == "object":
            model["additionalProperties"] = False
    components = described.setdefault("components", {})
    if not isinstance(components, dict):
        raise TypeError("components of an OpenAPI document are an object")
    components.setdefault("schemas", {}).update({**models, "Event": event})
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return described

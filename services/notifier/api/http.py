"""The notifier's HTTP: the acknowledge page, and silences for programs."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Annotated, Final
from urllib.parse import parse_qs

from fastapi import FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, Field
from redis.exceptions import RedisError

from services.notifier import engine
from services.notifier.api.pages import Page, PageCase, Pages, case_of
from services.notifier.commands import Acknowledge, CreateSilence, ExpireSilence, encode
from services.notifier.messages.links import ACKNOWLEDGE_PATH, LinkClaim, LinkRefusal, Signer, open_breaches
from services.notifier.model import Breach, Silence
from services.notifier.state_store import NotifierStore
from shared.config.alerting import Matchers
from shared.instants import Instant
from shared.personal_data import ROLE, holds_phone_number
from shared.process.clock import Clock
from shared.redis.connection import why_refused
from shared.redis.keys import partition_of
from shared.translation import Msg

MOST_FORM: Final = 16_384
"""Bytes of a form; a token is a few hundred."""

SILENCE_ID: Final = r"^[A-Za-z0-9_-]{1,64}$"
"""As in ``silences.Silence``."""

LINKS: Final[Mapping[str, Msg]] = {
    "/v1/breaches": Msg("What is going on, with an API key"),
    "/v1/silences": Msg("Silences: to list, to add and to end, with an API key"),
    "/openapi.json": Msg("Describes that for programs (OpenAPI)"),
}
"""What there is for whoever comes by, and where."""

PATHS: Final = (ACKNOWLEDGE_PATH, *LINKS)
"""Whoever has a link to acknowledge with has it from a message."""


def _without_number(text: str) -> str:
    if holds_phone_number(text):
        raise ValueError("there seems to be a phone number in it")
    return text


class SilenceRequest(Matchers):
    """A silence to be; an empty list fits all."""

    starts_at: Instant | None = None
    ends_at: Instant
    why: Annotated[str, Field(max_length=200), AfterValidator(_without_number)] = ""
    by: Annotated[
        str,
        Field(pattern=f"^({ROLE})?$", description="A receiver's id or a role; never a person's name"),
        AfterValidator(_without_number),
    ] = ""


class CommandAccepted(BaseModel):
    """What was put on the stream."""

    id: str


def http_app(  # noqa: C901 - the routes, one after another
    stores: Mapping[int, NotifierStore],
    pages: Pages,
    signer: Signer | None,
    api_keys: Iterable[str],
    now: Clock,
) -> FastAPI:
    """Return the HTTP application. A GET never changes anything: mail scanners follow links."""
    app = FastAPI(title="Wachtpost notifier", docs_url=None, redoc_url=None)
    keys = tuple(api_keys)

    def only_with_key(authorization: str | None) -> None:
        scheme, _, secret = (authorization or "").partition(" ")
        digest = sha256(secret.strip().encode()).hexdigest()
        known = [hmac.compare_digest(digest, key) for key in keys]
        if scheme.lower() != "bearer" or not any(known):
            raise HTTPException(401, "send an API key as `Authorization: Bearer …`")

    async def of(claim: LinkClaim | LinkRefusal) -> list[Breach]:
        if isinstance(claim, LinkRefusal):
            return []
        states = [await store.state() for store in stores.values()]
        found = [state.breaches.get(name) for name in claim.breaches for state in states]
        return [known.breach for known in found if known is not None]

    def verified(token: str) -> LinkClaim | LinkRefusal:
        return LinkRefusal.FORGED if signer is None else signer.verify(token, now())

    @app.get(ACKNOWLEDGE_PATH, include_in_schema=False)
    async def show(token: Annotated[str, Query(max_length=MOST_FORM)] = "") -> Response:
        claim = verified(token)
        breaches = await of(claim)
        return _answer(pages.show(case_of(claim, breaches), breaches, now(), token))

    @app.post(ACKNOWLEDGE_PATH, include_in_schema=False)
    async def act(request: Request) -> Response:
        form = parse_qs((await _body(request)).decode("utf-8", "replace"))
        claim = verified(form.get("token", [""])[0])
        breaches = await of(claim)
        case = case_of(claim, breaches)
        if isinstance(claim, LinkClaim) and case is PageCase.ASK:
            wanted = open_breaches(tuple(breaches))
            await _acknowledge(stores, wanted, claim.receiver, now)
            case = PageCase.DONE
        return _answer(pages.show(case, breaches, now()))

    @app.get("/v1/breaches")
    async def going_on(authorization: Annotated[str | None, Header()] = None) -> list[Breach]:
        """What is going on, pending or firing, the oldest first."""
        only_with_key(authorization)
        return [b for store in stores.values() for b in engine.list_breaches(await store.state())]

    @app.get("/v1/silences")
    async def silences(authorization: Annotated[str | None, Header()] = None) -> list[Silence]:
        """The silences that are on or still to come."""
        only_with_key(authorization)
        found = {s.id: s for store in stores.values() for s in engine.list_silences(await store.state())}
        return list(found.values())

    @app.post("/v1/silences", status_code=202)
    async def be_silent(
        wanted: SilenceRequest, authorization: Annotated[str | None, Header()] = None
    ) -> CommandAccepted:
        """For a while, nobody is told of what fits."""
        only_with_key(authorization)
        name = secrets.token_hex(6)
        at = now()
        fields = wanted.model_dump()
        fields["starts_at"] = wanted.starts_at or at
        if wanted.ends_at <= max(fields["starts_at"], at):
            raise HTTPException(422, "ends_at: choose a moment after starts_at and after now")
        command = CreateSilence(id=f"silence-{name}", at=at, silence=Silence(id=name, **fields))
        for store in stores.values():
            await store.say(encode(command))
        return CommandAccepted(id=name)

    @app.delete("/v1/silences", status_code=202)
    async def end_silence(
        id_: Annotated[str, Query(alias="id", pattern=SILENCE_ID)],
        authorization: Annotated[str | None, Header()] = None,
    ) -> CommandAccepted:
        """A silence ends now; what it kept back and still lasts is told."""
        only_with_key(authorization)
        for store in stores.values():
            await store.say(encode(ExpireSilence(id=f"end-{id_}", at=now(), silence=id_)))
        return CommandAccepted(id=id_)

    @app.exception_handler(RequestValidationError)
    async def refused(_request: Request, error: RequestValidationError) -> Response:
        # FastAPI's own answer quotes what it was given: words of people, into the logs of whoever asked.
        problems = [{name: one[name] for name in ("type", "loc", "msg")} for one in error.errors()]
        return JSONResponse({"detail": problems}, 422)

    @app.exception_handler(RedisError)
    async def redis_away(_request: Request, error: Exception) -> Response:
        why = why_refused(error) or "is away"
        return Response(f"Redis {why}; try again in a moment.\n", 503, {"Retry-After": "5"})

    return app


async def _acknowledge(
    stores: Mapping[int, NotifierStore], breaches: Iterable[Breach], by: str, now: Clock
) -> None:
    by_partition: dict[int, list[str]] = {}
    for breach in breaches:
        number = partition_of(breach.site, max(stores) + 1)
        by_partition.setdefault(number, []).append(breach.id)
    for number, names in by_partition.items():
        at = now()
        command = Acknowledge(id=f"ack-{secrets.token_hex(6)}", at=at, breaches=tuple(names), by=by)
        await stores[number].say(encode(command))


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_FORM:
            raise HTTPException(413, "the form is too large")
    return body


def _answer(page: Page) -> Response:
    return Response(page.html, page.status, dict(page.headers))

"""The page's service, put together: plain HTML that a little JavaScript fetches anew, and the same as JSON.

It loads nothing from anywhere else, and works without JavaScript.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Final

import httpx
from faststream.asgi import AsgiResponse
from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic_core import to_json

from services.notifier.messages.message import Writer
from services.notifier.messages.template_files import TemplateFault, load_templates
from services.notifier.state_store import NotifierStore
from shared.config.loader import Configuration
from shared.process.application import Application
from shared.process.health import redis_check
from shared.process.metrics_server import TolerantRegistry
from shared.redis.connection import redis_client
from shared.translation import Translator, translator
from wachtpost.page.looks import Looks
from wachtpost.page.settings import PageSettings
from wachtpost.page.view import PageView, page_view

ANSWER_WITHIN: Final = 5.0
"""Seconds that the evaluator may take to answer."""
HERE: Final = Path(__file__).parent
HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

Body = Callable[[], Awaitable[bytes]]


def build(settings: PageSettings, configuration: Configuration) -> Application:
    """Return the service; nothing is connected before it starts. Raises ``OSError`` for the password file."""
    city, now = configuration.city, settings.now
    say = translator(city.city.language)
    redis = redis_client(settings)
    partitions, lease = range(city.pipeline.partitions), city.pipeline.lease
    evaluator = httpx.AsyncClient(base_url=settings.evaluator_url, timeout=ANSWER_WITHIN, trust_env=False)
    looks = Looks(
        evaluator,
        {number: NotifierStore(redis, number, "", lease) for number in partitions},
        Writer(city, load_templates(city.notify.templates, _known_already)),
        now,
    )

    async def view() -> PageView:
        return page_view(await looks.look(), city, now(), say)

    async def html() -> bytes:
        return html_of(await view(), say).encode()

    async def figures() -> bytes:
        return to_json(await view())

    async def file(name: str) -> bytes:
        return (HERE / name).read_bytes()

    return Application(
        redis=redis,
        registry=TolerantRegistry(),
        checks={"redis": redis_check(redis), "evaluator": looks.check},
        work={},
        routes={
            "/": _answering(html, "text/html; charset=utf-8"),
            "/figures.json": _answering(figures, "application/json"),
            "/page.css": _answering(partial(file, "page.css"), "text/css; charset=utf-8"),
            "/page.js": _answering(partial(file, "page.js"), "text/javascript; charset=utf-8"),
            "/icon.svg": _answering(partial(file, "icon.svg"), "image/svg+xml"),
        },
        closing=[evaluator.aclose],
    )


def html_of(page: PageView, say: Translator) -> str:
    """Return the page; whatever the city file calls things is escaped."""
    return _environment().get_template("page.html").render(page=page, **say.for_templates())


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("wachtpost.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _answering(body: Body, content_type: str) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            response = AsgiResponse(b"", 405, {"allow": "GET, HEAD"})
        else:
            response = AsgiResponse(await body(), 200, {**HEADERS, "content-type": content_type})
        await response(scope, receive, send)

    return answer


def _known_already(_fault: TemplateFault) -> None:
    """Say nothing: the notifier reads the same templates and has it in its log."""

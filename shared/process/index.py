"""``GET /`` of a service: what else it answers at, as a page for a browser and as JSON for a program."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from faststream.asgi import AsgiResponse
from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from pydantic_core import to_json

from shared.translation import Msg, Translator

PATH: Final = "/"

HEALTH: Final = Msg("Whether it does its work, and what is wrong if not")
METRICS: Final = Msg("Its figures, for Prometheus")

_PAGE: Final = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font:1rem/1.5 system-ui,sans-serif;margin:2rem;max-width:40rem}}dd{{margin:0 0 1rem}}</style>
<h1>{title}</h1>
<dl>
{rows}
</dl>
</html>
"""
_ROW: Final = '<dt><a href="{href}">{path}</a></dt><dd>{what}</dd>'


def index_route(service: str, links: Mapping[str, Msg], say: Translator) -> ASGIApp:
    """Return the answer to ``GET /``. ``links``: path → what is there.

    Addresses are relative, so that they lead on behind a proxy that serves us below a path of its own.
    """
    told = {path: say.text(what) for path, what in links.items()}
    rows = (
        _ROW.format(href=escape(path.removeprefix("/")), path=escape(path), what=escape(what))
        for path, what in told.items()
    )
    title = escape(f"Wachtpost: {service}")
    page = _PAGE.format(language=say.language, title=title, rows="\n".join(rows)).encode()
    program = to_json({"service": service, "links": told})

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await AsgiResponse(b"GET this", 405, {"allow": "GET, HEAD"})(scope, receive, send)
            return
        accepts = dict(scope["headers"]).get(b"accept", b"")
        body, kind = (page, "text/html") if b"text/html" in accepts else (program, "application/json")
        response = AsgiResponse(body, 200, {"content-type": f"{kind}; charset=utf-8", "vary": "accept"})
        await response(scope, receive, send)

    return answer

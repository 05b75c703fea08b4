"""Pages that are boards of Grafana as far as ``make pictures`` looks: on a real socket, with a login."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from tests.support.eventually import WITHIN

USER: Final = "scherm"
PASSWORD: Final = "a password of this test"
SESSION: Final = "grafana_session"

STYLE: Final = """
body { margin: 0; font: 16px/1.5 sans-serif; background: #fff; }
section { position: relative; width: 240px; height: 120px; margin: 10px; overflow: hidden; background: #eee; }
h2 { font-size: 14px; margin: 0; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
canvas { position: absolute; inset: 30px 0 0 0; }
"""


def panel(name: str, inside: str = "", style: str = "") -> str:
    """A panel as Grafana marks it."""
    marked = f'data-testid="data-testid Panel header {name}"'
    return f'<section {marked} style="{style}"><h2>{name}</h2>{inside}</section>'


def drawn(script: str) -> str:
    """A chart: what it writes is no text of the page."""
    return f"""<canvas width="240" height="90"></canvas><script>{{
        const c = document.currentScript.previousElementSibling.getContext("2d");
        c.font = "14px sans-serif"; c.clearRect(0, 0, 240, 90); {script}
    }}</script>"""


@dataclass
class BoardPage:
    """Serves ``pages``: what stands on a board, by its uid."""

    pages: Mapping[str, str]
    is_open: bool = True
    """Whether anybody may look."""
    queries: list[str] = field(default_factory=list)
    """Those of the boards that were asked for, in order."""

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WITHIN)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, page: BoardPage, *arguments: Any) -> None:
        self.page = page
        super().__init__(*arguments)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if body == {"user": USER, "password": PASSWORD}:
            self._answer(200, "{}", {"Set-Cookie": f"{SESSION}=let-in; Path=/; HttpOnly; SameSite=Lax"})
        else:
            self._answer(401, "{}")

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if not (self.page.is_open or f"{SESSION}=let-in" in self.headers.get("Cookie", "")):
            self._answer(401, "{}")
        elif parts.path == "/api/search":
            self._answer(200, json.dumps([{"uid": uid, "type": "dash-db"} for uid in self.page.pages]))
        elif (inside := self.page.pages.get(parts.path.removeprefix("/d/"))) is not None:
            self.page.queries.append(parts.query)
            phone = '<meta name="viewport" content="width=device-width">'
            head = f"<!doctype html><meta charset=utf-8>{phone}<style>{STYLE}</style>"
            self._answer(200, f"{head}<body>{inside}</body>", {"Content-Type": "text/html"})
        else:
            self._answer(404, "{}")

    def _answer(self, status: int, body: str, headers: Mapping[str, str] | None = None) -> None:
        encoded = body.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass

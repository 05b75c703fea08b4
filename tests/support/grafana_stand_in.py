"""A Grafana for tests: the part of its HTTP API that we use, on a real socket, with faults on demand.

It behaves as Grafana's sources say where that matters: it reads a tag as ``key:value`` and drops what follows
a second colon, refuses tags that are too long, answers PATCH without an id, takes an annotation for a
dashboard that is not there as one of the whole organisation, and swaps a time and a timeEnd that are in the
wrong order.

    with GrafanaStandIn() as grafana:
        grafana.faults.append(Fault.LOST)
        ...
        assert [one["text"] for one in grafana.annotations] == [...]
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

from tests.support.eventually import WITHIN

TOKEN: Final = "glsa_stand-in"
BOARD: Final = "wachtpost-live"

TAGS_LENGTH: Final = 500
"""Grafana's ``annotations.tags_length``: of all tags, as JSON."""

TAG_COLUMN: Final = 100
"""Characters of a tag's key and of its value on PostgreSQL and MySQL."""

LONGEST_HANG_S: Final = WITHIN
DRIP_EVERY_S: Final = 0.05


class Fault(StrEnum):
    """What goes wrong with one request. The request changes nothing, unless it says otherwise."""

    NONE = "none"
    MOVED = "moved"
    """301 to the same place under another name; followed, a POST is a GET and answers politely."""
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    TOO_MANY = "too_many"
    """429 with Retry-After: 7."""
    TAG_LIMIT = "tag_limit"
    ERROR_NULL = "error_null"
    """500 with the JSON ``null``."""
    BAD_GATEWAY = "bad_gateway"
    """502 with a proxy's page, which has the word "message" in it."""
    UNAVAILABLE = "unavailable"
    NULL = "null"
    """200 with the JSON ``null``."""
    LOGIN_PAGE = "login_page"
    """200 with a page."""
    NO_ID = "no_id"
    """200 with the JSON ``{}``."""
    DEEP = "deep"
    """200 with JSON as deep as a well."""
    RESET = "reset"
    """The connection breaks before anything is done."""
    LOST = "lost"
    """It is done, and the connection breaks before the answer."""
    CUT_SHORT = "cut_short"
    """An answer that ends before its announced length; nothing is done."""
    HANG = "hang"
    """No answer; nothing is done."""
    HANG_DONE = "hang_done"
    """It is done; no answer."""
    DRIP = "drip"
    """An answer that comes one byte at a time and never ends."""


PLAIN_ANSWERS: Final[dict[Fault, tuple[int, str, dict[str, str]]]] = {
    Fault.UNAUTHORIZED: (401, '{"message": "Invalid API key"}', {}),
    Fault.FORBIDDEN: (403, '{"message": "You\'ll need additional permissions"}', {}),
    Fault.TOO_MANY: (429, '{"message": "slow down"}', {"Retry-After": "7"}),
    Fault.TAG_LIMIT: (400, '{"message": "tags length (612) exceeds the maximum allowed (500)"}', {}),
    Fault.ERROR_NULL: (500, "null", {}),
    Fault.BAD_GATEWAY: (502, "<html>no message from upstream</html>", {"Content-Type": "text/html"}),
    Fault.UNAVAILABLE: (503, '{"message": "starting"}', {"Retry-After": "2"}),
    Fault.NULL: (200, "null", {}),
    Fault.LOGIN_PAGE: (200, "<html>Sign in</html>", {"Content-Type": "text/html"}),
    Fault.NO_ID: (200, "{}", {}),
    Fault.DEEP: (200, "[" * 100_000, {}),
}

Json = dict[str, object]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    body: Json


@dataclass
class GrafanaStandIn:
    """Start it with ``with`` or ``start()``; what it holds outlives ``stop()``, as in a real Grafana."""

    token: str = TOKEN
    boards: set[str] = field(default_factory=lambda: {BOARD})
    anonymous: bool = False
    """Anybody may look without a login; who comes with a token that is none is anybody."""
    prefix: str = ""
    """A sub-path such as ``/grafana``."""
    faults: deque[Fault] = field(default_factory=deque)
    """Taken one per request, oldest first; none left: all is well."""
    requests: list[Request] = field(default_factory=list)
    filters: bool = True
    """False: a Grafana so old, or a proxy so simple, that a look-up answers with everything."""
    folders: list[Json] = field(default_factory=list)
    meet: threading.Barrier | None = None
    """Where POSTs of an annotation wait for each other: two notifiers at the same moment."""

    def __post_init__(self) -> None:
        self._held: dict[int, Json] = {}
        self._last_id = 0
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._lock = threading.RLock()
        self.stopping = threading.Event()
        self.answering = threading.Event()
        """While it is clear, every request waits."""
        self.answering.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{self.prefix}"

    @property
    def annotations(self) -> list[Json]:
        """What it holds, oldest first."""
        with self._lock:
            return [dict(self._held[one]) for one in sorted(self._held)]

    def start(self) -> None:
        """Listen; a second time on the same port."""
        self.stopping.clear()
        handler = type("Handler", (_Handler,), {"grafana": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Answer nobody any more."""
        self.stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def add(self, tags: Iterable[str], text: str, time: int, *, board: str = BOARD) -> int:
        """Hold an annotation that somebody else wrote; return its id."""
        body = {"tags": list(tags), "text": text, "time": time, "timeEnd": time, "dashboardUID": board}
        with self._lock:
            self._create(body)
            return self._last_id

    def remove(self, annotation: int) -> None:
        """Forget an annotation, as when somebody deletes it on the board."""
        with self._lock:
            del self._held[annotation]

    def next_fault(self) -> Fault:
        with self._lock:
            return self.faults.popleft() if self.faults else Fault.NONE

    def answer(self, request: Request, authorization: str) -> tuple[int, object]:
        """Do what is asked; return status and JSON."""
        path = request.path.removeprefix(f"{self.prefix}/api")
        if path == request.path:
            return 404, {"message": "Not found"}
        if path == "/health":
            return 200, {"database": "ok", "version": "stand-in"}
        if authorization != f"Bearer {self.token}" and not (self.anonymous and request.method == "GET"):
            return (403 if self.anonymous else 401), {"message": "Invalid API key"}
        if self.meet is not None and request.method == "POST" and path == "/annotations":
            self.meet.wait(timeout=WITHIN)
        with self._lock:
            return self._route(request, path.strip("/").split("/"))

    def _route(self, request: Request, path: list[str]) -> tuple[int, object]:
        match request.method, *path:
            case "GET", "annotations":
                return self._find(request.query)
            case "POST", "annotations":
                return self._create(request.body)
            case "PATCH", "annotations", one if int(one) in self._held:
                return self._patch(self._held[int(one)], request.body)
            case "DELETE", "annotations", one if int(one) in self._held:
                del self._held[int(one)]
                return 200, {"message": "Annotation deleted"}
            case "GET", "dashboards", "uid", uid if uid in self.boards:
                return 200, {"dashboard": {"uid": uid}, "meta": {}}
            case "GET", "folders":
                return 200, self.folders
            case "POST", "folders":
                return self._create_folder(request.body)
        return 404, {"message": "Not found"}

    def _find(self, query: dict[str, list[str]]) -> tuple[int, object]:
        board = query.get("dashboardUID", [""])[0]
        if board and board not in self.boards:
            return 400, {"message": "Invalid dashboard UID in annotation request"}
        wanted = {tuple(pair) for pair in tag_pairs(query.get("tags", []))}
        found = [
            one
            for one in self._held.values()
            if not self.filters
            or (
                (not board or one["dashboardUID"] == board)
                and wanted <= {tuple(pair) for pair in tag_pairs(_strings(one["tags"]))}
            )
        ]
        found.sort(key=lambda one: (one["timeEnd"], one["time"]), reverse=True)
        return 200, found[: int(query.get("limit", ["100"])[0])]

    def _create(self, body: Json) -> tuple[int, object]:
        if not body.get("text"):
            return 400, {"message": "Failed to save annotation"}
        board = body.get("dashboardUID")
        made: Json = {
            "id": self._last_id + 1,
            "dashboardUID": board if board in self.boards else "",
            "time": body["time"],
            "timeEnd": body.get("timeEnd") or body["time"],
            "text": body["text"],
            "tags": [":".join(filter(None, pair)) for pair in tag_pairs(_strings(body["tags"]))],
        }
        refusal = _refusal(made)
        if refusal is not None:
            return refusal
        self._last_id += 1
        self._held[self._last_id] = made
        return 200, {"message": "Annotation added", "id": self._last_id}

    def _patch(self, held: Json, body: Json) -> tuple[int, object]:
        changed = held | {name: body[name] for name in ("time", "timeEnd", "text", "tags") if body.get(name)}
        refusal = _refusal(changed)
        if refusal is not None:
            return refusal
        held.update(changed)
        return 200, {"message": "Annotation patched"}

    def _create_folder(self, body: Json) -> tuple[int, object]:
        if any(one["title"] == body["title"] or one["uid"] == body.get("uid") for one in self.folders):
            return 409, {"message": "a folder with the same name already exists"}
        self.folders.append({"uid": body.get("uid", "made-up"), "title": body["title"]})
        return 200, self.folders[-1]


def tag_pairs(tags: Iterable[str]) -> list[list[str]]:
    """Return tags as Grafana reads them: key and value; of ``a:b:c`` the ``c`` is lost."""
    pairs: list[list[str]] = []
    for tag in tags:
        key, value, *_ = [part.strip(" ") for part in tag.split(":")] + [""]
        if key and [key, value] not in pairs:
            pairs.append([key, value])
    return pairs


def tags_length(tags: Iterable[str]) -> int:
    """Return what Grafana counts: the bytes of the tags, written as JSON without spaces."""
    return len(json.dumps(list(tags), ensure_ascii=False, separators=(",", ":")).encode())


def _refusal(annotation: Json) -> tuple[int, object] | None:
    tags = _strings(annotation["tags"])
    if tags_length(tags) > TAGS_LENGTH:
        return 400, {
            "message": f"tags length ({tags_length(tags)}) exceeds the maximum allowed ({TAGS_LENGTH})"
        }
    if any(len(part) > TAG_COLUMN for pair in tag_pairs(tags) for part in pair):
        return 500, {"message": "Failed to save annotation"}
    start, end = annotation["time"], annotation["timeEnd"]
    if not isinstance(start, int) or not isinstance(end, int):
        return 400, {"message": "bad request data"}
    annotation["time"], annotation["timeEnd"] = min(start, end), max(start, end)
    return None


def _strings(value: object) -> list[str]:
    assert isinstance(value, list)
    return value


class _Handler(BaseHTTPRequestHandler):
    grafana: GrafanaStandIn
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815  # the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Quiet."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(raw) if raw else {}
        request = Request(self.command, parts.path, parse_qs(parts.query), body or {})
        self.grafana.requests.append(request)
        self.grafana.answering.wait(LONGEST_HANG_S)
        fault = self.grafana.next_fault()
        if fault in PLAIN_ANSWERS:
            return self._send(*PLAIN_ANSWERS[fault])
        match fault:
            case Fault.MOVED:
                return self._send(301, "", {"Location": self.path})
            case Fault.HANG:
                return self._hang()
            case Fault.DRIP:
                return self._drip()
            case Fault.CUT_SHORT:
                return self._send(200, "[", {"Content-Length": "100"})
            case Fault.RESET:
                return self._reset()
        status, answer = self.grafana.answer(request, self.headers.get("Authorization", ""))
        if fault is Fault.LOST:
            return self._reset()
        if fault is Fault.HANG_DONE:
            return self._hang()
        return self._send(status, json.dumps(answer), {})

    def _send(self, status: int, text: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        length = str(len(text.encode()))
        for name, value in ({"Content-Type": "application/json", "Content-Length": length} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = "Content-Length" in headers
        self.wfile.write(text.encode())

    def _hang(self) -> None:
        self.grafana.stopping.wait(LONGEST_HANG_S)
        self.close_connection = True

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.close_connection = True
        try:
            while not self.grafana.stopping.wait(DRIP_EVERY_S):
                self.wfile.write(b" ")
        except OSError:
            return

    def _reset(self) -> None:
        """Break off hard: the other side gets a reset instead of an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

"""The least that Prometheus needs of a desk: ``python -m tests.bench.exporter PORT QUEUE…``.

Two counters a queue on ``/metrics``, born at 0; ``POST /calls`` adds to them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel


class Calls(BaseModel):
    """Calls that have just ended."""

    queue: str
    answered: int = 0
    missed: int = 0


def handler(queues: Sequence[str]) -> type[BaseHTTPRequestHandler]:
    """Return what answers the requests."""
    registry = CollectorRegistry()
    answered = Counter("calls_answered", "Calls that reached staff", ["queue"], registry=registry)
    missed = Counter("calls_missed", "Calls that did not", ["queue"], registry=registry)
    for queue in queues:
        answered.labels(queue)
        missed.labels(queue)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            text = generate_latest(registry)
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE_LATEST)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            calls = Calls.model_validate_json(body)
            answered.labels(calls.queue).inc(calls.answered)
            missed.labels(calls.queue).inc(calls.missed)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class' name
            """Say nothing."""

    return Handler


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler(sys.argv[2:])).serve_forever()

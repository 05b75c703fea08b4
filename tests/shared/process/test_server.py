"""Process plumbing: logs that tell no secrets, health that tells the truth, faults that end the process."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import structlog
import uvicorn
from pydantic import BaseModel, SecretStr

from shared.contract.events import EVENT
from shared.process import server
from shared.process.server import Degraded, Fault, Health, configure_logging, health_route
from tests.support.eventually import WITHIN
from tests.support.ingest_desk import NOW, PHONE, answered
from tests.support.service_process import ROOT


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Call it to get what was logged."""
    root = logging.getLogger()
    before = root.handlers, root.level
    stdout = io.StringIO()
    monkeypatch.setattr("sys.stdout", stdout)
    configure_logging("desk", "info")
    yield lambda: [json.loads(line) for line in stdout.getvalue().splitlines()]
    root.handlers, root.level = before[0], before[1]
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_a_line_is_json_with_a_utc_time_and_the_service(lines):
    structlog.stdlib.get_logger("x").info("listening", port=8001)
    (line,) = lines()
    assert (line["event"], line["port"], line["service"], line["level"]) == (
        "listening",
        8001,
        "desk",
        "info",
    )
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", ["anything", "uvicorn.error", "faststream.redis"])
def test_library_logs_come_the_same_way(lines, name: str):
    logging.getLogger(name).error("lost %s", "connection")
    (line,) = lines()
    assert (line["event"], line["logger"]) == ("lost connection", name)


@pytest.mark.parametrize(
    "told",
    [
        {"url": "redis://desk:hunter2@redis:6379/0"},
        {"url": "redis://:hunter2@redis:6379/0"},
        {"nested": {"urls": ["redis://desk:hunter2@redis:6379/0"]}},
        {"password": "hunter2"},
        {"Authorization": "Bearer hunter2"},
        {"setting": SecretStr("hunter2")},
    ],
)
def test_no_secret_is_logged(lines, told: dict[str, object]):
    structlog.stdlib.get_logger("x").info("settings", **told)
    logging.getLogger("library").warning("cannot reach redis://desk:hunter2@redis:6379")
    text = json.dumps(lines())
    assert "hunter2" not in text
    assert "redis" in text


def test_nothing_that_is_meant_to_be_read_is_logged_under_a_name_that_is_masked():
    call = re.compile(rf"(log\.\w+|note|failed)\([^()]*\b({'|'.join(server.SECRET_NAMES)})=")
    files = [
        path for part in ("domain", "services", "shared", "wachtpost") for path in (ROOT / part).rglob("*.py")
    ]
    assert len(files) > 100
    assert [path.name for path in files if call.search(path.read_text(encoding="utf-8"))] == []


def test_a_traceback_has_neither_local_variables_nor_the_input_that_pydantic_quotes(lines):
    def fail(caller: str) -> BaseModel:
        return EVENT.validate_python(answered(wait_ms=caller))

    try:
        fail(PHONE)
    except ValueError:
        structlog.stdlib.get_logger("x").exception("failed")
    (line,) = lines()
    assert "Input should be a valid integer" in line["exception"]
    assert "470" not in line["exception"]


async def get(app, path: str = "/") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as client:
        return await client.get(path, headers={"Accept": "text/plain"})


@pytest.mark.parametrize(
    ("said", "status", "word"),
    [
        ([None, None], 200, "ok"),
        ([None, "lease lost"], 503, "failing"),
        ([None, Degraded("an entry was set aside")], 200, "degraded"),
        (["lease lost", Degraded("an entry was set aside")], 503, "failing"),
    ],
)
async def test_health_says_what_each_check_says(said: list[str | None], status: int, word: str):
    seen: list[datetime] = []

    def check(wrong: str | None):
        async def look(now: datetime) -> str | None:
            seen.append(now)
            return wrong

        return look

    checks = {f"check_{n}": check(wrong) for n, wrong in enumerate(said)}
    response = await get(health_route(Health("desk", checks, lambda: NOW)))
    assert response.status_code == status
    told = {f"check_{n}": wrong or "ok" for n, wrong in enumerate(said)}
    assert response.json() == {"status": word, "service": "desk", "checks": told}
    assert seen == [NOW, NOW]


@pytest.mark.parametrize(
    ("end", "reason"), [("returns", "loop ended (without an error)"), ("fails", "loop ended (ValueError)")]
)
async def test_work_that_ends_by_itself_is_a_fault(lines, end: str, reason: str):
    async def loop() -> None:
        if end == "fails":
            raise ValueError(end)

    fault = Fault()
    fault.watch(asyncio.create_task(loop(), name="loop"))
    await asyncio.wait_for(fault.reported(), WITHIN)
    assert await fault.check(NOW) == reason
    fault.report("another")
    assert fault.reason == reason  # the first is the cause


async def test_work_that_is_cancelled_is_no_fault():
    async def loop() -> None:
        await asyncio.Event().wait()

    fault = Fault()
    task = fault.watch(asyncio.create_task(loop(), name="loop"))
    task.cancel()
    await asyncio.wait([task])
    assert fault.reason is None


HANGS = """
import asyncio, threading
from concurrent.futures import ThreadPoolExecutor
from shared.process.server import run_service

async def service():
    for threads in (None, ThreadPoolExecutor()):
        asyncio.get_running_loop().run_in_executor(threads, threading.Event().wait)
    return 7

run_service(service())
"""


def test_no_thread_that_hangs_keeps_a_process_from_ending():
    ended = subprocess.run([sys.executable, "-c", HANGS], timeout=WITHIN, check=False)
    assert ended.returncode == 7


def test_an_orderly_end_is_not_broken_off_by_asking_again():
    ended = server.Server(uvicorn.Config("no:app"))
    for _ in range(2):
        ended.handle_exit(signal.SIGINT, None)
    assert ended.should_exit
    assert not ended.force_exit

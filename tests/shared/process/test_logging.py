"""Logs that tell no secrets."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog
from pydantic import BaseModel, SecretStr

from shared.contract.events import EVENT
from shared.process.logging import SECRET_NAMES, configure_logging
from tests.support.ingest_desk import PHONE, answered
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
    call = re.compile(rf"(log\.\w+|note|failed)\([^()]*\b({'|'.join(SECRET_NAMES)})=")
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

"""The longest wait of answered calls, in a project that has that KPI: ``test_kpi`` runs it in a copy."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from deploy.grafana.every import written
from domain.queue_ref import QueueRef
from services.ingest.auth import sha256
from services.notifier.messages.message import Writer
from shared.config.model import CityFile
from shared.contract.kpis import Kpi
from shared.translation import translator
from tests.support.eventually import eventually
from tests.support.notifications import TEMPLATES
from tests.support.service_process import ServiceProcess, Services
from wachtpost.cli import app
from wachtpost.live.alerts import known_of
from wachtpost.live.board import BoardContext, board
from wachtpost.live.reader import BREACHES
from wachtpost.live.snapshot import Snapshot, read_metrics
from wachtpost.page.app import html_of
from wachtpost.page.view import ServicesLook, page_view

KEY = "wachtpost_" + "k" * 43
API_KEY = "wachtpost_" + "a" * 43
NOW = "2026-03-03T10:00:00+00:00"
TOTAL = QueueRef("huis", "all")
SENTENCE = "answered after up to 2:05"
CITY = f"""
city = {{ name = "Proefstad", language = "en" }}
sites = [{{ id = "huis", name = "Huis", queues = [{{ id = "onthaal", kind = "phone" }}] }}]
targets = [{{ kpi = "call_wait_max", limit = 120, period = "month" }}]
sources = [{{ kind = "http", id = "pbx", site = "huis", key_sha256 = ["{sha256(KEY)}"] }}]
receivers = [{{ id = "balie", channels = [{{ kind = "webhook", url = "http://127.0.0.1:9/" }}] }}]
routes = [{{ receivers = ["balie"] }}]
[[rules]]
id = "longest"
kpi = "call_wait_max"
window = "15m"
min_samples = 1
warn_at = 100
[[rules]]
id = "both"
all = [
  {{ kpi = "call_wait_max", window = "last 4", limit = 60, min_samples = 1 }},
  {{ kpi = "call_wait_mean", window = "1h", limit = 10, min_samples = 1 }},
]
"""


@pytest.fixture
def city_file(tmp_path: Path) -> Path:
    file = tmp_path / "city.toml"
    file.write_text(CITY, encoding="utf-8")
    return file


@pytest.fixture
def services(redis_url: str, tmp_path: Path, city_file: Path) -> Iterator[dict[str, ServiceProcess]]:
    keys = tmp_path / "api_keys"
    keys.write_text(sha256(API_KEY), encoding="utf-8")
    settings = {"city_file": city_file, "redis_url": redis_url, "api_keys_file": keys}
    with Services(tmp_path, clock=f"{NOW}/{NOW}/0", **settings) as services:
        yield {name: services.start(name) for name in ("ingest", "evaluator", "notifier", "reporter")}


def test_a_city_file_may_name_it(city_file: Path) -> None:
    checked = CliRunner().invoke(app, ["config", "check", str(city_file)])
    assert checked.exit_code == 0, checked.output


def test_boards_of_a_city_that_promises_it_show_it() -> None:
    boards = {
        path.as_posix(): text for path, text in written(CityFile.model_validate(tomllib.loads(CITY))).items()
    }
    assert "wachtpost_call_wait_max_seconds" in boards["en/live.json"]
    assert "longest answered" in boards["en/breaches.json"]


def test_services_count_judge_tell_and_report_it(
    services: dict[str, ServiceProcess], redis_url: str, city_file: Path
) -> None:
    call = {"at": "2026-03-03T09:59:58Z", "source": "pbx", "site": "huis", "queue": "onthaal"}
    waits = [
        {**call, "kind": "call.answered", "id": f"e{wait}", "wait_ms": wait} for wait in (20_000, 124_100)
    ]
    answer = httpx.post(
        f"{services['ingest'].url}/v1/events",
        content="\n".join(map(json.dumps, waits)),
        headers={"Authorization": f"Bearer {KEY}"},
    )
    assert answer.status_code == 202, answer.text
    text = services["evaluator"].metrics_with(
        'rule="longest",severity="critical",site="huis",state="firing"} 1.0'
    )
    snapshot = read_metrics(text)
    figure = Kpi("call_wait_max"), TOTAL, "today"
    assert snapshot.values[figure] == 125
    assert figure not in snapshot.ranges  # it is no mean
    assert "wachtpost_indicator_call_wait_max_seconds{" in text
    notifier = httpx.Client(base_url=services["notifier"].url, headers={"Authorization": f"Bearer {API_KEY}"})
    with notifier:
        eventually(lambda: len(BREACHES.validate_json(notifier.get("/v1/breaches").content)) >= 2)
        breaches = BREACHES.validate_json(notifier.get("/v1/breaches").content)
    city = CityFile.model_validate(tomllib.loads(CITY))
    writer, now = Writer(city, TEMPLATES), datetime.fromisoformat(NOW)
    headlines = {breach.rule: writer.headline(breach, now) for breach in breaches}
    assert SENTENCE in headlines["longest"]
    assert SENTENCE in headlines["both"]
    known = known_of(breaches, snapshot, writer, now)
    assert {SENTENCE in one.headline for one in known.values()} == {True}
    assert_shown(snapshot, city, now)
    assert_reported(redis_url, city_file)
    assert all(service.health().status_code == httpx.codes.OK for service in services.values())


def assert_shown(snapshot: Snapshot, city: CityFile, now: datetime) -> None:
    """The terminal and the page show it with its target."""
    say = translator("en")
    console = Console(width=100, no_color=True)
    with console.capture() as capture:
        console.print(board(snapshot, BoardContext(city, now, 1), say))
    assert "Longest answered" in capture.get()
    assert "2:05" in capture.get()
    html = html_of(page_view(ServicesLook(snapshot, {}, True), city, now, say), say)
    assert "Longest answered" in html


def assert_reported(redis_url: str, city_file: Path) -> None:
    """The report of the month has it, for machines and for people."""
    env = {
        "WACHTPOST_REDIS_URL": redis_url,
        "WACHTPOST_CITY_FILE": str(city_file),
        "WACHTPOST_CLOCK": f"{NOW}/{NOW}/0",
    }
    made = CliRunner().invoke(app, ["report", "2026-03", "--format", "json"], env=env)
    assert made.exit_code == 0, made.output
    (site,) = json.loads(made.stdout)["sites"]
    assert [(one["kpi"], one["value"]) for one in site["others"]] == [("call_wait_max", 125)]
    made = CliRunner().invoke(app, ["report", "2026-03"], env=env)
    assert made.exit_code == 0, repr(made.exception)
    assert "Longest wait of answered calls (monthly)" in made.stdout

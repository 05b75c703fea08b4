"""Prometheus with Alertmanager, as Debian ships them: the same calls, an equal rule, the same inbox."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from shared.process.ports import free_port
from tests.bench.exporter import Calls
from tests.support.eventually import eventually
from tests.support.service_process import ROOT

PROGRAMS: Final = ("prometheus", "prometheus-alertmanager")
READY_WITHIN: Final = 30.0
TIMEOUT: Final = 5.0

RULES: Final = """
groups:
  - name: bench
    rules:
      - alert: missed
        expr: >
          increase(calls_missed_total[{window}])
          / (increase(calls_missed_total[{window}]) + increase(calls_answered_total[{window}])) > {limit}
          and increase(calls_missed_total[{window}]) + increase(calls_answered_total[{window}]) >= {samples}
"""

PROMETHEUS: Final = """
global:
  scrape_interval: {timing.interval_s}s
  evaluation_interval: {timing.interval_s}s
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]
scrape_configs:
  - job_name: desk
    static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]
"""

ALERTMANAGER: Final = """
route:
  receiver: inbox
  group_by: [alertname, queue]
  group_wait: {timing.group_wait}
  group_interval: {timing.group_interval}
receivers:
  - name: inbox
    webhook_configs: [{{url: "{webhook}", send_resolved: true}}]
"""


@dataclass(frozen=True)
class Timing:
    """How often who looks, and how long messages are collected."""

    name: str
    interval_s: int
    """From scrape to scrape, and from evaluation to evaluation."""
    group_wait: str
    group_interval: str

    @property
    def path(self) -> str:
        """Where in the inbox their messages go."""
        return f"/{self.name}"

    def __str__(self) -> str:
        return f"{self.interval_s}s/{self.interval_s}s/{self.group_wait}"


SHIPPED: Final = Timing("shipped", 15, "30s", "5m")
"""The packages' own configuration files."""

TUNED: Final = Timing("tuned", 1, "0s", "1s")


@dataclass(frozen=True)
class RuleText:
    """The share of missed calls that is too much, in Prometheus' words."""

    window: str
    limit: float
    samples: int


def missing() -> list[str]:
    """Return which of their programs are not installed."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


class _Answer(BaseModel):
    class Found(BaseModel):
        result: tuple[object, ...]

    data: Found


class Peer:
    """An exporter, the Prometheus that scrapes it, and its Alertmanager; started by ``raised``."""

    def __init__(self, exporter: int, prometheus: int) -> None:
        self._exporter = exporter
        self._prometheus = prometheus

    def write(self, calls: Calls) -> None:
        """Have calls end: they are on the exporter's page when this returns."""
        httpx.post(
            f"http://127.0.0.1:{self._exporter}/calls",
            content=calls.model_dump_json(),
            timeout=TIMEOUT,
            trust_env=False,
        ).raise_for_status()

    def until_scraped(self, queues: Sequence[str], within: float) -> None:
        """Wait until every queue's counters were seen at 0: without that there is no increase."""
        asked = " and ".join(f"calls_{kind}_total == 0" for kind in ("missed", "answered"))
        url = f"http://127.0.0.1:{self._prometheus}/api/v1/query?query={quote(asked)}"

        def seen() -> bool:
            said = httpx.get(url, timeout=TIMEOUT, trust_env=False).raise_for_status()
            return len(_Answer.model_validate_json(said.content).data.result) == len(queues)

        eventually(seen, within=within)


@contextmanager
def raised(
    folder: Path, timing: Timing, rule: RuleText, queues: Sequence[str], webhook: str
) -> Iterator[Peer]:
    """Run all three for the length of a block, with a folder of their own."""
    folder.mkdir()
    exporter, prometheus, alertmanager = free_port(), free_port(), free_port()
    texts = {
        "rules.yml": RULES.format(**vars(rule)),
        "prometheus.yml": PROMETHEUS.format(timing=timing, alertmanager=alertmanager, exporter=exporter),
        "alertmanager.yml": ALERTMANAGER.format(timing=timing, webhook=webhook),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    with ExitStack() as running:
        for program in (
            [sys.executable, "-m", "tests.bench.exporter", str(exporter), *queues],
            [
                "prometheus-alertmanager",
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{alertmanager}",
                "--cluster.listen-address=",
            ],
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{prometheus}",
            ],
        ):
            running.enter_context(_running(program, folder))
        for port, path in ((exporter, "/metrics"), (alertmanager, "/-/ready"), (prometheus, "/-/ready")):
            eventually(lambda url=f"http://127.0.0.1:{port}{path}": _answers(url), within=READY_WITHIN)  # type: ignore[misc]
        yield Peer(exporter, prometheus)


@contextmanager
def _running(command: Sequence[str], folder: Path) -> Iterator[None]:
    with (folder / f"{Path(command[0]).name}.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.kill()
        process.wait(timeout=10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=TIMEOUT, trust_env=False).is_success
    except httpx.TransportError:
        return False

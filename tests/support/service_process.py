"""A service as it really runs: a process of its own, started, told to stop, killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.eventually import WITHIN, eventually

ROOT = Path(__file__).resolve().parents[2]
PSEUDONYM_KEY = ROOT / "tests" / "pseudonym_key"
"""The key that every ingest of the tests has; other services do not read it."""


class ServiceProcess:
    """``python -m MODULE`` on a free port of 127.0.0.1; its log is at ``log``."""

    def __init__(self, module: str, log: Path, **environment: object) -> None:
        self.module = module
        self.log = log
        self._environment = {f"WACHTPOST_{name.upper()}": str(value) for name, value in environment.items()}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; does not wait for anything."""
        self.log.write_bytes(b"")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=ROOT,
                env={
                    **os.environ,
                    "WACHTPOST_PORT": "0",
                    "WACHTPOST_PSEUDONYM_KEY_FILE": str(PSEUDONYM_KEY),
                    **self._environment,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def lines(self) -> list[dict[str, object]]:
        """The log so far, complete JSON lines only."""
        text = self.log.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]

    def logged(self, event: str) -> dict[str, object] | None:
        """Return the first line of that event."""
        return next((line for line in self.lines if line["event"] == event), None)

    def count(self, event: str) -> int:
        """Return how many lines there are of that event."""
        return sum(line["event"] == event for line in self.lines)

    @property
    def url(self) -> str:
        """Where it listens; waits until it does."""
        eventually(lambda: self.logged("listening") or self.exited)
        line = self.logged("listening")
        assert line is not None, f"it ended instead:\n{self.log.read_text(encoding='utf-8')}"
        return f"http://127.0.0.1:{line['port']}"

    @property
    def port(self) -> int:
        """Of its URL."""
        return int(self.url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def exited(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def health(self) -> httpx.Response:
        """Ask for ``/health``."""
        return httpx.get(f"{self.url}/health", timeout=WITHIN)

    def metrics(self) -> str:
        """Ask for ``/metrics``."""
        return httpx.get(f"{self.url}/metrics", timeout=WITHIN).text

    def metrics_with(self, *wanted: str) -> str:
        """Wait until these stand in one answer of ``/metrics``, and return that one: on a busy machine an
        owner may have lost its lease, and have nothing to say, at the next."""

        def answer() -> str:
            text = self.metrics()
            return text if all(one in text for one in wanted) else ""

        return eventually(answer)

    def samples(self, name: str | None = None, **labels: str) -> Iterator[Sample]:
        """Ask for the samples of a metric of ours, or of all, that have these labels."""
        for family in text_string_to_metric_families(self.metrics()):
            for sample in family.samples:
                is_meant = name in {None, sample.name.removeprefix("wachtpost_")}
                if is_meant and labels.items() <= sample.labels.items():
                    yield sample

    def metric(self, name: str, **labels: str) -> float | None:
        """Ask for a metric of ours, summed over its samples with these labels; ``None``: there are none."""
        values = [sample.value for sample in self.samples(name, **labels)]
        return sum(values) if values else None

    def well(self) -> httpx.Response:
        """Wait until it says that all is well; returns that answer."""
        answers: list[httpx.Response] = []

        def is_well() -> bool:
            answers.append(self.health())
            return answers[-1].status_code == httpx.codes.OK

        eventually(is_well)
        return answers[-1]

    def wait(self) -> int:
        """Return the exit status, once it has ended by itself."""
        assert self._process is not None
        return self._process.wait(timeout=WITHIN)

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def hang_up(self) -> None:
        """SIGHUP, once it has begun: before, that ends any process."""
        eventually(lambda: self.logged("config_in_force") or self.exited)
        os.kill(self.pid, signal.SIGHUP)

    def kill(self) -> None:
        """SIGKILL. Ended already: nothing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=WITHIN)
            self._process = None


class Services(list[ServiceProcess]):
    """Services that end with the block; as a rule they have one city file and one Redis."""

    def __init__(self, folder: Path, **environment: object) -> None:
        super().__init__()
        self.folder = folder
        self.environment = environment
        self._made = 0

    def make(self, name: str, **environment: object) -> ServiceProcess:
        """Return ``services.NAME`` with a log of its own; what all are told may be told otherwise."""
        self._made += 1
        log = self.folder / f"{name}-{self._made}.log"
        self.append(ServiceProcess(f"services.{name}", log, **self.environment | environment))
        return self[-1]

    def start(self, name: str, **environment: object) -> ServiceProcess:
        """Start one; waits for nothing."""
        service = self.make(name, **environment)
        service.start()
        return service

    def kill(self, service: ServiceProcess) -> None:
        """kill -9."""
        self.remove(service)
        service.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for service in self:
            service.kill()

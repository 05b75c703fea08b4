"""``wachtpost up`` as its user meets it: own figures on a page, kept on disk, whatever ends when."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.process.ports import PORTS, PortTakenError, stop_at_a_taken_port
from tests.support.eventually import WITHIN, eventually

CITY = """
city = {{ name = "Proefstad", language = "en" }}
targets = [{{ kpi = "missed_ratio", limit = 0.2 }}]
[[sites]]
id = "huis"
queues = [{{ id = "onthaal", kind = "phone", name = "Onthaal" }}, {{ id = "wonen", kind = "phone" }}]
[[sources]]
kind = "queue_log"
id = "pbx"
site = "huis"
path = "{log}"
start = "beginning"
"""
PARTS = 6
"""Ports that it takes, from the page's on."""


def call(number: int, at: datetime, outcome: str) -> str:
    entered, queue = int(at.timestamp()), "onthaal" if number % 2 else "wonen"
    name = f"{entered}.{number}|{queue}"
    end = f"Agent/1|CONNECT|7|{entered}.x|3" if outcome == "CONNECT" else "NONE|ABANDON|1|1|7"
    return f"{entered}|{name}|NONE|ENTERQUEUE||x|1\n{entered + 7}|{name}|{end}\n"


class Up:
    """One city on this machine, started and ended as often as a test likes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "queue_log"
        self.city = folder / "city.toml"
        self.city.write_text(CITY.format(log=self.log), encoding="utf-8")
        self.output = folder / "output"
        self.port = free_ports()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                self._command(*arguments), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        eventually(lambda: "Live page: " in self.said or not self.runs)
        assert self.runs, self.said

    def again(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A second one, while the first may still run."""
        return subprocess.run(
            self._command(*arguments), capture_output=True, text=True, timeout=WITHIN, check=False
        )

    def _command(self, *arguments: str) -> list[str]:
        given = arguments or ("--port", str(self.port))
        return [sys.executable, "-m", "wachtpost", "up", "--city", str(self.city), *given]

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def page(self) -> Any:
        """What the page says; nothing while nobody answers."""
        with suppress(httpx.TransportError):
            answer = httpx.get(f"http://127.0.0.1:{self.port}/figures.json", trust_env=False, timeout=WITHIN)
            return answer.json() if answer.status_code == httpx.codes.OK else None
        return None

    def shows(self, missed: str) -> None:
        """Wait until so many of the last hour's calls were missed."""
        eventually(lambda: (page := self.page()) and beside(page) == missed)

    def counted(self) -> int:
        """Return how many calls of all years are counted."""
        text = httpx.get(f"http://127.0.0.1:{self.port + 2}/metrics", trust_env=False, timeout=WITHIN).text
        labels = 'kpi="missed_ratio",origin="counted",period="[0-9]+",queue="all"'
        found = re.findall(rf"^wachtpost_indicator_samples{{{labels}.*}} (.+)$", text, re.MULTILINE)
        return int(sum(map(float, found)))

    def pids(self) -> dict[str, int]:
        """The processes that work in its folder or by its city file, by what they run.

        Valkey writes its title over its arguments and its environment; its port stands there.
        """
        found = {}
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                command = (entry / "cmdline").read_bytes().split(b"\0")
                environment = (entry / "environ").read_bytes()
                ours = (str(self.folder).encode(), f":{self.port + PARTS - 1}".encode())
                if any(one in words for one in ours for words in (environment, *command)):
                    found[b" ".join(command).decode()] = int(entry.name)
        return {
            next((name for name in NAMES if name in command), command): pid for command, pid in found.items()
        }

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> str:
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(WITHIN) == 0, self.said
        return self.said


def beside(page: Any) -> str:
    """What the site's share of missed calls of an hour rests on."""
    total = page["sites"][0]["tables"][0]["rows"][-1]
    figures = {(one["kpi"], one["window"]): one["beside"] for one in total["figures"]}
    return str(figures["missed_ratio", "1h"]).partition(",")[0]


NAMES = (
    "services.evaluator",
    "services.notifier",
    "wachtpost ingest",
    "wachtpost.page",
    "supervisor",
    "valkey",
)


def free_ports() -> int:
    """The first of as many free ports as it takes."""
    for first in range(PORTS.start + os.getpid() % 5_000, PORTS.stop - PARTS):
        with suppress(PortTakenError):
            for port in range(first, first + PARTS):
                stop_at_a_taken_port(port)
            return first
    raise OSError


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    folder = tmp_path / "mijn stad"  # with a space, as people name folders
    folder.mkdir()
    one = Up(folder)
    yield one
    if one.runs:
        one.stop()


@pytest.fixture
def calls(up: Up) -> None:
    """Nine calls of a month ago, and six of the last hour, each third missed."""
    now = datetime.now(UTC)
    long_ago = [now - timedelta(days=40, minutes=number) for number in range(9)]
    just_now = [now - timedelta(minutes=20 + number) for number in range(6)]
    lines = [
        call(number, at, "ABANDON" if number % 3 == 0 else "CONNECT")
        for number, at in enumerate([*reversed(long_ago), *reversed(just_now)])
    ]
    up.log.write_text("".join(lines), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("calls")
def test_own_figures_stand_on_the_page_and_are_there_again(up: Up) -> None:
    up.start()
    up.shows("2 of 6")
    eventually(lambda: up.counted() == 15)  # with those of a month ago
    page = up.page()
    assert page["stale"] == ""
    assert [(source["id"], source["heard"] is None) for source in page["sources"]] == [("pbx", False)]
    html = httpx.get(f"http://127.0.0.1:{up.port}/", trust_env=False)
    assert "2 of 6" in html.text
    assert "default-src 'none'" in html.headers["content-security-policy"]
    for line in re.findall(r'(?:href|src)="([^"]+)"', html.text):
        asset = httpx.get(f"http://127.0.0.1:{up.port}{line}", trust_env=False)
        assert (line, asset.status_code) == (line, 200)
    with up.log.open("a", encoding="utf-8") as log:
        log.write(call(99, datetime.now(UTC) - timedelta(seconds=10), "CONNECT"))
    up.shows("2 of 7")
    second = up.again()
    assert (second.returncode, f"http://127.0.0.1:{up.port}/" in second.stderr) == (1, True), second
    assert "Traceback" not in second.stdout + second.stderr
    assert up.stop().endswith("Stopped; nothing is left running.\n")
    assert up.pids() == {}
    up.start()
    up.shows("2 of 7")
    commands = f". '{up.folder}/city.data/env' && {sys.executable} -m wachtpost breaches"
    told = subprocess.run(["sh", "-c", commands], capture_output=True, text=True, timeout=WITHIN, check=True)
    assert told.stdout == "No breaches.\n"
    assert [file.stat().st_mode & 0o077 for file in (up.folder / "city.data").glob("*_key")] == [0, 0, 0]


@pytest.mark.slow
@pytest.mark.usefixtures("calls")
def test_what_dies_is_there_again_and_what_is_killed_leaves_nothing_but_its_data(up: Up) -> None:
    up.start()
    up.shows("2 of 6")
    before = up.pids()
    assert set(NAMES) <= set(before)
    os.kill(before["services.evaluator"], signal.SIGSTOP)
    eventually(lambda: "has not answered since" in up.page()["stale"])  # which takes ten seconds
    os.kill(before["services.evaluator"], signal.SIGKILL)
    eventually(lambda: up.page()["stale"] == "")
    assert "evaluator ended with status -9. It is started again" in up.said
    up.shows("2 of 6")
    os.kill(before["valkey"], signal.SIGKILL)
    eventually(lambda: up.pids().get("valkey", before["valkey"]) != before["valkey"])
    with up.log.open("a", encoding="utf-8") as log:
        log.write(call(99, datetime.now(UTC) - timedelta(seconds=10), "CONNECT"))
    up.shows("2 of 7")
    os.kill(up.pids()["supervisor"], signal.SIGKILL)
    up.kill()
    eventually(lambda: not set(up.pids()) - {"valkey"})
    left = up.pids()
    up.start()
    assert up.pids()["valkey"] == left.get("valkey", up.pids()["valkey"])  # unless the command got to end it
    up.shows("2 of 7")
    up.stop()
    assert up.pids() == {}


def test_what_stands_in_the_way_is_said_in_a_sentence(up: Up, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", up.port))
        other.listen()
        refused = up.again()
        assert refused.returncode == 1
        assert f"Port {up.port}, for page, is taken" in refused.stderr
    refused = up.again("--host", "192.0.2.1")  # of documents, and of no machine
    assert refused.returncode == 1
    assert "Look at --port and --host" in refused.stderr
    (tmp_path / "file").touch()
    refused = up.again("--data", str(tmp_path / "file" / "data"))
    assert (refused.returncode, "--data" in refused.stderr) == (1, True)
    up.city.unlink()
    refused = up.again()
    assert (refused.returncode, str(up.city) in refused.stderr) == (2, True)

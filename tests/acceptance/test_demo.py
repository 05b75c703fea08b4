"""``wachtpost demo`` as its user meets it: a command that shows a board and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from shared.config.model import CityFile
from shared.contract.events import encode
from simulator import simulate
from tests.support.eventually import WITHIN, eventually

ROOT = Path(__file__).resolve().parents[2]
CITY = """
city = { name = "Proefstad", language = "nl" }
targets = [{ kpi = "missed_ratio", limit = 0.2 }, { kpi = "call_wait_mean", limit = 45 }]
[[sites]]
id = "huis"
name = "Huis"
queues = [
  { id = "onthaal", kind = "phone", name = "Onthaal" },
  { id = "loket", kind = "counter", name = "Loket" },
]
"""

LINK = r"http://127\.0\.0\.1:\d+/acknowledge\?token=\S+"


class Demo:
    """One run of the command. Everything it starts carries a mark of its own in its environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "output"
        self._mark = f"WACHTPOST_TEST_MARK={uuid4()}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: object, **environment: str) -> None:
        name, _, mark = self._mark.partition("=")
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "wachtpost", "demo", *map(str, arguments)],
                cwd=ROOT,
                env={**os.environ, "TMPDIR": str(self.folder), name: mark, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def runs(self) -> None:
        """Wait until calls are counted."""
        self.says(r"beantwoord [1-9]")

    def says(self, pattern: str) -> str:
        """Wait until the output has it; returns its first group, or else all of it."""
        eventually(lambda: re.search(pattern, self.said) or not self._lives)
        found = re.search(pattern, self.said)
        assert found, self.said
        return found[found.re.groups and 1]

    @property
    def _lives(self) -> bool:
        return self.process.poll() is None

    def exit_status(self) -> int:
        return self.process.wait(WITHIN)

    def alive(self) -> dict[int, str]:
        """The processes of this run that live, with their command line."""
        processes = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
        commands = {int(entry.name): _command_line(entry) for entry in processes if self._is_ours(entry)}
        return {pid: command for pid, command in commands.items() if command}

    def _is_ours(self, process: Path) -> bool:
        """By its mark; Valkey writes its title over its environment, but works in the folder."""
        try:
            marked = self._mark.encode() in (process / "environ").read_bytes().split(b"\0")
            return marked or str((process / "cwd").readlink()).startswith(str(self.folder))
        except OSError:
            return False  # ended this moment, or somebody else's

    def left_behind(self) -> list[object]:
        return [*self.alive().values(), *self.folder.glob("wachtpost-demo-*")]

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    one = Demo(tmp_path)
    yield one
    one.end()


def total(board: str, today: str) -> tuple[int, int]:
    """Answered and missed today, as the last board says."""
    rows = re.findall(rf"^{today}: ([\d.,]+) \w+, ([\d.,]+) \w+\.$", board, re.MULTILINE)
    answered, missed = (int(re.sub(r"[.,]", "", number)) for number in rows[-1])
    return answered, missed


@pytest.mark.slow
def test_a_busy_spell_is_told_taken_on_by_the_link_and_ctrl_c_stops_everything(demo: Demo) -> None:
    demo.start("--speed", "30")  # slow enough that the spell is not over before a busy machine is ready
    url = demo.says(rf"bericht aan Balieverantwoordelijke: Alle telefoonlijnen: .*\n +({LINK})")
    assert len(demo.alive()) == 6  # demo, keeper, Valkey, ingest, evaluator, notifier
    with httpx.Client(trust_env=False, timeout=WITHIN) as client:
        assert "<form" in client.get(url).text  # nothing has happened yet: it asks
        client.post(url.partition("?")[0], data={"token": parse_qs(urlsplit(url).query)["token"][0]})
        eventually(lambda: "<form" not in client.get(url).text)
    demo.process.send_signal(signal.SIGINT)
    assert demo.exit_status() == 0, demo.said
    answered, missed = total(demo.said, "Vandaag")
    assert answered > 20
    assert missed > 0
    assert len(re.findall(r"(\w+) klaar: http://127\.0\.0\.1:\d+/metrics", demo.said)) == 3
    for row in ("Telefoon", "Onthaal", "Loket Burgerzaken", "Afspraken", "doel ≤ 0:45", "doel ≤ 20 %"):
        assert row in demo.said
    board, _, sent = demo.said.rpartition("── bericht ")
    assert re.search(r"^overschreden, opgepakt +Alle telefoonlijnen: ", board, re.MULTILINE), board
    assert re.search(r"^Onderwerp: \w.+\n", sent, re.MULTILINE)
    assert re.search(r"^Ernst: \w+\nSinds: ", sent, re.MULTILINE)
    assert "\x1b" not in demo.said
    assert "geweigerd" not in demo.said
    assert demo.left_behind() == []


@pytest.mark.slow
def test_sigterm_while_it_is_still_starting(demo: Demo) -> None:
    demo.start()
    eventually(lambda: "evaluator" in demo.said)
    demo.process.send_signal(signal.SIGTERM)
    assert demo.exit_status() == 0, demo.said
    assert demo.left_behind() == []


@pytest.mark.slow
def test_even_kill_9_leaves_nothing_behind(demo: Demo) -> None:
    demo.start()
    demo.runs()
    demo.process.kill()
    demo.process.wait()
    eventually(lambda: not demo.left_behind())


def test_a_service_that_does_not_start_is_explained_by_its_log(demo: Demo) -> None:
    demo.start(WACHTPOST_LOG_LEVEL="no-such-level")
    assert demo.exit_status() == 1
    assert "is gestopt met status" in demo.said
    assert "WACHTPOST_LOG_LEVEL" in demo.said
    assert demo.left_behind() == []


def queue_log(calls: int) -> str:
    """Calls half a minute apart, each third given up; a number to be dropped, a queue with a space."""
    lines = []
    for number in range(calls):
        at = 1_710_223_067 + 30 * number
        call = f"{at}.{number}|{'Burger zaken' if number % 2 else 'onthaal'}"
        lines.append(f"{at}|{call}|NONE|ENTERQUEUE||+32400000000|1")
        outcome = "NONE|ABANDON|1|1|7" if number % 3 == 0 else f"Agent/1|CONNECT|7|{at}.x|3"
        lines.append(f"{at + 7}|{call}|{outcome}")
    return "\n".join([*lines, ""])


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A city in which it is about one in the morning: a fast replay is over before midnight there."""
    behind = (datetime.now(UTC).hour + 11) % 24 - 12  # of its clock, in hours
    file = tmp_path / "city.toml"
    zone = f'language = "en", time_zone = "Etc/GMT{behind:+d}"'
    file.write_text(CITY.replace('language = "en"', zone), encoding="utf-8")
    return file


@pytest.mark.slow
def test_a_queue_log_replayed_to_its_end_is_counted_exactly(demo: Demo, city: Path, tmp_path: Path) -> None:
    log = tmp_path / "recorded"
    log.write_text(queue_log(calls=30), encoding="utf-8")
    before = datetime.now(UTC)
    demo.start("--replay", log, "--city", city, "--lang", "en", "--speed", "1200")
    assert demo.exit_status() == 0, demo.said
    shown = demo.says(r", shifted to (\w+ \d+ \w+ \d{4} \d\d:\d\d:\d\d), 1,200×")
    zone = CityFile.model_validate(tomllib.loads(city.read_text(encoding="utf-8"))).city.zone
    shifted_to = datetime.strptime(shown, "%a %d %b %Y %H:%M:%S").replace(tzinfo=zone)
    assert before - timedelta(seconds=1) <= shifted_to <= datetime.now(UTC)
    assert "The day is over." in demo.said
    assert total(demo.said, "Today") == (20, 10)
    assert re.search(r"^burger-?_?zaken ", demo.said, re.MULTILINE | re.IGNORECASE), demo.said
    assert "32400000000" not in demo.said
    assert demo.left_behind() == []


@pytest.mark.slow
def test_replayed_events_are_counted_exactly_and_the_demo_ends_when_its_time_is_up(
    demo: Demo, city: Path, tmp_path: Path
) -> None:
    recorded = tmp_path / "events.ndjson"
    start = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
    day = simulate(CityFile.model_validate(tomllib.loads(CITY)), date(2026, 3, 3), seed=5, volume=10)
    events = [event for event in day if start <= event.at < start + timedelta(minutes=20)]
    recorded.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    demo.start("--replay", recorded, "--city", city, "--lang", "en", "--speed", "1200", "--for", "3s")
    assert demo.exit_status() == 0, demo.said
    answered = sum(event.kind == "call.answered" for event in events)
    missed = sum(
        event.kind == "call.missed" and event.outcome in {"abandoned", "timed_out", "no_agents"}
        for event in events
    )
    assert total(demo.said, "Today") == (answered, missed)
    assert answered > 10
    assert f"{len(events)} facts processed" in demo.said

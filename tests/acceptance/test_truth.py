"""The whole way with real logs, live and offline: every figure equals the truth."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.eventually import eventually
from tests.support.service_process import ROOT, ServiceProcess, Services
from wachtpost.cli import app

DATA = ROOT.parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded logs are not on this machine")

OUTCOMES = {
    "ABANDONED": "abandoned",
    "TIMEOUT": "timed_out",
    "EXITEMPTY": "no_agents",
    "EXITKEY": "left_by_key",
    "WITHDRAW": "left_by_key",
}
REFUSED = {"JOINEMPTY", "FULL"}
"""Never entered the queue; Asterisk writes no line for them."""


@dataclass
class Told:
    """What one queue did. Waits in whole seconds, as logged."""

    answered: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    wait_sum_s: int = 0
    within: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, waits: list[int], outcomes: Mapping[str, int]) -> Told:
        within = Counter({bound: sum(wait <= bound for wait in waits) for bound in (20, 45, 60)})
        return cls(len(waits), Counter(outcomes), sum(waits), within)


@dataclass(frozen=True)
class Log:
    """A recorded log with its truth per queue, and evenings on which its lines so far were there."""

    path: Path
    truth: Mapping[str, Told]
    evenings: tuple[datetime, ...]

    def until(self, evening: datetime) -> bytes:
        """The lines that the PBX had written by then."""
        lines = self.path.read_bytes().splitlines(keepends=True)
        return b"".join(line for line in lines if float(line.split(b"|")[0]) <= evening.timestamp())


def bank_day() -> Log:
    truth = json.loads((DATA / "bank-day" / "truth.json").read_text())
    told = {
        queue: Told(
            figures["answered"],
            Counter(figures["outcomes"]),
            figures["wait_sum_s"],
            Counter({int(bound): count for bound, count in figures["answered_within"].items()}),
        )
        for queue, figures in truth["queues"].items()
    }
    # The day's last call is of the next day: too late for what was remembered of the first morning.
    evenings = (datetime(2024, 3, 12, 23, tzinfo=UTC), datetime(2024, 3, 13, 12, tzinfo=UTC))
    return Log(DATA / "bank-day" / "queue_log", told, evenings)


def asterisk(run: str) -> Log:
    folder = DATA / "asterisk" / run
    with (folder / "truth-visits.csv").open(encoding="utf-8") as file:
        visits = [row for row in csv.DictReader(file) if row["outcome"] not in REFUSED]
    told = {}
    for queue in {row["queue"] for row in visits}:
        here = [row for row in visits if row["queue"] == queue]
        waits = [int(row["wait_s_asterisk"]) for row in here if row["outcome"] == "ANSWERED"]
        lost = Counter(OUTCOMES[row["outcome"]] for row in here if row["outcome"] != "ANSWERED")
        told[queue] = Told.of(waits, lost)
    return Log(folder / "log" / "queue_log", told, (datetime(2026, 11, 23, 6, 30, tzinfo=UTC),))


LOGS = {
    "bank-day": bank_day,
    "run-a": lambda: asterisk("run-a"),
    "run-light-a": lambda: asterisk("run-light-a"),
}


@pytest.fixture(params=LOGS)
def log(request: pytest.FixtureRequest) -> Log:
    return LOGS[request.param]()


def analyse(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["analyse", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


@needs_data
def test_offline_figures_of_the_bank_day_equal_every_published_figure() -> None:
    truth = json.loads((DATA / "bank-day" / "truth.json").read_text())
    ours = json.loads(analyse("--json", DATA / "bank-day" / "queue_log"))
    for whole, told in (("total", [truth["total"]]), ("queues", truth["queues"].values())):
        mine = [ours["total"]] if whole == "total" else [ours["queues"][queue] for queue in truth["queues"]]
        for here, there in zip(mine, told, strict=True):
            same = {name: value for name, value in there.items() if name in here}
            assert {name: here[name] for name in same} == same
            assert set(there) - set(here) == {"missed_without_short_abandons"}
    assert ours["queues"].keys() == truth["queues"].keys()
    assert sum(day["answered"] for day in ours["days"].values()) == truth["total"]["answered"]


@needs_data
def test_short_abandons_are_left_out_as_a_definition_says(tmp_path: Path) -> None:
    truth = json.loads((DATA / "bank-day" / "truth.json").read_text())
    definitions = "\n".join(
        f'[[missed_definitions]]\nid = "under-{bound}"\noutcomes = ["abandoned"]\nshort_abandon = "{bound}s"'
        for bound in (5, 10, 20)
    )
    city = city_text(truth["queues"], live=definitions + '\n[live]\nmissed_definition = "under-5"')
    (tmp_path / "city.toml").write_text(city)
    queue_log = DATA / "bank-day" / "queue_log"
    ours = json.loads(analyse("--json", "--city", tmp_path / "city.toml", queue_log))
    for bound in (5, 10, 20):
        told = truth["total"]["missed_without_short_abandons"][f"<{bound}s"]
        assert ours["total"]["definitions"][f"under-{bound}"]["missed"] == told


@needs_data
def test_offline_figures_of_a_real_asterisk_equal_its_truth(log: Log) -> None:
    ours = json.loads(analyse("--json", log.path))
    assert ours["queues"].keys() == log.truth.keys()
    for queue, told in log.truth.items():
        figures = ours["queues"][queue]
        within = Counter({int(bound): count for bound, count in figures["answered_within"].items()})
        outcomes = Counter(figures["outcomes"])
        mine = Told(figures["answered"], outcomes, figures["wait_sum_s"], within)
        assert mine == told
        assert figures["offered"] == told.answered + told.outcomes.total()


@needs_data
def test_the_live_way_equals_the_truth(log: Log, redis_url: str, tmp_path: Path) -> None:
    city_file, queue_log = tmp_path / "city.toml", tmp_path / "queue_log"
    source = f'[[sources]]\nkind = "queue_log"\nid = "pbx"\nsite = "site"\npath = "{queue_log}"'
    city_file.write_text(city_text(log.truth, live=source))
    for evening in log.evenings:
        with queue_log.open("ab") as file:  # both services are down while the PBX writes on
            file.write(log.until(evening)[file.tell() :])
        clock = f"{evening.isoformat()}/{evening.isoformat()}/0"
        with Services(tmp_path, city_file=city_file, redis_url=redis_url, clock=clock) as services:
            ingest, evaluator = services.start("ingest"), services.start("evaluator")
            events = offline_events(queue_log)
            eventually(lambda: (evaluator.metric("events_read_total") or 0) >= events)  # noqa: B023
            assert evaluator.metric("dead_letters_total") == 0
            assert evaluator.metric("duplicates_total") == 0
            told = live(evaluator)
            ingest.well()
            evaluator.well()
    assert told == dict(log.truth)


def offline_events(queue_log: Path) -> int:
    """How many lines are events, by the offline reading of the same file."""
    return int(json.loads(analyse("--json", queue_log))["events"])


def city_text(queues: Mapping[str, object], live: str = "") -> str:
    """A city whose one site has the log's queues, open day and night."""
    names = ", ".join(f'{{ id = "{queue}", kind = "phone" }}' for queue in queues)
    return f'[city]\nname = "Test"\n\n[[sites]]\nid = "site"\nqueues = [{names}]\n\n{live}\n'


def live(evaluator: ServiceProcess) -> dict[str, Told]:
    """What the evaluator's metrics say of each queue."""
    told: dict[str, Told] = {}
    for sample in evaluator.samples():
        name, labels, value = sample.name, sample.labels, sample.value
        if not name.startswith("wachtpost_call") or "queue" not in labels:
            continue
        here = told.setdefault(labels["queue"], Told())
        match name:
            case "wachtpost_calls_answered":
                here.answered = int(value)
            case "wachtpost_calls_missed":
                here.outcomes[labels["outcome"]] = int(value)
            case "wachtpost_calls_by_wait_seconds_gsum":
                assert value == int(value)
                here.wait_sum_s = int(value)
            case "wachtpost_calls_by_wait_seconds_bucket" if labels["le"] in {"20.0", "45.0", "60.0"}:
                here.within[int(float(labels["le"]))] = int(value)
    return {queue: here for queue, here in told.items() if queue != "all"}

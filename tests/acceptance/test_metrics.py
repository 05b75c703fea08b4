"""What both services export: clean for Prometheus, complete from the start, and documented."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from services.ingest.auth import sha256
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.events import Outcome
from shared.contract.kpis import Kpi
from tests.docs.kpi_page import metrics_of
from tests.support.eventually import WITHIN, eventually
from tests.support.service_process import ROOT, ServiceProcess, Services

KEY = "wachtpost_" + "m" * 43
CITY = f"""
[city]
name = "Test"
language = "en"

[hours.sunday]
sunday = ["10:00-12:00"]

[live]
min_samples = 2

[[sites]]
id = "site"
queues = [
    {{ id = "phone", kind = "phone", name = "Front desk" }},
    {{ id = "desk", kind = "counter" }},
    {{ id = "shut", kind = "phone", hours = "sunday" }},
]

[[targets]]
kpi = "missed_ratio"
limit = 0.2
period = "year"

[[targets]]
kpi = "missed_ratio"
limit = 0.25
period = "month"

[[rules]]
id = "missed"
kpi = "missed_ratio"
clear_at = 0.15

[[rules]]
id = "each"
kpi = "call_wait_mean"
queue = "*"
limit = 60

[[receivers]]
id = "team"
channels = [{{ kind = "webhook", url = "http://127.0.0.1:9/" }}]

[[sources]]
kind = "http"
id = "pbx"
site = "site"
key_sha256 = ["{sha256(KEY)}"]

[history]
files = ["history.toml"]
"""
HISTORY = """
city = "Test"
[[figures]]
kpi = "missed_ratio"
period = "2022"
value = 0.1156

[[breaks]]
period = "2021"
what = "software"
text = 'Another "exchange", with a back\\slash'
"""
QUEUE_OF_NOBODY = """
[[figures]]
kpi = "missed_ratio"
period = "2023"
value = 0.1
queue = "nobody"
"""
NOW = "2026-03-03T10:00:00+00:00"


@pytest.fixture
def services(redis_url: str, tmp_path: Path) -> Iterator[dict[str, ServiceProcess]]:
    (tmp_path / "city.toml").write_text(CITY)
    (tmp_path / "history.toml").write_text(HISTORY)
    clock = f"{NOW}/{NOW}/0"
    with Services(tmp_path, city_file=tmp_path / "city.toml", redis_url=redis_url, clock=clock) as services:
        yield {name: services.start(name) for name in ("ingest", "evaluator", "notifier", "reporter")}


def names(text: str) -> set[str]:
    """What is exported; of a gauge histogram the text tells count and sum apart."""
    return {re.sub("_g(count|sum)$", "", family.name) for family in text_string_to_metric_families(text)}


def value(text: str, name: str, /, **labels: str) -> float | None:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == f"wachtpost_{name}" and labels.items() <= sample.labels.items():
                return sample.value
    return None


def post(service: ServiceProcess, *events: dict[str, object]) -> None:
    common = {"at": "2026-03-03T09:59:58Z", "source": "pbx", "site": "site"}
    lines = [json.dumps({"id": f"e{n}", **common, **event}) for n, event in enumerate(events)]
    answer = httpx.post(
        f"{service.url}/v1/events", content="\n".join(lines), headers={"Authorization": f"Bearer {KEY}"}
    )
    assert answer.status_code == 202, answer.text
    assert answer.json()["refused"] == []


def feed(service: ServiceProcess) -> None:
    call: dict[str, object] = {"queue": "phone"}
    visit: dict[str, object] = {"queue": "desk"}
    booked: dict[str, object] = {"appointment_at": "2026-03-03T09:58:58Z"}
    appointments: list[dict[str, object]] = [booked, booked, {}, {}]
    post(
        service,
        {**call, "kind": "call.queued", "contact": "a"},
        {**call, "kind": "call.answered", "wait_ms": 20_000},
        {**call, "kind": "call.answered", "wait_ms": 40_000},
        {**call, "kind": "call.missed", "outcome": "abandoned", "wait_ms": 9_000},
        {**visit, "kind": "visit.arrived", "contact": "v"},
        *(
            {
                **visit,
                "kind": "visit.called",
                "arrived_at": "2026-03-03T09:50:00Z",
                **appointment,
            }
            for appointment in appointments
        ),
        *(
            {**visit, "kind": "appointment.booked", "booked_at": NOW, "starts_at": "2026-03-06T10:00:00Z"}
            for _ in range(2)
        ),
        {**visit, "kind": "appointment.offer", "first_free_at": "2026-03-10T10:00:00Z"},
        {**visit, "kind": "staff.changed", "available": 3},
    )


def _stands(text: str, queue: str) -> set[str]:
    """The states that the rule ``each`` is in at a queue."""
    return {
        sample.labels["state"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "wachtpost_kpi_state" and sample.value == 1
        if (sample.labels["rule"], sample.labels["queue"]) == ("each", queue)
    }


def test_metrics_are_right_clean_and_all_documented(services: dict[str, ServiceProcess]) -> None:
    feed(services["ingest"])
    evaluator = services["evaluator"]
    text = evaluator.metrics_with('events_read_total{partition="0"} 13.0')
    at = {"site": "site", "window": "15m"}
    for queue in ("phone", "all"):
        assert value(text, "missed_ratio", queue=queue, **at) == pytest.approx(1 / 3)
        assert value(text, "call_wait_mean_seconds", queue=queue, **at) == 30
        assert value(text, "service_level_ratio", queue=queue, **at) == pytest.approx(1 / 3)
        assert value(text, "speed_category_ratio", queue=queue, category="20-45", **at) == 0.5
    assert value(text, "visit_wait_mean_seconds", queue="desk", **at) == 60
    assert value(text, "walk_in_wait_mean_seconds", queue="desk", **at) == 598
    assert value(text, "lead_time_mean_workdays", queue="desk", **at) == 3
    assert value(text, "first_free_appointment_workdays", queue="desk") == 5
    assert value(text, "staff", queue="desk", state="available") == 3
    assert value(text, "calls_waiting", queue="phone") == value(text, "visits_waiting", queue="desk") == 1
    assert value(text, "longest_wait_seconds", queue="phone") == 2
    assert value(text, "kpi_target", kpi="missed_ratio", queue="all") == 0.2
    assert text.count('wachtpost_kpi_target{kpi="missed_ratio",queue="all"') == 1, "two targets, one series"
    rule = {"rule": "missed", "measure": "missed_ratio", "queue": "all", "severity": "critical"}
    assert value(text, "kpi_breached", **rule) == value(text, "kpi_state", **rule, state="firing") == 1
    opened = value(text, "kpi_state_since_timestamp_seconds", **rule)
    assert opened == datetime.fromisoformat(NOW).timestamp()
    assert value(text, "kpi_reading", **rule) == pytest.approx(1 / 3)
    assert value(text, "kpi_limit", **rule) == 0.2
    shown = evaluator.metrics_with(
        'queue="shut",rule="each",severity="critical",site="site",state="closed"} 1.0'
    )
    assert (_stands(shown, "shut"), _stands(shown, "phone")) == ({"closed"}, {"ok"})
    for queue, kind, is_open in (("shut", "phone", 0), ("phone", "phone", 1), ("all", "phone", 1)):
        assert value(text, "queue_open", queue=queue, kind=kind) == is_open
    sunday = datetime.fromisoformat("2026-03-08T10:00+01:00").timestamp()
    assert value(text, "queue_next_change_timestamp_seconds", queue="shut", kind="phone") == sunday
    assert 'next_change_timestamp_seconds{kind="phone",queue="phone"' not in text, "it never shuts"
    for queue, kind, called in (
        ("phone", "phone", "Front desk"),
        ("desk", "counter", "desk"),
        ("all", "site", "site"),
        ("pbx", "source", "pbx"),
    ):
        assert value(text, "queue_info", queue=queue, kind=kind, name=called) == 1
    assert value(text, "last_event_timestamp_seconds", source="pbx") == 1772531998
    for period in ("2026", "2026-03"):
        at = {"site": "site", "queue": "all", "period": period, "origin": "counted"}
        assert value(text, "indicator_missed_ratio", **at) == pytest.approx(1 / 3)
        assert value(text, "indicator_samples", kpi="lead_time_mean", **at) == 2
        assert value(text, "indicator_period", period=period, state="running") == 1
    assert value(text, "indicator_missed_ratio", period="2022", origin="reported") == 0.1156
    assert value(text, "indicator_target", kpi="missed_ratio", period="year") == 0.2
    assert value(text, "indicator_break", text='Another "exchange", with a back\\slash') == 1
    eventually(lambda: value(evaluator.metrics(), "error_budget_contacts", period="year") == -1)
    notifier = services["notifier"]
    told = notifier.metrics_with("wachtpost_breach_opened_timestamp_seconds{")
    assert value(told, "breach_opened_timestamp_seconds", **rule) == opened
    assert value(told, "breach_acknowledged_timestamp_seconds", **rule) is None
    texts = [text, *(services[name].metrics() for name in ("ingest", "notifier", "reporter"))]
    assert names("\n".join(texts)) == documented()
    for exported in texts:
        check_with_promtool(exported)


def test_every_series_is_there_before_the_first_event(services: dict[str, ServiceProcess]) -> None:
    evaluator = services["evaluator"]
    text = evaluator.metrics_with('lease_owner{partition="0"} 1.0')
    assert value(text, "calls_answered", queue="phone") == 0
    for outcome in Outcome:
        assert value(text, "calls_missed", queue="phone", outcome=outcome) == 0
    for ended in ("appointment", "walk_in", "early", "left", "no_show"):
        assert value(text, "visits", queue="desk", ended=ended) == 0
    for what in ("visits_unfinished", "visits_served", "appointments_moved", "appointments_cancelled"):
        assert value(text, what, queue="desk") == 0
    assert value(text, "repeated_outcomes", site="site", source="pbx") == 0
    for reason in DeadLetterReason:
        assert value(text, "dead_letters_total", reason=reason) == 0
        assert value(services["ingest"].metrics(), "dead_letters_total", reason=reason) == 0
    assert value(text, "kpi_samples", kpi="missed_ratio", queue="phone", window="1h") == 0
    assert value(text, "missed_ratio", queue="phone", window="1h") is None, "no reading is not zero"
    assert value(text, "last_event_timestamp_seconds", source="pbx") == 0


def test_a_figure_on_too_few_contacts_is_shown_as_its_sample_size_only(
    services: dict[str, ServiceProcess],
) -> None:
    post(services["ingest"], {"queue": "phone", "kind": "call.answered", "wait_ms": 1})
    evaluator = services["evaluator"]
    text = evaluator.metrics_with('events_read_total{partition="0"} 1.0')
    assert value(text, "kpi_samples", kpi="call_wait_mean", queue="phone", window="15m") == 1
    assert value(text, "call_wait_mean_seconds", queue="phone", window="15m") is None


def test_a_total_counts_callers_and_a_queue_its_entries(services: dict[str, ServiceProcess]) -> None:
    """One caller times out and is helped when he comes back, another is helped at once."""
    at = [f"2026-03-03T09:5{minute}:00Z" for minute in range(5)]
    call: dict[str, object] = {"queue": "phone", "contact": "1772531640.7"}
    post(
        services["ingest"],
        {**call, "kind": "call.queued", "at": at[0]},
        {**call, "kind": "call.missed", "outcome": "timed_out", "wait_ms": 60_000, "at": at[1]},
        {**call, "kind": "call.queued", "at": at[1]},
        {**call, "kind": "call.answered", "wait_ms": 120_000, "at": at[3]},
        {"queue": "phone", "kind": "call.answered", "wait_ms": 20_000, "at": at[4]},
    )
    evaluator = services["evaluator"]
    text = evaluator.metrics_with('events_read_total{partition="0"} 5.0')
    for queue, missed, wait_s in (("phone", 1 / 3, 70.0), ("all", 0.0, 100.0)):
        for figures, period in (("", {"window": "15m"}), ("indicator_", {"period": "2026-03"})):
            labels = {"queue": queue, **period}
            assert value(text, f"{figures}missed_ratio", **labels) == pytest.approx(missed)
            assert value(text, f"{figures}call_wait_mean_seconds", **labels) == wait_s


@pytest.mark.parametrize(
    ("story", "text", "event"),
    [
        ("not there", None, "history_file_unreadable"),
        ("no figure", "[[figures]]", "history_file_wrong"),
        ("another city's", HISTORY.replace("Test", "Mol"), "history_file_wrong"),
        ("a queue that the city does not have", HISTORY + QUEUE_OF_NOBODY, "history_file_wrong"),
    ],
)
def test_a_history_file_that_is_wrong_is_said_at_the_start(
    tmp_path: Path, story: str, text: str | None, event: str
) -> None:
    (tmp_path / "city.toml").write_text(CITY)
    if text is not None:
        (tmp_path / "history.toml").write_text(text)
    with Services(tmp_path, city_file=tmp_path / "city.toml") as services:
        evaluator = services.start("evaluator", redis_url="redis://127.0.0.1:9")
        assert evaluator.wait() == os.EX_CONFIG, story
    line = evaluator.logged(event)
    assert line is not None, evaluator.lines
    assert "history.toml" in str(line)


def check_with_promtool(text: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (apt install prometheus): names and values were compared")
    checked = subprocess.run(
        [promtool, "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def documented() -> set[str]:
    """The metrics that ``docs`` list, without the suffix that a sample carries."""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `((?:wachtpost|process)_\w+)`", text, re.MULTILINE)
    listed += [metric for kpi in Kpi for metric in metrics_of(kpi)]
    assert len(listed) == len(set(listed))
    return {name.removesuffix("_total") for name in listed}

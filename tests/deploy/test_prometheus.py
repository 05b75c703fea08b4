"""What Prometheus and Alertmanager are given: valid, tested, explained, and about figures that exist.

The alarms themselves are tested by promtool, in ``deploy/prometheus/tests``; here is the rest.
"""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml  # type: ignore[import-untyped]  # ships no types
from pydantic import BaseModel, Field

from shared.process.ports import free_port
from tests.deploy.grafana.rules import rated_amiss
from tests.support.eventually import WITHIN, eventually
from tests.support.redis_servers import DebianRedis

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
ALERTMANAGER = DEPLOY / "alertmanager" / "alertmanager.yml"
ALARMS_PAGE = DEPLOY / "alarms.md"
METRICS = DEPLOY.parent / "docs" / "metrics.md"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TEST_FILES = sorted((PROMETHEUS / "tests").glob("*.yml"))
PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-redis-exporter": "prometheus-redis-exporter",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "redis-server": "redis-server",
}

EXPORTED: Mapping[str, frozenset[str]] = {
    "redis": frozenset(
        {
            "redis_aof_enabled",
            "redis_aof_last_bgrewrite_status",
            "redis_aof_last_write_status",
            "redis_errors_total",
            "redis_evicted_keys_total",
            "redis_memory_max_bytes",
            "redis_memory_used_bytes",
            "redis_rdb_last_bgsave_status",
            "redis_rejected_connections_total",
            "redis_up",
        }
    ),
    "node": frozenset(
        {
            "node_filesystem_avail_bytes",
            "node_filesystem_size_bytes",
            "node_timex_maxerror_seconds",
            "node_timex_offset_seconds",
            "node_timex_sync_status",
        }
    ),
    "prometheus": frozenset(
        {
            "prometheus_config_last_reload_successful",
            "prometheus_notifications_dropped_total",
            "prometheus_rule_evaluation_failures_total",
            "prometheus_target_scrapes_sample_duplicate_timestamp_total",
            "prometheus_target_scrapes_sample_out_of_order_total",
            "prometheus_tsdb_compactions_failed_total",
            "prometheus_tsdb_wal_corruptions_total",
            "prometheus_tsdb_wal_writes_failed_total",
        }
    ),
    "alertmanager": frozenset(
        {"alertmanager_config_last_reload_successful", "alertmanager_notifications_failed_total"}
    ),
}
"""What the rules use of others' metrics, by the job that has them; compared with the real programs below."""

SCRAPED = frozenset({"up", "scrape_duration_seconds", "process_start_time_seconds"})
"""Prometheus makes the first two itself; the third is every Prometheus client's."""


class Rule(BaseModel):
    """A rule of either kind, as it stands in its file."""

    alert: str = ""
    record: str = ""
    expr: str
    hold: str = Field(default="", alias="for")
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}


class Group(BaseModel):
    name: str
    rules: Sequence[Rule]


class RuleFile(BaseModel):
    groups: Sequence[Group]


class Expected(BaseModel):
    alertname: str
    eval_time: str
    exp_alerts: Sequence[object] = ()


class Story(BaseModel):
    name: str
    alert_rule_test: Sequence[Expected] = ()


class TestFile(BaseModel):
    __test__ = False
    tests: Sequence[Story]


def rules_of(files: Sequence[Path]) -> list[Rule]:
    parsed = [RuleFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in files]
    return [rule for file in parsed for group in file.groups for rule in group.rules]


RULES = rules_of(RULE_FILES)
ALARMS = [rule for rule in RULES if rule.alert]
NAMES = sorted({rule.alert for rule in ALARMS})
STORIES = [
    story
    for path in TEST_FILES
    for story in TestFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).tests
]


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (apt install {PACKAGES[name]})")
    return found


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    words = [program(str(command[0])), *map(str, command[1:])]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=WITHIN)


def check(*command: str | Path) -> str:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# The files by themselves ------------------------------------------------------------------------------


def test_promtool_takes_the_configuration_and_all_its_rules():
    said = check("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    assert [path.name for path in RULE_FILES if path.name not in said] == []


def test_promtool_has_no_style_complaint_about_a_rule():
    check("promtool", "check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)


@pytest.mark.slow
def test_every_alarm_does_what_its_stories_say():
    check("promtool", "test", "rules", *TEST_FILES)


@pytest.mark.slow
def test_no_alarm_keeps_its_stories_without_its_for(tmp_path: Path):
    """Every ``for`` is in some story: taken away, the story fails."""
    shutil.copytree(PROMETHEUS, tmp_path / "prometheus")
    for path in (tmp_path / "prometheus" / "rules").glob("*.yml"):
        path.write_text(re.sub(r"\n +for: .*", "", path.read_text(encoding="utf-8")), encoding="utf-8")
    told = run("promtool", "test", "rules", *sorted((tmp_path / "prometheus" / "tests").glob("*.yml")))
    failing = set(re.findall(r"alertname: (\w+)", told.stdout + told.stderr))
    held = {rule.alert for rule in ALARMS if rule.hold}
    assert held - failing == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_alarm_is_seen_firing_and_silent(name: str):
    looks = [look for story in STORIES for look in story.alert_rule_test if look.alertname == name]
    assert any(look.exp_alerts for look in looks), "never fires in a story"
    assert name == "Watchdog" or any(not look.exp_alerts for look in looks), "never silent in a story"


@pytest.mark.parametrize("rule", ALARMS, ids=lambda rule: f"{rule.alert}-{rule.labels['service']}")
def test_every_alarm_says_how_urgent_it_is_what_it_is_about_and_where_to_read_on(rule: Rule):
    assert rule.labels["severity"] in ({"none"} if rule.alert == "Watchdog" else {"page", "ticket"})
    assert rule.labels["service"]
    assert rule.annotations["summary"]
    assert rule.annotations["description"].endswith(".")
    assert rule.annotations["runbook_url"] == f"deploy/alarms.md#{rule.alert.lower()}"


def test_every_alarm_is_explained_and_nothing_else():
    text = ALARMS_PAGE.read_text(encoding="utf-8")
    assert sorted(re.findall(r"^## (\w+)$", text, re.MULTILINE)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_explanation_says_what_is_lost_and_how_it_ends(name: str):
    text = ALARMS_PAGE.read_text(encoding="utf-8")
    section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    severities = {rule.labels["severity"] for rule in ALARMS if rule.alert == name}
    assert {section.split()[0]} == severities
    assert "**Lost:**" in section
    assert "**Ends by itself:**" in section
    for anchor in re.findall(r"\]\(#(\w+)\)", section):
        assert anchor in {other.lower() for other in NAMES}


def test_a_recording_rule_earns_its_place():
    recorded = {rule.record for rule in RULES if rule.record}
    used = {name for rule in ALARMS for name in metrics_in(rule.expr)}
    assert recorded - used == set()
    assert {name for name in recorded if name.count(":") != 2} == set()


# The metrics -------------------------------------------------------------------------------------------

LABELS = re.compile(r"\"[^\"]*\"|\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|without|ignoring)\s*\([^)]*\)")
FUNCTIONS = re.compile(r"\w+(?=\s*\()")
OPERATORS = frozenset({"and", "or", "unless", "offset", "bool"})


def metrics_in(expr: str) -> set[str]:
    """Return the metrics that an expression names."""
    rest = FUNCTIONS.sub(" ", LABELS.sub(" ", expr))
    return set(re.findall(r"(?<![\w.])[a-z_][\w:]*", rest)) - OPERATORS


@pytest.mark.parametrize(
    ("expr", "metrics"),
    [
        ("up == 0", {"up"}),
        ('sum by (job) (rate(a_total{b="c"}[5m])) > 2', {"a_total"}),
        ("group by (x) (a) unless on (x) job:b:sum offset 26h", {"a", "job:b:sum"}),
        ("and_total / 0.5 or vector(1)", {"and_total"}),
    ],
)
def test_the_metrics_of_an_expression(expr: str, metrics: set[str]):
    assert metrics_in(expr) == metrics


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert or rule.record)
def test_every_metric_is_documented_recorded_or_somebody_elses(rule: Rule):
    documented = set(re.findall(r"^\| `(\w+)`", METRICS.read_text(encoding="utf-8"), re.MULTILINE))
    recorded = {other.record for other in RULES if other.record}
    known = documented | recorded | SCRAPED | frozenset().union(*EXPORTED.values())
    plain = {re.sub(r"^(wachtpost_\w+_seconds)_bucket$", r"\1", name) for name in metrics_in(rule.expr)}
    assert plain - known == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert or rule.record)
def test_no_rule_takes_what_is_corrected_for_a_counter(rule: Rule):
    assert list(rated_amiss(rule.expr)) == []


def test_nothing_is_known_that_no_rule_uses():
    used = {name for rule in RULES for name in metrics_in(rule.expr)}
    assert (SCRAPED | frozenset().union(*EXPORTED.values())) - used == set()


@contextmanager
def running(*command: str, answers: str) -> Iterator[str]:
    """A program on a free port (``PORT`` in its words) that answers at a path; yields its address."""
    port = free_port()
    words = [program(command[0]), *(word.replace("PORT", str(port)) for word in command[1:])]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: process.poll() is not None or up(url + answers))
            assert process.poll() is None, f"{command[0]} ended"
            yield url
        finally:
            process.kill()


def up(url: str) -> bool:
    try:
        return httpx.get(url, timeout=WITHIN).status_code == 200
    except httpx.TransportError:
        return False


def alertmanager(config: Path, store: Path) -> tuple[str, ...]:
    listen = ("--web.listen-address=127.0.0.1:PORT", "--cluster.listen-address=")
    return ("prometheus-alertmanager", f"--config.file={config}", f"--storage.path={store}", *listen)


def prometheus(config: Path, store: Path) -> tuple[str, ...]:
    listen = "--web.listen-address=127.0.0.1:PORT"
    return ("prometheus", f"--config.file={config}", f"--storage.tsdb.path={store}", listen)


@pytest.mark.parametrize("job", sorted(EXPORTED))
def test_the_real_programs_have_what_the_rules_use(job: str, tmp_path: Path):
    with ExitStack() as stack:
        match job:
            case "redis":
                program("redis-server")
                redis = DebianRedis(tmp_path / "redis")
                stack.callback(redis.kill)
                redis.start()
                with redis.client() as client, pytest.raises(Exception, match="unknown command"):
                    client.execute_command("NOSUCH")  # an error is counted from its first time on
                listen = "-web.listen-address=127.0.0.1:PORT"
                words: tuple[str, ...] = ("prometheus-redis-exporter", f"-redis.addr={redis.url}", listen)
            case "node":
                words = ("prometheus-node-exporter", "--web.listen-address=127.0.0.1:PORT")
            case "prometheus":
                config = tmp_path / "prometheus.yml"
                config.write_text("rule_files: [rules.yml]\n", encoding="utf-8")
                (tmp_path / "rules.yml").write_text(
                    "groups: [{name: g, rules: [{record: r, expr: vector(1)}]}]\n", encoding="utf-8"
                )
                words = prometheus(config, tmp_path / "tsdb")
            case _:
                words = alertmanager(ALERTMANAGER, tmp_path / "store")
        url = stack.enter_context(running(*words, answers="/metrics"))
        eventually(lambda: not EXPORTED[job] - exported(url))


def exported(url: str) -> set[str]:
    return set(re.findall(r"^(\w+)[ {]", httpx.get(f"{url}/metrics", timeout=WITHIN).text, re.MULTILINE))


# Scraping ------------------------------------------------------------------------------------------------

OWNER = """\
wachtpost_lease_owner{{partition="0"}} 1
wachtpost_calls_answered{{site="lier",queue="onthaal"}} {count}
wachtpost_events_read_total{{partition="0"}} {count}
"""
STANDBY = 'wachtpost_lease_owner{partition="0"} 0\n'


@contextmanager
def replica(says: list[str]) -> Iterator[str]:
    """A target of Prometheus that says the last of ``says``; yields its address."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = says[-1].encode()
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: it is asked five times a second."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def scraping(targets: Sequence[str], folder: Path) -> Path:
    """Write our configuration with other targets for the evaluator, asked more often."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "evaluator"]
    del job["dns_sd_configs"]
    job |= {
        "static_configs": [{"targets": list(targets)}],
        "scrape_interval": "200ms",
        "scrape_timeout": "200ms",
    }
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump({"scrape_configs": [job]}), encoding="utf-8")
    return path


def ask(url: str, query: str) -> dict[str, float]:
    """Return the value for each instance."""
    answer = httpx.get(f"{url}/api/v1/query", params={"query": query}, timeout=WITHIN).json()
    return {row["metric"].get("instance", ""): float(row["value"][1]) for row in answer["data"]["result"]}


@pytest.mark.slow
def test_counters_go_on_over_a_take_over(tmp_path: Path):
    """One series for whoever owns, without a reset; but each replica says itself whether it does."""
    first, second = [OWNER.format(count=100)], [STANDBY]
    with ExitStack() as stack:
        targets = [stack.enter_context(replica(says)) for says in (first, second)]
        config = scraping(targets, tmp_path)
        url = stack.enter_context(running(*prometheus(config, tmp_path / "tsdb"), answers="/-/ready"))

        def is_at(count: int) -> bool:
            metrics = ("wachtpost_calls_answered", "wachtpost_events_read_total")
            return all(ask(url, metric) == {"wachtpost": count} for metric in metrics)

        eventually(lambda: is_at(100))
        first.append(OWNER.format(count=140))
        eventually(lambda: is_at(140))
        first.append(STANDBY)
        second.append(OWNER.format(count=150))
        eventually(lambda: is_at(150))
        owners = {targets[0]: 0, targets[1]: 1}
        eventually(lambda: ask(url, "wachtpost_lease_owner") == owners)
        assert ask(url, "resets(wachtpost_events_read_total[1m])") == {"wachtpost": 0}
        assert ask(url, "max_over_time(wachtpost_events_read_total[1m])") == {"wachtpost": 150}


# Telling -------------------------------------------------------------------------------------------------


def with_examples(folder: Path) -> Path:
    """Write alertmanager.yml as it is once every example in it has been taken up."""
    text = re.sub(r"^( *)#: ?", r"\1", ALERTMANAGER.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if "version 0.25" in run("amtool", "--version").stdout:  # url_file came with 0.26
        text = re.sub(r"url_file: .*", "url: https://example.org/", text)
    path = folder / "alertmanager.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_amtool_takes_the_configuration_which_by_itself_tells_nobody():
    assert "3 receivers" in check("amtool", "check-config", ALERTMANAGER)
    receivers = yaml.safe_load(ALERTMANAGER.read_text(encoding="utf-8"))["receivers"]
    assert [list(receiver) for receiver in receivers] == [["name"]] * 3


def test_amtool_takes_the_examples_too(tmp_path: Path):
    path = with_examples(tmp_path)
    check("amtool", "check-config", path)
    receivers = yaml.safe_load(path.read_text(encoding="utf-8"))["receivers"]
    assert [len(receiver) for receiver in receivers] == [3, 2, 2]


@pytest.mark.parametrize("rule", ALARMS, ids=lambda rule: f"{rule.alert}-{rule.labels['service']}")
def test_every_alarm_goes_where_its_severity_says(rule: Rule):
    labels = [f"alertname={rule.alert}", *(f"{name}={value}" for name, value in rule.labels.items())]
    said = check("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels)
    assert said.strip() == {"none": "heartbeat"}.get(rule.labels["severity"], rule.labels["severity"])


def test_an_alarm_that_nobody_foresaw_is_a_page():
    said = check("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", "alertname=Other")
    assert said.strip() == "page"


def fires(name: str, **labels: str) -> dict[str, str]:
    """Return the labels of an alarm: its own, and what the rule's expression would add."""
    rule = next(rule for rule in ALARMS if rule.alert == name)
    return {"alertname": name, **rule.labels, **labels}


@pytest.mark.parametrize(
    ("story", "cause", "muted"),
    [
        (
            "without Redis nothing works",
            fires("WachtpostRedisDown"),
            [fires("WachtpostNoOwner", service="evaluator"), fires("WachtpostIngestFails")],
        ),
        (
            "who is not there needs no second reason",
            fires("WachtpostServiceDown", service="evaluator"),
            [fires("WachtpostServiceRestarting", service="evaluator"), fires("WachtpostLogSilent")],
        ),
        (
            "who owns nothing reads nothing",
            fires("WachtpostNoOwner", service="evaluator", partition="0"),
            [fires("WachtpostLogSilent", source="pbx"), fires("WachtpostNoEvents", source="pbx")],
        ),
        (
            "full is more than high",
            fires("WachtpostRedisMemoryFull"),
            [fires("WachtpostRedisMemoryHigh")],
        ),
        (
            "full is more than filling, of the same disk",
            fires("WachtpostDiskFull", instance="n", mountpoint="/"),
            [fires("WachtpostDiskFilling", instance="n", mountpoint="/")],
        ),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_what_follows_from_something_else_is_not_told_beside_it(
    story: str, cause: dict[str, str], muted: list[dict[str, str]], tmp_path: Path
):
    others = [
        fires("Watchdog"),
        fires("WachtpostBoardsDown"),
        fires("WachtpostMessagesDead", service="other"),
        fires("WachtpostDiskFilling", instance="n", mountpoint="/srv"),
    ]
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = [{"labels": labels, "endsAt": until} for labels in (cause, *muted, *others)]
    with running(*alertmanager(ALERTMANAGER, tmp_path / "store"), answers="/-/ready") as url:
        httpx.post(f"{url}/api/v2/alerts", json=body, timeout=WITHIN).raise_for_status()

        def suppressed() -> set[str]:
            alerts = httpx.get(f"{url}/api/v2/alerts", timeout=WITHIN).json()
            return {
                json.dumps(alert["labels"], sort_keys=True)
                for alert in alerts
                if alert["status"]["inhibitedBy"]
            }

        expected = {json.dumps(labels, sort_keys=True) for labels in muted}
        eventually(lambda: suppressed() == expected)

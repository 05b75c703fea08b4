"""The deployment as a city runs it: a recorded day through real containers, over kills and a restore.

One stack for the whole file, and one story: the tests go on from each other in the order they stand here.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

import httpx
import pytest

from tests.acceptance.test_truth import Told, analyse, bank_day, needs_data
from tests.compose.stack import PUBLISHED, SERVICES, STANDBYS, Stack, own_address
from tests.support.eventually import WITHIN, NeverHappenedError, eventually

pytestmark = [pytest.mark.compose, needs_data]

SITE, COUNTER = "site", "loket"

FIGURES = (
    "{__name__=~'wachtpost_(calls_answered|calls_missed|calls_by_wait_seconds_gsum|calls_by_wait_seconds_bucket"
    "|visits|dead_letters_total)'}"
)


@dataclass
class Figures:
    """What Prometheus shows of the site."""

    queues: dict[str, Told] = field(default_factory=dict)
    visits: int = 0
    dead_letters: int = 0

    @classmethod
    def shown_by(cls, stack: Stack) -> Self:
        told = cls()
        for sample in stack.query(FIGURES):
            queue = sample.labels.get("queue", "all")
            match sample.name:
                case "wachtpost_visits":
                    told.visits += int(sample.value)
                case "wachtpost_dead_letters_total":
                    told.dead_letters += int(sample.value)
                case name if queue not in {"all", COUNTER}:
                    told._add(name, sample.labels, sample.value, told.queues.setdefault(queue, Told()))
        return told

    def _add(self, name: str, labels: dict[str, str], value: float, here: Told) -> None:
        # Added up, not set: a series that a second replica told as well would show.
        match name:
            case "wachtpost_calls_answered":
                here.answered += int(value)
            case "wachtpost_calls_missed":
                here.outcomes[labels["outcome"]] += int(value)
            case "wachtpost_calls_by_wait_seconds_gsum":
                here.wait_sum_s += int(value)
            case _ if labels.get("le") in {"20", "45", "60", "20.0", "45.0", "60.0"}:
                here.within[int(float(labels["le"]))] += int(value)


class Visitors:
    """A sender that does what a sender must: the same visit again until it is accepted."""

    def __init__(self, stack: Stack, at: datetime) -> None:
        self._stack = stack
        self._at = at
        self._quiet = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self.accepted = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._quiet.set()
        self._thread.join(timeout=WITHIN)

    def _send(self) -> None:
        while not self._quiet.is_set() or self.accepted == 0:
            if send_visit(self._stack, self._at, f"{self.accepted}"):
                self.accepted += 1
            self._quiet.wait(0.05)


def send_visit(stack: Stack, at: datetime, name: str) -> bool:
    visit = {
        "kind": "visit.called",
        "id": f"ticket-{name}",
        "at": at.isoformat(),
        "source": "balie",
        "site": SITE,
        "queue": COUNTER,
        "arrived_at": (at - timedelta(minutes=3)).isoformat(),
    }
    try:
        answer = httpx.post(
            f"http://127.0.0.1:{stack.ports['ingest']}/v1/events",
            headers={"authorization": f"Bearer {stack.key}"},
            json=visit,
            timeout=WITHIN,
        )
    except httpx.HTTPError:
        return False
    accepted = answer.status_code == httpx.codes.ACCEPTED
    stack.visits += accepted
    return accepted


def city(stack: Stack) -> str:
    """The recorded desk, and a counter whose visits come in by HTTP."""
    phones = ", ".join(f'{{ id = "{queue}", kind = "phone" }}' for queue in bank_day().truth)
    return f"""
[city]
name = "Test"

[[sites]]
id = "{SITE}"
queues = [{phones}, {{ id = "{COUNTER}", kind = "counter" }}]

[[sources]]
kind = "queue_log"
id = "pbx"
site = "{SITE}"
path = "/var/log/asterisk/{stack.queue_log.name}"

[[sources]]
kind = "http"
id = "balie"
site = "{SITE}"
key_sha256 = ["{stack.key_sha256}"]
queues = ["{COUNTER}"]
"""


def live_on(stack: Stack, evening: datetime) -> None:
    """Have the services live on an evening of the recorded day."""
    stack.clock = f"{evening.isoformat()}/{evening.isoformat()}/0"


def said_so_far(stack: Stack) -> dict[str, Told]:
    """The figures of the log so far, by the offline reading of the same file."""
    queues = json.loads(analyse("--json", stack.queue_log))["queues"]
    return {
        queue: Told(
            figures["answered"],
            Counter(figures["outcomes"]),
            figures["wait_sum_s"],
            Counter({int(bound): count for bound, count in figures["answered_within"].items()}),
        )
        for queue, figures in queues.items()
    }


def expect(stack: Stack, queues: dict[str, Told]) -> None:
    """Wait until Prometheus shows exactly that, and every visit once; else tell the difference."""
    expected = Figures(queues, stack.visits)
    with suppress(NeverHappenedError):
        eventually(lambda: Figures.shown_by(stack) == expected)
    assert Figures.shown_by(stack) == expected


def evenings() -> tuple[datetime, datetime]:
    first, second = bank_day().evenings
    return first, second


@pytest.fixture(scope="module")
def stack(stack: Stack) -> Stack:
    """The deployment built and up, on the first evening; its PBX has not written anything yet."""
    stack.city_file.write_text(city(stack))
    stack.script("prepare.sh")
    stack.queue_log.parent.mkdir(mode=0o750)
    stack.queue_log.touch(mode=0o640)  # readable by its group alone, which ingest is told
    live_on(stack, evenings()[0])
    stack.compose("build", "--quiet")
    stack.up()
    return stack


def test_everything_comes_up_healthy_at_once(stack: Stack) -> None:
    health = {service: c["State"]["Health"]["Status"] for service, c in stack.containers().items()}
    assert health == dict.fromkeys(sorted(SERVICES), "healthy")


def test_a_second_up_changes_nothing(stack: Stack) -> None:
    before = {service: (c["Id"], c["State"]["StartedAt"]) for service, c in stack.containers().items()}
    stack.up()
    after = {service: (c["Id"], c["State"]["StartedAt"]) for service, c in stack.containers().items()}
    assert after == before


def test_no_container_may_more_than_it_must(stack: Stack) -> None:
    for service, container in stack.containers().items():
        host = container["HostConfig"]
        assert container["Config"]["User"].split(":")[0] not in {"", "0", "root"}, service
        assert host["ReadonlyRootfs"], service
        assert (host["CapDrop"], host["CapAdd"] or []) == (["ALL"], []), service
        assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"] or []), service
        assert not host["Privileged"], service
        assert "host" not in {host["PidMode"], host["NetworkMode"]}, service
        assert min(host["Memory"], host["NanoCpus"], host["PidsLimit"] or 0) > 0, service
        assert host["RestartPolicy"]["Name"] == "unless-stopped", service
        assert {"max-size", "max-file"} <= host["LogConfig"]["Config"].keys(), service
        writable = {mount["Type"] for mount in container["Mounts"] if mount["RW"]}
        assert writable <= {"volume", "tmpfs"}, service
        assert not any("docker.sock" in mount["Source"] for mount in container["Mounts"]), service


@pytest.mark.parametrize("service", SERVICES)
def test_inside_there_is_no_root_and_nothing_to_write_on(stack: Stack, service: str) -> None:
    script = "id -u; grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs):' /proc/self/status"
    user, *status = stack.inside(service, "sh", "-c", script).split("\n")
    assert int(user) > 0
    rights = dict(line.split(":\t") for line in status if line)
    assert rights.pop("NoNewPrivs") == "1"
    assert {int(mask, 16) for mask in rights.values()} == {0}
    for folder in ("/", "/usr", "/etc", "/run"):
        refused = stack.inside(service, "sh", "-c", f"touch {folder}/x 2>&1 || true")
        assert "Read-only" in refused, folder


def test_only_the_doors_are_open_and_only_to_this_machine(stack: Stack) -> None:
    for service, container in stack.containers().items():
        bound = {port: at for port, at in container["NetworkSettings"]["Ports"].items() if at}
        assert set(bound) == ({PUBLISHED[service]} if service in PUBLISHED else set()), service
        assert {host["HostIp"] for at in bound.values() for host in at} <= {"127.0.0.1"}, service
    outside = own_address()
    for service in ("ingest", "notifier"):
        port = stack.ports[service]
        assert httpx.get(f"http://127.0.0.1:{port}/health", timeout=WITHIN).status_code == httpx.codes.OK
        if outside is not None:
            with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
                socket.create_connection((outside, port), timeout=2).close()


def has_way_out(stack: Stack, service: str) -> bool:
    """Whether a container has a default route: one for the destination 0.0.0.0."""
    routes = stack.inside(service, "cat", "/proc/net/route").splitlines()[1:]
    return any(route.split()[1] == "00000000" for route in routes)


NETWORKS = {
    "redis": {"data"},
    "ingest": {"data", "metrics", "front"},
    "evaluator": {"data", "metrics"},
    "notifier": {"data", "metrics", "front"},
    "reporter": {"data", "metrics"},
    "redis-exporter": {"data", "metrics"},
    "prometheus": {"metrics"},
    "alertmanager": {"metrics", "front"},
    "node-exporter": {"metrics"},
}
"""Who can see whom."""


def test_the_networks_are_really_split(stack: Stack) -> None:
    running = stack.containers()
    prefix = f"{stack.project}_"
    joined = {
        service: {name.removeprefix(prefix) for name in container["NetworkSettings"]["Networks"]}
        for service, container in running.items()
    }
    assert joined == NETWORKS
    assert {service for service in SERVICES if has_way_out(stack, service)} == {
        service for service, networks in NETWORKS.items() if "front" in networks
    }
    at = running["redis"]["NetworkSettings"]["Networks"][f"{prefix}data"]["IPAddress"]
    for service in ("prometheus", "alertmanager", "node-exporter"):
        fetch = ("wget", "-q", "-T", "2", "-O", "/dev/null")
        stack.inside(service, *fetch, "http://evaluator:8002/health")
        for redis in ("redis", at):  # by name and past the names
            assert stack.cannot(service, *fetch, f"http://{redis}:6379/"), (service, redis)
    # The same question from where it may be asked: Redis is there, and speaks.
    assert "NOAUTH" in stack.inside("redis", "redis-cli", "-h", at, "get", "x")


def test_no_secret_can_be_seen_from_outside(stack: Stack) -> None:
    seen = json.dumps(stack.containers()) + stack.compose("config") + stack.compose("logs", "--no-color")
    hidden = list(stack.secret_texts())
    assert len(hidden) >= 8
    assert not [text[:4] + "…" for text in hidden if text in seen]


def test_every_process_is_killed_while_calls_and_visits_come_in_and_nothing_is_lost(stack: Stack) -> None:
    first, _ = evenings()
    lines = bank_day().until(first).splitlines(keepends=True)
    part = len(lines) // len(SERVICES) + 1
    with Visitors(stack, first - timedelta(hours=1)) as visitors, stack.queue_log.open("ab", 0) as log:
        for number, service in enumerate(SERVICES):
            before = stack.container(service)
            accepted = visitors.accepted
            log.write(b"".join(lines[number * part : (number + 1) * part]))
            stack.kill_main_process(service)

            def is_back(service: str = service, before: int = before["RestartCount"]) -> bool:
                now = stack.container(service)
                return now["RestartCount"] > before and now["State"]["Health"]["Status"] == "healthy"

            eventually(is_back)
            eventually(lambda: visitors.accepted > accepted)  # noqa: B023
    expect(stack, said_so_far(stack))


def test_the_figures_of_the_whole_day_equal_the_truth(stack: Stack) -> None:
    second = evenings()[1]
    stack.compose("stop", "ingest", "evaluator", "notifier")  # the PBX writes on
    with stack.queue_log.open("ab") as log:
        log.write(bank_day().until(second)[log.tell() :])
    live_on(stack, second)
    stack.up()  # a setting has changed: the services are made anew
    expect(stack, dict(bank_day().truth))
    assert sum(told.answered for told in bank_day().truth.values()) > 1000


def test_the_boards_are_those_of_the_city_file_as_make_up_makes_them(stack: Stack) -> None:
    board = stack.city_file.parent / "boards" / "nl" / "live.json"
    board.write_text("{}")
    own = f"{os.getuid()}:{os.getgid()}"
    stack.compose(
        *("run", "--rm", "--no-deps", "-T", "--user", own, "tools", "boards", "build", "--out", "/boards")
    )
    assert json.loads(board.read_text(encoding="utf-8"))["uid"] == "wachtpost-live"


def test_people_have_their_tools(stack: Stack) -> None:
    def tools(*command: str) -> str:
        return stack.compose("run", "--rm", "--no-deps", "-T", "tools", *command, within=120)

    month = f"{evenings()[0]:%Y-%m}"
    page = tools("report", month, "--format", "html")
    assert page.startswith("<!doctype html>")
    assert month.partition("-")[0] in page
    tools("report", month, "--format", "pdf", "-o", "/tmp/report.pdf")  # Pango is there
    rows = [json.loads(line) for line in tools("history", "export", "--format", "ndjson").splitlines()]
    days = [row for row in rows if "answered" in row]
    assert sum(row["answered"] for row in days) == sum(told.answered for told in bank_day().truth.values())
    assert "city.toml" in tools("config", "check", "/etc/wachtpost/city.toml")


def test_a_standby_takes_over_within_seconds_and_nothing_is_lost(stack: Stack) -> None:
    stack.up(*SERVICES, *STANDBYS)
    for service, lease in (("evaluator", "{p0}:lease"), ("notifier", "{p0}:notifier:lease")):
        owner = stack.redis("get", lease)
        stack.compose("pause", service)
        eventually(lambda: stack.redis("get", lease) not in {"", owner})  # noqa: B023
        assert send_visit(stack, evenings()[1], f"while-{service}-is-away")
        stack.compose("unpause", service)
        eventually(
            lambda: stack.container(service)["State"]["Health"]["Status"] == "healthy",  # noqa: B023
        )
    expect(stack, dict(bank_day().truth))
    for owners in ("wachtpost_lease_owner", "wachtpost_notifier_lease_owner"):
        # Just scraped: what left while Prometheus itself was away keeps its last word for five minutes.
        asked = f"sum(last_over_time({owners}[15s]))"
        eventually(lambda: [s.value for s in stack.query(asked)] == [1.0])  # noqa: B023


def test_a_restored_backup_has_the_same_figures(stack: Stack) -> None:
    said = stack.script("backup.sh", str(stack.folder / "backups"))
    (backup,) = (stack.folder / "backups").iterdir()
    assert str(backup) in said
    assert backup.stat().st_mode & 0o077 == 0
    with pytest.raises(Exception, match="returned non-zero exit status 1") as refused:
        stack.script("restore.sh", str(backup))
    assert "--force" in "".join(refused.value.__notes__)

    stack.down()
    told = stack.script("restore.sh", str(backup))
    keys = [int(word) for word in told.splitlines()[0].replace(";", " ").split() if word.isdigit()]
    assert keys[0] == keys[1] > 0
    stack.up()
    assert send_visit(stack, evenings()[1], "after-the-restore")
    expect(stack, dict(bank_day().truth))


def test_a_backup_can_be_put_back_over_a_running_deployment(stack: Stack) -> None:
    (backup,) = (stack.folder / "backups").iterdir()
    stack.script("restore.sh", str(backup), "--force")
    running = stack.containers()
    assert {c["State"]["Health"]["Status"] for c in running.values()} == {"healthy"}
    stack.visits -= 1  # one came after the backup; its sender would have to send it again
    expect(stack, dict(bank_day().truth))

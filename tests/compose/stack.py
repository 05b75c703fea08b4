"""The whole product in containers, as ``docker compose up`` makes it, under a project name of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypedDict

from tests.support.eventually import WITHIN
from tests.support.service_process import ROOT

RIG = ROOT.parent / "shared" / "tools" / "compose-rig.sh"
"""Makes Docker usable on a machine that reaches no container registry; does nothing where all is there."""

IMAGE = "wachtpost:compose-test"

STAND_INS = {
    "prom/prometheus:v3.5.0": "prom/prometheus:v3",
    "oliver006/redis_exporter:v1.69.0-alpine": "oliver006/redis_exporter:latest",
}
"""What the rig makes under other tags than the ones that docker-compose.yml pins."""

NODE_EXPORTER = "prom/node-exporter:v1.9.1"

SERVICES = (
    "redis",
    "ingest",
    "evaluator",
    "notifier",
    "reporter",
    "prometheus",
    "alertmanager",
    "redis-exporter",
    "node-exporter",
)
"""All but Grafana, of which there is no stand-in."""

STANDBYS = ("evaluator-standby", "notifier-standby")

PUBLISHED = {"ingest": "8001/tcp", "notifier": "8003/tcp", "notifier-standby": "8003/tcp"}

COMMAND_S = 300.0
"""Seconds that one command may take; building the image anew takes longest."""


class Health(TypedDict):
    Status: str


class State(TypedDict):
    Pid: int
    StartedAt: str
    Health: Health


class Port(TypedDict):
    HostIp: str
    HostPort: str


class Network(TypedDict):
    IPAddress: str
    Gateway: str


class NetworkSettings(TypedDict):
    Ports: dict[str, list[Port] | None]
    Networks: dict[str, Network]


class ContainerConfig(TypedDict):
    User: str
    Env: list[str]


class RestartPolicy(TypedDict):
    Name: str


class LogConfig(TypedDict):
    Type: str
    Config: dict[str, str]


class HostConfig(TypedDict):
    ReadonlyRootfs: bool
    Privileged: bool
    CapAdd: list[str] | None
    CapDrop: list[str] | None
    SecurityOpt: list[str] | None
    PidMode: str
    NetworkMode: str
    Memory: int
    NanoCpus: int
    PidsLimit: int | None
    RestartPolicy: RestartPolicy
    LogConfig: LogConfig


class Mount(TypedDict):
    Type: str
    Source: str
    Destination: str
    RW: bool


class Container(TypedDict):
    """What ``docker inspect`` says, as far as it is looked at here."""

    Id: str
    RestartCount: int
    State: State
    Config: ContainerConfig
    HostConfig: HostConfig
    NetworkSettings: NetworkSettings
    Mounts: list[Mount]


Labels = dict[str, str]


@dataclass(frozen=True)
class Sample:
    """One line of a Prometheus answer."""

    labels: Labels
    value: float

    @property
    def name(self) -> str:
        return self.labels.get("__name__", "")


def run(*command: str, within: float = COMMAND_S, env: dict[str, str] | None = None) -> str:
    """Return what a command writes; raises ``CalledProcessError`` with what it complained of."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=within, check=True
        )
    except subprocess.CalledProcessError as error:
        error.add_note(f"{error.stdout[-2000:]}\n{error.stderr[-4000:]}")
        raise
    return done.stdout


def why_not() -> str | None:
    """Why containers cannot be had here, if so."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    for question in (("docker", "compose", "version"), ("docker", "info")):
        try:
            run(*question, within=WITHIN)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return f"`{' '.join(question)}` does not answer"
    return None


def prepare() -> None:
    """Run the rig, when asked to by WACHTPOST_COMPOSE_RIG=1 and where there is one."""
    if os.environ.get("WACHTPOST_COMPOSE_RIG") == "1" and RIG.is_file() and os.geteuid() == 0:
        aliases = " ".join(f"{tag}={image}" for tag, image in STAND_INS.items())
        run("bash", str(RIG), within=900, env={**os.environ, "RIG_ALIAS": aliases})


def absent_image(images: Sequence[str]) -> str | None:
    """Fetch what is not here, or tag a stand-in for it; return the first that cannot be had."""
    for image in images:
        if _has(image):
            continue
        stand_in = STAND_INS.get(image)
        if stand_in is not None and _has(stand_in):
            run("docker", "tag", stand_in, image)
        elif not _pulled(image):
            if image != NODE_EXPORTER:
                return image
            folder = ROOT / "tests" / "compose" / "stand-ins" / "node-exporter"
            run("docker", "build", "--quiet", "--tag", image, str(folder))
    return None


def _has(image: str) -> bool:
    return _succeeds("docker", "image", "inspect", image)


def _pulled(image: str) -> bool:
    return _succeeds("docker", "pull", "--quiet", image)


def _succeeds(*command: str) -> bool:
    try:
        run(*command)
    except subprocess.CalledProcessError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports


class Stack:
    """A deployment in ``folder``: secrets, city file, queue_log, and a project of its own in Docker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = f"wachtpost-test-{secrets.token_hex(4)}"
        self.secrets = folder / "secrets"
        self.city_file = folder / "city" / "city.toml"
        self.city_file.parent.mkdir()
        self.queue_log = folder / "asterisk" / "queue_log"
        self.ports = dict(
            zip(("ingest", "notifier", "notifier-standby", "grafana"), free_ports(4), strict=True)
        )
        self.key = secrets.token_urlsafe(32)
        self.clock = ""
        """As in WACHTPOST_CLOCK."""
        self.visits = 0
        """Visits that were accepted by HTTP so far."""

    @property
    def key_sha256(self) -> str:
        """Of the one sender's API key, as the city file wants it."""
        return sha256(self.key.encode()).hexdigest()

    def environment(self) -> dict[str, str]:
        """What docker-compose.yml and our scripts are told; goes before any .env."""
        files = (ROOT / "docker-compose.yml", ROOT / "tests" / "compose" / "clock.yml")
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("WACHTPOST_")},
            "COMPOSE_FILE": os.pathsep.join(map(str, files)),
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_PROFILES": "",
            "WACHTPOST_VERSION": IMAGE.partition(":")[2],
            "WACHTPOST_BIND": "127.0.0.1",
            "WACHTPOST_CITY_DIR": str(self.city_file.parent),
            "WACHTPOST_SECRETS_DIR": str(self.secrets),
            "WACHTPOST_QUEUE_LOG_DIR": str(self.queue_log.parent),
            "WACHTPOST_QUEUE_LOG_GID": str(os.getgid()),
            "WACHTPOST_INGEST_PORT": str(self.ports["ingest"]),
            "WACHTPOST_NOTIFIER_PORT": str(self.ports["notifier"]),
            "WACHTPOST_NOTIFIER_STANDBY_PORT": str(self.ports["notifier-standby"]),
            "WACHTPOST_GRAFANA_PORT": str(self.ports["grafana"]),
            "WACHTPOST_TEST_CLOCK": self.clock,
        }

    def compose(self, *arguments: str, within: float = COMMAND_S) -> str:
        """``docker compose`` on this project, standbys included."""
        return run("docker", "compose", "--profile", "ha", *arguments, within=within, env=self.environment())

    def script(self, name: str, *arguments: str) -> str:
        """A script of deploy/."""
        return run("sh", str(ROOT / "deploy" / name), *arguments, env=self.environment())

    def up(self, *services: str) -> None:
        """Start what is not running, and wait until all are healthy."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "120", *(services or SERVICES))

    def down(self) -> None:
        """Remove all of it: containers, networks and volumes."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "10")

    def ids(self) -> dict[str, str]:
        """The containers that run, by service."""
        lines = self.compose("ps", "--format", "{{.Service}} {{.ID}}").splitlines()
        return dict(sorted((service, short) for service, _, short in (line.partition(" ") for line in lines)))

    def containers(self) -> dict[str, Container]:
        """What Docker knows of each container that runs, by service."""
        ids = self.ids()
        found: list[Container] = json.loads(run("docker", "inspect", *ids.values()))
        return dict(zip(ids, found, strict=True))

    def container(self, service: str) -> Container:
        """What Docker knows of one."""
        found: list[Container] = json.loads(run("docker", "inspect", f"{self.project}-{service}-1"))
        return found[0]

    def inside(self, service: str, *command: str) -> str:
        """Run a command in a container that runs."""
        return self.compose("exec", "-T", service, *command, within=WITHIN)

    def cannot(self, service: str, *command: str) -> bool:
        """Whether that fails."""
        try:
            self.inside(service, *command)
        except subprocess.CalledProcessError:
            return True
        return False

    def redis(self, *command: str) -> str:
        """Ask Redis as the operator."""
        script = 'REDISCLI_AUTH=$(cat /run/secrets/redis_operator) exec redis-cli --user operator -e "$@"'
        return self.inside("redis", "sh", "-c", script, "sh", *command).strip()

    def query(self, expression: str) -> list[Sample]:
        """Ask Prometheus for an instant vector; empty while it does not answer."""
        command = ("promtool", "query", "instant", "-o", "json", "http://localhost:9090", expression)
        try:
            rows = json.loads(self.inside("prometheus", *command))
        except (subprocess.CalledProcessError, json.JSONDecodeError):
            return []
        return [Sample(row["metric"], float(row["value"][1])) for row in rows]

    def kill_main_process(self, service: str) -> None:
        """SIGKILL as a crash would: from outside Docker, which then follows the restart policy.

        ``docker kill`` counts as stopped by hand; from inside, the first process cannot be killed.
        """
        pid = self.container(service)["State"]["Pid"]
        code = f"import os, signal; os.kill({pid}, signal.SIGKILL)"
        caps = ("--user", "0", "--cap-drop", "ALL", "--cap-add", "KILL", "--network", "none", "--pid", "host")
        run("docker", "run", "--rm", *caps, "--entrypoint", "python", IMAGE, "-c", code)

    def secret_texts(self) -> Iterator[str]:
        """Every secret there is."""
        for file in self.secrets.iterdir():
            if file.suffix not in {".acl", ".json"} and (text := file.read_text().strip()):
                yield text
        yield self.key


def own_address() -> str | None:
    """An address of this machine that is not loopback, if it has one."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only asks which way it would go
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if address.startswith("127.") else address

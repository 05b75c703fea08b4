"""A real Redis Cluster for tests: three masters, each with a replica, on 127.0.0.1.

Made with the script and the settings of the manifests and with the users of the deployment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import redis
from redis.crc import key_slot

from shared.process.ports import free_port
from tests.support.eventually import WITHIN, eventually

ROOT: Final = Path(__file__).resolve().parents[2]
MANIFESTS: Final = ROOT / "deploy/kubernetes/redis-cluster"
CREATE: Final = MANIFESTS / "create.sh"
CLUSTER_USER: Final = MANIFESTS / "cluster-user.acl.template"

PASSWORD: Final = "p" * 64
"""Of the nodes among themselves, and of the test, which may do anything."""


def missing() -> str | None:
    """Say what is not installed, if anything."""
    return next(
        (name for name in ("redis-server", "redis-cli", "getent") if shutil.which(name) is None), None
    )


class Node:
    """One server of the cluster; ``kill`` is final."""

    def __init__(self, directory: Path, users: Path) -> None:
        self.directory = directory
        self.port, self._bus_port = free_port(), free_port()
        self._users = users
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; does not wait for anything."""
        self.directory.mkdir(parents=True, exist_ok=True)
        options = {
            "include": MANIFESTS / "redis.conf",
            "bind": "127.0.0.1",
            "port": self.port,
            "dir": self.directory,
            "aclfile": self._users,
            "masteruser": "cluster",
            "masterauth": PASSWORD,
            "cluster-port": self._bus_port,
            "cluster-announce-hostname": "localhost",
            "cluster-node-timeout": 1000,  # ms; in earnest five times that
        }
        configuration = self.directory / "redis.conf"
        configuration.write_text("".join(f"{name} {value}\n" for name, value in options.items()))
        with (self.directory / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(["redis-server", configuration], stdout=log, stderr=log)

    def client(self) -> redis.Redis:
        """Return a new client of the test's own; the caller closes it."""
        return redis.Redis(port=self.port, username="test", password=PASSWORD, socket_timeout=WITHIN)

    def answers(self) -> bool:
        """Whether it answers a ping."""
        with self.client() as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def came_up(self) -> bool:
        """Whether it answers; one whose ports somebody else took meanwhile is started on others."""
        if self._process is not None and self._process.poll() is not None:
            self.port, self._bus_port = free_port(), free_port()
            self.start()
        return self.answers()

    def master_port(self) -> int | None:
        """The port of its master; nothing when it is one itself."""
        with self.client() as client:
            told = client.info("replication")
        return int(told["master_port"]) if told["role"] == "slave" else None

    def is_well(self, nodes: int) -> bool:
        """Whether it sees all of so many nodes and all slots served, and follows its master."""
        with self.client() as client:
            cluster, replication = client.cluster("info"), client.info("replication")
        return (
            cluster["cluster_state"] == "ok"
            and int(cluster["cluster_known_nodes"]) == nodes
            and replication.get("master_link_status", "up") == "up"
        )

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def kill(self) -> None:
        """End it with SIGKILL. Killed already: nothing."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(timeout=WITHIN)


class Cluster:
    """Six nodes, and the secrets of the services."""

    def __init__(self, nodes: Sequence[Node], secrets: Path) -> None:
        self.nodes = nodes
        self._secrets = secrets

    def url(self, user: str) -> str:
        """As in ``WACHTPOST_REDIS_URL``; two nodes are named."""
        return f"redis+cluster://{user}@{self.nodes[0].address},{self.nodes[2].address}"

    def password_file(self, user: str) -> Path:
        """As in ``WACHTPOST_REDIS_PASSWORD_FILE``."""
        return self._secrets / f"redis_{user}"

    def master_of(self, key: str) -> Node | None:
        """Return the running master that has a key; nobody while a failover is under way."""
        slot = key_slot(key.encode())
        witness = next(node for node in self.nodes if node.is_running)
        with witness.client() as client:
            ranges = client.cluster("slots")
        port = next(master[1] for first, last, master, *_ in ranges if first <= slot <= last)
        return next((node for node in self.nodes if node.port == port and node.is_running), None)

    def replicas_of(self, master: Node) -> list[Node]:
        """Return its running replicas."""
        return [node for node in self.nodes if node.is_running and node.master_port() == master.port]

    def is_well(self) -> bool:
        """Whether all nodes say so, and half of them are replicas."""
        replicas = sum(node.master_port() is not None for node in self.nodes)
        return 2 * replicas == len(self.nodes) and all(node.is_well(len(self.nodes)) for node in self.nodes)


@contextmanager
def running_cluster(directory: Path) -> Iterator[Cluster]:
    """Three masters with a replica each, all well."""
    secrets = directory / "secrets"
    users = _users(secrets)
    nodes = [Node(directory / str(number), users) for number in range(6)]
    cluster = Cluster(nodes, secrets)
    try:
        for node in nodes:
            node.start()
        eventually(lambda: all(node.came_up() for node in nodes))
        _create(nodes, secrets / "redis_cluster")
        eventually(cluster.is_well)
        yield cluster
    finally:
        for node in nodes:
            node.kill()


def _create(nodes: Sequence[Node], password: Path) -> None:
    pairs = zip(nodes[::2], nodes[1::2], strict=True)
    shards = " ".join(f"{master.address},{replica.address}" for master, replica in pairs)
    environment = {**os.environ, "SHARDS": shards, "PASSWORD_FILE": str(password)}
    subprocess.run(["sh", CREATE], env=environment, check=True, stdout=subprocess.DEVNULL, timeout=WITHIN)


def _users(secrets: Path) -> Path:
    """Make the users of the deployment, and one for the test."""
    subprocess.run(["sh", ROOT / "deploy/secrets.sh", secrets], check=True, stdout=subprocess.DEVNULL)
    sha256 = hashlib.sha256(PASSWORD.encode()).hexdigest()
    (secrets / "redis_cluster").write_text(PASSWORD, encoding="utf-8")
    lines = CLUSTER_USER.read_text(encoding="utf-8").splitlines()
    of_cluster = "\n".join(line for line in lines if not line.startswith("#"))
    users = secrets / "users-cluster.acl"
    users.write_text(
        (secrets / "users.acl").read_text(encoding="utf-8")
        + of_cluster.replace("@CLUSTER_SHA256@", sha256)
        + f"\nuser test on #{sha256} ~* &* +@all\n",
        encoding="utf-8",
    )
    return users

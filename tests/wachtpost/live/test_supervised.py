"""What a command starts under supervision, and how that ends."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
import redis

from shared.process.ports import PortTakenError, free_port
from tests.support.eventually import eventually
from wachtpost.live.supervised import DirectoryTakenError, SupervisedServices, SupervisorLostError


def test_the_supervisor_says_who_died_and_what_it_started_ends_with_it() -> None:
    with SupervisedServices() as services:
        services.start("ingest", ["services.ingest"], {"WACHTPOST_PORT": "no number"})
        eventually(services.ended)
        assert services.ended() == {"ingest": os.EX_CONFIG}
        assert "WACHTPOST_PORT" in services.log_tail("ingest")
        server = redis.Redis.from_url(services.redis_url)
        assert server.ping()
        os.kill(services._supervisor.pid, signal.SIGKILL)
        with pytest.raises(SupervisorLostError):
            services.ended()
    assert not services.directory.exists()
    with pytest.raises(redis.ConnectionError):
        server.ping()
    server.close()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "mijn stad"  # a folder of people
    folder.mkdir()
    return folder


def client(services: SupervisedServices) -> redis.Redis:
    return redis.Redis.from_url(services.redis_url)


def test_what_is_kept_is_there_again(kept: Path) -> None:
    port = free_port()
    with SupervisedServices(kept, port) as services, client(services) as server:
        server.set("what", "remains")
    with SupervisedServices(kept, port) as services, client(services) as server:
        assert server.get("what") == b"remains"
        assert services.redis_url.endswith(f":{port}/0")


def test_a_valkey_that_is_killed_is_there_again_with_what_it_had(kept: Path) -> None:
    with SupervisedServices(kept, free_port()) as services, client(services) as server:
        server.set("what", "remains")
        os.kill(server.info("server")["process_id"], signal.SIGKILL)
        eventually(lambda: not listens(server.connection_pool.connection_kwargs["port"]))
        assert services.ended() == {}  # asked, the supervisor looks after it
        assert server.get("what") == b"remains"


def test_a_directory_has_one_supervisor_and_a_port_one_server(kept: Path, tmp_path: Path) -> None:
    port = free_port()
    with SupervisedServices(kept, port):
        with pytest.raises(DirectoryTakenError):
            SupervisedServices(kept, free_port())
        with pytest.raises(PortTakenError):
            SupervisedServices(tmp_path, port)


def test_services_end_with_a_supervisor_that_is_killed_and_its_valkey_is_taken_on(kept: Path) -> None:
    services, served_at = SupervisedServices(kept, free_port()), free_port()
    services.start("server", ["http.server", str(served_at), "--bind", "127.0.0.1"], {})
    eventually(lambda: listens(served_at))
    with client(services) as server:
        server.set("what", "remains")
        first = server.info("server")["process_id"]
        with services._supervisor as supervisor:  # and whoever asked it is gone, too: nobody kills Valkey
            supervisor.kill()
        eventually(lambda: not listens(served_at))
        with SupervisedServices(kept, free_port()) as again, client(again) as still:
            assert still.info("server")["process_id"] == first
            assert still.get("what") == b"remains"
        with pytest.raises(redis.ConnectionError):
            server.ping()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

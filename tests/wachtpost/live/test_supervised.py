"""What a command starts under supervision, and how that ends."""

from __future__ import annotations

import os
import signal

import pytest
import redis

from tests.support.eventually import eventually
from wachtpost.live.supervised import SupervisedServices, SupervisorLostError


def test_the_supervisor_says_who_died_and_what_it_started_ends_with_it() -> None:
    with SupervisedServices() as services:
        services.start("services.ingest", {"WACHTPOST_PORT": "no number"})
        eventually(services.ended)
        assert services.ended() == {"services.ingest": os.EX_CONFIG}
        assert "WACHTPOST_PORT" in services.log_tail("services.ingest")
        server = redis.Redis.from_url(services.redis_url)
        assert server.ping()
        os.kill(services._supervisor.pid, signal.SIGKILL)
        with pytest.raises(SupervisorLostError):
            services.ended()
    assert not services.directory.exists()
    with pytest.raises(redis.ConnectionError):
        server.ping()
    server.close()

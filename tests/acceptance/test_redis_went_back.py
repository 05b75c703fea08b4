"""Redis goes back while everybody lives: the log has all calls, so the figures have them all again, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.redis_servers import RedisServer
from tests.support.service_process import ServiceProcess, Services

CITY = """
[city]
name = "Test"

[[sites]]
id = "site"
queues = [{{ id = "phone", kind = "phone" }}]

[[sources]]
kind = "queue_log"
id = "pbx"
site = "site"
path = "{log}"
"""


class Desk:
    def __init__(self, folder: Path, server: RedisServer) -> None:
        self.server = server
        self.log = folder / "queue_log"
        (folder / "city.toml").write_text(CITY.format(log=self.log))
        self.services = Services(folder, city_file=folder / "city.toml", redis_url=server.url)
        self.ingest = self.services.start("ingest")
        self.evaluator = self.services.start("evaluator")
        self.calls = 0

    def call(self, count: int = 1) -> None:
        """So many calls more come, and are answered after five seconds."""
        with self.log.open("a") as log:
            for _ in range(count):
                self.calls += 1
                at = int(time.time()) - 600 + self.calls
                name = f"{at}.{self.calls}"
                log.write(f"{at}|{name}|phone|NONE|ENTERQUEUE|||1\n")
                log.write(f"{at + 5}|{name}|phone|SIP/1|CONNECT|5|{at}.0|2\n")

    def until_answered(self) -> None:
        eventually(lambda: self.evaluator.metric("calls_answered", queue="phone") == self.calls)

    def says_so(self, service: ServiceProcess) -> bool:
        """In its log, by its metric, and to whoever asks how it is."""
        told = service.metric("redis_went_back_timestamp_seconds", partition="0")
        history = service.health().json()["checks"]["history"]
        return bool(service.logged("redis_went_back") and told) and "went back" in history


@pytest.fixture
def desk(tmp_path: Path, own_server: RedisServer) -> Iterator[Desk]:
    desk = Desk(tmp_path, own_server)
    with desk.services:
        yield desk


def go_back(desk: Desk, how: str, to: dict[Path, int]) -> None:
    if how == "cut":
        desk.server.go_back(to)
        return
    with desk.server.client() as client:
        client.flushall()


@pytest.mark.parametrize("how", ["cut", "flush"])
def test_all_calls_of_the_log_are_counted_again_and_both_services_say_so(desk: Desk, how: str):
    desk.call(2)
    desk.until_answered()
    before = desk.server.written()
    desk.call(2)
    desk.until_answered()
    go_back(desk, how, before)
    desk.call()
    desk.until_answered()
    eventually(lambda: desk.says_so(desk.ingest))
    eventually(lambda: desk.says_so(desk.evaluator))
    for service in (desk.ingest, desk.evaluator):
        assert service.well().json()["status"] == "degraded"

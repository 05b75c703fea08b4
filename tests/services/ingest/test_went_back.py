"""Redis goes back to an older state while ingest lives, or between two lives of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from services.ingest.auth import sha256
from services.ingest.publisher import StreamMemory
from services.ingest.went_back import losses
from shared.redis.stream_entries import BEGINNING, order
from tests.support.entries import entries_now
from tests.support.eventually import WITHIN, eventually
from tests.support.ingest_desk import KIOSK_KEY, NOW, PBX_KEY, answered
from tests.support.redis_servers import RedisServer
from tests.support.service_process import ServiceProcess, Services

CITY = """
[city]
name = "Lier"

[[sites]]
id = "lier"
queues = [{{ id = "onthaal", kind = "phone" }}]

[[sources]]
kind = "http"
id = "pbx"
site = "lier"
key_sha256 = ["{pbx}"]

[[sources]]
kind = "http"
id = "kiosk"
site = "lier"
key_sha256 = ["{kiosk}"]

[[sources]]
kind = "queue_log"
id = "asterisk"
site = "lier"
path = "{path}"
start = "{start}"
"""

STREAM, DEAD, CHECKPOINT = "{p0}:events", "{p0}:dead", "{p0}:checkpoint:asterisk"

GoBack = Callable[[RedisServer, dict[Path, int]], None]


def cut(server: RedisServer, to: dict[Path, int]) -> None:
    server.go_back(to)


def flush(server: RedisServer, _to: dict[Path, int]) -> None:
    with server.client() as client:
        client.flushall()


class Desk:
    """Ingest, its Redis, a log that it follows, and two senders."""

    def __init__(self, folder: Path, server: RedisServer, start: str = "beginning") -> None:
        self.server = server
        self.log = folder / "queue_log"
        text = CITY.format(pbx=sha256(PBX_KEY), kiosk=sha256(KIOSK_KEY), path=self.log, start=start)
        (folder / "city.toml").write_text(text)
        self.services = Services(folder, city_file=folder / "city.toml")
        self.began = int(time.time()) - 3600
        self.calls = 0

    def start(self) -> ServiceProcess:
        self.ingest = self.services.start("ingest", redis_url=self.server.url)
        return self.ingest

    def call(self, count: int = 1) -> None:
        """So many more calls in the log: answered, each its own."""
        with self.log.open("ab") as log:
            for _ in range(count):
                self.calls += 1
                at = self.began + self.calls
                log.write(f"{at}|{at}.{self.calls}|onthaal|SIP/1|CONNECT|4|{at}.0|3\n".encode())

    def post(self, key: str, source: str, number: int) -> httpx.Response:
        at = datetime.now(UTC).isoformat()
        event = answered(number, source=source, id=f"{source}-{number}", at=at)
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.post(f"{self.ingest.url}/v1/events", json=event, headers=headers, timeout=WITHIN)

    def say(self, key: str, source: str, number: int) -> None:
        """Until it is accepted."""
        eventually(lambda: self.post(key, source, number).status_code == 202)

    def facts(self, source: str = "asterisk") -> dict[str, list[str]]:
        """What of a source is on the stream: each fact, and under which ids its entries stand."""
        found: dict[str, list[str]] = {}
        with self.server.client() as client:
            for entry, body in entries_now(client, STREAM):
                event = json.loads(body)
                if event["source"] == source and event["kind"] != "source.heartbeat":
                    found.setdefault(event["id"], []).append(entry)
        return found

    def until_read(self) -> None:
        eventually(lambda: self.server.answers() and len(self.facts()) == self.calls)

    def letters(self) -> dict[str, dict[str, object]]:
        """Dead letters by source."""
        with self.server.client() as client:
            letters = [json.loads(body) for _, body in entries_now(client, DEAD)]
        assert {letter["reason"] for letter in letters} <= {"went_back"}
        return {letter["source"]: letter for letter in letters}

    def newest(self, source: str) -> str:
        """The entry of a source's newest fact."""
        return list(self.facts(source).values())[-1][-1]


@pytest.fixture
def make(tmp_path: Path, own_server: RedisServer) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def desk(start: str = "beginning") -> Desk:
        made.append(Desk(tmp_path, own_server, start))
        return made[-1]

    yield desk
    for one in made:
        for service in one.services:
            service.kill()


@pytest.fixture
def desk(make: Callable[..., Desk]) -> Desk:
    desk = make()
    desk.call(2)
    desk.start()
    desk.until_read()
    return desk


@pytest.mark.parametrize("go_back", [cut, flush])
def test_the_log_is_read_again_and_somebody_is_told(desk: Desk, go_back: GoBack):
    before = desk.server.written()
    desk.call(2)
    desk.until_read()
    go_back(desk.server, before)
    desk.call()
    desk.until_read()
    assert {len(found) for found in desk.facts().values()} == {1}  # nothing that was kept is read again
    eventually(lambda: desk.ingest.logged("redis_went_back"))
    eventually(lambda: "read again" in str(desk.letters().get("asterisk")))
    metrics = httpx.get(f"{desk.ingest.url}/metrics", timeout=WITHIN).text
    assert 'wachtpost_redis_went_back_timestamp_seconds{partition="0"} 1.' in metrics
    assert 'wachtpost_dead_letters_total{reason="went_back"} 1.0' in metrics
    health = desk.ingest.health()
    assert health.status_code == 200
    assert "went back to an older state" in health.json()["checks"]["history"]


@pytest.mark.parametrize("go_back", [cut, flush])
def test_a_quiet_log_is_read_again_as_well(desk: Desk, go_back: GoBack):
    before = desk.server.written()
    desk.call(2)
    desk.until_read()
    go_back(desk.server, before)
    desk.until_read()


@pytest.mark.parametrize("go_back", [cut, flush])
def test_what_senders_have_lost_is_named_from_when_to_when(desk: Desk, go_back: GoBack):
    desk.say(PBX_KEY, "pbx", 1)
    desk.say(KIOSK_KEY, "kiosk", 1)
    kept = desk.newest("kiosk")
    before = desk.server.written()
    desk.say(PBX_KEY, "pbx", 2)
    lost = desk.newest("pbx")
    go_back(desk.server, before)
    eventually(lambda: desk.server.answers() and "pbx" in desk.letters())
    letters = desk.letters()
    item = letters["pbx"]["item"]
    assert isinstance(item, dict)
    assert item["lost_until"] == lost
    if go_back is flush:
        assert item["lost_after"] == BEGINNING
        assert letters["kiosk"]["item"] == {"lost_after": BEGINNING, "lost_until": kept}
    else:
        assert order(kept) <= order(str(item["lost_after"])) < order(lost)
        assert "kiosk" not in letters
    desk.say(PBX_KEY, "pbx", 2)  # as the letter asks


def test_a_log_is_read_on_where_redis_went_back_between_two_lives(desk: Desk):
    before = desk.server.written()
    desk.call(2)
    desk.until_read()
    desk.services.kill(desk.ingest)
    desk.server.go_back(before)
    desk.call()
    desk.start()
    desk.until_read()
    assert {len(found) for found in desk.facts().values()} == {1}


def test_where_only_the_checkpoint_is_gone_nothing_is_read_twice(desk: Desk):
    with desk.server.client() as client:
        client.delete(CHECKPOINT)
        desk.call()
        desk.until_read()
        assert client.exists(CHECKPOINT)
    assert {len(found) for found in desk.facts().values()} == {1}
    assert desk.letters() == {}


def test_of_a_log_that_was_begun_at_its_end_nothing_from_before_is_read(make: Callable[..., Desk]):
    desk = make("end")
    desk.call(2)
    desk.start()
    with desk.server.client() as client:
        eventually(lambda: client.exists(CHECKPOINT))
        desk.call(2)
        eventually(lambda: len(desk.facts()) == 2)
        client.flushall()
    desk.call()
    eventually(lambda: len(desk.facts()) == 3)


@pytest.mark.parametrize(
    ("story", "left", "until"),
    [
        ("nothing of this sender is gone", "7-0", None),
        ("some is", "4-2", "5-0"),
        ("all is", BEGINNING, "5-0"),
    ],
)
def test_a_sender_loses_what_came_after_the_newest_that_is_left(story: str, left: str, until: str | None):
    memory = StreamMemory()
    memory.begin("1-0")
    memory.note("1-0", "5-0", {"pbx"})
    memory.note("5-0", "7-0", {"kiosk"})
    found = losses(["pbx"], memory, left, NOW)
    assert [letter.item["lost_until"] for letter in found] == ([] if until is None else [until]), story


def test_of_a_sender_who_has_said_nothing_yet_whatever_came_before_may_be_gone():
    memory = StreamMemory()
    memory.begin("5-0")
    memory.note("5-0", "7-0", {"kiosk"})
    assert [letter.item for letter in losses(["pbx"], memory, "3-0", NOW)] == [
        {"lost_after": "3-0", "lost_until": "5-0"}
    ]
    assert losses(["pbx"], memory, "6-0", NOW) == []

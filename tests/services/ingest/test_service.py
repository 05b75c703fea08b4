"""Ingest as a process of its own: start, health, a queue_log over rotation and kills, and its end."""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

import httpx
import pytest
import redis

from services.ingest.auth import sha256
from services.ingest.sources.queue_log.translate import QueueLogTranslator, TranslatorRules
from shared.config.model import QueueLogSource
from shared.process.ports import free_port
from tests.support.entries import entries_now
from tests.support.eventually import WITHIN, eventually
from tests.support.ingest_desk import NOW, PBX_KEY, PSEUDONYMS, answered
from tests.support.redis_servers import RedisServer
from tests.support.service_process import ServiceProcess, Services

CITY = """
[city]
name = "Lier"

[[sites]]
id = "lier"
queues = [{ id = "onthaal", kind = "phone" }]

[[sources]]
kind = "http"
id = "pbx"
site = "lier"
key_sha256 = ["%s"]

[[sources]]
kind = "queue_log"
id = "asterisk"
site = "lier"
path = "%s"
"""

Start = Callable[..., ServiceProcess]


@pytest.fixture
def queue_log(tmp_path: Path) -> Path:
    """Where the PBX writes; nothing is there yet."""
    path = tmp_path / "pbx" / "queue_log"
    path.parent.mkdir()
    return path


@pytest.fixture
def start(tmp_path: Path, queue_log: Path) -> Iterator[Start]:
    """Start ingest on a Redis; everything that was started is ended with the test."""
    (tmp_path / "city.toml").write_text(CITY % (sha256(PBX_KEY), queue_log))
    clock = f"{NOW.isoformat()}/{NOW.isoformat()}/0"
    with Services(tmp_path, city_file=tmp_path / "city.toml", clock=clock) as services:
        yield lambda url, **environment: services.start("ingest", redis_url=url, **environment)


def post(service: ServiceProcess, **changes: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {PBX_KEY}"}
    call = answered(1, **changes)
    return httpx.post(f"{service.url}/v1/events", json=call, headers=headers, timeout=WITHIN)


def get(service: ServiceProcess, path: str) -> httpx.Response:
    return httpx.get(f"{service.url}{path}", timeout=WITHIN)


def on_stream(client: redis.Redis, source: str = "asterisk") -> list[dict[str, object]]:
    stored = [json.loads(entry) for _, entry in entries_now(client, "{p0}:events")]
    return [e for e in stored if e["source"] == source and e["kind"] != "source.heartbeat"]


def ids_on(client: redis.Redis) -> set[str]:
    return {str(event["id"]) for event in on_stream(client)}


def wait_for_events(client: redis.Redis, count: int) -> None:
    eventually(lambda: len(ids_on(client)) >= count)


def wait_for_lines(service: ServiceProcess, count: int) -> None:
    read = f'wachtpost_queue_log_lines_total{{source="asterisk"}} {count}.0'
    eventually(lambda: read in service.metrics())


def test_it_serves_says_where_and_ends_politely(start: Start, redis_url: str):
    service = start(redis_url)
    assert post(service).status_code == 202
    links = get(service, "/").json()["links"]
    assert links.keys() == {"/health", "/metrics", "/v1/events", "/openapi.json"}
    assert all(get(service, path).status_code in {200, 405} for path in links)
    health = service.well()
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    assert health.json()["checks"].keys() == {
        "redis",
        "work",
        "config",
        "exposition",
        "items",
        "history",
        "source_asterisk",
    }
    metrics = service.metrics()
    assert 'wachtpost_ingest_events_total{source="pbx"} 1.0' in metrics
    assert 'wachtpost_dead_letters_total{reason="personal"} 0.0' in metrics
    assert 'wachtpost_queue_log_unknown_verbs_total{source="asterisk"} 0.0' in metrics
    assert get(service, "/openapi.json").status_code == 200
    assert get(service, "/asyncapi").status_code == 404
    assert service.stop() == 0
    assert service.logged("stopped") is not None


def test_without_redis_it_gives_up_and_says_so(start: Start):
    service = start(f"redis://desk:hunter2@127.0.0.1:{free_port()}/0", redis_wait="PT0.5S")
    assert service.wait() != 0
    line = service.logged("redis_absent")
    assert line is not None
    assert line["error"] == "ConnectionError"
    assert "hunter2" not in service.log.read_text()


@pytest.mark.parametrize(
    ("environment", "event"),
    [
        ({"port": "many"}, "setting_wrong"),
        ({"city_file": "/nowhere.toml"}, "city_file_unreadable"),
        ({"city_file": "pyproject.toml"}, "city_file_wrong"),
    ],
)
def test_a_wrong_setting_is_named(start: Start, environment: dict[str, object], event: str):
    service = start("redis://127.0.0.1:1/0", **environment)
    assert service.wait() == 78  # EX_CONFIG: starting it again would not help
    assert service.logged(event) is not None


@pytest.mark.parametrize(
    ("content", "wrong"), [(None, "No such file"), ("guess-me", "shorter than 32 characters")]
)
def test_without_a_good_key_for_pseudonyms_it_does_not_start_and_says_so(
    start: Start, redis_url: str, tmp_path: Path, content: str | None, wrong: str
):
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    service = start(redis_url, pseudonym_key_file=file)
    assert service.wait() == 78
    said = service.logged("setting_wrong")
    assert said is not None
    assert said["name"] == "WACHTPOST_PSEUDONYM_KEY_FILE"
    assert wrong in str(said["wrong"])
    assert "guess-me" not in service.log.read_text()


def test_health_fails_while_redis_is_away_and_recovers(start: Start, own_server: RedisServer):
    service = start(own_server.url)
    service.well()
    own_server.stop()
    failing = service.health()
    assert failing.status_code == 503
    assert "Redis does not answer" in failing.json()["checks"]["redis"]
    assert post(service).status_code == 503
    own_server.start()
    service.well()
    eventually(lambda: post(service).status_code == 202)


def test_a_checkpoint_that_cannot_be_read_is_set_aside_and_the_log_read_from_its_beginning(
    start: Start, redis_url: str, queue_log: Path
):
    long_counted = line(-2 * 86_400, "QUEUESTART", call="NONE", queue="NONE")  # and its id forgotten
    queue_log.write_bytes(long_counted + line(0, "QUEUESTART", call="NONE", queue="NONE"))
    with redis.Redis.from_url(redis_url) as client:
        client.set("{p0}:checkpoint:asterisk", "none of ours")
        service = start(redis_url)
        wait_for_events(client, 1)
        assert [event["kind"] for event in on_stream(client)] == ["source.restarted"]
        assert b"position" in (client.get("{p0}:checkpoint:asterisk") or b"")
        ((_, aside),) = client.xrange("{p0}:set-aside")
        assert (aside[b"key"], aside[b"value"]) == (b"{p0}:checkpoint:asterisk", b"none of ours")
    told = service.logged("state_set_aside")
    assert told is not None
    assert told["redis_key"] == "{p0}:checkpoint:asterisk"
    assert service.health().status_code == 200


def test_a_followed_log_shows_signs_of_life_while_it_is_there(start: Start, redis_url: str, queue_log: Path):
    service = start(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        service.well()  # no file yet is no fault
        assert client.xlen("{p0}:events") == 0
        queue_log.write_bytes(line(0, "QUEUESTART", call="NONE", queue="NONE"))
        eventually(lambda: client.xlen("{p0}:events") == 2)
        stored = [json.loads(entry) for _, entry in entries_now(client, "{p0}:events")]
        beat = next(e for e in stored if e["kind"] == "source.heartbeat")
        slot = int(NOW.timestamp()) // 30
        assert beat["id"] == f"asterisk-heartbeat-{slot}"


EPOCH = int(NOW.timestamp())


def line(second: int, verb: str, *told: object, call: str = "1772445600.1", queue: str = "onthaal") -> bytes:
    return "|".join(map(str, (EPOCH + second, call, queue, "NONE", verb, *told))).encode() + b"\n"


def call(number: int) -> list[bytes]:
    """A caller who waits four seconds; the number is masked, and must not come through even so."""
    uniqueid = f"{EPOCH}.{number}"
    return [
        line(number, "ENTERQUEUE", "", "+324700000xx", 1, call=uniqueid),
        line(number + 4, "CONNECT", 4, f"{EPOCH}.9{number}", 3, call=uniqueid),
        line(number + 60, "COMPLETECALLER", 4, 56, 1, call=uniqueid),
    ]


def test_bad_lines_are_dead_letters_and_unknown_verbs_are_counted(
    start: Start, redis_url: str, queue_log: Path
):
    lines = [
        *call(1),
        b"no line at all\n",
        line(5, "WEIRD", "x"),
        line(6, "CONNECT", 1, queue="helpdesk"),
        *call(2),
    ]
    queue_log.write_bytes(b"".join(lines))
    service = start(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        eventually(lambda: len(on_stream(client)) == 6)
        dead = [json.loads(entry) for _, entry in entries_now(client, "{p0}:dead")]
        assert [letter["reason"] for letter in dead] == ["unreadable", "unknown_queue"]
        assert dead[0]["where"] == f"byte {len(b''.join(call(1)))}"
        assert [(letter["file"], letter["line"]) for letter in dead] == [
            (str(queue_log), 1 + len(call(1))),
            (str(queue_log), 3 + len(call(1))),
        ]
        assert (dead[1]["item"]["site"], dead[1]["item"]["queue"]) == ("lier", "helpdesk")
        held = [
            repr(client.dump(key) if client.type(key) == b"string" else client.xrange(key))
            for key in client.scan_iter()
        ]
        assert "324700000" not in "".join(held)
        metrics = service.metrics_with('unknown_verbs_total{source="asterisk"} 1.0')
        assert 'wachtpost_queue_log_lines_total{source="asterisk"} 9.0' in metrics
        assert 'wachtpost_dead_letters_total{reason="unknown_queue"} 1.0' in metrics


def test_every_line_once_over_rotation_truncation_and_kills(start: Start, redis_url: str, queue_log: Path):
    """The PBX writes and rotates; ingest is killed and started again, and once misses a rotation."""
    dice = random.Random(7)
    lines = [line for number in range(1, 400) for line in call(number)]
    rules = TranslatorRules.of(QueueLogSource(kind="queue_log", id="asterisk", site="lier", path=queue_log))
    translator = QueueLogTranslator(rules, PSEUDONYMS)
    expected = [str(translator.translate(line).id) for line in lines]  # type: ignore[union-attr]
    pieces = [lines[start : start + 133] for start in range(0, len(lines), 133)]
    with redis.Redis.from_url(redis_url) as client:
        service = start(redis_url)
        written = 0
        for turn, piece in enumerate(pieces):
            if turn == 7:  # logrotate's copytruncate: only what was read may go
                wait_for_events(client, written)
                queue_log.write_bytes(b"")
            if turn in {2, 5}:
                queue_log.rename(queue_log.with_name(f"queue_log.{10 - turn}"))
            with queue_log.open("ab", buffering=0) as log:
                for some in piece:
                    log.write(some)
            written += len(piece)
            service = start(redis_url) if service.exited else service
            wait_for_events(client, dice.randrange(1, written))
            if turn % 2 or turn == 4:  # after 4 it is down until the log has been rotated and written to
                service.kill()
        service = start(redis_url) if service.exited else service
        wait_for_events(client, len(expected))
        ids = [str(event["id"]) for event in on_stream(client)]
        assert ids == expected  # in order, and none twice: events and checkpoint are one


def test_a_log_that_comes_by_copies_is_counted_once_over_kills(start: Start, redis_url: str, queue_log: Path):
    """Copied whole each time, rotated in between, the new file before the rest of the old; and at the very
    beginning rotated while ingest is being started."""
    lines = iter([line for number in range(1, 100) for line in call(number)])
    written: list[bytes] = []

    def some(count: int) -> bytes:
        written.extend(islice(lines, count))
        return b"".join(written[-count:])

    def comes(name: str, content: bytes) -> None:
        coming = queue_log.with_name(".coming")
        coming.write_bytes(content)
        coming.rename(queue_log.with_name(name))

    first = some(6)
    comes("queue_log", first)
    service = start(redis_url)
    queue_log.rename(queue_log.with_name("queue_log.1"))
    log = some(9)
    comes("queue_log", log)
    with redis.Redis.from_url(redis_url) as client:
        wait_for_events(client, len(written))
        for turn in range(3):
            if turn == 1:
                service.kill()
            log += some(5)
            comes("queue_log", log)
            service = start(redis_url) if service.exited else service
            wait_for_events(client, len(written))
            rest = log + some(4)
            log = some(3)
            comes("queue_log", log)
            wait_for_events(client, len(written) - 4)
            if turn == 2:
                service.kill()
            comes(f"queue_log.{9 - turn}.gz", gzip.compress(rest))
            service = start(redis_url) if service.exited else service
            wait_for_events(client, len(written))
        rules = TranslatorRules.of(
            QueueLogSource(kind="queue_log", id="asterisk", site="lier", path=queue_log)
        )
        translator = QueueLogTranslator(rules, PSEUDONYMS)
        expected = [str(translator.translate(line).id) for line in written]  # type: ignore[union-attr]
        assert sorted(str(event["id"]) for event in on_stream(client)) == sorted(expected)


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["fifo", "device"]
)
def test_what_is_no_file_is_said_and_holds_nobody_up(
    start: Start, redis_url: str, queue_log: Path, make: Callable[[Path], None]
):
    make(queue_log)
    service = start(redis_url)
    eventually(lambda: "Not a regular file" in service.health().text)
    assert post(service).status_code == 202
    assert service.stop() == 0


def test_while_redis_is_away_lines_wait(start: Start, own_server: RedisServer, queue_log: Path):
    queue_log.write_bytes(b"".join(call(1)))
    service = start(own_server.url)
    with own_server.client() as client:
        eventually(lambda: len(on_stream(client)) == 3)
    own_server.stop()
    with queue_log.open("ab") as log:
        log.writelines(call(2))
    eventually(lambda: service.logged("redis_away"))
    own_server.start()
    with own_server.client() as client:
        eventually(lambda: len(ids_on(client)) == 6)
    assert service.stop() == 0


def test_while_redis_is_full_lines_wait_and_senders_hear_why(
    start: Start, own_server: RedisServer, queue_log: Path
):
    queue_log.write_bytes(b"".join(call(1)))
    service = start(own_server.url)
    with own_server.client() as client:
        eventually(lambda: len(on_stream(client)) == 3)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.95))
        refused = post(service)
        assert (refused.status_code, int(refused.headers["Retry-After"])) == (503, 30)
        assert "the store has no room for what is new" in refused.json()["detail"]
        with queue_log.open("ab") as log:
            log.writelines(call(2))
        eventually(lambda: any(line.get("error") == "has no room for what is new" for line in service.lines))
        health = get(service, "/health")
        assert health.status_code == 503
        assert "more than 90% of its memory" in health.json()["checks"]["redis"]
        assert len(on_stream(client)) == 3
        client.config_set("maxmemory", 0)
        eventually(lambda: len(on_stream(client)) == 6)
        assert post(service).status_code == 202
        assert get(service, "/health").json()["checks"]["redis"] == "ok"
    assert service.stop() == 0


def test_a_first_start_on_an_old_log_says_once_what_it_leaves_out(
    start: Start, redis_url: str, queue_log: Path
):
    def call(second: int) -> str:
        of_it = f"{second}.1|onthaal"
        return f"{second}|{of_it}|NONE|ENTERQUEUE|||1\n{second + 5}|{of_it}|Agent|CONNECT|5|{second}.2|3\n"

    today = int(NOW.timestamp()) - 3600
    long_ago = today - 40 * 86_400
    queue_log.write_text("".join(call(long_ago + n * 60) for n in range(2000)) + call(today))
    client = redis.Redis.from_url(redis_url)
    service = start(redis_url)
    eventually(lambda: service.logged("queue_log.left_to_history_import"))
    said = service.logged("queue_log.left_to_history_import")
    assert said is not None
    assert (said["calls"], said["lines"]) == (2000, 4000)
    wait_for_events(client, 2)
    assert len(on_stream(client)) == 2
    assert client.xlen("{p0}:dead") == 0
    assert 'wachtpost_queue_log_left_calls_total{source="asterisk"} 2000.0' in service.metrics()


def test_a_clock_that_is_ahead_costs_no_call(start: Start, redis_url: str, queue_log: Path):
    """Three minutes, and forty lines at once, which make nobody sure of it."""
    client = redis.Redis.from_url(redis_url)
    service = start(redis_url)
    told = int(NOW.timestamp()) + 180
    with queue_log.open("a") as log:
        log.writelines(f"{told}|{told}.{number}|onthaal|NONE|ENTERQUEUE|||1\n" for number in range(40))
    wait_for_lines(service, 40)
    assert [event["at"] for event in on_stream(client)] == [f"{NOW:%Y-%m-%dT%H:%M:%SZ}"] * 40
    assert 'wachtpost_source_clock_ahead_seconds{source="asterisk"} 0.0' in service.metrics()
    assert client.xlen("{p0}:dead") == 0


@pytest.mark.parametrize("restarts", [False, True])
def test_our_own_clock_two_hours_behind_moves_and_costs_no_call(
    restarts: bool, start: Start, redis_url: str, queue_log: Path, tmp_path: Path
):
    """Lines that seem to be from the future are told when the clock is right, by another process too."""
    clock, client = tmp_path / "clock", redis.Redis.from_url(redis_url)

    def set_clock(now: datetime) -> None:
        new = clock.with_suffix(".new")
        new.write_text(f"{now.isoformat()}/{now.isoformat()}/0")
        new.replace(clock)

    def write(number: int) -> None:
        with queue_log.open("a") as log:
            for one in range(100 * number, 100 * number + 100):
                log.write(f"{second}|{second}.{one}|onthaal|NONE|ENTERQUEUE|||1\n")

    def are_dead(count: int) -> bool:
        return client.xlen("{p0}:dead") == count

    second = int(NOW.timestamp())
    set_clock(NOW - timedelta(hours=2))
    service = start(redis_url, clock=f"@{clock}")
    for number in range(7):
        write(number)
        eventually(partial(are_dead, 100 * (number + 1)))
    assert on_stream(client) == []
    if restarts:
        service.stop()
    set_clock(NOW)
    if restarts:
        service = start(redis_url, clock=f"@{clock}")
    write(7)
    wait_for_events(client, 800)
    assert [event["at"] for event in on_stream(client)] == [f"{NOW:%Y-%m-%dT%H:%M:%SZ}"] * 800
    assert client.xlen("{p0}:dead") == 700


def test_the_log_says_what_is_followed_from_where_and_what_came(
    start: Start, redis_url: str, queue_log: Path
):
    second = int(NOW.timestamp()) - 60
    queue_log.write_text(f"{second}|{second}.1|onthaal|NONE|ENTERQUEUE|||1\n{second}|1|nergens|NONE|BUSY\n")
    service = start(redis_url)
    eventually(lambda: service.logged("queue_log.caught_up"))
    followed, caught_up = service.logged("queue_log.following"), service.logged("queue_log.caught_up")
    assert followed is not None
    assert caught_up is not None
    assert (followed["source"], followed["path"]) == ("asterisk", str(queue_log))
    assert followed["goes_on_from"] == "byte 0"
    assert (caught_up["source"], caught_up["lines"]) == ("asterisk", 2)
    for _ in range(2):
        with queue_log.open("a") as log:
            log.write(f"{second}|{second}.2|onthaal|NONE|ENTERQUEUE|||1\n")
    wait_for_lines(service, 4)
    assert post(service).status_code == 202
    assert post(service, queue="nergens").status_code == 422
    assert service.stop() == 0
    came = service.logged("came")
    assert came is not None
    assert came["events"] == {"asterisk": 3, "pbx": 1}
    refused = came["refused"]
    assert isinstance(refused, dict)
    assert refused["pbx"] == 1
    again = start(redis_url)
    eventually(lambda: again.logged("queue_log.following"))
    goes_on = again.logged("queue_log.following")
    assert goes_on is not None
    assert goes_on["goes_on_from"] == f"byte {queue_log.stat().st_size}"
    assert "change detected" not in again.log.read_text(encoding="utf-8")

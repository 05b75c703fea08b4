"""The evaluator's health tells the truth: Redis away and back, standing by, owning, and its end."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from shared.contract.events import SourceHeartbeat, SourceRestarted, encode
from shared.process.ports import free_port
from shared.redis import keys
from tests.support.eventually import eventually
from tests.support.redis_servers import RedisServer
from tests.support.service_process import ServiceProcess, Services

CITY = """
[city]
name = "Test"
[pipeline]
lease = "1m"
[[sites]]
id = "site"
queues = [{ id = "phone", kind = "phone" }]
"""

Start = Callable[..., ServiceProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start evaluators on a Redis; whatever was started is ended with the test."""
    (tmp_path / "city.toml").write_text(CITY)
    with Services(tmp_path, city_file=tmp_path / "city.toml") as services:
        yield lambda url, **environment: services.start("evaluator", redis_url=url, **environment)


def said(service: ServiceProcess) -> tuple[int, dict[str, str]]:
    answer = service.health()
    return answer.status_code, answer.json()["checks"]


def is_healthy(service: ServiceProcess) -> bool:
    checks = ("redis", "work", "config", "exposition", "durability", "state", "history", "partition_0")
    return said(service) == (200, dict.fromkeys(checks, "ok"))


def owns(service: ServiceProcess) -> bool:
    return service.metric("lease_owner", partition="0") == 1


def test_it_fails_while_redis_is_away_and_recovers_by_itself(own_server: RedisServer, start: Start) -> None:
    evaluator = start(own_server.url)
    eventually(lambda: is_healthy(evaluator) and owns(evaluator))
    own_server.kill()
    eventually(lambda: said(evaluator)[0] == 503 and not owns(evaluator))
    checks = said(evaluator)[1]
    assert "Redis does not answer" in checks["redis"]
    assert checks["partition_0"] != "ok"
    own_server.restart()
    eventually(lambda: is_healthy(evaluator) and owns(evaluator))


def test_a_standby_is_healthy_shows_no_figures_and_takes_over_at_once_when_asked(
    redis_url: str, start: Start
) -> None:
    owner = start(redis_url)
    eventually(lambda: owns(owner))
    standby = start(redis_url)
    eventually(lambda: is_healthy(standby))
    figures = standby.metrics()
    assert not owns(standby)
    assert "wachtpost_calls_answered{" not in figures, "two processes must not show the same calls"
    assert owner.stop() == 0
    eventually(lambda: owns(standby))


def test_without_redis_at_the_start_it_says_so_and_ends(tmp_path: Path, start: Start) -> None:
    port = free_port()
    evaluator = start(f"redis://desk:hush@127.0.0.1:{port}/0", redis_wait="PT1S")
    assert evaluator.wait() != 0
    line = evaluator.logged("redis_absent")
    assert line is not None
    assert (line["address"], line["setting"]) == (f"127.0.0.1:{port}", "WACHTPOST_REDIS_URL")
    log = evaluator.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert "hush" not in log


def test_a_port_that_is_taken_is_told_with_its_address(redis_url: str, start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        evaluator = start(redis_url, port=port)
        assert evaluator.wait() != 0
        line = evaluator.logged("cannot_listen")
    assert line is not None
    assert (line["host"], line["port"], line["why"]) == ("127.0.0.1", port, "Address already in use")
    assert "Traceback" not in evaluator.log.read_text(encoding="utf-8")


def test_a_file_that_a_setting_names_and_is_not_there_is_told_with_the_setting(start: Start) -> None:
    evaluator = start("redis://127.0.0.1:1/0", redis_password_file="/nowhere/redis")
    assert evaluator.wait() == os.EX_CONFIG
    line = evaluator.logged("setting_wrong")
    assert line is not None
    assert (line["name"], line["file"]) == ("WACHTPOST_REDIS_PASSWORD_FILE", "/nowhere/redis")


def test_a_secret_that_is_no_text_is_told_without_what_is_in_it(start: Start, tmp_path: Path) -> None:
    (tmp_path / "redis").write_bytes(b"\xfe\xff secret")
    evaluator = start("redis://127.0.0.1:1/0", redis_password_file=tmp_path / "redis")
    assert evaluator.wait() == os.EX_CONFIG
    line = evaluator.logged("setting_wrong")
    assert line is not None
    assert (line["name"], line["wrong"]) == ("WACHTPOST_REDIS_PASSWORD_FILE", "it is not UTF-8 text")


@pytest.mark.parametrize(
    ("setting", "value", "good", "said"),
    [
        ("appendonly", "no", "yes", "no append-only file"),
        ("maxmemory-policy", "allkeys-lru", "noeviction", "drops keys"),
    ],
)
def test_a_redis_that_does_not_keep_what_it_has_is_told(
    own_server: RedisServer, start: Start, setting: str, value: str, good: str, said: str
) -> None:
    evaluator = start(own_server.url)
    eventually(lambda: is_healthy(evaluator))
    with own_server.client() as client:
        client.config_set(setting, value)
        answer = evaluator.health()
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert said in answer.json()["checks"]["durability"]
        client.config_set(setting, good)
    eventually(lambda: is_healthy(evaluator))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_while_it_waits_for_redis_it_ends(start: Start, number: signal.Signals) -> None:
    evaluator = start(f"redis://127.0.0.1:{free_port()}/0", redis_wait="PT1H")
    eventually(lambda: evaluator.logged("waiting_for_redis"))
    os.kill(evaluator.pid, number)
    assert evaluator.wait() == 0
    assert [line["event"] for line in evaluator.lines][-1] == "stopped"


def test_a_city_file_that_is_wrong_is_explained_in_the_log(
    tmp_path: Path, redis_url: str, start: Start
) -> None:
    (tmp_path / "city.toml").write_text(CITY + "\n[live]\nwindows = ['7s']\n")
    evaluator = start(redis_url)
    assert evaluator.wait() != 0
    line = evaluator.logged("city_file_wrong")
    assert line is not None
    assert "live.windows" in str(line["at"])


FEED = """
[[no_data_rules]]
id = "feed"
source = "pbx"
after = "5m"

[[sources]]
kind = "queue_log"
id = "pbx"
site = "site"
path = "queue_log"
"""


def test_a_take_over_raises_no_alarm_before_it_has_read_what_waited(
    tmp_path: Path, redis_url: str, start: Start
) -> None:
    """While no evaluator ran the source spoke on; it is the evaluator that was silent."""
    (tmp_path / "city.toml").write_text(CITY + FEED)
    morning = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    with redis.Redis.from_url(redis_url) as client:
        run_until(start, client, redis_url, [morning], read=1)
        later = [morning + timedelta(minutes=minute) for minute in range(1, 21)]
        run_until(start, client, redis_url, later, read=21)
        assert client.xlen(keys.breaches(0)) == 0


def run_until(start: Start, client: redis.Redis, url: str, spoken: list[datetime], read: int) -> None:
    """Have an evaluator begin after the source has spoken, count all it said, judge, and end."""
    for at in spoken:
        beat = SourceRestarted(id=f"beat-{at:%H%M}", at=at, source="pbx", site="site")
        entry = f"{int(at.timestamp() * 1000)}-0"
        client.xadd(keys.events(0), {keys.DATA_FIELD: encode(beat)}, id=entry)
    now = (spoken[-1] + timedelta(seconds=1)).isoformat()
    evaluator = start(url, clock=f"{now}/{now}/0")
    counted = f'events_read_total{{partition="0"}} {read}.0'
    eventually(lambda: counted in evaluator.metrics() and judged(evaluator))
    assert evaluator.stop() == 0


def judged(service: ServiceProcess) -> bool:
    return 'state="ok"} 1.0' in "".join(
        line for line in service.metrics().splitlines() if "kpi_state" in line
    )


QUEUES = ", ".join(f'{{ id = "phone-{n}", kind = "phone" }}' for n in range(20))
UNREAD = 100


def test_clients_that_take_nothing_stop_no_commit(tmp_path: Path, redis_url: str, start: Start) -> None:
    """A hundred scrapes asked for at once and left unread, and scrapes with a body that never comes."""
    (tmp_path / "city.toml").write_text(CITY.replace('{ id = "phone", kind = "phone" }', QUEUES))
    evaluator = start(redis_url)
    eventually(lambda: owns(evaluator))
    port = evaluator.port
    ask = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
    with ExitStack() as clients, redis.Redis.from_url(redis_url) as client:
        fence = client.get(keys.fence(0))
        for request in (ask + b"\r\n", ask + b"Content-Length: 5\r\n\r\n"):
            for _ in range(8):
                connection = clients.enter_context(socket.socket())
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.connect(("127.0.0.1", port))
                connection.sendall(request * UNREAD if request.endswith(b"x\r\n\r\n") else request)
        for number in range(1, 6):
            now = datetime.now(UTC)
            beat = SourceHeartbeat(id=f"beat-{number}", at=now, source="pbx", site="site")
            client.xadd(keys.events(0), {keys.DATA_FIELD: encode(beat)})
            eventually(lambda: client.hget(keys.state(0), "read") == str(number).encode())  # noqa: B023
        assert client.get(keys.fence(0)) == fence, "and it kept its lease"
    assert evaluator.health().status_code == 200


def test_an_offer_of_the_year_1_stops_nothing_in_the_state_or_on_the_stream(
    tmp_path: Path, redis_url: str, start: Start
) -> None:
    """Where it is kept it is set aside, where it comes in it is a dead letter."""
    queues = '{ id = "phone", kind = "phone" }, { id = "desk", kind = "counter" }'
    (tmp_path / "city.toml").write_text(CITY.replace('{ id = "phone", kind = "phone" }', queues))
    now = datetime.now(UTC)
    with redis.Redis.from_url(redis_url) as client:
        client.hset(keys.state(0), "offer:site:desk", f"{now.timestamp() * 1000:.0f},-62135600400000")
        client.hset(keys.state(0), "staff:site:desk", "9" * 30)
        evaluator = start(redis_url)
        eventually(lambda: owns(evaluator))
        assert client.xlen(keys.set_aside(0)) == 2
        offer = b'{"kind":"appointment.offer","id":"%d","at":"%s","source":"s","site":"site","queue":"desk",'
        at = now.isoformat().encode()
        for number, first in enumerate([b"0001-01-01T00:00:00+01:00", at]):
            body = offer % (number, at) + b'"first_free_at":"%s"}' % first
            client.xadd(keys.events(0), {keys.DATA_FIELD: body})
        shown = evaluator.metrics_with('wachtpost_events_read_total{partition="0"} 2.0')
        assert 'wachtpost_dead_letters_total{partition="0",reason="invalid"} 1.0' in shown
        assert 'wachtpost_first_free_appointment_workdays{queue="desk",site="site"} 0.0' in shown
        assert "wachtpost_exposition_errors_total 0.0" in shown
        answer = evaluator.health()
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert "set aside" in answer.json()["checks"]["state"]

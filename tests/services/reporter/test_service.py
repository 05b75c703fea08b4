"""The monthly mail of the report on a real Redis and a real mail server: once to each, whoever is killed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest
from redis.asyncio import Redis
from typer.testing import CliRunner, Result

from domain.bucket import Bucket
from services.notifier.app import deliverer
from services.notifier.channels import build_senders
from services.notifier.channels.post import http_client
from services.notifier.delivery_log import LINE, DeliveryLine, Line
from services.notifier.messages.message import Writer
from services.notifier.messages.template_files import load_templates
from services.notifier.model import DecisionLine
from services.notifier.session import NotifierSession
from services.notifier.state_store import NotifierStore
from services.reporter.metrics import ReporterMetrics
from services.reporter.publisher import ReportPublisher
from services.reporter.rounds import Reporter, report_ready
from shared.config.model import CityFile
from shared.contract.report_events import Attachment, Document, ReportReady
from shared.periods import Period
from shared.process.clock import SimulatedClock
from shared.redis import keys
from tests.support import partitions
from tests.support.channel_city import NoSecrets
from tests.support.entries import entries
from tests.support.eventually import eventually_async
from tests.support.partitions import AtWork
from tests.support.receivers import HOST, HttpReceiver, Mail, MailReceiver, http_receiver, mail_receiver
from tests.support.redis_servers import leases_run_out
from tests.support.service_process import ServiceProcess
from wachtpost.cli import app
from wachtpost.demo.city_copy import toml

SECOND: Final = timedelta(seconds=1)
MOMENT: Final = datetime(2026, 11, 4, 7, tzinfo=UTC)
"""Eight in the morning of the third working day."""

ANNA, BERT, CHRIS = "anna@stad.example", "bert@stad.example", "chris@stad.example"
FILES: Final = (
    Attachment(name="wachtpost-proefstad-2026-10.html", media_type="text/html", data="<p>één</p>".encode()),
    Attachment(name="wachtpost-proefstad-2026-10.csv", media_type="text/csv", data=b"a;b\n" * 100_000),
)


def city_of(mail: MailReceiver, web: str, *heads: str) -> dict[str, object]:
    """Heads of department, and a council; somebody without mail; nobody by that name."""
    return {
        "city": {"name": "Proefstad"},
        "sites": [{"id": "huis", "queues": [{"id": "onthaal", "kind": "phone"}]}],
        "pipeline": {"lease": "1m"},
        "targets": [{"kpi": "missed_ratio", "limit": 0.2, "period": "year"}],
        "smtp": {"host": HOST, "port": mail.port, "tls": "none", "sender": "wachtpost@stad.example"},
        "receivers": [
            {
                "id": "hoofd",
                "channels": [{"kind": "webhook", "url": web}, {"kind": "email", "to": list(heads)}],
            },
            {"id": "raad", "channels": [{"kind": "email", "to": [CHRIS]}]},
            {"id": "scherm", "channels": [{"kind": "webhook", "url": web}]},
        ],
        "report": {"receivers": ["hoofd", "raad"], "attach": ["html", "csv"]},
    }


@dataclass
class ReporterOnRedis:
    """A city with its mail server, on a clock of our own."""

    redis: Redis
    url: str
    mail: MailReceiver
    web: HttpReceiver
    now: datetime = MOMENT
    first_day: date = date(2026, 9, 1)

    @property
    def city(self) -> CityFile:
        return CityFile.model_validate(city_of(self.mail, self.web.url, ANNA, BERT))

    async def make(self, name: str, period: Period, _now: datetime) -> Document:
        return Document(
            id=name, subject=f"Beleidsrapport {period.name}", text="Zie bijlage.", attachments=FILES
        )

    async def counted_since(self) -> date:
        return self.first_day

    def reporter(self) -> Reporter:
        return Reporter(
            self.city,
            lambda: self.now,
            ReportPublisher(self.redis),
            self.counted_since,
            self.make,
            ReporterMetrics(),
        )

    async def hand_over(self, *receivers: str, name: str = "report:2026-10") -> None:
        """An extra report, as by hand."""
        ready = ReportReady(id=name, at=self.now, period="2026-10", receivers=receivers)
        period = Period.parse("2026-10")
        assert await ReportPublisher(self.redis).hand_over(
            await self.make(name, period, self.now), ready, counts=False
        )

    @asynccontextmanager
    async def notifier(self, owner: str = "one") -> AsyncIterator[AtWork[NotifierSession]]:
        """A notifier at work, with everything but its process."""
        city, store = self.city, NotifierStore(self.redis, 0, "", SECOND)
        writer = Writer(city, load_templates(None, print))
        async with http_client() as http:
            senders = build_senders(city, NoSecrets(), http, lambda: self.now)
            deliver = deliverer(city, senders, writer, None, store.document)
            async with partitions.notifier(self.url, city, lambda: self.now, deliver, owner=owner) as run:
                yield run

    async def events(self) -> list[ReportReady]:
        return [
            ReportReady.model_validate_json(body) for _, body in await entries(self.redis, keys.breaches(0))
        ]

    async def documents(self) -> int:
        return int(await self.redis.hlen(keys.notifier(0, "documents")))

    async def log(self, part: str = "log") -> list[Line]:
        store = NotifierStore(self.redis, 0, "", SECOND)
        return [LINE.validate_json(line) for line in reversed(await store.recent(part, 100))]

    def arrived(self) -> list[str]:
        return sorted(address for mail in self.mail.mails for address in mail.recipients)


@pytest.fixture
async def report_queue(redis_client: Redis, redis_url: str) -> AsyncIterator[ReporterOnRedis]:
    async with mail_receiver() as mail, http_receiver() as web:
        # The very first notifier passes over what is older than ten minutes by Redis' own clock.
        yield ReporterOnRedis(redis_client, redis_url, mail, web)


def done(run: AtWork[NotifierSession]) -> bool:
    """Everything that was heard is delivered or given up."""
    session = run.partition.session
    return session is not None and not session.outbox


async def test_each_address_gets_one_mail_with_the_report(report_queue: ReporterOnRedis):
    assert await report_queue.reporter().look() == Period.parse("2026-10")
    async with report_queue.notifier() as run:
        await eventually_async(lambda: len(report_queue.mail.mails) == 3 and done(run))
    assert report_queue.arrived() == [ANNA, BERT, CHRIS]
    assert report_queue.web.requests == []
    read = report_queue.mail.mails[0].message
    assert (read["Subject"], read.get_content_type()) == ("Beleidsrapport 2026-10", "multipart/mixed")
    assert read.get_body(["plain"]).get_content().strip() == "Zie bijlage."  # type: ignore[union-attr]
    attached = list(read.iter_attachments())
    assert [one.get_filename() for one in attached] == [one.name for one in FILES]
    assert [one.get_content_type() for one in attached] == ["text/html", "text/csv"]
    assert [one.get_payload(decode=True) for one in attached] == [one.data for one in FILES]
    assert len({mail.message["Message-ID"] for mail in report_queue.mail.mails}) == 3
    assert read["In-Reply-To"] is None


async def test_nothing_is_left_but_the_memory_that_it_was_sent_and_the_log(report_queue: ReporterOnRedis):
    await report_queue.reporter().look()
    assert await report_queue.documents() == 1
    async with report_queue.notifier() as run:
        await eventually_async(lambda: len(report_queue.mail.mails) == 3 and done(run))
    assert await report_queue.documents() == 0
    assert await ReportPublisher(report_queue.redis).sent() == {"2026-10"}
    decided = [line for line in await report_queue.log() if isinstance(line, DecisionLine)]
    tried = [line for line in await report_queue.log() if isinstance(line, DeliveryLine)]
    assert [(line.receiver, line.reason, line.breach) for line in decided] == [
        ("hoofd", "report", "report:2026-10"),
        ("raad", "report", "report:2026-10"),
    ]
    assert sorted((line.key, line.notification_kind, line.report, line.result) for line in tried) == [
        (f"report:2026-10/{key}", "report", "2026-10", "delivered")
        for key in ("hoofd/1/0", "hoofd/1/1", "raad/0/0")
    ]


async def test_no_record_that_is_written_again_and_again_holds_the_report(report_queue: ReporterOnRedis):
    """A try that fails writes the delivery anew: it must not write megabytes."""
    report_queue.mail.replies["DATA"] = "452 4.3.1 no room at the moment"
    await report_queue.reporter().look()
    async with report_queue.notifier():
        await eventually_async(lambda: report_queue.redis.hlen(keys.notifier(0, "outbox")))
        deliveries = await report_queue.redis.hvals(keys.notifier(0, "outbox"))
    (ready,) = await entries(report_queue.redis, keys.breaches(0))
    assert max(map(len, [*deliveries, ready[1]])) < 1000


async def test_of_many_reporters_one_hands_over(report_queue: ReporterOnRedis):
    found = await asyncio.gather(*(report_queue.reporter().look() for _ in range(5)))
    assert sorted(map(bool, found)) == [False] * 4 + [True]
    assert [ready.id for ready in await report_queue.events()] == ["report:2026-10"]


async def test_one_who_is_refused_is_told_apart_and_the_others_have_it(report_queue: ReporterOnRedis):
    report_queue.mail.refuses[BERT] = "550 5.1.1 no such user"
    await report_queue.reporter().look()
    async with report_queue.notifier() as run:
        await eventually_async(lambda: len(report_queue.mail.mails) == 2 and done(run))
    assert report_queue.arrived() == [ANNA, CHRIS]
    (dead,) = await report_queue.log("dead")
    assert isinstance(dead, DeliveryLine)
    assert (dead.key, dead.report) == ("report:2026-10/hoofd/1/1", "2026-10")
    assert "550 5.1.1" in dead.why
    assert await report_queue.documents() == 0


async def test_a_mail_server_that_takes_nothing_now_gets_it_later_and_the_report_waits(
    report_queue: ReporterOnRedis,
):
    report_queue.mail.replies["DATA"] = "452 4.3.1 no room at the moment"
    await report_queue.reporter().look()
    async with report_queue.notifier():
        await eventually_async(lambda: retried(report_queue))
    assert await report_queue.documents() == 1
    report_queue.mail.replies.clear()
    report_queue.now += timedelta(days=3)  # a weekend; news would have been given up
    async with report_queue.notifier("two") as run:
        await eventually_async(lambda: len(report_queue.mail.mails) == 3 and done(run))
    assert await report_queue.documents() == 0


async def retried(report_queue: ReporterOnRedis) -> bool:
    tried = [line.result.value for line in await report_queue.log() if isinstance(line, DeliveryLine)]
    return tried.count("retry") >= 3


async def test_what_goes_to_nobody_is_said_and_leaves_nothing(report_queue: ReporterOnRedis):
    await report_queue.hand_over("scherm", "weg")
    async with report_queue.notifier():
        await eventually_async(lambda: report_queue.log())
    told = [
        (line.receiver, line.reason) for line in await report_queue.log() if isinstance(line, DecisionLine)
    ]
    assert told == [("scherm", "no_mail"), ("weg", "receiver_gone")]
    assert await report_queue.documents() == 0


async def test_a_report_that_is_gone_is_a_dead_letter_not_an_endless_wait(report_queue: ReporterOnRedis):
    await report_queue.hand_over("raad")
    await report_queue.redis.delete(keys.notifier(0, "documents"))
    async with report_queue.notifier():
        await eventually_async(lambda: report_queue.log("dead"))
    (dead,) = await report_queue.log("dead")
    assert isinstance(dead, DeliveryLine)
    assert dead.why == "the report is not in Redis any more"


async def test_the_first_report_stays_when_a_second_is_handed_over_by_hand(report_queue: ReporterOnRedis):
    """Each brings its own document; one going does not take the other's."""
    await report_queue.reporter().look()
    await report_queue.hand_over("raad", name="report:2026-10:again")
    assert await ReportPublisher(report_queue.redis).sent() == {"2026-10"}
    async with report_queue.notifier() as run:
        await eventually_async(lambda: len(report_queue.mail.mails) == 4 and done(run))
    assert report_queue.arrived() == [ANNA, BERT, CHRIS, CHRIS]
    assert len({mail.message["Message-ID"] for mail in report_queue.mail.mails}) == 4


async def test_handing_over_a_second_time_after_a_lost_answer_changes_nothing(report_queue: ReporterOnRedis):
    publisher = ReportPublisher(report_queue.redis)
    ready = report_ready(Period.parse("2026-10"), ("raad",), report_queue.now)
    document = await report_queue.make(ready.id, Period.parse("2026-10"), report_queue.now)
    assert [await publisher.hand_over(document, ready, counts=True) for _ in range(2)] == [True, False]
    extra = report_ready(Period.parse("2026-10"), ("raad",), report_queue.now, "x1")
    again = document.model_copy(update={"id": extra.id})
    assert [await publisher.hand_over(again, extra, counts=False) for _ in range(2)] == [True, True]
    assert [one.id for one in await report_queue.events()] == ["report:2026-10", "report:2026-10:x1"]


# As processes ------------------------------------------------------------------------------------------


class Trap(list[Mail]):
    """A mail server's shelf that has the sender killed the moment it has a mail, before it can say so."""

    def __init__(self, victim: ServiceProcess) -> None:
        super().__init__()
        self._victim = victim

    def append(self, mail: Mail) -> None:
        super().append(mail)
        self._victim.kill()


@dataclass
class Town:
    """The reporter and the notifier as they really run, on a clock that stands at a moment and goes on."""

    folder: Path
    redis: Redis
    url: str
    mail: MailReceiver

    def __post_init__(self) -> None:
        self.city_file = self.folder / "city.toml"
        self.city_file.write_text(toml(city_of(self.mail, "http://127.0.0.1:9/", ANNA)), encoding="utf-8")
        self.reporter = self.process("services.reporter")
        self.notifier = self.process("services.notifier")

    @property
    def environment(self) -> dict[str, str]:
        clock = SimulatedClock(datetime.now(UTC), MOMENT + SECOND, 1)
        return {"city_file": str(self.city_file), "redis_url": self.url, "clock": str(clock)}

    def process(self, module: str) -> ServiceProcess:
        return ServiceProcess(module, self.folder / f"{module}.log", **self.environment)

    async def counts(self) -> None:
        """A day of October with 90 calls answered and 10 missed."""
        day = Bucket(answered=90, timed_out=10, wait_ms=90 * 38_000, waits={38: 90})
        await self.redis.hset(keys.buckets(0, "day", "huis", "onthaal"), "2026-10-06", day.encode())

    async def handed_over(self) -> bool:
        return await ReportPublisher(self.redis).sent() == {"2026-10"}

    async def on_its_way(self) -> int:
        return int(await self.redis.hlen(keys.notifier(0, "documents")))

    def ask(self, *arguments: str) -> Result:
        env = {f"WACHTPOST_{name.upper()}": value for name, value in self.environment.items()}
        return CliRunner().invoke(app, arguments, env=env)

    def kill(self) -> None:
        self.reporter.kill()
        self.notifier.kill()


@pytest.fixture
async def town(tmp_path: Path, redis_client: Redis, redis_url: str) -> AsyncIterator[Town]:
    async with mail_receiver() as mail:
        town = Town(tmp_path, redis_client, redis_url, mail)
        await town.counts()
        try:
            yield town
        finally:
            town.kill()


def message_ids(mail: MailReceiver) -> list[str]:
    return [str(one.message["Message-ID"]) for one in mail.mails]


async def test_the_service_makes_the_report_and_the_notifier_mails_it(town: Town):
    town.reporter.start()
    town.notifier.start()
    await eventually_async(lambda: len(town.mail.mails) == 2)
    await eventually_async(lambda: nothing_left(town))
    read = town.mail.mails[0].message
    assert read["Subject"] == "Beleidsrapport Proefstad: oktober 2026"
    text = read.get_body(["plain"])
    assert text is not None
    missed = "10,0 % (10 van 100) – nog niet te zeggen (≤ 20 %)"
    assert f"Gemiste oproepen in 2026 tot en met 31 oktober: {missed}" in text.get_content()
    files = {str(one.get_filename()): one.get_payload(decode=True) for one in read.iter_attachments()}
    assert sorted(files) == ["wachtpost-proefstad-2026-10.csv", "wachtpost-proefstad-2026-10.html"]
    html = files["wachtpost-proefstad-2026-10.html"]
    assert isinstance(html, bytes)
    assert b"<html" in html
    assert not re.search(rb"""(src|href)=["']?(https?:)?//""", html)  # nothing is fetched from elsewhere
    health = await asyncio.to_thread(town.reporter.well)
    assert (health.status_code, health.json()["checks"]["report"]) == (200, "ok")
    metrics = (await asyncio.to_thread(httpx.get, f"{town.reporter.url}/metrics")).text
    assert 'wachtpost_reports_total{result="handed_over"} 1.0' in metrics
    assert await asyncio.to_thread(town.reporter.stop) == 0
    assert (
        "beleidsrapport aangekomen  2026-10"
        in (await asyncio.to_thread(town.ask, "notifications", "log")).stdout
    )


async def nothing_left(town: Town) -> bool:
    return await town.on_its_way() == 0


async def test_a_notifier_that_is_killed_with_the_mail_just_sent_sends_the_same_one_again_at_most(town: Town):
    town.mail.mails = Trap(town.notifier)
    town.notifier.start()
    assert await asyncio.to_thread(lambda: town.notifier.url)
    town.reporter.start()
    await eventually_async(lambda: town.mail.mails and town.notifier.exited)
    town.mail.mails = list(town.mail.mails)
    first = message_ids(town.mail)[0]
    leases_run_out(town.url)
    town.notifier.start()
    await eventually_async(lambda: nothing_left(town))
    told = message_ids(town.mail)
    assert told.count(first) == 2  # it had it, and could not write that down
    assert len(set(told)) == 2  # one for each receiver, however often it came
    assert len(told) <= 4


async def test_reporters_killed_and_started_again_send_nothing_twice(town: Town):
    other = town.process("services.reporter")
    other.log = town.folder / "other.log"
    try:
        for service in (town.reporter, other):
            service.start()
        await eventually_async(lambda: town.handed_over())
        for service in (town.reporter, other):
            service.kill()
            service.start()
        town.notifier.start()
        await eventually_async(lambda: len(town.mail.mails) == 2)
        await eventually_async(lambda: nothing_left(town))
        for one in (town.reporter, other):
            await asyncio.to_thread(one.well)
        assert await town.redis.xlen(keys.breaches(0)) == 1
        assert len(town.mail.mails) == 2
    finally:
        other.kill()


# By hand -----------------------------------------------------------------------------------------------


async def test_by_hand_it_counts_once_and_tries_and_repeats_do_not_count(town: Town):
    async def ask(*arguments: str) -> Result:
        return await asyncio.to_thread(town.ask, "reporter", "--now", *arguments)

    tried = await ask("2026-10", "--receiver", "raad")
    assert (tried.exit_code, "aan de notifier gegeven, voor: raad." in tried.stdout) == (0, True), (
        tried.output
    )
    assert not await town.handed_over()
    sent = await ask("2026-10")
    assert (sent.exit_code, "over oktober 2026 is aan de notifier gegeven" in sent.stdout) == (0, True), (
        sent.output
    )
    assert await town.handed_over()
    again = await ask("2026-10")
    assert (again.exit_code, "al eerder verstuurd" in again.stderr) == (1, True)
    assert (await ask("2026-10", "--again")).exit_code == 0
    town.notifier.start()
    await eventually_async(lambda: nothing_left(town))
    arrived = sorted(address for mail in town.mail.mails for address in mail.recipients)
    assert arrived == [ANNA] * 2 + [CHRIS] * 3
    assert len(set(message_ids(town.mail))) == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--now", "oktober"), "geef een periode zoals 2026-10"),
        (("--now", "2026-11"), "november 2026 is nog niet voorbij"),
        (("--now", "2026"), "geen maand"),
        (("--now", "2026-10", "--receiver", "jan"), "Wel: hoofd, raad, scherm"),
        (("--now", "2026-10", "--receiver", "scherm"), "geen kanaal van de soort email"),
        (("--now", "2026-09", "--receiver", "raad"), "Het rapport kan niet worden gemaakt: "),
        (("--again",), "need --now"),
    ],
)
async def test_a_wrong_question_is_explained_and_nothing_is_sent(
    town: Town, arguments: tuple[str, ...], said: str
):
    result = await asyncio.to_thread(town.ask, "reporter", *arguments)
    assert (result.exit_code, said in result.stderr) == (2, True), result.output
    assert await town.redis.xlen(keys.breaches(0)) == 0

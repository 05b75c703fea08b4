"""``wachtpost doctor``: what is wrong is found, each by itself; what is right is not complained of."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner

from services.notifier.settings import NotifierSettings
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.process.clock import system_clock
from shared.process.ports import free_port
from shared.redis import keys
from shared.translation import languages
from tests.support.receivers import http_receiver, mail_receiver
from tests.support.redis_servers import RedisServer
from wachtpost.access import Access
from wachtpost.cli import app
from wachtpost.doctor.alarms import look_at_links, look_at_routes, look_at_rules, look_at_ways
from wachtpost.doctor.command import examine
from wachtpost.doctor.results import CheckResult, CheckStatus
from wachtpost.doctor.sources import look_at_sources, open_time
from wachtpost.doctor.stores import look_at_redis

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
"""Half past ten on a Friday in Brussels; the desk opened an hour and a half ago."""

CITY = """
city = {{ name = "Proefstad", language = "{language}" }}
{top}
[hours]
balie = {{ thursday = ["09:00-17:00"], friday = ["09:00-17:00"] }}
[[sites]]
id = "huis"
queues = [{{ id = "onthaal", kind = "phone", hours = "balie" }}]
[[sources]]
kind = "queue_log"
id = "pbx"
site = "huis"
path = "{path}"
{more}
"""

RULE = '[[rules]]\nid = "wachten"\nkpi = "call_wait_mean"\nlimit = 45\n'
TOLD = '[[receivers]]\nid = "balie"\nchannels = [{ kind = "webhook", url = "http://127.0.0.1:9/" }]\n'
ROUTE = '[[routes]]\nreceivers = ["balie"]\n'


def given(
    more: str = "", *, path: Path = Path("/nowhere"), top: str = "", language: str = "en", **settings: object
) -> Access:
    """Who asks about a city with all of that, at ``NOW``."""
    text = CITY.format(language=language, path=path, more=more, top=top)
    clock = f"{NOW.isoformat()}/{NOW.isoformat()}/0"
    return Access(
        NotifierSettings.model_validate({"clock": clock, **settings}),
        CityFile.model_validate(tomllib.loads(text)),
    )


def said(results: Sequence[CheckResult]) -> list[tuple[CheckStatus, str]]:
    return [(one.status, one.said) for one in results]


# Redis -------------------------------------------------------------------------------------------------


def at_work(client: redis.Redis) -> None:
    client.set(keys.lease(0), "1")
    client.set(keys.notifier(0, "lease"), "1")


async def test_a_redis_that_keeps_what_it_has_and_services_at_work_are_well(redis_url: str):
    with redis.Redis.from_url(redis_url) as client:
        at_work(client)
    report = await look_at_redis(given(redis_url=redis_url))
    assert [one.status for one in report.results] == [CheckStatus.OK] * 4
    assert [one.about for one in report.results] == ["redis", "evaluator", "notifier", "dead letters"]
    assert report.heard == {"pbx": None}


@pytest.mark.parametrize(
    ("setting", "value", "said_of_it"),
    [
        ("appendonly", "no", "keeps no append-only file"),
        ("maxmemory-policy", "allkeys-lru", "drops keys when it is full"),
        ("maxmemory", "1mb", "is full"),
    ],
)
async def test_a_redis_that_may_lose_something_is_wrong(
    own_server: RedisServer, setting: str, value: str, said_of_it: str
):
    with own_server.client() as client:
        client.config_set(setting, value)
    report = await look_at_redis(given(redis_url=own_server.url))
    first = report.results[0]
    assert (first.about, first.status) == ("redis", CheckStatus.WRONG)
    assert said_of_it in first.said
    assert f"127.0.0.1:{own_server.port}" in first.said
    assert first.advice


async def test_a_redis_that_is_away_is_told_with_its_address_and_nothing_else():
    port = free_port()
    report = await look_at_redis(given(redis_url=f"redis://desk:hush@127.0.0.1:{port}/0"))
    (away,) = report.results
    assert away.status is CheckStatus.WRONG
    at = f"Redis at 127.0.0.1:{port} (WACHTPOST_REDIS_URL)"
    assert away.said == f"{at} does not answer: Connection refused."
    assert report.heard is None


async def test_what_may_not_be_asked_is_told_once(own_server: RedisServer, tmp_path: Path):
    with own_server.client() as client:
        client.execute_command("ACL", "SETUSER", "desk", "on", ">hush", "~*", "+@connection", "+info")
    (tmp_path / "password").write_text("hush")
    url = f"redis://desk@127.0.0.1:{own_server.port}/0"
    report = await look_at_redis(given(redis_url=url, redis_password_file=tmp_path / "password", clock=""))
    assert [one.status for one in report.results] == [CheckStatus.OK, CheckStatus.WARNING]
    assert "Not all can be asked" in report.results[1].said
    assert report.heard is None


async def test_a_wrong_password_is_no_redis_that_is_away(own_server: RedisServer, tmp_path: Path):
    with own_server.client() as client:
        client.execute_command("ACL", "SETUSER", "desk", "on", ">another", "~*", "+@all")
    (tmp_path / "password").write_text("hush")
    url = f"redis://desk@127.0.0.1:{own_server.port}/0"
    report = await look_at_redis(given(redis_url=url, redis_password_file=tmp_path / "password"))
    (refused,) = report.results
    assert refused.status is CheckStatus.WRONG
    assert "does not know this user with this password" in refused.said
    assert "hush" not in refused.said


async def test_a_password_file_that_is_not_there_is_told_with_its_setting(tmp_path: Path):
    file = tmp_path / "redis"
    report = await look_at_redis(given(redis_password_file=file))
    (wrong,) = report.results
    assert wrong.status is CheckStatus.WRONG
    assert wrong.said.startswith(f"WACHTPOST_REDIS_PASSWORD_FILE: {file}")


async def test_who_is_not_at_work_is_wrong(redis_url: str):
    report = await look_at_redis(given(redis_url=redis_url))
    wrong = {one.about: one.said for one in report.results if one.status is CheckStatus.WRONG}
    assert wrong == {
        "evaluator": "No evaluator runs: nothing is judged.",
        "notifier": "No notifier runs: nobody is told.",
    }


@dataclass(frozen=True)
class ByAnotherClock(Access):
    """Asks on a machine whose clock is ahead."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return system_clock() + self.ahead


@pytest.mark.parametrize(
    ("ahead", "status"),
    [
        (timedelta(0), CheckStatus.OK),
        (timedelta(seconds=30), CheckStatus.WARNING),
        (timedelta(minutes=-3), CheckStatus.WRONG),
    ],
)
async def test_clocks_that_lie_apart_are_told(redis_url: str, ahead: timedelta, status: CheckStatus):
    asks = given(redis_url=redis_url, clock="")
    report = await look_at_redis(ByAnotherClock(asks.settings, asks.city, ahead))
    assert [one.status for one in report.results if one.about == "clock"] == [status]


async def test_queues_that_were_refused_are_named(redis_url: str):
    def letter(queue: str, at: datetime = NOW) -> bytes:
        item = {"kind": "call.queued", "site": "huis", "queue": queue}
        reason = DeadLetterReason.UNKNOWN_QUEUE
        return DeadLetter(reason=reason, detail="known: onthaal", at=at, source="pbx", item=item).encode()

    with redis.Redis.from_url(redis_url) as client:
        at = int(NOW.timestamp() * 1000)
        for number, queue in enumerate(["sales", "sales", "support", "onthaal"]):
            client.xadd(keys.dead_letters(0), {keys.DATA_FIELD: letter(queue)}, id=f"{at + number}-0")
    report = await look_at_redis(given(redis_url=redis_url))
    (dead,) = [one for one in report.results if one.about == "dead letters"]
    assert dead.status is CheckStatus.WARNING
    assert dead.said == (
        "3 events were refused in the last day. Queues that the city file does not have: sales, support."
    )
    assert "wachtpost dead" in dead.advice


# Sources -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("since", "until", "open_for"),
    [
        ("09:00", "10:30", "1:30:00"),  # within a day
        ("26T16:00", "10:30", "2:30:00"),  # over a night: an hour, and an hour and a half
        ("26T18:00", "08:00", "0:00:00"),  # only the night
    ],
)
def test_only_opening_time_counts(since: str, until: str, open_for: str):
    calendar = Calendar(given().city)

    def moment(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-11-{text if 'T' in text else f'27T{text}'}:00+01:00")

    assert str(open_time(calendar, {"balie"}, moment(since), moment(until))) == open_for


@pytest.mark.parametrize(
    ("written", "status", "what"),
    [
        (timedelta(minutes=59), CheckStatus.OK, "can be read"),
        (timedelta(minutes=61), CheckStatus.WARNING, "1 hour and 1 minute of opening time ago"),
    ],
)
def test_a_log_that_does_not_grow_is_told(tmp_path: Path, written: timedelta, status: CheckStatus, what: str):
    log = tmp_path / "queue_log"
    log.write_text("1|1|NONE|NONE|QUEUESTART\n")
    stamp = (NOW - written).timestamp()
    os.utime(log, (stamp, stamp))
    (file,) = look_at_sources(given(path=log), None)
    assert file.status is status
    assert what in file.said


def test_a_log_that_cannot_be_read_is_wrong(tmp_path: Path):
    (folder,) = look_at_sources(given(path=tmp_path), None)
    (missing,) = look_at_sources(given(path=tmp_path / "queue_log"), None)
    os.mkfifo(tmp_path / "pipe")
    assert list(look_at_sources(given(path=tmp_path / "pipe"), None)), (
        "nobody writes there; it is not waited for"
    )
    assert said([folder, missing]) == [
        (CheckStatus.WRONG, f"{tmp_path} cannot be read: Is a directory."),
        (CheckStatus.WRONG, f"{tmp_path}/queue_log does not exist on this machine."),
    ]


@pytest.mark.parametrize(
    ("ago", "statuses"),
    [
        (timedelta(minutes=5), [CheckStatus.OK, CheckStatus.OK]),  # somebody reads the log elsewhere
        (timedelta(days=1), [CheckStatus.WRONG, CheckStatus.WARNING]),
        (None, [CheckStatus.WRONG, CheckStatus.WARNING]),
    ],
)
def test_when_a_source_was_last_heard(ago: timedelta | None, statuses: list[CheckStatus]):
    heard = {"pbx": None if ago is None else NOW - ago}
    assert [one.status for one in look_at_sources(given(), heard)] == statuses


async def test_what_the_evaluator_heard_last_is_asked_of_redis(redis_url: str):
    with redis.Redis.from_url(redis_url) as client:
        client.hset(keys.state(0), "source:pbx", str(int(NOW.timestamp() * 1000)))
    report = await look_at_redis(given(redis_url=redis_url))
    assert report.heard == {"pbx": NOW}


# Alarms ------------------------------------------------------------------------------------------------


def test_rules_and_routes_that_lead_nowhere_are_named():
    counter = '[[rules]]\nid = "loket"\nkpi = "visit_wait_mean"\nlimit = 450\n'
    idle = '[[routes]]\nreceivers = ["balie"]\nseverities = ["info"]\n'
    other = TOLD.replace('"balie"', '"chef"')
    asks = given(RULE + counter + TOLD + other + idle)
    assert said(list(look_at_rules(asks))) == [
        (CheckStatus.WARNING, "The rule loket is about no queue: it is judged nowhere.")
    ]
    assert said(list(look_at_routes(asks))) == [
        (CheckStatus.WARNING, "Nobody is told of anything: no route fits any rule."),
        (CheckStatus.WARNING, "Route 1 is taken by no rule."),
        (CheckStatus.WARNING, "To the receiver chef no route leads."),
    ]
    some = RULE.replace('"wachten"', '"later"').replace("limit", 'severity = "info"\nlimit')
    assert said(list(look_at_routes(given(RULE + some + TOLD + idle)))) == [
        (CheckStatus.WARNING, "Nobody is told of: wachten (urgent).")
    ]


def test_rules_and_routes_that_fit_are_well():
    asks = given(RULE + TOLD + ROUTE)
    found = [*look_at_rules(asks), *look_at_routes(asks)]
    assert [one.status for one in found] == [CheckStatus.OK, CheckStatus.OK]


def test_what_is_only_for_information_need_not_lead_to_anybody():
    info = RULE.replace('"wachten"', '"maand"').replace("limit", 'severity = "info"\nlimit')
    route = ROUTE + 'severities = ["critical", "warning"]\n'
    assert [one.status for one in look_at_routes(given(RULE + info + TOLD + route))] == [CheckStatus.OK]


def test_a_city_without_rules_or_sources_is_told():
    assert [one.status for one in look_at_rules(given())] == [CheckStatus.WARNING]


SMTP = """
[smtp]
host = "127.0.0.1"
port = {port}
tls = "none"
sender = "wachtpost@proefstad.example"
{user}
[[receivers]]
id = "balie"
channels = [{{ kind = "email", to = ["balie@proefstad.example"] }}]
"""


async def test_the_mail_server_is_greeted_and_sent_nothing(tmp_path: Path):
    async with mail_receiver() as server:
        found = await look_at_ways(given(SMTP.format(port=server.port, user="")))
        assert server.mails == []
    assert said(found) == [(CheckStatus.OK, f"The mail server 127.0.0.1:{server.port} lets us in.")]


@pytest.mark.parametrize(
    ("password", "status", "what"),
    [
        ("right", CheckStatus.OK, "accepts the log-in"),
        ("wrong", CheckStatus.WRONG, "refuses the log-in of smtp.user (code 535)"),
        (None, CheckStatus.WRONG, "smtp.user needs smtp.password_file"),
    ],
)
async def test_a_log_in_is_tried(tmp_path: Path, password: str | None, status: CheckStatus, what: str):
    file = tmp_path / "smtp"
    file.write_text(f"{password}\n")
    given_file = None if password is None else file
    async with mail_receiver(users={"wachtpost": "right"}) as server:
        more = SMTP.format(port=server.port, user='user = "wachtpost"')
        (mail,) = await look_at_ways(given(more, smtp_password_file=given_file))
    assert mail.status is status
    assert what in mail.said
    assert "right" not in mail.said


async def test_a_mail_server_that_is_not_there_is_told_with_its_address():
    port = free_port()
    (mail,) = await look_at_ways(given(SMTP.format(port=port, user="")))
    assert mail.status is CheckStatus.WRONG
    assert mail.said == f"The mail server 127.0.0.1:{port} cannot be reached: Connection refused."
    assert mail.advice


@pytest.mark.parametrize(
    ("tls", "what"),
    [
        ("starttls", "cannot do what [smtp] asks for"),
        ("tls", "cannot be reached"),
    ],
)
async def test_a_mail_server_without_the_tls_that_is_asked_for_is_wrong(tls: str, what: str):
    async with mail_receiver() as server:
        more = SMTP.format(port=server.port, user="").replace('tls = "none"', f'tls = "{tls}"')
        (mail,) = await look_at_ways(given(more))
    assert mail.status is CheckStatus.WRONG
    assert what in mail.said


async def test_a_secret_that_is_not_there_is_told(tmp_path: Path):
    channel = f'{{ kind = "webhook", url = "http://127.0.0.1:9/", secret_file = "{tmp_path}/key" }}'
    found = await look_at_ways(given(f'[[receivers]]\nid = "balie"\nchannels = [{channel}]\n'))
    assert [(one.about, one.status) for one in found] == [("receiver balie", CheckStatus.WRONG)]
    assert f"{tmp_path}/key" in found[0].said


@pytest.mark.parametrize(
    ("key", "status", "what"),
    [
        (b"k" * 16, None, ""),
        (b"short", CheckStatus.WRONG, "at least 16 bytes"),
        (None, CheckStatus.WARNING, "there is no key"),
    ],
)
async def test_the_key_of_the_links_is_looked_at(
    tmp_path: Path, key: bytes | None, status: CheckStatus | None, what: str
):
    file = tmp_path / "link_key"
    file.write_bytes(key or b"")
    notify = '[notify]\nbase_url = "http://localhost:8003/"\n'
    *of_key, of_host = await look_at_links(given(notify, link_key_file=None if key is None else file))
    assert [one.status for one in of_key] == ([] if status is None else [status])
    assert all(what in one.said for one in of_key)
    assert "leads nowhere but on this machine" in of_host.said


async def test_a_link_that_leads_to_nobody_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("wachtpost.doctor.alarms._is_of_this_machine", lambda _url: False)
    file = tmp_path / "link_key"
    file.write_bytes(b"k" * 16)
    async with http_receiver() as receiver:
        url = f"{receiver.url}/wachtpost/"
        found = await look_at_links(given(f'[notify]\nbase_url = "{url}"\n', link_key_file=file))
        assert [request.target for request in receiver.requests] == ["/wachtpost/acknowledge"]
    assert said(found) == [(CheckStatus.OK, f"Links to take on a breach lead to {url}acknowledge.")]
    (away,) = await look_at_links(given(f'[notify]\nbase_url = "{url}"\n', link_key_file=file))
    assert (away.status, "ConnectError" in away.said) == (CheckStatus.WARNING, True)


# The command -------------------------------------------------------------------------------------------


def ask(tmp_path: Path, *arguments: str, language: str = "nl", redis_url: str = "") -> tuple[int, str]:
    file = tmp_path / "city.toml"
    file.write_text(CITY.format(language=language, path="/nowhere", more=RULE, top=""), encoding="utf-8")
    env = {"WACHTPOST_REDIS_URL": redis_url or f"redis://127.0.0.1:{free_port()}/0"}
    result = CliRunner().invoke(app, ["doctor", "--city", str(file), *arguments], env=env)
    return result.exit_code, result.stdout


def test_each_line_says_how_it_is_and_what_to_do(tmp_path: Path):
    status, text = ask(tmp_path)
    lines = text.splitlines()
    assert status == 1
    assert lines[0].startswith("fout     Redis op 127.0.0.1:")
    assert lines[1].startswith("         → ")
    assert lines[-1] == "2 fouten, 1 aandachtspunt"


def test_machines_are_told_the_same(tmp_path: Path):
    status, text = ask(tmp_path, "--json")
    told = json.loads(text)
    assert status == 1
    assert {"redis", "file of pbx", "rules", "routes", "links"} == {one["about"] for one in told}
    assert {one["status"] for one in told} == {"ok", "warning", "wrong"}


@pytest.mark.parametrize("language", languages())
async def test_every_language_says_all_of_it(redis_url: str, language: str):
    found = await examine(given(RULE, language=language, redis_url=redis_url))
    assert all(one.said for one in found)

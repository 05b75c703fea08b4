"""An afternoon with two queues and two supervisors, by the rules that init chose: a few mails, each true.

From a log of one's own to a city file (``wachtpost init``), from the afternoon's lines to what the judge says
of them, and from that to mails at a real server. What each of them claims is counted again in the lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from typer.testing import CliRunner

from domain.counts import ms_of
from services.ingest.admission import AdmissionRules
from services.notifier import engine
from services.notifier.app import deliverer, policy_of
from services.notifier.channels import build_senders
from services.notifier.engine import Decision
from services.notifier.messages.message import Writer
from services.notifier.messages.template_files import TemplateFault, load_templates
from services.notifier.model import Breach, Notification
from services.notifier.outbox import deliveries
from services.notifier.state import NotifierState, next_due
from shared.calendar import Calendar
from shared.config.loader import read_configuration
from shared.config.model import CityFile
from shared.contract.breach_events import Cause
from shared.contract.kpis import Measure
from tests.support.afternoon import AFTERNOON, USUAL, queue_log
from tests.support.channel_city import NoSecrets
from tests.support.receivers import HOST, MailReceiver, mail_receiver
from wachtpost.analyse.files import ReadingStats, arrivals, file_events
from wachtpost.cli import app
from wachtpost.rules.simulation import Simulation

MONDAY, TUESDAY = date(2026, 9, 14), date(2026, 11, 10)
EVENING = datetime(2026, 11, 10, 18, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)
SLOW = pytest.mark.slow
DESK, MANAGEMENT = "balie@stad.example", "hoofd@stad.example"


class Line(NamedTuple):
    """A line of the afternoon."""

    at: datetime
    call: str
    queue: str
    verb: str
    waited: float


@dataclass(frozen=True)
class Afternoon:
    """What was written, and what was told of it."""

    city: CityFile
    lines: list[Line]
    notifications: list[Notification]

    def about(self, breach: Breach) -> Iterator[Line]:
        """The lines of a breach's queues up to its reading."""
        queue = None if breach.queue == "all" else breach.queue
        until = breach.at + timedelta(milliseconds=1)  # the judge's clock has no finer ones
        return (line for line in self.lines if line.at < until and queue in {None, line.queue})


@pytest.fixture(scope="module")
def city_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that init writes of eight weeks as usual."""
    folder = tmp_path_factory.mktemp("city")
    log, out = folder / "queue_log", folder / "city.toml"
    log.write_text("".join(f"{line}\n" for line in queue_log(40, USUAL, MONDAY)))
    asked = ["--language", "nl", "--name", "Stad", "--smtp", f"{HOST}:25", "--to", DESK]
    asked += ["--escalate-to", MANAGEMENT, "--out", str(out)]
    result = CliRunner().invoke(app, ["init", *asked, str(log)])
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module", params=[1, pytest.param(2, marks=SLOW), pytest.param(3, marks=SLOW)])
def afternoon(
    request: pytest.FixtureRequest, city_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Afternoon:
    """What the judge and the notifier make of an afternoon."""
    city = read_configuration(city_file).city
    written = queue_log(1, AFTERNOON, TUESDAY, request.param)
    log = tmp_path_factory.mktemp("afternoon") / "queue_log"
    log.write_text("".join(f"{line}\n" for line in written))
    found = file_events([log], city, AdmissionRules.of_files(city), ms_of(EVENING), None, ReadingStats())
    looks = Simulation(city, Calendar(city), city.sites).run(arrivals(found), ms_of(EVENING))
    policy, state, told = policy_of(city), NotifierState(), list[Notification]()

    def decided(decision: Decision) -> NotifierState:
        told.extend(decision.notifications)
        return decision.state

    for look in looks:
        while (due := next_due(state)) is not None and due < look.now:
            state = decided(engine.on_time(state, due, policy))
        if look.events:
            state = decided(engine.on_events(state, look.events, look.now, policy))
    return Afternoon(city, list(map(parsed, written)), told)


def parsed(line: str) -> Line:
    epoch, call, queue, _, verb, first, *rest = line.split("|")
    waited = {"CONNECT": first, "ABANDON": rest[-1] if rest else "0"}.get(verb, "0")
    return Line(datetime.fromtimestamp(float(epoch), UTC), call, queue, verb, float(waited))


def unexpected(fault: TemplateFault) -> None:
    raise AssertionError(fault)


async def mailed(afternoon: Afternoon, server: MailReceiver) -> None:
    """Hand everything over to a real server."""
    smtp = afternoon.city.smtp
    assert smtp is not None
    city = afternoon.city.model_copy(update={"smtp": smtp.model_copy(update={"port": server.port})})
    senders = build_senders(city, NoSecrets(), httpx.AsyncClient(), lambda: EVENING)
    deliver = deliverer(city, senders, Writer(city, load_templates(None, unexpected)), None)
    for notification in afternoon.notifications:
        for delivery in deliveries(notification, city):
            await deliver(delivery)


async def test_it_is_told_in_six_mails_at_most_and_each_says_over_what(afternoon: Afternoon):
    async with mail_receiver() as server:
        await mailed(afternoon, server)
    assert 3 <= len(server.mails) <= 6
    assert {to for mail in server.mails for to in mail.recipients} == {DESK, MANAGEMENT}
    for mail, notification in zip(server.mails, afternoon.notifications, strict=True):
        body = mail.message.get_body(["plain"])
        assert body is not None
        text = " ".join(body.get_content().split())
        for breach in notification.breaches:
            if breach.closed_at is None and breach.reading.part is not None:
                assert f"{breach.reading.part} van de laatste {breach.reading.samples}" in text


def test_whatever_is_told_is_so(afternoon: Afternoon):
    for notification in afternoon.notifications:
        for breach in notification.breaches:
            assert notification.at - breach.at <= timedelta(minutes=1), "it is of now"
            if breach.closed_at is None:
                goes_on(afternoon, breach)
            else:
                is_over(afternoon, breach)


def test_nobody_is_told_that_something_is_wrong_and_that_it_is_over_at_once(afternoon: Afternoon):
    told = {(one.at, one.receiver, one.kind == "resolved") for one in afternoon.notifications}
    assert len({(at, receiver) for at, receiver, _ in told}) == len(told)


def goes_on(afternoon: Afternoon, breach: Breach) -> None:
    """Hold what a message says is wrong against the lines."""
    reading = breach.reading
    assert breach.still_holds
    lines = list(afternoon.about(breach))
    match breach.measure:
        case Measure.MISSED_RATIO:
            assert reading.since is not None
            ended = [
                line for line in lines if line.verb in {"CONNECT", "ABANDON"} and line.at >= reading.since
            ]
            missed = [line for line in ended if line.verb == "ABANDON"]
            assert (reading.part, reading.samples) == (len(missed), len(ended))
        case Measure.CALL_WAIT_MEAN:
            assert reading.since is not None
            waits = [line.waited for line in lines if line.verb == "CONNECT" and line.at >= reading.since]
            assert reading.value == pytest.approx(sum(waits) / len(waits), abs=1)
        case Measure.WAITING | Measure.LONGEST_WAIT:
            assert reading.waiting == len(still_waiting(lines))
        case Measure.NO_DATA:
            assert breach.at - afternoon.lines[len(lines) - 1].at > timedelta(seconds=breach.limit)
        case other:
            pytest.fail(f"nothing is known of {other}")


def is_over(afternoon: Afternoon, breach: Breach) -> None:
    """Hold that something is over against the lines."""
    lines = list(afternoon.about(breach))
    if breach.cause is Cause.NO_READING:
        ended = [line.at for line in lines if line.verb in {"CONNECT", "ABANDON"}]
        assert breach.at - ended[-1] >= HALF_AN_HOUR - timedelta(seconds=10)
        assert not still_waiting(lines)
    elif breach.cause is Cause.STAYED_BACK and breach.usual is None:
        assert breach.reading.value is not None
        assert breach.reading.value <= breach.clear_at


def still_waiting(lines: list[Line]) -> set[str]:
    """The calls that entered and have no outcome."""
    return {line.call for line in lines if line.verb == "ENTERQUEUE"} - {
        line.call for line in lines if line.verb in {"CONNECT", "ABANDON"}
    }

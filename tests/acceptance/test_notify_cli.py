"""The commands about breaches, against a real notifier: what one types, and what it does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shared.contract.breach_events import BreachReading, encode
from shared.contract.kpis import Measure
from shared.redis import keys
from tests.support.eventually import eventually
from tests.support.redis_servers import EmbeddedValkey
from tests.support.samples import HOUSE, TAKEN_AND_REFUSED, fired
from tests.support.service_process import ServiceProcess
from wachtpost import access
from wachtpost.cli import app
from wachtpost.demo.mailbox import Mailbox, open_mailbox

pytestmark = pytest.mark.usefixtures("patient")

LIMITS = {"wachten": 45, "wachten-lang": 50, "stil": 60, "gelogd": 70, "alleen": 80}
"""Seconds: who knows of one rule of a queue is told of another whose limit is further off."""


class Desk:
    """A notifier at work, and the commands of whoever sits there."""

    def __init__(self, folder: Path, server: EmbeddedValkey, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self._server = server
        self._env = {
            "WACHTPOST_CITY_FILE": str(folder / "city.toml"),
            "WACHTPOST_REDIS_URL": server.url,
        }
        (folder / "city.toml").write_text(HOUSE + TAKEN_AND_REFUSED.format(url=mailbox.url), encoding="utf-8")
        self.notifier = ServiceProcess(
            "services.notifier", folder / "log", city_file=folder / "city.toml", redis_url=server.url
        )

    def ask(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env=self._env)

    def says(self, *arguments: str) -> str:
        """What a command says that succeeds."""
        result = self.ask(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def breach(self, rule: str) -> str:
        """Have the evaluator's word on the stream that a rule is breached; returns the breach."""
        now = datetime.now(UTC)
        name = f"{rule}:limit:huis:onthaal:{int(now.timestamp() * 1000)}"
        event = fired(
            now,
            id=f"{name}:1:firing",
            breach=name,
            rule=rule,
            measure=Measure.CALL_WAIT_MEAN,
            limit=LIMITS[rule],
            clear_at=45,
            reading=BreachReading(value=91.4, samples=34),
        )
        with self._server.client() as client:
            client.xadd(keys.breaches(0), {keys.DATA_FIELD: encode(event)})
        return name

    def told_of(self, name: str) -> bool:
        """Whether a message about a breach has arrived."""
        return any(breach.id == name for message in self.mailbox.messages for breach in message.breaches)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    server = EmbeddedValkey(folder / "valkey")
    with open_mailbox() as mailbox:
        desk = Desk(folder, server, mailbox)
        try:
            server.start()
            desk.notifier.start()
            assert desk.notifier.url  # it listens
            yield desk
        finally:
            desk.notifier.kill()
            server.kill()


def test_a_breach_is_listed_and_taken_on_by_a_role(desk: Desk) -> None:
    one, two = desk.breach("wachten"), desk.breach("wachten-lang")
    eventually(lambda: desk.told_of(one) and desk.told_of(two))
    listed = desk.says("breaches")
    headline = "Onthaal: gemiddeld 1:31 wachten (laatste 15 minuten), grens hoogstens 0:45"
    assert listed.splitlines()[0] == f"{headline}  [overschreden]"
    further = headline.replace("0:45", "0:50")
    assert f"    id: {one}\n\n{further}" in listed
    assert "    Ernst: dringend\n    Sinds: " in listed
    unclear = desk.ask("ack", "wachten", "--by", "balie")
    assert (unclear.exit_code, unclear.stderr) == (
        2,
        (
            "wachten is het begin van meer dan één id; geef er meer van:\n"
            f"    {one}  {headline}\n    {two}  {further}\n"
        ),
    )
    machines = [json.loads(line) for line in desk.says("breaches", "--json").splitlines()]
    assert [(each["id"], each["state"]) for each in machines] == [(one, "firing"), (two, "firing")]
    assert desk.says("ack", "wachten:", two, "--by", "diensthoofd") == (
        f"Opgepakt door diensthoofd: {headline}\nOpgepakt door diensthoofd: {further}\n"
    )
    assert f"{headline}  [overschreden, opgepakt]" in desk.says("breaches")
    assert desk.says("ack", one, "--by", "balie") == f"Was al opgepakt door diensthoofd: {headline}\n"
    unknown = desk.ask("ack", "nooit", "--by", "balie")
    assert (unknown.exit_code, unknown.stderr) == (
        2,
        f"Er is geen overschrijding nooit.\nWel:\n    {one}  {headline}\n    {two}  {further}\n",
    )


def test_what_is_silenced_is_told_when_the_silence_is_expired(desk: Desk) -> None:
    assert desk.says("silence", "list") == "Geen stiltes.\n"
    made = desk.says(
        "silence", "create", "--for", "2h", "--queue", "onthaal", "--why", "werken", "--by", "balie"
    )
    name = made.split()[1]
    assert made.endswith(": wachtrij: onthaal  omdat: werken  door balie\n")
    assert desk.says("silence", "list") == made
    silenced = desk.breach("stil")
    eventually(lambda: silenced in desk.says("notifications", "log"))
    line = next(line for line in desk.says("notifications", "log").splitlines() if silenced in line)
    assert "wacht: stilte" in line
    unknown = desk.ask("silence", "expire", "nooit")
    assert (unknown.exit_code, unknown.stderr) == (2, f"Er is geen stilte nooit.\nWel:\n    {name}  {made}")
    assert not desk.told_of(silenced)
    assert desk.says("silence", "expire", name[:4]) == f"Stilte {name} is voorbij.\n"
    eventually(lambda: desk.told_of(silenced))
    assert desk.says("silence", "list") == "Geen stiltes.\n"


def test_the_log_tells_who_was_told_and_what_became_of_it(desk: Desk) -> None:
    name = desk.breach("gelogd")

    def lines(*options: str) -> list[str]:
        return [line for line in desk.says("notifications", *options).splitlines() if name in line]

    eventually(lambda: desk.told_of(name) and lines("dead"))
    eventually(lambda: "aangekomen" in lines("log", "--receiver", "balie")[-1])
    *_, decided, delivered = lines("log", "--receiver", "balie")  # before them perhaps: it waits for others
    assert "  balie  gemeld" in decided
    assert f"  balie  webhook  melding aangekomen  {name}" in delivered
    (dead,) = lines("dead")
    assert f"bureau  alertmanager  melding opgegeven: it refused the message (400)  {name}" in dead
    assert lines("dead", "--receiver", "balie") == []
    stranger = desk.ask("notifications", "log", "--receiver", "bali")
    assert (stranger.exit_code, stranger.stderr) == (2, "Er is geen ontvanger bali. Wel: balie, bureau\n")
    latest = json.loads(lines("log", "--json", "--receiver", "balie")[-1])
    assert (latest["result"], latest["breaches"]) == ("delivered", [name])
    assert len(desk.says("notifications", "log", "--count", "2").splitlines()) == 2
    assert desk.mailbox.url not in desk.says("notifications", "log", "--json")


def test_when_no_notifier_runs_a_command_says_that_it_will_be_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = desk.breach("alleen")
    eventually(lambda: desk.told_of(name))
    desk.notifier.kill()
    with monkeypatch.context() as hasty:
        hasty.setattr(access, "ACTED_WITHIN", timedelta(seconds=0.2))
        result = desk.ask("ack", name, "--by", "balie")
    assert result.exit_code == 1
    assert "geen notifier heeft het binnen 0.2 s verwerkt" in result.stderr
    assert result.stdout == ""
    desk.notifier.start()
    done = "Was al opgepakt door balie"
    eventually(lambda: done in desk.ask("ack", name, "--by", "balie").stdout)

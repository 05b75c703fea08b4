"""The commands about breaches, as far as they need no Redis: test messages, wrong questions, words."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.notifier.delivery_log import DeliveryLine, Line
from services.notifier.model import DecisionLine, NotificationKind, Silence
from services.notifier.outbox import DeliveryResult
from services.notifier.reasons import DecisionReason
from services.notifier.settings import NotifierSettings
from shared.config.model import CityFile
from shared.contract.breach_events import BreachState, Severity
from shared.contract.kpis import Measure
from shared.process.ports import free_port
from shared.translation import languages, translator
from tests.support.receivers import Fault, Reply, http_receiver, mail_receiver
from wachtpost.access import Access, meant
from wachtpost.cli import app
from wachtpost.notify import log, silences
from wachtpost.notify.words import KINDS, REASONS, RESULTS, STATES

CITY = """
city = {{ name = "Proefstad", language = "{language}" }}
[[sites]]
id = "huis"
queues = [{{ id = "onthaal", kind = "phone", name = "Onthaal" }}]
[[rules]]
id = "wachten"
kpi = "call_wait_mean"
limit = 45
[smtp]
host = "127.0.0.1"
port = {mail_port}
tls = "none"
sender = "wachtpost@proefstad.example"
[[receivers]]
id = "balie"
name = "Verantwoordelijke balie"
channels = [
  {{ kind = "webhook", url = "{webhook}/in?token=geheim" }},
  {{ kind = "email", to = ["een.naam@proefstad.example", "weg@proefstad.example"] }},
  {{ kind = "apprise", url_file = "{folder}/teams" }},
]
"""

Ask = Callable[..., Result]
"""Runs the command with these arguments."""


def city_text(folder: Path, language: str = "nl", webhook: str = "http://127.0.0.1:9", port: int = 9) -> str:
    return CITY.format(language=language, webhook=webhook, mail_port=port, folder=folder)


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Asks about the city in ``city.toml``; nobody is at home at its Redis."""

    def run(*arguments: str, **environment: str) -> Result:
        told = {"CITY_FILE": str(tmp_path / "city.toml"), "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
        env = {f"WACHTPOST_{name}": value for name, value in {**told, **environment}.items()}
        return CliRunner().invoke(app, list(arguments), env=env)

    return run


def write(city: Path, text: str) -> None:
    city.write_text(text, encoding="utf-8")


@pytest.fixture
def city(tmp_path: Path) -> Path:
    file = tmp_path / "city.toml"
    file.write_text(city_text(tmp_path), encoding="utf-8")
    return file


# --- notify test --------------------------------------------------------------------------------------


async def test_a_test_message_goes_out_by_every_way_and_each_outcome_is_told(
    ask: Ask, city: Path, tmp_path: Path
) -> None:
    async with http_receiver() as webhook, mail_receiver() as mail:
        mail.refuses = {"weg@proefstad.example": "550 5.1.1 no such user"}
        write(city, city_text(tmp_path, webhook=webhook.url, port=mail.port))
        result = await asyncio.to_thread(ask, "notify", "test", "--receiver", "balie")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    address = f"{webhook.url}/***"
    width = max(
        len(f"webhook  {address}"), len("email  e***@proefstad.example"), len(f"apprise  {tmp_path}/teams")
    )
    assert lines[0] == f"{f'webhook  {address}':<{width}}  aangekomen"
    assert lines[1] == f"{'email  e***@proefstad.example':<{width}}  aangekomen"
    assert lines[2].startswith(f"{'email  w***@proefstad.example':<{width}}  mislukt: ")
    assert lines[3].startswith(f"{f'apprise  {tmp_path}/teams':<{width}}  mislukt: the secret file")
    for secret in ("een.naam", "geheim"):
        assert secret not in result.output
    (received,) = webhook.requests
    assert b"Proefbericht van Wachtpost voor Verantwoordelijke balie" in received.body
    assert [one.recipients for one in mail.mails] == [("een.naam@proefstad.example",)]


@pytest.mark.parametrize(("reply", "status", "said"), [
    (Reply(204), 0, "arrived"),
    (Reply(403), 1, "failed: it refused the message (403)"),
    (Fault.NONSENSE, 1, "failed: "),
])  # fmt: skip
async def test_its_exit_status_says_whether_all_arrived(
    ask: Ask, city: Path, tmp_path: Path, reply: Reply | Fault, status: int, said: str
) -> None:
    async with http_receiver() as webhook:
        webhook.will(reply)
        text = city_text(tmp_path, "en", webhook.url)
        document = "\n".join(
            line for line in text.splitlines() if 'kind = "email"' not in line and "apprise" not in line
        )
        write(city, document)
        result = await asyncio.to_thread(ask, "notify", "test", "--receiver", "balie")
    assert (result.exit_code, said in result.stdout) == (status, True), result.output


def test_an_unknown_receiver_is_told_who_there_is(ask: Ask, city: Path) -> None:
    result = ask("notify", "test", "--receiver", "ballie")
    assert (result.exit_code, result.stderr) == (2, "Er is geen ontvanger ballie. Wel: balie\n")


def test_a_city_without_receivers_is_told_so(ask: Ask, city: Path) -> None:
    city.write_text(city_text(city.parent).partition("[smtp]")[0], encoding="utf-8")
    result = ask("notify", "test", "--receiver", "balie")
    assert (result.exit_code, "geen ontvangers" in result.stderr) == (2, True)


# --- wrong questions ----------------------------------------------------------------------------------

FOR_TWO_HOURS = ("silence", "create", "--for", "2h", "--why", "onderhoud", "--by", "balie")

EVERY_COMMAND = [
    ("breaches",),
    ("ack", "wachten", "--by", "balie"),
    FOR_TWO_HOURS,
    ("silence", "list"),
    ("silence", "expire", "abc"),
    ("notifications", "log"),
    ("notifications", "dead"),
]


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=" ".join)
def test_without_redis_every_command_says_so_in_one_sentence(
    ask: Ask, city: Path, command: tuple[str, ...]
) -> None:
    result = ask(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    away = r"Redis op 127\.0\.0\.1:\d+ \(WACHTPOST_REDIS_URL\) antwoordt niet: Connection refused\.\n"
    assert re.fullmatch(away, result.stderr)


@pytest.mark.parametrize(("environment", "said"), [
    ({"PORT": "no number"}, "WACHTPOST_PORT: "),
    ({"REDIS_URL": "postgres://here"}, "WACHTPOST_REDIS_URL: "),
    ({"REDIS_PASSWORD_FILE": "/nowhere"}, "WACHTPOST_REDIS_PASSWORD_FILE: /nowhere bestaat niet"),
    ({"CITY_FILE": "/nowhere/at/all"}, "/nowhere/at/all"),
])  # fmt: skip
def test_a_wrong_setting_is_named(ask: Ask, city: Path, environment: dict[str, str], said: str) -> None:
    result = ask("breaches", **environment)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_mistake_in_the_city_file_is_explained(ask: Ask, city: Path) -> None:
    city.write_text(city_text(city.parent).replace("limit = 45", "limit = -45"), encoding="utf-8")
    result = ask("breaches")
    assert (result.exit_code, "rules" in result.stderr) == (2, True)


@pytest.mark.parametrize(("arguments", "said"), [
    (("ack", "wachten", "--by", "Jan Peeters"), "geen naam van een persoon. Ontvangers: balie"),
    (("ack", "wachten", "--by", "0478123456"), "geen naam van een persoon"),
    (("ack", "wachten", "--by", "tel.0478123456"), "geen naam van een persoon"),
    ((*FOR_TWO_HOURS[:-1], "Jan Peeters"), "geen naam van een persoon"),
    ((*FOR_TWO_HOURS, "--why", "klacht van 0478/12.34.56"), "--why: daar lijkt een telefoonnummer"),
    ((*FOR_TWO_HOURS, "--queue", "onthal"), "--queue onthal: dat kent het stadsbestand niet. Wel: all, on"),
    ((*FOR_TWO_HOURS, "--site", "hier"), "--site hier: dat kent het stadsbestand niet. Wel: huis"),
    ((*FOR_TWO_HOURS, "--rule", "gemist"), "--rule gemist: dat kent het stadsbestand niet. Wel: wachten"),
    ((*FOR_TWO_HOURS, "--severity", "erg"), "--severity"),
    (("silence", "create", "--for", "-2h", "--why", "x", "--by", "balie"), "--for"),
    (("silence", "create", "--for", "90000h", "--why", "x", "--by", "balie"), "--for"),
    (("silence", "create", "--for", "2h", "--why", "x" * 201, "--by", "balie"), "--why: 201 tekens"),
])  # fmt: skip
def test_a_wrong_option_is_refused_before_anything_is_asked(
    ask: Ask, city: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = ask(*arguments)
    assert (result.exit_code, "Redis" in result.stderr) == (2, False)
    assert said in result.stderr


SHUT_UP = ("silence", "create", "--why", "verhuis", "--by", "balie", "--for")
FOR_41_DAYS = (*SHUT_UP, "984h")


@pytest.mark.parametrize(("arguments", "is_asked"), [
    (FOR_41_DAYS, True),
    ((*FOR_41_DAYS, "--site", "huis"), True),  # all there is
    ((*FOR_41_DAYS, "--queue", "onthaal"), False),
    ((*SHUT_UP, "24h"), False),
    ((*FOR_41_DAYS, "--yes"), False),
])  # fmt: skip
def test_silence_about_everything_for_long_is_asked_about(
    ask: Ask, city: Path, arguments: tuple[str, ...], is_asked: bool
) -> None:
    """With nobody there to answer it is refused; whatever is not asked comes as far as Redis."""
    result = ask(*arguments)
    assert result.exit_code == 2
    assert ("zou niemand nog iets gemeld krijgen.\nGeef --yes" in result.stderr) == is_asked
    assert ("Redis" in result.stderr) != is_asked


@pytest.mark.parametrize(("answer", "became"), [
    ("ja", "antwoordt niet: Connection refused"),
    ("", "Er is niets gedaan."),
    ("yes", "Er is niets gedaan."),
])  # fmt: skip
def test_whoever_sits_at_a_terminal_answers(city: Path, answer: str, became: str) -> None:
    ours, theirs = pty.openpty()
    environment = {
        **os.environ,
        "WACHTPOST_CITY_FILE": str(city),
        "WACHTPOST_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
    }
    command = [sys.executable, "-m", "wachtpost", *FOR_41_DAYS]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        seen = b""
        with suppress(OSError):  # the other end is closed
            while piece := os.read(ours, 4096):
                seen += piece
    os.close(ours)
    assert (process.returncode, "Doorgaan? Schrijf ja:" in seen.decode()) == (2, True)
    assert became in seen.decode()


# --- words --------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 24, 9, 16, tzinfo=UTC)


@pytest.mark.parametrize("language", languages())
def test_there_is_a_word_for_everything(language: str) -> None:
    assert set(REASONS) == set(DecisionReason)
    assert set(RESULTS) == set(DeliveryResult)
    assert set(KINDS) == set(NotificationKind)
    assert set(STATES) == set(BreachState)
    assert len(set(map(translator(language).text, REASONS.values()))) == len(DecisionReason)


@pytest.mark.parametrize(("name", "known", "found"), [
    ("a:1", ["a:1", "a:12"], ["a:1"]),  # all of it
    ("a", ["a:1", "b:1"], ["a:1"]),  # a clear beginning
    ("a", ["a:1", "a:2"], ["a:1", "a:2"]),
    ("c", ["a:1"], []),
])  # fmt: skip
def test_a_clear_beginning_of_an_id_will_do(name: str, known: list[str], found: list[str]) -> None:
    assert meant(name, known) == found


def given(language: str = "nl") -> Access:
    settings = NotifierSettings(clock=f"{datetime.now(UTC).isoformat()}/{NOW.isoformat()}/0.000001")
    text = city_text(Path("/run/secrets"), language)
    return Access(settings, CityFile.model_validate(tomllib.loads(text)))


def decision(reason: str) -> DecisionLine:
    return DecisionLine(at=NOW, receiver="balie", breach="wachten:limit:huis:all:1", reason=reason)


def delivery(**differs: object) -> DeliveryLine:
    fields: dict[str, object] = {
        "at": NOW,
        "receiver": "balie",
        "key": "k/0",
        "notification_kind": "firing",
        "channel": 0,
        "attempt": 1,
        "result": "delivered",
        "breaches": ("b1", "b2"),
    }
    return DeliveryLine.model_validate(fields | differs)


@pytest.mark.parametrize(("line", "said"), [
    (decision("first"), "gemeld  wachten:limit:huis:all:1"),
    (decision("of-a-newer-version"), "of-a-newer-version  wachten:limit:huis:all:1"),
    (delivery(), "webhook  melding aangekomen  b1  b2"),
    (delivery(channel=7), "kanaal 8  melding aangekomen  b1  b2"),
    (delivery(result="retry", why="it answered 503", attempt=3, notification_kind="reminder"),
     "webhook  herinnering mislukt, wordt opnieuw geprobeerd: it answered 503  poging 3  b1  b2"),
])  # fmt: skip
def test_a_line_of_the_log_in_words(line: Line, said: str) -> None:
    assert log.described(given(), line) == f"2026-11-24 10:16:00  balie  {said}"


def silence(**differs: object) -> Silence:
    fields: dict[str, object] = {"id": "ab12", "starts_at": NOW, "ends_at": NOW + timedelta(hours=2)}
    return Silence.model_validate(fields | differs)


@pytest.mark.parametrize(("one", "said"), [
    (silence(), "Silence ab12 until 2026-11-24 12:16:00: everything"),
    (silence(starts_at=NOW + timedelta(hours=1), why="works", by="balie"),
     "Silence ab12 from 2026-11-24 11:16:00 until 2026-11-24 12:16:00: everything  because: works  by balie"),
    (silence(severities=(Severity.INFO, Severity.WARNING), measures=(Measure.MISSED_RATIO,), queues=("all",)),
     "Silence ab12 until 2026-11-24 12:16:00: severity: info, warning · measure: missed_ratio · queue: all"),
])  # fmt: skip
def test_a_silence_in_words(one: Silence, said: str) -> None:
    assert silences.described(given("en"), one) == said

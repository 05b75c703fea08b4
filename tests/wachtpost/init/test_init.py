"""``wachtpost init``: from a log, or from nothing, to a city file of one's own that the loader takes."""

from __future__ import annotations

import gzip
import json
import tomllib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from domain.counts import ms_of
from shared.calendar import Calendar
from shared.config.loader import read_configuration
from shared.config.model import CityFile
from shared.contract.kpis import Kpi, QueueKind
from shared.process.clock import system_clock
from shared.translation import languages, translator
from tests.wachtpost.init.logs import BRUSSELS, queue_log, visits
from tests.wachtpost.init.test_opening_hours import LIER, spans
from wachtpost.cli import app
from wachtpost.init.answers import WANTED, Asker, Given, addresses, seconds, share
from wachtpost.init.observed import ObservedQueue
from wachtpost.remarks import remarks

REAL = Path(__file__).resolve().parents[3].parent / "shared" / "data"
"""Recorded logs, where there are any."""


def init(folder: Path, *arguments: str | Path, language: str = "en") -> Result:
    out = str(folder / "city.toml")
    told = ["init", "--language", language, "--out", out, *map(str, arguments)]
    return CliRunner().invoke(app, told)


def written(folder: Path, *arguments: str | Path, language: str = "en") -> CityFile:
    """Return the city file that comes of it, once the real loader has taken it and nothing is remarkable."""
    result = init(folder, *arguments, language=language)
    assert result.exit_code == 0, result.output
    return accepted(folder / "city.toml")


def accepted(file: Path) -> CityFile:
    city = read_configuration(file).city
    calendar = Calendar(city)
    assert remarks(city, calendar, calendar.local_day(ms_of(system_clock()))) == []
    check = CliRunner().invoke(app, ["config", "check", str(file)])
    assert (check.exit_code, check.stderr) == (0, "")
    return city


def log(folder: Path, lines: Sequence[str], name: str = "queue_log") -> Path:
    file = folder / name
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def ids(city: CityFile) -> list[str]:
    return [rule.id for rule in city.rules]


def test_with_nothing_given_there_is_one_phone_queue_with_rules_and_targets_on(tmp_path: Path):
    city = written(tmp_path)
    assert [(queue.id, queue.kind, queue.hours) for queue in city.sites[0].queues] == [
        ("phone", QueueKind.PHONE, None)
    ]
    assert {target.kpi.value: target.limit for target in city.targets} == {
        "missed_ratio": 0.2,
        "call_wait_mean": 45,
    }
    assert ids(city) == [
        "missed-shift",
        "missed-last",
        "waiting",
        "longest-wait",
        "wait-last",
        "wait-month",
        "missed-year",
    ]
    assert (city.receivers, city.no_data_rules, city.history.files) == ((), (), ())


def test_of_a_log_come_queue_hours_volume_and_what_is_usual(tmp_path: Path):
    city = written(tmp_path, log(tmp_path, queue_log()), "--name", "Stad Aalst")
    assert city.city.name == "Stad Aalst"
    assert (city.sites[0].id, [queue.id for queue in city.sites[0].queues]) == ("stad-aalst", ["onthaal"])
    week = city.hours["phone"]
    days = tuple(tuple((one.start_minute, one.end_minute) for one in day) for day in week.by_weekday)
    assert days == tuple(map(spans, LIER))
    shift = tomllib.loads((tmp_path / "city.toml").read_text())["rules"][0]
    assert (shift["id"], shift["usual"], shift["bad"]) == ("missed-shift", 0.12, 0.4)
    (source,) = city.sources
    assert (source.id, getattr(source, "path", None)) == ("pbx", tmp_path / "queue_log")
    assert [rule.source for rule in city.no_data_rules] == ["pbx"]


def test_it_ends_with_the_first_figures_and_what_to_run_next(tmp_path: Path):
    told = init(tmp_path, log(tmp_path, queue_log(days=12))).stdout
    lines = told.splitlines()
    assert any(line.split()[:2] == ["Onthaal", "1,461"] for line in lines), told
    assert "182 of 1,461" in told
    steps = [line.partition("  # ")[0].strip() for line in lines[lines.index("Next:") + 1 :]]
    assert steps == [
        f"wachtpost up --city {tmp_path}/city.toml",
        f"wachtpost rules backtest --city {tmp_path}/city.toml {tmp_path}/queue_log",
        f"wachtpost config check {tmp_path}/city.toml",
    ]


def test_who_waits_at_the_door_opens_nothing_nor_does_who_is_helped_after_closing():
    queue, morning = ObservedQueue(), datetime(2026, 9, 7, 8, 5, tzinfo=BRUSSELS)
    queue.note(morning, morning + timedelta(minutes=26), BRUSSELS)
    queue.note(morning + timedelta(hours=4), morning + timedelta(hours=4, minutes=2), BRUSSELS)
    assert queue.open_quarters == {date(2026, 9, 7): {34: 0, 48: 1}}


def test_a_busier_desk_gets_a_share_over_time_instead(tmp_path: Path):
    city = written(tmp_path, log(tmp_path, queue_log(per_hour=300, days=5)))
    assert "missed-shift" not in ids(city)
    assert "missed-now" in ids(city)
    assert [str(window) for window in city.live.windows] == ["0:15:00", "1:00:00"]


def test_several_months_rotated_and_packed_say_what_one_file_says(tmp_path: Path):
    lines = queue_log(days=90)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    log(whole, lines)
    third = len(lines) // 3
    log(parts, lines[2 * third :])
    log(parts, lines[third : 2 * third], "queue_log.1")
    (parts / "queue_log.2.gz").write_bytes(gzip.compress("\n".join(lines[:third]).encode() + b"\n"))
    written(whole, whole / "queue_log")
    written(parts, *sorted(parts.glob("queue_log*"), reverse=True))
    assert (parts / "city.toml").read_text() == (whole / "city.toml").read_text().replace(
        str(whole), str(parts)
    )


@pytest.mark.parametrize("lines", [0, 1, 20])
def test_a_log_that_says_next_to_nothing_leaves_the_desk_always_open(tmp_path: Path, lines: int):
    city = written(tmp_path, log(tmp_path, queue_log()[:lines]))
    (queue,) = city.sites[0].queues
    assert (queue.id, queue.hours, city.hours) == ("onthaal" if lines else "phone", None, {})
    assert "missed-shift" in ids(city)
    assert "too little to choose rules by" in (tmp_path / "city.toml").read_text()


def test_a_desk_with_three_calls_a_day_is_one_and_has_rules_that_can_fire(tmp_path: Path):
    city = written(tmp_path, log(tmp_path, queue_log(per_hour=0.4, days=60)))
    assert ids(city) == ["waiting", "longest-wait", "wait-month", "missed-year"]
    text = (tmp_path / "city.toml").read_text()
    assert "Found in 115 contacts" in text
    assert "too little to choose rules by" not in text


def test_a_file_that_is_there_is_left_alone(tmp_path: Path):
    (tmp_path / "city.toml").write_text("mine")
    result = init(tmp_path)
    assert result.exit_code == 2
    assert "is there already" in result.stderr
    assert (tmp_path / "city.toml").read_text() == "mine"


def test_what_cannot_be_written_or_read_is_told_in_a_sentence(tmp_path: Path):
    assert "cannot be written: " in init(tmp_path / "no" / "where").stderr
    (tmp_path / "file").touch()
    for nowhere in ("file", "x" * 300):
        assert "cannot be written: " in init(tmp_path / nowhere).stderr
    result = init(tmp_path, tmp_path / "no_log")
    assert (result.exit_code, "does not exist" in result.stderr) == (2, True)
    table = log(tmp_path, ["time;queue;verb", "9:00;onthaal;CONNECT"], "table.csv")
    assert "is no queue_log" in init(tmp_path, table).stderr
    assert not (tmp_path / "city.toml").exists()


@pytest.mark.parametrize("language", languages())
def test_every_language_is_spoken_in_the_file_and_around_it(tmp_path: Path, language: str):
    city = written(tmp_path, log(tmp_path, queue_log(days=12)), language=language)
    text = (tmp_path / "city.toml").read_text()
    say = translator(language)
    assert city.city.language == language
    assert f"# --- {say.gettext('When something is wrong')} -" in text
    assert max(map(len, text.splitlines())) <= 120


def test_receivers_are_told_by_mail_and_no_secret_is_in_the_file(tmp_path: Path):
    secret = tmp_path / "smtp"
    secret.write_text("hunter2")
    city = written(
        tmp_path,
        *("--to", "desk@aalst.example", "--escalate-to", "head@aalst.example"),
        *("--smtp", "mail.aalst.example:465", "--smtp-user", "wacht", "--smtp-password-file", secret),
    )
    assert city.smtp is not None
    assert (city.smtp.host, city.smtp.port, city.smtp.tls) == ("mail.aalst.example", 465, "tls")
    assert (city.smtp.sender, city.smtp.password_file) == ("wachtpost@aalst.example", secret)
    assert [receiver.id for receiver in city.receivers] == ["desk", "management"]
    escalated = [route.severities for route in city.routes if route.escalate_to]
    assert [[severity.value for severity in of] for of in escalated] == [["critical"]]
    assert "hunter2" not in (tmp_path / "city.toml").read_text()


def test_mail_without_a_server_is_a_mistake(tmp_path: Path):
    result = init(tmp_path, "--to", "desk@aalst.example")
    assert (result.exit_code, "--smtp" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--missed", "twenty"),
        ("--missed", "100%"),
        ("--wait", "0"),
        ("--to", "Jo Janssens"),
        ("--smtp", "https://mail.example"),
        ("--time-zone", "Lier"),
        ("--country", "Flanders"),
        ("--language", "nld"),
    ],
)
def test_what_cannot_be_is_refused_with_its_option(tmp_path: Path, option: str, value: str):
    result = init(tmp_path, option, value)
    assert (result.exit_code, option in result.stderr) == (2, True), result.output
    assert not (tmp_path / "city.toml").exists()


def test_targets_and_holidays_can_be_given(tmp_path: Path):
    city = written(tmp_path, "--missed", "15%", "--wait", "1m30s", "--country", "")
    assert [target.limit for target in city.targets] == [0.15, 90]
    assert city.calendar.public_holidays == ""


@pytest.mark.parametrize(("given", "limit"), [((), 5), (("--lead-days", "2,5"), 2.5)])
def test_a_city_that_books_promises_how_soon(tmp_path: Path, given: tuple[str, ...], limit: float):
    booked = {"kind": "appointment.booked", "source": "balie", "site": "lier", "queue": "loket-wonen"}
    moment = {"id": "a1", "at": "2026-09-07T08:00:00Z", "booked_at": "2026-09-07T08:00:00Z"}
    events = [*visits(), json.dumps(booked | moment | {"starts_at": "2026-09-10T08:00:00Z"})]
    city = written(tmp_path, log(tmp_path, events, "balie.ndjson"), *given)
    assert {target.kpi: target.limit for target in city.targets}[Kpi.LEAD_TIME_MEAN] == limit


def test_counters_and_their_sender_come_from_events(tmp_path: Path):
    events = log(tmp_path, visits(), "balie.ndjson")
    city = written(tmp_path, events, log(tmp_path, queue_log()))
    assert [(site.id, [queue.id for queue in site.queues]) for site in city.sites] == [
        ("lier", ["onthaal", "loket-wonen"])
    ]
    assert [queue.hours for queue in city.sites[0].queues] == ["phone", "counter"]
    assert {"counter-longest-wait", "counter-wait"} < set(ids(city))
    text = (tmp_path / "city.toml").read_text()
    # Each by its own days: the log is of twice as many as the counter's events.
    assert "6,048 contacts, 18 in an open hour" in text
    assert "855 contacts, 13 in an open hour" in text
    assert '# id = "balie"' in text


def test_counters_alone_have_no_exchange(tmp_path: Path):
    city = written(tmp_path, log(tmp_path, visits(), "balie.ndjson"))
    assert (city.sources, city.no_data_rules) == ((), ())
    assert [target.kpi.value for target in city.targets] == ["visit_wait_mean"]


def test_two_names_of_the_exchange_that_would_be_one_id_get_one_each(tmp_path: Path):
    lines = sorted(queue_log(days=12, queue="Info Oost") + queue_log(days=12, queue="info-oost", start=9000))
    city = written(tmp_path, log(tmp_path, lines))
    assert [queue.id for queue in city.sites[0].queues] == ["info-oost", "info-oost-2"]
    (source,) = city.sources
    assert sorted(getattr(source, "queues", {}).values()) == ["info-oost", "info-oost-2"]


def test_a_queue_may_be_called_as_the_source_is(tmp_path: Path):
    city = written(tmp_path, log(tmp_path, queue_log(queue="pbx")))
    assert [source.id for source in city.sources] == ["pbx-log"]


def test_names_that_need_quotes_are_written_so_that_they_are_read_again(tmp_path: Path):
    city = written(tmp_path, "--name", 'Stad "Lier" \\ é\t')
    assert (city.city.name, city.sites[0].id) == ('Stad "Lier" \\ é', "stad-lier-e")


def test_the_file_goes_by_a_service_and_by_analyse(tmp_path: Path):
    file = log(tmp_path, queue_log(days=12))
    written(tmp_path, file)
    result = CliRunner().invoke(app, ["analyse", "--city", str(tmp_path / "city.toml"), str(file)])
    assert (result.exit_code, "1,461" in result.stdout) == (0, True)


def test_on_a_terminal_what_no_option_says_is_asked(capsys: pytest.CaptureFixture[str]):
    answered = "Stad Aalst\n15%\nsoon\n1m\ndesk@aalst.example\n\nmail.aalst.example\n\nwacht\n/etc/smtp\n"
    with CliRunner().isolation(input=answered) as (out, *_):
        answers = Asker(Given(language="en"), present=True).answers(
            "en", phones=True, counters=False, bookings=False
        )
        asked = out.getvalue().decode()
    assert (answers.name, answers.missed, answers.wait_s) == ("Stad Aalst", 0.15, 60)
    assert answers.receivers == ("desk@aalst.example",)
    assert answers.mail is not None
    assert (answers.mail.sender, answers.mail.password_file) == ("wachtpost@aalst.example", Path("/etc/smtp"))
    assert asked.count("mean wait of answered calls") == 2  # "soon" is no duration


@pytest.mark.parametrize("language", languages())
def test_a_wrong_answer_is_told_in_the_language_of_the_question(language: str):
    wrong = "\n".join([" ", "Stad", "veel", "15%", "soon", "1m", "no address", "", ""])
    with CliRunner().isolation(input=wrong) as (_, complained, *_others):
        Asker(Given(language=language), present=True).answers(
            language, phones=True, counters=False, bookings=False
        )
        told = complained.getvalue().decode()
    say = translator(language)
    for parse in (share, seconds, addresses):
        assert say.text(WANTED[parse]) in told


def test_what_an_option_says_is_not_asked():
    given = Given(name="Aalst", language="en", missed=0.1, wait_s=30, receivers=("a@b.example",))
    answers = Asker(given, present=False).answers("en", phones=True, counters=True, bookings=True)
    assert (answers.name, answers.missed, answers.wait_s, answers.visit_wait_s) == ("Aalst", 0.1, 30, 300)


@pytest.mark.parametrize(
    ("file", "queues"),
    [
        ("bank-day/queue_log", 6),
        ("asterisk/run-a/log/queue_log", 3),
        ("asterisk/run-light-a/log/queue_log", 3),
    ],
)
def test_recorded_logs_become_city_files(tmp_path: Path, file: str, queues: int):
    if not (REAL / file).exists():
        pytest.skip("the recorded logs are not here")
    assert len(written(tmp_path, REAL / file).sites[0].queues) == queues

"""``wachtpost routes test``: who would be told, when, by what and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from services.evaluator.alerting.rules import rules_of
from services.notifier import engine
from shared.config.model import load
from shared.translation import languages
from tests.support.ingest_desk import NOW
from tests.support.service_process import ROOT
from wachtpost.cli import app
from wachtpost.routes.trial import idle_routes, made_up

CITY = """
city = { name = "Proefstad", language = "nl" }
rules = [
  { id = "wachten", kpi = "call_wait_mean", queue = "*", limit = 45, warn_at = 40 },
  { id = "gemist", kpi = "missed_ratio", limit = 0.3 },
  { id = "loket", kpi = "visit_wait_mean", queue = "wonen", limit = 450, severity = "info" },
]
no_data_rules = [{ id = "stil", source = "pbx" }]
receivers = [
  { id = "balie", channels = [{ kind = "webhook", url = "http://127.0.0.1:9/" }] },
  { id = "chef", channels = [{ kind = "webhook", url = "http://127.0.0.1:9/" }] },
]
routes = [
  { receivers = ["balie"], severities = ["critical"], escalate_to = ["chef"], escalate_after = "20m" },
  { receivers = ["balie"], severities = ["warning"] },
  { receivers = ["chef"], severities = ["info"], queues = ["onthaal"] },
]
[hours]
balie = { monday = ["09:00-17:00"], friday = ["09:00-17:00"] }
[hours.avond]
friday = ["15:00-24:00"]
saturday = ["00:00-24:00"]
sunday = ["00:00-24:00"]
monday = ["00:00-09:00"]
[[sites]]
id = "huis"
queues = [
  { id = "onthaal", kind = "phone", name = "Onthaal", hours = "balie" },
  { id = "burgerzaken", kind = "phone", hours = "balie" },
  { id = "wonen", kind = "counter" },
]
[[sources]]
kind = "queue_log"
id = "pbx"
site = "huis"
path = "/var/log/asterisk/queue_log"
[notify]
quiet = [{ hours = "avond" }]
"""


@pytest.fixture
def city(tmp_path: Path) -> Path:
    file = tmp_path / "city.toml"
    file.write_text(CITY, encoding="utf-8")
    return file


def ask(city: Path, *arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["routes", "test", "--city", str(city), *arguments], env=environment)


def lines(result: Result) -> list[str]:
    return [line.strip() for line in result.stdout.splitlines()]


def test_who_is_told_at_once_who_later_and_why(city: Path):
    result = ask(city, "--rule", "wachten", "--at", "2026-11-27 16:00")
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines(result) == [
        "Als de regel afging op vr 27 nov 2026 16:00:",
        "wachten  dringend  Onthaal, burgerzaken",
        "balie: meteen via webhook (route 1)",
        "chef: 16:20 via webhook, als niemand het dan heeft opgepakt (route 1)",
        "wachten  waarschuwing  Onthaal, burgerzaken",
        "balie: ma 30 nov 9:00 via webhook (route 2): wacht: stille uren",
    ]


def test_what_reaches_nobody_is_said_and_an_error_if_it_is_more_than_information(city: Path):
    result = ask(city, "--severity", "info", "--at", "2026-11-27 10:00")
    assert lines(result)[1:] == ["loket  ter informatie  wonen", "niemand: geen enkele route past"]
    assert result.exit_code == 0
    city.write_text(CITY.replace('severities = ["critical"]', 'severities = ["info"]'), encoding="utf-8")
    assert ask(city, "--rule", "stil").exit_code == 1
    assert ask(city, "--severity", "warning").exit_code == 0


def test_a_total_is_called_as_in_messages(city: Path):
    result = ask(city, "--rule", "gemist", "--at", "2026-11-27 10:00")
    assert lines(result)[1] == "gemist  dringend  Alle telefoonlijnen"


def test_a_rule_that_is_not_judged_at_that_moment_is_marked(city: Path):
    result = ask(city, "--rule", "wachten", "--severity", "critical", "--at", "2026-11-28 10:00")
    assert lines(result)[2] == "(dan gesloten: ze wordt niet beoordeeld)"


def test_machines_are_told_the_same(city: Path):
    result = ask(city, "--rule", "stil", "--at", "2026-11-27T09:00:00+00:00", "--json")
    (told,) = json.loads(result.stdout)
    assert (told["rule"], told["queue"], told["judged"]) == ("stil", "pbx", True)
    assert [(one["receiver"], one["told_at"], one["escalation"]) for one in told["receivers"]] == [
        ("balie", "2026-11-27T09:00:00+00:00", False),
        ("chef", "2026-11-27T09:20:00+00:00", True),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rule", "wachten-maar"], "Er zijn: wachten, gemist, loket, stil"),
        (["--queue", "x"], "Er zijn: onthaal, burgerzaken, all, wonen, pbx"),
        (["--site", "x"], "Er zijn: huis"),
        (["--at", "morgen"], "2026-03-12 22:00"),
    ],
)
def test_a_name_that_is_none_is_told_with_those_that_there_are(city: Path, arguments: list[str], said: str):
    result = ask(city, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_city_without_rules_has_nothing_to_try(city: Path):
    text = (
        CITY.partition("rules = [")[0] + "[[sites]]\nid = 'huis'\nqueues = [{ id = 'a', kind = 'phone' }]\n"
    )
    city.write_text(text, encoding="utf-8")
    assert ask(city).exit_code == 2


@pytest.mark.parametrize("language", languages())
def test_every_language_says_it(city: Path, language: str):
    city.write_text(CITY.replace('"nl"', f'"{language}"'), encoding="utf-8")
    assert len(lines(ask(city, "--at", "2026-11-27 16:00"))) == 14


def test_a_made_up_breach_of_any_rule_lasts():
    lier = load(ROOT / "examples/lier/city.toml")
    keys = [rule.key for rule in rules_of(lier, lier.sites)]
    assert all(made_up(key, NOW).still_holds for key in keys)


def test_a_route_that_no_rule_takes_is_found(city: Path):
    loaded = load(city)
    keys = [rule.key for rule in rules_of(loaded, loaded.sites)]
    assert idle_routes(loaded.routes, keys, NOW) == [3]
    told = {key.rule for key in keys if engine.receivers_of(loaded.routes, made_up(key, NOW))}
    assert told == {"wachten", "gemist", "stil"}

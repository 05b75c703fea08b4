"""``wachtpost rules backtest`` from outside: a week of a small desk, and rules that suit it or do not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis
from typer.testing import CliRunner, Result

from domain.bucket import Bucket
from shared.contract.events import CallAnswered, CallMissed, Event, Outcome, encode
from shared.redis import keys
from tests.support.html import read
from wachtpost.cli import app

CITY: Final = """
city = {{ name = "Test", language = "{language}", time_zone = "UTC" }}
calendar = {{ public_holidays = "" }}
hours = {{ office = {{ monday = ["09:00-12:00"], tuesday = ["09:00-12:00"], wednesday = ["09:00-12:00"] }} }}
live = {{ windows = ["1h"] }}
[[sites]]
id = "town"
queues = [{{ id = "info", name = "Info", kind = "phone", hours = "office" }}]
[[targets]]
kpi = "missed_ratio"
limit = 0.2
period = "year"
[[rules]]
id = "blind"
kpi = "missed_ratio"
window = "15m"
limit = 0.3
min_samples = 20
[[rules]]
id = "hour"
kpi = "missed_ratio"
window = "1h"
limit = 0.4
hold = "2m"
min_samples = 3
[[rules]]
id = "many"
kind = "shift"
kpi = "missed_ratio"
usual = 0.3
bad = 0.4
false_alarm_every = 10_000_000
[[rules]]
id = "month"
kpi = "missed_ratio"
window = "month"
min_samples = 300
[[rules]]
id = "calm"
kpi = "call_wait_mean"
window = "1h"
limit = 60
min_samples = 1
[[rules]]
id = "patient"
kpi = "missed_ratio"
window = "1h"
limit = 0.4
hold = "2h"
min_samples = 3
[[rules]]
id = "year"
kpi = "missed_ratio"
window = "year"
limit = 0.1
min_samples = 10
"""

MONDAY: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)


def calls(weeks: int) -> Iterator[Event]:
    """A call every ten minutes on three mornings, answered after 20 s; on Tuesday none from 10 to 11."""
    for day in (7 * week + day for week in range(weeks) for day in range(3)):
        for number in range(18):
            at = MONDAY + timedelta(days=day, minutes=10 * number + 1)
            common = {"at": at, "source": "pbx", "site": "town", "queue": "info", "wait_ms": 20_000}
            if day % 7 == 1 and 10 <= at.hour < 11:
                yield CallMissed(id=f"{day}-{number}", outcome=Outcome.ABANDONED, **common)
            else:
                yield CallAnswered(id=f"{day}-{number}", **common)


def run(tmp_path: Path, *arguments: str, language: str = "en", weeks: int = 1) -> Result:
    city, log = tmp_path / "city.toml", tmp_path / "week.ndjson"
    city.write_text(CITY.format(language=language))
    log.write_bytes(b"".join(encode(event) + b"\n" for event in calls(weeks)))
    files = [] if "--history" in arguments else [str(log)]
    return CliRunner().invoke(app, ["rules", "backtest", *files, "--city", str(city), *arguments])


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return {rule["rule"]: rule for rule in json.loads(result.stdout)["rules"]}


def test_it_tells_when_each_rule_would_have_fired_and_for_how_long(tmp_path: Path) -> None:
    rules = told(run(tmp_path, "--json", "--chance", "0"))
    (breach,) = rules["hour"]["breaches"]
    # From 10:21 on three of the last six calls are missed; at 11:31 it is two.
    assert (breach["opened_at"], breach["fired_at"]) == (
        "2026-03-03T10:21:00+00:00",
        "2026-03-03T10:23:00+00:00",
    )
    assert breach["until"] == "2026-03-03T11:31:00+00:00"
    assert (rules["hour"]["fired"], rules["hour"]["hours"]) == (1, {"10": 1})
    assert rules["hour"]["longest_s"] == rules["hour"]["fired_s"] == 4080
    assert [rules[name]["fired"] for name in ("blind", "calm", "patient", "year")] == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("rule", "kind", "says"),
    [
        (
            "blind",
            "never_enough",
            "Can never fire: 20 contacts in 15 minutes never happened in 3 days; largest: 2.",
        ),
        (
            "many",
            "never_so_many",
            "Can never fire: a shift takes 43 contacts of one day, which never came in 3 days; largest: 18.",
        ),
        (
            "month",
            "too_short",
            "Says nothing yet: of the 300 contacts that it wants in one month, 54 came in 3 days.",
        ),
        ("calm", "never_over", "Never fired: it read 0:20 at worst, and its limit is 1:00."),
        ("patient", "never_held", "Never fired: it was over its limit 1 time, and back within 2 hours."),
    ],
)
def test_it_says_what_is_wrong_with_a_rule(tmp_path: Path, rule: str, kind: str, says: str) -> None:
    findings = told(run(tmp_path, "--json", "--chance", "0"))[rule]["findings"]
    assert [(one["kind"], one["text"]) for one in findings] == [(kind, says)]


def test_the_tables_are_for_people_and_in_the_language_of_the_city(tmp_path: Path) -> None:
    result = run(tmp_path, "--messages", language="nl")
    assert result.exit_code == 0
    for words in (
        "De regels van ma 2 mrt 2026 9:01 tot wo 4 mrt 2026 11:51 (3 dagen)",
        "Kan nooit afgaan: 20 contacten in 15 minuten kwamen in 3 dagen niet voor; hoogstens 2.",
        "Onderwerp: ",
        "50 % van de oproepen gemist (3 van 6, ",
    ):
        assert words in result.stdout


def test_rules_that_suit_the_desk_are_shown_where_its_own_find_too_little(tmp_path: Path) -> None:
    shown = run(tmp_path, "--chance", "0", weeks=3).stdout
    assert "Rules that suit 6.0 contacts an hour, as wachtpost init writes them:" in shown
    assert 'kind = "shift"' in shown


def test_usual_days_are_made_up_of_the_citys_own_and_say_what_chance_does(tmp_path: Path) -> None:
    first, again = (json.loads(run(tmp_path, "--json", "--chance", "40").stdout) for _ in range(2))
    assert first == again
    assert first["usual"] == {"days": 40, "learnt_from": 3, "missed": pytest.approx(6 / 54)}
    rules = {rule["rule"]: rule["by_chance_a_year"] for rule in first["rules"]}
    assert rules["calm"] == rules["blind"] == 0
    assert rules["hour"] > 0  # one call in nine is missed here, and three of five are some by chance
    assert rules["year"] is None


def test_a_day_is_drawn_with_its_breaches_and_says_the_same_in_words(tmp_path: Path) -> None:
    page = tmp_path / "day.html"
    assert run(tmp_path, "--html", str(page), "--chance", "0").exit_code == 0
    document = read(page.read_text())
    (drawing,) = document.all("svg")
    assert "hour, Total" in drawing.text
    assert "10:23-11:31" in drawing.text
    assert "Tuesday 3 March 2026" in document.text
    assert [cell.text for cell in document.all("td")][:3] == [
        "Tue 3 Mar 10:23",
        "Tue 3 Mar 11:31",
        "hour, Total",
    ]
    assert "http" not in page.read_text().replace("http://www.w3.org/2000/svg", "")  # needs nothing else


@pytest.mark.parametrize("arguments", [("--history", "--day", "3 maart"), ("--source", "nobody")])
def test_a_question_that_cannot_be_meant_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run(tmp_path, *arguments).exit_code == 2


def test_files_or_history_and_not_neither(tmp_path: Path) -> None:
    city = tmp_path / "city.toml"
    city.write_text(CITY.format(language="en"))
    result = CliRunner().invoke(app, ["rules", "backtest", "--city", str(city)])
    assert (result.exit_code, result.stderr) == (2, "Give files, or --history.\n")


def test_days_of_redis_try_the_rules_of_a_year_and_name_the_others(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = keys.buckets(0, "day", "town", "info")
    with Redis.from_url(redis_url) as redis:
        redis.hset(day, "2026-03-02", Bucket(answered=20).encode())
        redis.hset(day, "2026-03-03", Bucket(answered=14, abandoned=6).encode())
        redis.hset(day, "2026-03-04", Bucket(answered=100).encode())
    monkeypatch.setenv("WACHTPOST_REDIS_URL", redis_url)
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    monkeypatch.setenv("WACHTPOST_CLOCK", f"{now}/2026-03-10T12:00:00Z/1")
    result = run(tmp_path, "--history", "--json")
    year = told(result)["year"]
    (breach,) = year["breaches"]
    assert (breach["fired_at"], breach["until"]) == ("2026-03-03T11:59:59+00:00", "2026-03-04T11:59:59+00:00")
    untried = {one["rule"]: one["why"] for one in json.loads(result.stdout)["untried"]}
    assert untried == dict.fromkeys(("blind", "hour", "many", "calm", "patient"), "within_the_day")

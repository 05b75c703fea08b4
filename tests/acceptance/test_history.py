"""Days worked out anew from files, with real services: the very bytes of live, and put back the same."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256 as sha256_of
from pathlib import Path

import httpx
import pytest
import redis
from typer.testing import CliRunner, Result

from domain.bucket import decode
from services.ingest.auth import sha256
from shared.config import model
from shared.contract.breach_events import BREACH_EVENT, BreachState
from shared.contract.events import CallAnswered, Event
from shared.contract.events import encode as encoded
from shared.redis import keys
from simulator.city_day import simulate
from tests.support.eventually import WITHIN, eventually
from tests.support.redis_servers import EmbeddedValkey, leases_run_out
from tests.support.service_process import ROOT, ServiceProcess, Services
from wachtpost.cli import app
from wachtpost.history.command import import_followed

KEY = "wachtpost_" + "h" * 43
CITY = f"""
[city]
name = "Proefstad"
language = "en"

[calendar]
public_holidays = ""

[hours.desk]
monday = ["08:30-12:30", "13:00-17:00"]
thursday = ["08:30-12:30", "13:00-17:00"]
friday = ["08:30-12:30"]

[hours.long]
monday = ["07:00-21:00"]
thursday = ["07:00-21:00"]
friday = ["07:00-21:00"]

[pipeline]
lease = "1m"

[[sites]]
id = "huis"
queues = [
    {{ id = "onthaal", kind = "phone", hours = "desk" }},
    {{ id = "bouwen", kind = "phone", hours = "long" }},
    {{ id = "loket", kind = "counter", hours = "desk" }},
]

[[rules]]
id = "month"
kpi = "call_wait_mean"
window = "month"
limit = 100000
min_samples = 1

[[rules]]
id = "year"
kpi = "call_wait_mean"
window = "year"
limit = 100000
min_samples = 1

[[sources]]
kind = "http"
id = "simulated"
site = "huis"
key_sha256 = ["{sha256(KEY)}"]
"""
THURSDAY = date(2026, 3, 12)
DAYS = (THURSDAY, THURSDAY + timedelta(days=1), THURSDAY + timedelta(days=4))
LATER = datetime(2026, 3, 20, 12, tzinfo=UTC)
SIGNED = ("--by", "balie", "--why", "proef")

DATA = ROOT.parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded logs are not on this machine")


class Town:
    """A city, its Redis, its services at whatever time it is, and whoever types commands."""

    def __init__(self, folder: Path, url: str, city_text: str = CITY) -> None:
        self.folder = folder
        self.url = url
        self.city_file = folder / "city.toml"
        self.city_file.write_text(city_text, encoding="utf-8")
        self.city = model.load(self.city_file)

    def environment(self, at: datetime) -> dict[str, str]:
        return {
            "WACHTPOST_CITY_FILE": str(self.city_file),
            "WACHTPOST_REDIS_URL": self.url,
            "WACHTPOST_CLOCK": f"{at.isoformat()}/{at.isoformat()}/0",
        }

    def ask(self, *arguments: object, at: datetime = LATER) -> Result:
        return CliRunner().invoke(app, ["history", *map(str, arguments)], env=self.environment(at))

    def says(self, *arguments: object, at: datetime = LATER) -> str:
        """What a command says that succeeds."""
        result = self.ask(*arguments, at=at)
        assert result.exit_code == 0, result.output
        return result.stdout

    @contextmanager
    def running(self, at: datetime, *names: str) -> Iterator[list[ServiceProcess]]:
        """Services that believe it is ``at``."""
        clock = f"{at.isoformat()}/{at.isoformat()}/0"
        with Services(self.folder, city_file=self.city_file, redis_url=self.url, clock=clock) as services:
            yield [services.start(name) for name in names]
        leases_run_out(self.url)

    def live(self, evenings: Sequence[tuple[datetime, Sequence[Event]]]) -> None:
        """What happened by each evening comes in and is counted; then time passes until ``LATER``."""
        sent = 0
        for evening, events in evenings:
            with self.running(evening, "ingest", "evaluator") as (ingest, evaluator):
                post(ingest.url, events)
                sent += len(events)
                eventually(lambda: evaluator.metric("events_read_total") == sent)  # noqa: B023
                assert evaluator.metric("dead_letters_total") == 0
        self.until(LATER)

    def until(self, at: datetime) -> None:
        """Let the evaluator judge everything until then."""
        with self.running(at, "evaluator"):
            eventually(lambda: self.cursor() >= at.timestamp() * 1000)

    def cursor(self) -> int:
        with redis.Redis.from_url(self.url) as client:
            return int(client.hget(keys.state(0), "cursor") or 0)

    def days(self) -> dict[str, dict[bytes, bytes]]:
        """Every day as it is written down."""
        with redis.Redis.from_url(self.url) as client:
            names = sorted(key.decode() for key in client.scan_iter("{p0}:day*"))
            return {name: client.hgetall(name) for name in names}

    def everything(self) -> dict[bytes, bytes | None]:
        """All that stands in Redis, byte for byte."""
        with redis.Redis.from_url(self.url) as client:
            return {key: client.dump(key) for key in sorted(client.scan_iter())}

    def forget_days(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.delete(*client.scan_iter("{p0}:day*"))

    def flush(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def readings(self, rule: str) -> tuple[float, int] | None:
        """Value and sample size that a rule saw last while it fired."""
        with redis.Redis.from_url(self.url) as client:
            entries = client.xrevrange(keys.breaches(0))
        for _, fields in entries:
            event = BREACH_EVENT.validate_json(fields[b"__data__"])
            if event.rule == rule and event.state is BreachState.FIRING:
                return event.reading.value or 0.0, event.reading.samples
        return None


def post(url: str, events: Sequence[Event]) -> None:
    for start in range(0, len(events), 500):
        answer = httpx.post(
            f"{url}/v1/events",
            content=b"\n".join(map(encoded, events[start : start + 500])),
            headers={"Authorization": f"Bearer {KEY}", "content-type": "application/x-ndjson"},
            timeout=WITHIN,
        )
        assert (answer.status_code, answer.json()["refused"]) == (202, []), answer.text


def simulated(city: model.CityFile) -> list[tuple[datetime, list[Event]]]:
    """Three days, two of them in a row, each with the midnight by which it has come in."""
    lived = []
    for day in DAYS:
        lively = simulate(city, day, seed=7, load=0.4, volume=10)
        events = [event.model_copy(update={"source": "simulated"}) for event in lively]
        midnight = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
        assert midnight - timedelta(hours=24) <= events[0].at <= events[-1].at < midnight
        lived.append((midnight, events))
    return lived


def in_a_file(file: Path, evenings: Sequence[tuple[datetime, Sequence[Event]]]) -> Path:
    lines = [encoded(event) for _, events in evenings for event in events]
    file.write_bytes(gzip.compress(b"\n".join(lines)) if file.suffix == ".gz" else b"\n".join(lines))
    return file


@pytest.fixture(scope="module")
def lived(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Town, Path, dict[str, dict[bytes, bytes]]]]:
    """A town whose three days came in live, the same days as a file, and how they are written down."""
    folder = tmp_path_factory.mktemp("town")
    server = EmbeddedValkey(folder / "valkey")
    server.start()
    try:
        town = Town(folder, server.url)
        evenings = simulated(town.city)
        town.live(evenings)
        file = in_a_file(folder / "three-days.ndjson.gz", evenings)
        yield town, file, town.days()
    finally:
        server.kill()


@pytest.fixture
def town(lived: tuple[Town, Path, dict[str, dict[bytes, bytes]]]) -> Iterator[Town]:
    """That town; afterwards its days are as they were."""
    town, _, days = lived
    yield town
    with redis.Redis.from_url(town.url) as client:
        client.delete(*client.scan_iter("{p0}:day*"), keys.corrections(0))
        for name, fields in days.items():
            client.hset(name, mapping=fields)


@pytest.fixture
def file(lived: tuple[Town, Path, dict[str, dict[bytes, bytes]]]) -> Path:
    return lived[1]


def test_an_imported_day_has_the_very_bytes_of_the_live_one(town: Town, file: Path) -> None:
    live = town.days()
    assert {day.decode() for days in live.values() for day in days} >= {str(day) for day in DAYS}
    assert "nothing changes" in town.says("import", file, *SIGNED)
    town.forget_days()
    town.says("import", file, *SIGNED)
    assert town.days() == live


def test_a_dry_run_shows_what_would_change_and_changes_nothing(town: Town, file: Path) -> None:
    town.forget_days()
    before = town.everything()
    told = town.says("import", file, "--dry-run")
    assert "2026-03-12" in told
    assert "Would be replaced (day × queue):" in told
    assert town.everything() == before
    shown = json.loads(town.says("import", file, "--dry-run", "--json"))
    assert shown["correction"] is None
    assert {change["day"] for change in shown["changes"]} >= {str(day) for day in DAYS}
    assert town.everything() == before


def test_from_and_to_leave_other_days_alone(town: Town, file: Path) -> None:
    town.forget_days()
    town.says("import", file, "--from", DAYS[1], "--to", DAYS[1], *SIGNED)
    assert {day for days in town.days().values() for day in days} == {str(DAYS[1]).encode()}


def without(file: Path, to: Path, wanted: Callable[[dict[str, object]], bool]) -> Path:
    """A copy with only those events."""
    lines = gzip.decompress(file.read_bytes()).splitlines()
    to.write_bytes(b"\n".join(line for line in lines if wanted(json.loads(line))))
    return to


def test_half_a_file_does_not_wipe_a_day(town: Town, file: Path, tmp_path: Path) -> None:
    half = without(file, tmp_path / "half", lambda event: str(event["at"]) < f"{DAYS[0]}T10:00")
    before = town.everything()
    refused = town.ask("import", half, *SIGNED)
    assert refused.exit_code == 2
    assert "--allow-fewer" in refused.output
    assert f"{DAYS[0]}  onthaal:" in refused.output
    assert town.everything() == before
    town.says("import", half, *SIGNED, "--allow-fewer")
    assert town.everything() != before


def test_a_file_about_the_phones_leaves_the_counters_alone(town: Town, file: Path, tmp_path: Path) -> None:
    phones = without(file, tmp_path / "phones", lambda event: str(event["kind"]).startswith("call"))
    live = town.days()
    with redis.Redis.from_url(town.url) as client:
        client.delete("{p0}:day:huis:onthaal")
        client.hset("{p0}:day:huis:loket", str(DAYS[0]), b'{"visits":1,"visit_waits":{"0":1}}')
    town.says("import", phones, *SIGNED)
    assert town.days()["{p0}:day:huis:onthaal"] == live["{p0}:day:huis:onthaal"]
    assert town.days()["{p0}:day:huis:loket"][str(DAYS[0]).encode()] == b'{"visits":1,"visit_waits":{"0":1}}'


@pytest.mark.parametrize(
    ("story", "arguments", "told"),
    [
        ("nobody signs", (), "--by"),
        ("no reason", ("--by", "balie"), "--why"),
        ("a person's name", ("--by", "Jan Janssens", "--why", "x"), "never a person's name"),
        ("a number for a reason", ("--by", "balie", "--why", "+32470000000"), "phone number"),
        ("a number in a reason", ("--by", "balie", "--why", "klacht van 0470 00 00 00"), "phone number"),
        ("no such source", (*SIGNED, "--source", "elders"), "no source elders"),
        ("the wrong way round", (*SIGNED, "--from", "2026-03-13", "--to", "2026-03-12"), "--from"),
        ("no such day", (*SIGNED, "--from", "13/03/2026"), "2026-03-12"),
        ("no day of it", (*SIGNED, "--to", "2020-01-01"), "nothing of a day"),
    ],
)
def test_what_is_wrong_with_the_question_is_said_and_nothing_changes(
    story: str, arguments: tuple[str, ...], told: str, town: Town, file: Path
) -> None:
    town.forget_days()
    before = town.everything()
    refused = town.ask("import", file, *arguments)
    assert refused.exit_code == 2, story
    assert told in refused.output
    assert town.everything() == before


def test_a_day_for_which_facts_may_still_come_is_refused(town: Town, file: Path) -> None:
    town.forget_days()
    day_after = datetime(2026, 3, 17, 12, tzinfo=UTC)
    refused = town.ask("import", file, *SIGNED, at=day_after)
    assert refused.exit_code == 2
    assert f"{DAYS[2]}: facts about that may still arrive" in refused.output
    assert "give --to 2026-03-15" in refused.output
    assert town.days() == {}
    town.says("import", file, *SIGNED, "--to", "2026-03-15", at=day_after)


def test_lines_that_cannot_be_used_are_told_by_their_place_and_logged(town: Town, tmp_path: Path) -> None:
    fact = CallAnswered(
        id="one",
        at=datetime(2026, 3, 2, 9, tzinfo=UTC),
        source="s",
        site="huis",
        queue="bouwen",
        wait_ms=1000,
    )
    elsewhere = fact.model_copy(update={"queue": "elders", "id": "two"})
    mixed = tmp_path / "mixed.ndjson"
    mixed.write_bytes(b"\n".join([encoded(fact), b"+32470000000", encoded(elsewhere)]))
    told = town.says("import", mixed, *SIGNED)
    assert f"1 × unreadable\n      for instance {mixed}:2\n" in told
    assert f"1 × unknown queue: elders\n      source s, site huis, for instance {mixed}:3\n" in told
    assert "32470000000" not in told + town.says("log")
    assert "unreadable 1, unknown_queue 1" in town.says("log")


def test_a_file_that_is_not_in_order_gives_the_very_same_bytes(
    town: Town, file: Path, tmp_path: Path
) -> None:
    lines = gzip.decompress(file.read_bytes()).splitlines()
    backwards = tmp_path / "backwards.ndjson"
    backwards.write_bytes(b"\n".join(reversed(lines)))
    live = town.days()
    town.forget_days()
    town.says("import", backwards, *SIGNED)
    assert town.days() == live


def test_what_somebody_else_changed_meanwhile_stays(
    town: Town, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.evaluator.archive import Archive

    read = Archive.written

    async def read_and_be_overtaken(self: Archive, first: date, last: date):
        found = await read(self, first, last)
        await self._redis.hset("{p0}:day:huis:bouwen", str(DAYS[0]), b'{"closed":1}')
        return found

    town.forget_days()
    monkeypatch.setattr(Archive, "written", read_and_be_overtaken)
    refused = town.ask("import", file, *SIGNED)
    assert refused.exit_code == 1
    assert "2026-03-12 bouwen was changed" in refused.output
    assert town.days() == {"{p0}:day:huis:bouwen": {str(DAYS[0]).encode(): b'{"closed":1}'}}


def test_the_log_says_who_when_why_and_what_was_there(town: Town, file: Path) -> None:
    assert town.says("log").strip() == "No day was ever replaced."
    with redis.Redis.from_url(town.url) as client:
        client.hset("{p0}:day:huis:bouwen", str(DAYS[0]), b'{"closed":1}')
    town.says("import", file, "--by", "balie", "--why", "queue_log was niet gelezen")
    heading, from_file = town.says("log").splitlines()
    assert heading.startswith("2026-03-20 13:00:00  ")
    assert heading.endswith("imported by balie: queue_log was niet gelezen")
    assert from_file.split() == [file.name, "sha256", sha256_of(file.read_bytes()).hexdigest()]
    (one,) = json.loads(town.says("log", "--json"))
    (line,) = json.loads(town.says("log", one["id"][:4], "--json"))
    assert (line["day"], line["queue"], line["before"]["closed"]) == (str(DAYS[0]), "bouwen", 1)
    assert line["after"]["answered"] > 1
    shown = town.says("log", one["id"])
    assert "bouwen" in shown
    assert "1 → " in shown
    assert town.ask("log", "zzz").exit_code == 2


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
def test_what_was_exported_is_put_back_bit_for_bit(kind: str, town: Town, tmp_path: Path) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    live, backup = town.days(), tmp_path / f"days.{kind}"
    town.says("export", "-o", backup)
    all_of_it = town.everything()
    town.flush()
    try:
        assert town.says("restore", backup, "--dry-run")
        assert town.days() == {}
        town.says("restore", backup, *SIGNED)
        assert town.days() == live
        assert "nothing changes" in town.says("restore", backup, *SIGNED)
    finally:
        town.flush()
        with redis.Redis.from_url(town.url) as client:
            for key, held in all_of_it.items():
                client.restore(key, 0, held or b"")


def test_other_figures_are_only_overwritten_when_asked_to(town: Town, tmp_path: Path) -> None:
    backup = tmp_path / "days"
    backup.write_text(town.says("export", "--format", "ndjson"))
    live = town.days()
    with redis.Redis.from_url(town.url) as client:
        client.hset("{p0}:day:huis:bouwen", str(DAYS[0]), b'{"closed":1}')
    before = town.everything()
    refused = town.ask("restore", backup, *SIGNED)
    assert refused.exit_code == 2
    assert f"{DAYS[0]}  bouwen" in refused.output
    assert town.everything() == before
    town.says("restore", backup, "--replace", *SIGNED)
    assert town.days() == live
    assert "restored by balie: proef" in town.says("log")


def test_a_bad_row_keeps_everything_as_it_is(town: Town, tmp_path: Path) -> None:
    backup = tmp_path / "days.csv"
    town.says("export", "-o", backup)
    text = backup.read_text()
    backup.write_text(text.replace(",inside,", ",sometimes,", 1))
    town.forget_days()
    refused = town.ask("restore", backup, *SIGNED)
    assert refused.exit_code == 2
    assert f"{backup}:2: hours: enum" in refused.output.replace("\n", "")
    assert town.days() == {}


def test_an_evaluator_at_work_takes_the_days_over_by_itself_and_loses_nothing(
    lived: tuple[Town, Path, dict[str, dict[bytes, bytes]]], town: Town, file: Path
) -> None:
    """Calls come in all the while; month and year are judged with the days that were put in."""
    town.forget_days()
    with town.running(LATER, "ingest", "evaluator") as (ingest, evaluator):
        eventually(lambda: evaluator.metric("lease_owner") == 1)
        read = evaluator.metric("events_read_total") or 0
        batches = [
            [
                CallAnswered(
                    id=f"now-{number}-{n}",
                    at=LATER,
                    source="simulated",
                    site="huis",
                    queue="bouwen",
                    wait_ms=1000,
                )
                for n in range(10)
            ]
            for number in range(60)
        ]
        first, rest = batches[:5], batches[5:]
        for batch in first:
            post(ingest.url, batch)

        def pour() -> None:
            for batch in rest:
                post(ingest.url, batch)

        pouring = threading.Thread(target=pour)
        pouring.start()
        town.says("import", file, *SIGNED)
        pouring.join()
        eventually(lambda: evaluator.logged("commit_failed") or evaluator.logged("superseded"))
        eventually(lambda: evaluator.metric("events_read_total") == read + 600)
        assert evaluator.metric("duplicates_total") == 0
    today = town.days()["{p0}:day:huis:bouwen"].pop(str(LATER.date()).encode())
    assert json.loads(today)["answered"] == 600
    now = town.days()
    now["{p0}:day:huis:bouwen"].pop(str(LATER.date()).encode())
    assert now == lived[2]


def test_month_and_year_so_far_are_judged_with_the_days_put_in(redis_url: str, tmp_path: Path) -> None:
    town = Town(tmp_path, redis_url, CITY.replace("limit = 100000", "limit = 1"))
    past = [
        CallAnswered(id=f"{day}", at=day, source="s", site="huis", queue="bouwen", wait_ms=9000)
        for day in (datetime(2026, 1, 5, 9, tzinfo=UTC), datetime(2026, 3, 12, 9, tzinfo=UTC))
    ]
    file = in_a_file(tmp_path / "past", [(LATER, past)])
    live = [
        CallAnswered(id=f"n{n}", at=LATER, source="simulated", site="huis", queue="bouwen", wait_ms=0)
        for n in range(2)
    ]
    with town.running(LATER, "ingest", "evaluator") as (ingest, evaluator):
        post(ingest.url, live)
        eventually(lambda: evaluator.metric("calls_answered") == 2)
        assert evaluator.metric("kpi_breached") == 0
        town.says("import", file, *SIGNED)
        eventually(lambda: evaluator.metric("kpi_breached", measure="call_wait_mean") == 2)
        assert town.readings("month") == (3.0, 3)
        assert town.readings("year") == (4.5, 4)
        assert evaluator.metric("calls_answered") == 2  # sums since the beginning tell what came in live
    backup = tmp_path / "backup.csv"
    town.says("export", "--to", "2026-03-18", "-o", backup)
    town.flush()
    town.says("restore", backup, *SIGNED)
    with town.running(LATER, "evaluator") as (evaluator,):
        eventually(lambda: evaluator.metric("kpi_breached", measure="call_wait_mean") == 2)
        assert town.readings("month") == (9.0, 1)
        assert town.readings("year") == (9.0, 2)


RECORDED = {
    "bank-day": (
        DATA / "bank-day" / "queue_log",
        (datetime(2024, 3, 12, 23, tzinfo=UTC), datetime(2024, 3, 13, 12, tzinfo=UTC)),
    ),
    "run-a": (
        DATA / "asterisk" / "run-a" / "log" / "queue_log",
        (datetime(2026, 11, 23, 6, 30, tzinfo=UTC),),
    ),
    "run-light-a": (
        DATA / "asterisk" / "run-light-a" / "log" / "queue_log",
        (datetime(2026, 11, 23, 6, 30, tzinfo=UTC),),
    ),
}


@needs_data
@pytest.mark.parametrize(
    "recorded",
    ["run-light-a", *(pytest.param(name, marks=pytest.mark.slow) for name in ("bank-day", "run-a"))],
)
def test_a_recorded_log_gives_the_same_bytes_live_and_imported(
    recorded: str, redis_url: str, tmp_path: Path
) -> None:
    log, evenings = RECORDED[recorded]
    lines = log.read_bytes().splitlines(keepends=True)
    followed = tmp_path / "queue_log"
    names = sorted({line.split(b"|")[2].decode() for line in lines} - {"NONE"})
    queues = ", ".join(f'{{ id = "{name}", kind = "phone" }}' for name in names)
    source = f'[[sources]]\nkind = "queue_log"\nid = "pbx"\nsite = "site"\npath = "{followed}"'
    town = Town(
        tmp_path,
        redis_url,
        f'[city]\nname = "Test"\nlanguage = "en"\n[[sites]]\nid = "site"\nqueues = [{queues}]\n{source}\n',
    )
    for evening in evenings:
        by_then = b"".join(line for line in lines if float(line.split(b"|")[0]) <= evening.timestamp())
        followed.write_bytes(by_then)
        expected = events_in(followed)
        with town.running(evening, "ingest", "evaluator") as (ingest, evaluator):
            assert ingest.url
            eventually(
                lambda: (evaluator.metric("events_read_total") or 0) >= expected,  # noqa: B023
            )
            assert evaluator.metric("dead_letters_total") == 0
    later = evenings[-1] + timedelta(days=4)
    town.until(later)
    live = town.days()
    assert live
    town.forget_days()
    town.says("import", log, *SIGNED, at=later)
    assert town.days() == live


def events_in(queue_log: Path) -> int:
    result = CliRunner().invoke(app, ["analyse", "--json", str(queue_log)])
    return int(json.loads(result.stdout)["events"])


def test_a_first_start_on_an_old_log_imports_what_is_too_old_to_follow(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "queue_log"
    town = Town(
        tmp_path,
        redis_url,
        'city = { name = "Test", language = "en" }\n'
        'sites = [{ id = "huis", queues = [{ id = "bouwen", kind = "phone" }] }]\n'
        f'[[sources]]\nkind = "queue_log"\nid = "pbx"\nsite = "huis"\npath = "{log}"\n',
    )
    for name, days in ("queue_log.1", (50, 40)), ("queue_log", (20, 0)):
        ended = [int((LATER - timedelta(days=day, hours=1)).timestamp()) for day in days]
        lines = [f"{at}|{at}.1|bouwen|NONE|ABANDON|1|1|9\n" for at in ended]
        (tmp_path / name).write_text("".join(lines))
    for name, value in town.environment(LATER).items():
        monkeypatch.setenv(name, value)
    import_followed()
    old = {str(LATER.date() - timedelta(days=day)).encode() for day in (50, 40)}
    assert {day for of_queue in town.days().values() for day in of_queue} == old
    assert "imported by ingest: first start" in town.says("log")
    import_followed()
    assert "nothing changes" in capsys.readouterr().out


def test_ingest_that_was_away_over_the_weekend_loses_nothing_of_the_log(
    tmp_path: Path, redis_url: str
) -> None:
    followed = tmp_path / "queue_log"
    town = Town(
        tmp_path,
        redis_url,
        'city = { name = "Test", language = "en" }\n'
        'sites = [{ id = "huis", queues = [{ id = "bouwen", kind = "phone" }] }]\n'
        f'[[sources]]\nkind = "queue_log"\nid = "pbx"\nsite = "huis"\npath = "{followed}"\n',
    )
    friday, monday = datetime(2026, 3, 13, 15, tzinfo=UTC), datetime(2026, 3, 16, 15, tzinfo=UTC)
    for evening in (friday, monday):
        with followed.open("a") as log:
            for number in reversed(range(300 if evening is monday else 20)):
                at = int((evening - timedelta(minutes=10 * number + 5)).timestamp())
                log.write(f"{at - 9}|{at}.{number}|bouwen|NONE|ENTERQUEUE|||1\n")
                log.write(f"{at}|{at}.{number}|bouwen|NONE|ABANDON|1|1|9\n")
        with town.running(evening, "ingest", "evaluator") as (_, evaluator):
            eventually(lambda: (evaluator.metric("events_read_total") or 0) >= events_in(followed))
            assert evaluator.metric("dead_letters_total") == 0
    town.until(LATER)
    live = town.days()
    assert sum(decode(text).abandoned for of_queue in live.values() for text in of_queue.values()) == 320
    town.forget_days()
    town.says("import", followed, *SIGNED)
    assert town.days() == live

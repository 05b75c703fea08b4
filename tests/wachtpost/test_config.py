"""``wachtpost config check FILE``: what it prints, where, and how it ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner, Result

from domain.bucket import Bucket
from shared.config.model import CityFile, load
from shared.process.ports import free_port
from shared.redis import keys
from wachtpost.cli import app as wachtpost
from wachtpost.config import app, summary

SHIPPED = Path(__file__).parents[2] / "examples" / "lier" / "city.toml"
CLUSTERS = ("burgerzaken", "energie", "mobiliteit", "ocmw", "omgeving", "wonen")


def check(file: Path) -> Result:
    return CliRunner().invoke(app, ["check", str(file)])


def test_a_good_file_is_summed_up_and_the_command_succeeds() -> None:
    result = check(SHIPPED)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{SHIPPED} is in orde\n")


def test_the_summary_says_who_is_waited_for_what_is_promised_and_when_the_desk_is_open() -> None:
    assert summary(load(SHIPPED), "city.toml", date(2026, 12, 24)) == [
        "city.toml is in orde",
        "  site           lier (Stad Lier)",
        "  telefoon       3: onthaal, burgerzaken, omgeving",
        f"  loket          6: {', '.join(f'loket-{cluster}' for cluster in CLUSTERS)}",
        "  streefwaarden  9",
        "  gemist         lier-1 (actueel), zonder-korte-ophangers",
        "  bronnen        geen",
        "  regels         16: 12 op contacten, 4 op een foutenbudget, 0 op een bron zonder gegevens",
        "  ontvangers     geen: niemand krijgt bericht",
        "  vandaag open   contactcentrum: 08:30-12:00",
        "  vandaag open   stadskantoor: 09:00-12:00",
    ]
    assert summary(load(SHIPPED), "city.toml", date(2026, 12, 25))[-1].endswith("stadskantoor: gesloten")


def test_the_summary_points_out_who_is_on_no_route() -> None:
    ways = [{"kind": "webhook", "url": "https://a.example/"}]
    tables = load(SHIPPED).model_dump() | {
        "receivers": [{"id": name, "channels": ways} for name in ("desk", "boss", "spare")],
        "routes": [{"receivers": ["desk"], "escalate_to": ["boss"]}],
    }
    lines = summary(CityFile.model_validate(tables), "city.toml", date(2026, 12, 24))
    assert "  ontvangers     3: desk, boss, spare (op geen route)" in lines


@pytest.mark.parametrize(
    ("section", "name", "text"),
    [
        (
            "[history]\nfiles = [{file}]",
            "history.toml",
            '[[figures]]\nkpi = "missed_ratio"\nperiod = "2016"\nvalue = 0.2',
        ),
        (
            "[report]\nsheet = {file}",
            "sheet.toml",
            'period = "2016"\n[[action_plans]]\ncode = "1"\ntitle = "Onthaal"',
        ),
    ],
)
def test_what_another_city_wrote_is_refused(tmp_path: Path, section: str, name: str, text: str) -> None:
    file = tmp_path / "city.toml"
    file.write_text(FEW.replace("[city]", section.format(file=f'"{name}"') + "\n[city]", 1))
    own = load(file).city.name

    (tmp_path / name).write_text(f'city = "{own}"\n{text}')
    assert check(file).exit_code == 0
    (tmp_path / name).write_text(f'city = "Elders"\n{text}')
    refused = check(file)
    assert refused.exit_code == 1
    assert f'{name}:1  city = "Elders"\n    dit bestand gaat over een andere stad' in refused.stderr
    (tmp_path / name).write_text(text)
    assert f'city = "{own}", als het over die stad gaat' in check(file).stderr


@pytest.mark.parametrize("command", ["up", "demo", "doctor"])
def test_nothing_is_started_on_the_past_of_another_city(tmp_path: Path, command: str) -> None:
    for file in SHIPPED.parent.iterdir():
        (tmp_path / file.name).write_text(
            file.read_text(encoding="utf-8").replace('name = "Lier"', 'name = "Mol"')
        )
    refused = CliRunner().invoke(wachtpost, [command, "--city", str(tmp_path / "city.toml")])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert 'history.toml:8  city = "Lier"\n    dit bestand gaat over een andere stad' in refused.stderr


FEW = """
[city]
name = "Lier"
[[sites]]
id = "lier"
queues = [{ id = "onthaal", kind = "phone" }]
[[rules]]
id = "gemist"
kpi = "missed_ratio"
limit = 0.3
min_samples = 30
"""


def test_remarks_follow_a_good_file_and_the_archive_knows_what_a_queue_had(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "city.toml"
    file.write_text(FEW)
    assert "opmerking" not in check(file).stdout  # 120 an hour: a desk can have that
    yesterday = str(datetime.now(UTC).date() - timedelta(days=1))
    with redis.Redis.from_url(redis_url) as client:
        client.hset(keys.buckets(0, "day", "lier", "onthaal"), yesterday, Bucket(abandoned=96).encode())
    monkeypatch.setenv("WACHTPOST_REDIS_URL", redis_url)
    result = check(file)
    assert (result.exit_code, result.stderr) == (0, "")
    never = "nog nooit zoveel contacten in zo'n venster: zoals op de drukste dag"
    so = "zouden het er ongeveer 1 zijn; de regel gaat zo goed als nooit af"
    assert result.stdout.split("\n")[-5:] == [
        f"1 opmerking bij {file}:",
        f"{file}:11  rules.gemist.min_samples = 30",
        f'    "all" had {never}, {yesterday}, {so}',
        (
            '    beter: een venster per aantal ("last 20") zonder min_samples, een verschuiving '
            '(kind = "shift") of een regel over wie nu wacht'
        ),
        "",
    ]


def test_an_archive_that_is_away_keeps_nothing_from_being_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "city.toml"
    file.write_text(FEW)
    port = free_port()
    monkeypatch.setenv("WACHTPOST_REDIS_URL", f"redis://127.0.0.1:{port}/0")
    result = check(file)
    assert (result.exit_code, result.stdout.split("\n")[0]) == (0, f"{file} is in orde")
    away = f"Redis op 127.0.0.1:{port} (WACHTPOST_REDIS_URL) antwoordt niet: Connection refused."
    assert result.stderr == f"Hoeveel contacten er waren, kan niet gevraagd worden: {away}\n"


def test_mistakes_go_to_stderr_with_place_value_reason_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_text(
        SHIPPED.read_text(encoding="utf-8").replace('limit = 0.20\nperiod = "year"', "limit = 20"),
        encoding="utf-8",
    )
    result = check(file)
    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.split("\n")
    assert lines[0].startswith(f"{file}:")
    assert lines[0].endswith("  targets[0].limit = 20")
    assert lines[1:] == [
        "    een aandeel is hoogstens 1",
        "    toegestaan: 0 tot 1: 20 % is 0.20",
        f"1 fout in {file}",
        "",
    ]


def test_an_english_city_is_told_in_english(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_text('[city]\nlanguage = "en"\n', encoding="utf-8")
    result = check(file)
    assert result.exit_code == 1
    assert "the key name is missing" in result.stderr
    assert result.stderr.endswith(f"2 mistakes in {file}\n")


def test_nothing_in_a_file_can_colour_or_command_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_text(
        '[city]\nname = "x"\nlanguage = "\\u001b[31m \\u009b2J [red]nl"\n'
        '[hours."\\u001b[31m[red]a"]\n'
        '[[sites]]\nid = "lier"\nqueues = [{ id = "a", kind = "phone", hours = "a" }]\n',
        encoding="utf-8",
    )
    result = check(file)
    assert not {"\x1b", "\x9b"} & set(result.stderr)
    assert r'"\u001b[31m \u009b2J [red]nl"' in result.stderr
    assert r'toegestaan: "\u001b[31m[red]a"' in result.stderr


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            None,
            (
                "Er is geen stadsbestand {file}. wachtpost init maakt er een voor u; "
                "staat het uwe elders, noem het dan in WACHTPOST_CITY_FILE.\n"
            ),
        ),
        (b'[city]\nname = "Li\xe8r"\n', "{file} is geen UTF-8 (byte 17): bewaar het bestand als UTF-8\n"),
        (b"\xff\xfe[\x00", "{file} is geen UTF-8 (byte 0): bewaar het bestand als UTF-8\n"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence_and_status_2(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    file = tmp_path / "city.toml"
    if content is not None:
        file.write_bytes(content)
    result = check(file)
    assert (result.exit_code, result.stderr) == (2, sentence.format(file=file))


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    result = check(tmp_path)
    assert (result.exit_code, result.stderr) == (2, f"{tmp_path} is een map, geen bestand\n")


def test_a_path_through_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = check(tmp_path / "file" / "city.toml")
    assert result.exit_code == 2
    assert result.stderr.endswith("kan niet gelezen worden\n")

"""``wachtpost units``: what it writes is what systemd takes, and hardened."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from shared.process.shutdown import WHOLE
from tests.support.service_process import ROOT
from wachtpost.cli import app

CITY = """
city = {{ name = "Proef % stad", language = "en" }}
smtp = {{ host = "mail.example.org", sender = "a@example.org", user = "desk", password_file = "of-mail" }}
receivers = [{{ id = "desk", channels = [{{ kind = "email", to = ["desk@example.org"] }}] }}]
routes = [{{ receivers = ["desk"] }}]
report = {{ receivers = [{report}] }}
[[sites]]
id = "huis"
queues = [{{ id = "onthaal", kind = "phone" }}]
[[sources]]
kind = "queue_log"
id = "pbx"
site = "huis"
path = "{folder}/queue_log"
"""
WORST = 2.0
"""What `systemd-analyze security` may say: from 0, shut in, to 10; a unit without any hardening has 9.6."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as people name them, with a city and its secrets."""
    folder = tmp_path / "mijn 100% stad"
    (folder / "secrets").mkdir(parents=True)
    (folder / "secrets" / "pseudonym_key").write_text("p" * 40, encoding="utf-8")
    (folder / "secrets" / "link_key").write_text("l" * 40, encoding="utf-8")
    (folder / "secrets" / "api_keys").touch()  # nothing in it: nobody has one
    (folder / "of-mail").write_text("secret of the mail", encoding="utf-8")
    (folder / "queue_log").touch(mode=0o640)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("WACHTPOST_REDIS_URL", raising=False)
    return folder


def units(folder: Path, *arguments: str, report: str = "") -> Result:
    city = folder / "city.toml"
    city.write_text(CITY.format(folder=folder, report=report), encoding="utf-8")
    return CliRunner().invoke(app, ["units", "--city", str(city), *arguments])


def written(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in (folder / "units").iterdir()}


def test_each_service_is_a_unit_and_the_reporter_where_reports_are_asked_for(folder: Path) -> None:
    assert units(folder).exit_code == 0
    services = {f"wachtpost-{name}.service" for name in ("ingest", "evaluator", "notifier", "page")}
    assert set(written(folder)) == services | {"wachtpost.target", "wachtpost.sysusers"}
    assert units(folder, report='"desk"').exit_code == 0
    assert "wachtpost-reporter.service" in written(folder)["wachtpost.target"]


def test_secrets_are_handed_over_and_stand_nowhere(folder: Path) -> None:
    told = units(folder)
    texts = written(folder)
    handed = {name: re.findall(r"^LoadCredential=(\w+):", text, re.MULTILINE) for name, text in texts.items()}
    assert handed["wachtpost-ingest.service"] == ["pseudonym_key"]
    assert handed["wachtpost-notifier.service"] == ["link_key", "smtp"]
    assert handed["wachtpost-page.service"] == []
    for secret in ("p" * 40, "l" * 40, "secret of the mail"):
        assert secret not in told.output + "".join(texts.values())


def test_a_service_gets_longer_to_end_than_it_takes(folder: Path) -> None:
    units(folder)
    stop = re.search(r"^TimeoutStopSec=(\d+)$", written(folder)["wachtpost-ingest.service"], re.MULTILINE)
    assert stop is not None
    assert timedelta(seconds=int(stop[1])) > WHOLE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--redis-url", "redis://desk:hush@127.0.0.1/0"], "redis_password"),
        (["--redis-url", "http://127.0.0.1"], "--redis-url"),
        (["--secrets", "elsewhere"], f"sh {ROOT}/deploy/secrets.sh elsewhere"),
        (["--out", "queue_log"], "queue_log"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(folder: Path, arguments: list[str], said: str) -> None:
    told = units(folder, *arguments)
    assert (told.exit_code, said in told.output.replace("\n", " ")) == (2, True), told.output
    assert "hush" not in told.output


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_takes_them_and_finds_them_shut_in(folder: Path) -> None:
    assert units(folder, report='"desk"').exit_code == 0
    files = sorted(str(file) for file in (folder / "units").glob("*.*") if file.suffix != ".sysusers")
    verified = subprocess.run(
        ["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    services = [file for file in files if file.endswith(".service")]
    assert len(services) == 5
    for file in services:
        asked = ["systemd-analyze", "security", "--offline=true", "--no-pager", file]
        shown = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        level = re.search(r"Overall exposure level for \S+: ([\d.]+)", shown)
        assert level is not None, shown
        assert float(level[1]) <= WORST

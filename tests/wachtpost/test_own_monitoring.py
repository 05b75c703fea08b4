"""What `wachtpost boards build --monitoring` writes for a Prometheus and a Grafana of one's own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.testing import CliRunner

from wachtpost.cli import app

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    out = tmp_path / "onze 'borden'"
    city = ROOT / "examples" / "lier" / "city.toml"
    built = CliRunner().invoke(
        app, ["boards", "build", "--city", str(city), "--out", str(out), "--monitoring"]
    )
    assert (built.exit_code, built.output) == (0, "")
    return out


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def test_the_services_are_scraped_as_in_the_containers_at_their_own_ports(folder: Path) -> None:
    ours = {job["job_name"]: job for job in read(folder / "prometheus" / "prometheus.yml")["scrape_configs"]}
    theirs = {
        job["job_name"]: job for job in read(ROOT / "deploy/prometheus/prometheus.yml")["scrape_configs"]
    }
    targets = {name: job.pop("static_configs") for name, job in ours.items()}
    assert targets == {
        name: [{"targets": [f"127.0.0.1:{port}"]}]
        for port, name in enumerate(("ingest", "evaluator", "notifier", "reporter"), start=8001)
    }
    assert all(theirs[name].pop("dns_sd_configs") for name in ours)
    assert ours == {name: theirs[name] for name in ours}


def test_grafana_finds_the_boards_in_the_city_s_language_and_prometheus(folder: Path) -> None:
    (provider,) = read(folder / "provisioning" / "dashboards" / "wachtpost.yml")["providers"]
    boards = Path(provider["options"]["path"])
    assert boards == folder / "nl"
    assert len(list(boards.glob("*.json"))) > 5
    (source,) = read(folder / "provisioning" / "datasources" / "wachtpost.yml")["datasources"]
    assert source["url"] == "http://127.0.0.1:9090"


def test_nothing_of_the_containers_is_left(folder: Path) -> None:
    for file in (folder / "prometheus" / "prometheus.yml", *(folder / "provisioning").rglob("*.yml")):
        settings = [line.partition("# ")[0] for line in file.read_text(encoding="utf-8").splitlines()]
        assert not [line for line in settings if "alertmanager:" in line or "$" in line or "/etc/" in line]
    assert "A record" not in (folder / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool")
def test_prometheus_takes_it_with_its_rules(folder: Path) -> None:
    asked = ["promtool", "check", "config", str(folder / "prometheus" / "prometheus.yml")]
    checked = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("rules found") == 5

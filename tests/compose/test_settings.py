"""What docker-compose.yml, the Dockerfile and .env.example promise, read without Docker."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from deploy.grafana.every import GRAFANA
from tests.support.eventually import WITHIN
from tests.support.service_process import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")

NO_DEFAULT = {"WACHTPOST_QUEUE_LOG_DIR"}
"""Whose default is an empty volume; the example shows where Asterisk writes."""


def test_the_example_shows_every_setting_with_its_default() -> None:
    used = dict(re.findall(r"\$\{(WACHTPOST_\w+):-([^}]*)\}", COMPOSE))
    shown = dict(re.findall(r"^#(WACHTPOST_\w+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert shown.keys() == used.keys()
    assert {name: value for name, value in shown.items() if name not in NO_DEFAULT} == {
        name: value for name, value in used.items() if name not in NO_DEFAULT
    }


def test_a_setting_has_the_same_default_wherever_it_stands() -> None:
    used = re.findall(r"\$\{(WACHTPOST_\w+):-([^}]*)\}", COMPOSE)
    assert len(set(used)) == len({name for name, _ in used})
    assert not re.findall(r"\$\{\w+\}", COMPOSE)


def test_a_container_has_the_secrets_that_it_reads() -> None:
    compose = yaml.safe_load(COMPOSE)
    script = (ROOT / "deploy/secrets.sh").read_text(encoding="utf-8")
    for name, service in compose["services"].items():
        values = map(str, dict(service.get("environment") or {}).values())
        read = {file for value in values for file in re.findall(r"^/run/secrets/(\S+)$", value)}
        assert read <= set(service.get("secrets", [])), name
        assert set(service.get("secrets", [])) <= compose["secrets"].keys(), name
    assert "pseudonym_key" in compose["services"]["ingest"]["secrets"]
    for name in compose["secrets"]:
        assert re.search(rf"\b{re.escape(name)}\b|\b{name.removeprefix('redis_')}\b", script), name


@pytest.mark.parametrize(
    "image",
    re.findall(r"^ +image: (\S+)", COMPOSE, re.MULTILINE)
    + re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE),
)
def test_every_image_is_pinned_and_names_no_registry(image: str) -> None:
    name, _, tag = re.sub(r"\$\{[^}]*\}", "set", image).partition(":")
    assert tag not in {"", "latest"}
    assert "." not in name.split("/")[0]


def test_the_build_is_told_no_index() -> None:
    assert not re.search(r"index-url|trusted-host|https?://", DOCKERFILE)


def test_what_stands_in_front_by_our_example_shows_nobody_the_metrics_of_grafana() -> None:
    text = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```caddyfile\n(.*?)```", text, re.DOTALL)
    passed_on = re.findall(r"reverse_proxy (/\S+)?", example)
    assert passed_on == ["/v1/events", "/acknowledge*", ""], "all the rest is Grafana's"
    assert "respond /metrics* 404" in example


def test_a_query_is_given_up_before_the_next_refresh_breaks_it_off() -> None:
    """Else a board on a Prometheus that hangs keeps its last figures and says nothing."""
    folder = ROOT / "deploy/grafana/provisioning/datasources"
    (source,) = yaml.safe_load((folder / "wachtpost.yml").read_text(encoding="utf-8"))["datasources"]
    (refresh,) = re.findall(r"MIN_REFRESH_INTERVAL: (\d+)s", COMPOSE)
    asked, waited = int(source["jsonData"]["queryTimeout"].rstrip("s")), source["jsonData"]["timeout"]
    assert asked < waited < int(refresh), "Prometheus says itself that it took too long, where it still can"
    fits = re.compile(rf'"refresh": "(?:{refresh}s|30s|1m)"')
    for board in (ROOT / "deploy/grafana/boards").glob("*/*.json"):
        assert fits.search(board.read_text(encoding="utf-8")), f"{board} asks at another pace than it says"


def test_boards_are_made_for_the_grafana_that_shows_them() -> None:
    assert f"image: grafana/grafana:{GRAFANA}\n" in COMPOSE
    packages = json.loads((ROOT / "tests/deploy/grafana/panels/package.json").read_text(encoding="utf-8"))
    assert packages["dependencies"]["@grafana/data"] == GRAFANA, (
        "what reads them in tests is of the same release"
    )


def test_who_may_look_at_boards_has_prometheus_and_nothing_else() -> None:
    """A viewer may ask a data source whatever it answers: Alertmanager's would be its configuration."""
    folder = ROOT / "deploy/grafana/provisioning/datasources"
    files = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in folder.iterdir()]
    assert [source["type"] for file in files for source in file["datasources"]] == ["prometheus"]


def test_the_boards_are_where_grafana_looks_for_them() -> None:
    provider = (ROOT / "deploy/grafana/provisioning/dashboards/wachtpost.yml").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"path: (\S+)", provider)
    (home,) = re.findall(r"HOME_DASHBOARD_PATH: (\S+)", COMPOSE)
    for language in ("nl", "en"):
        folder = Path(pattern.replace("$WACHTPOST_LANGUAGE", language))
        assert (ROOT / "deploy/grafana" / folder.relative_to("/etc/grafana")).is_dir()
        first = Path(home.replace("${WACHTPOST_LANGUAGE:-nl}", language))
        assert (ROOT / "deploy/grafana" / first.relative_to("/etc/grafana")).is_file()


@pytest.mark.parametrize("script", ["backup.sh", "restore.sh"])
@pytest.mark.parametrize("arguments", [("one", "two", "three"), ("no-such-file", "--what")])
def test_a_script_that_is_asked_wrongly_says_so_and_does_nothing(
    script: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    done = subprocess.run(
        ["sh", str(ROOT / "deploy" / script), *arguments],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "COMPOSE_PROJECT_NAME": "no-such-project"},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    assert done.returncode == 1
    assert "usage" in done.stderr
    assert not list(tmp_path.iterdir())

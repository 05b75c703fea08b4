"""The wheel runs by itself: installed as people install it, away from any checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy.grafana.every import FOLDER
from tests.support.service_process import ROOT
from wachtpost.city_file import EXAMPLE

pytestmark = pytest.mark.slow

PACKAGES = ("domain", "examples", "services", "shared", "simulator", "wachtpost")
"""Of `deploy` only a part is in the wheel."""

INSTALL_S, COMMAND_S = 600.0, 120.0
"""Seconds: packages come from where pip gets them."""


def run(*command: str | Path, at: Path, within_s: float = COMMAND_S, **more: str) -> str:
    """Run a command without anything of this environment, and return what it said on stdout."""
    ours = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        [*map(str, command)],
        cwd=at,
        env=ours | more,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make wheel` makes."""
    folder = tmp_path_factory.mktemp("dist")
    venv = Path(sys.prefix)
    run("make", "-s", f"VENV={venv}", f"DIST={folder}", "wheel", at=ROOT, within_s=INSTALL_S)
    return folder


@pytest.fixture(scope="module")
def wachtpost(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an installed wheel, with the versions of the lock: by pipx, else by pip."""
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = dist.glob("*.whl")
    if shutil.which("pipx"):
        homes = {"PIPX_HOME": str(folder / "home"), "PIPX_BIN_DIR": str(folder)}
        pinned = f"--pip-args=--constraint={dist / 'constraints.txt'}"
        run(
            "pipx",
            "install",
            "--python",
            sys.executable,
            pinned,
            wheel,
            at=folder,
            within_s=INSTALL_S,
            **homes,
        )
        return folder / "wachtpost"
    run(sys.executable, "-m", "venv", folder, at=folder, within_s=INSTALL_S)
    pip = (folder / "bin" / "pip", "install", "--quiet")
    run(*pip, "--require-hashes", "-r", ROOT / "requirements.lock", at=folder, within_s=INSTALL_S)
    run(*pip, "--no-deps", wheel, at=folder, within_s=INSTALL_S)
    run(folder / "bin" / "pip", "check", at=folder)
    return folder / "bin" / "wachtpost"


def test_every_file_of_the_packages_is_in_it(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    tracked = run("git", "ls-files", *PACKAGES, at=ROOT).split()
    with ZipFile(wheel) as opened:
        assert set(tracked) - set(opened.namelist()) == set()
        assert not [name for name in opened.namelist() if name.startswith(("tests/", "docs/", "city/"))]


def test_its_versions_are_those_of_the_lock(dist: Path) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = (dist / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line.removesuffix(" \\") for line in lock.splitlines() if "==" in line] == pinned


def test_the_command_helps_and_speaks_every_language(wachtpost: Path, tmp_path: Path) -> None:
    assert "demo" in run(wachtpost, "--help", at=tmp_path)
    assert "est écrit" in run(wachtpost, "init", "--language", "fr", "--out", "city.toml", at=tmp_path)
    assert "est en ordre" in run(wachtpost, "config", "check", "city.toml", at=tmp_path)


def test_the_demo_runs_on_the_example_that_comes_with_it(wachtpost: Path, tmp_path: Path) -> None:
    assert "Lier" in run(wachtpost, "demo", "--for", "10s", at=tmp_path)
    assert not list(tmp_path.iterdir())


def test_boards_monitoring_and_units_are_made_without_a_checkout(wachtpost: Path, tmp_path: Path) -> None:
    run(wachtpost, "boards", "build", "--monitoring", "--city", EXAMPLE, "--out", "boards", at=tmp_path)
    for board in FOLDER.rglob("*.json"):
        built = tmp_path / "boards" / board.relative_to(FOLDER)
        assert built.read_bytes() == board.read_bytes()
    assert (tmp_path / "boards" / "prometheus" / "prometheus.yml").is_file()
    unsaid = subprocess.run(
        [wachtpost, "units", "--city", EXAMPLE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    asked = re.findall("`(sh [^`]*)`", unsaid.stderr)  # for secrets, by a script that comes with it
    run("sh", "-c", *asked, at=tmp_path)
    run(wachtpost, "units", "--city", EXAMPLE, at=tmp_path)
    assert list((tmp_path / "units").glob("*.service"))

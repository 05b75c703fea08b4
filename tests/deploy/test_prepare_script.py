"""deploy/prepare.sh, as `make up` runs it: says what is missing, makes what it can, keeps what is there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.support.eventually import WITHIN

ROOT: Final = Path(__file__).resolve().parents[2]
NEEDED: Final = (
    "deploy/prepare.sh",
    "deploy/secrets.sh",
    "deploy/redis",
    "deploy/alertmanager",
    "deploy/grafana/boards",
)
SHELLS: Final = ("dash", "bash", "busybox")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a checkout as the script reads."""
    for name in NEEDED:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    return tmp_path


def prepare(checkout: Path, *, shell: str = "sh", **settings: str) -> subprocess.CompletedProcess[str]:
    command = ["busybox", "sh"] if shell == "busybox" else [shell]
    return subprocess.run(
        [*command, str(checkout / "deploy" / "prepare.sh")],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **settings},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )


def city(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "city.toml").write_text('[city]\nname = "Mol"\n')
    return folder


def test_without_a_city_file_it_says_how_to_get_one(checkout: Path) -> None:
    done = prepare(checkout)
    assert done.returncode == 1
    assert "There is no ./city/city.toml yet." in done.stderr
    assert "wachtpost init" in done.stderr
    assert not (checkout / "secrets").exists()


def test_a_city_file_under_its_earlier_name_is_to_be_renamed(checkout: Path) -> None:
    (checkout / "mine").mkdir()
    (checkout / "mine" / "wachtpost.toml").touch()
    done = prepare(checkout, WACHTPOST_CITY_DIR="./mine")
    assert done.returncode == 1
    assert "mv ./mine/wachtpost.toml ./mine/city.toml" in done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_what_is_missing_is_made_and_what_is_there_stays(checkout: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"this machine has no {shell}")
    folder = city(checkout / "city")
    first = prepare(checkout, shell=shell)
    assert first.returncode == 0, first.stderr
    shipped = checkout / "deploy" / "alertmanager" / "alertmanager.yml"
    assert (folder / "alertmanager.yml").read_bytes() == shipped.read_bytes()
    assert (folder / "boards" / "nl" / "live.json").is_file()
    assert (checkout / "secrets" / "pseudonym_key").is_file()

    (folder / "alertmanager.yml").write_text("route: { receiver: us }\n")
    (folder / "boards" / "nl" / "live.json").write_text("{}\n")
    key = (checkout / "secrets" / "pseudonym_key").read_bytes()
    again = prepare(checkout, shell=shell)
    assert (again.returncode, again.stdout) == (0, "")
    assert (folder / "alertmanager.yml").read_text() == "route: { receiver: us }\n"
    assert (folder / "boards" / "nl" / "live.json").read_text() == "{}\n"
    assert (checkout / "secrets" / "pseudonym_key").read_bytes() == key


@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_the_folder_is_the_one_of_the_env_file(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, quote: str
) -> None:
    folder = city(tmp_path_factory.mktemp("srv") / "our city")
    (checkout / ".env").write_text(f"# WACHTPOST_CITY_DIR=./no\nWACHTPOST_CITY_DIR={quote}{folder}{quote}\n")
    done = prepare(checkout)
    assert done.returncode == 0, done.stderr
    assert (folder / "alertmanager.yml").is_file()
    assert not (checkout / "city").exists()


@pytest.mark.parametrize(
    "name",
    [
        *("city/city.toml", "city/alertmanager.yml", "city/boards/nl/live.json", "city/kubernetes/city.toml"),
        *("secrets/smtp", "backups/wachtpost-1.rdb", ".env", "docker-compose.override.yml"),
    ],
)
def test_git_knows_nothing_of_what_is_a_citys_own(tmp_path: Path, name: str) -> None:
    """Else the next `git pull` ends with local changes that would be overwritten."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("there is no git")
    shutil.copy(ROOT / ".gitignore", tmp_path)  # the product may have come without its history
    subprocess.run([git, "init", "--quiet"], cwd=tmp_path, timeout=WITHIN, check=True)
    command = [git, "check-ignore", "--quiet", name]
    assert subprocess.run(command, cwd=tmp_path, timeout=WITHIN, check=False).returncode == 0


def test_what_the_containers_could_not_read_is_said(checkout: Path) -> None:
    folder = city(checkout / "city")
    (folder / "city.toml").chmod(0o600)
    done = prepare(checkout)
    assert done.returncode == 1
    assert "chmod -R a+rX ./city" in done.stderr

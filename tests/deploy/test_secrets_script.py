"""deploy/secrets.sh, as an operator runs it: in any shell, again and again, twice at once, and unseen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from tests.support.eventually import WITHIN

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPT: Final = Path("deploy/secrets.sh")

USERS: Final = ("ingest", "evaluator", "notifier", "reporter", "history", "exporter", "operator")
RANDOM: Final = {*(f"redis_{user}" for user in USERS), "grafana_admin", "link_key", "pseudonym_key"}
FILL_IN: Final = {"api_keys", "smtp", "grafana_token"}
DERIVED: Final = {"users.acl", "redis_exporter.json"}

TOOLS: Final = (
    *("chmod", "cut", "dirname", "ln", "ls", "mkdir", "mktemp"),
    *("mv", "od", "rm", "sha256sum", "tr", "wc"),
)
"""All that the script may need besides its shell; coreutils and busybox have them."""

SHELLS: Final = {"sh": ["sh"], "dash": ["dash"], "bash": ["bash"], "busybox": ["busybox", "sh"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the secrets are to be; not there yet."""
    return tmp_path / "secrets"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with the script's tools and nothing else, to be its ``PATH``; a test may replace one."""
    path = tmp_path / "tools"
    path.mkdir()
    for tool in TOOLS:
        (path / tool).symlink_to(_there(tool))
    return path


def _there(program: str) -> str:
    found = shutil.which(program)
    assert found is not None, f"this machine has no {program}"
    return found


def replace(tool: Path, script: str) -> None:
    """Have the script call this instead of a tool; ``$REAL`` is the tool."""
    tool.unlink()
    tool.write_text(f"#!/bin/sh\nREAL={_there(tool.name)}\n{script}\n")
    tool.chmod(0o755)


def run(
    folder: Path, shell: Iterable[str] = ("sh",), root: Path = ROOT, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command, *options = shell
    return subprocess.run(
        [_there(command), *options, SCRIPT, folder],
        cwd=root,
        env={**os.environ, **({} if path is None else {"PATH": str(path)})},
        capture_output=True,
        text=True,
        check=False,
    )


def made(folder: Path, root: Path = ROOT) -> str:
    """Run it; it must succeed. Returns what it says."""
    done = run(folder, root=root)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def names(said: str) -> list[str]:
    """The files that a run says it made."""
    return sorted(Path(line.partition(":")[0]).name for line in said.splitlines())


def rules(folder: Path) -> dict[str, str]:
    """The lines of ``users.acl`` by user."""
    lines = (folder / "users.acl").read_text().splitlines()
    assert all(line.startswith("user ") for line in lines)
    return {line.split()[1]: line for line in lines}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_fresh_folder_gets_everything_in_any_shell(folder: Path, tmp_path: Path, shell: str):
    if shutil.which(SHELLS[shell][0]) is None:
        pytest.skip(f"{shell} is not installed")
    path = None
    if shell == "busybox":  # its own tools only, as where there is nothing else
        path = tmp_path / "busybox"
        path.mkdir()
        for tool in TOOLS:
            (path / tool).symlink_to(_there("busybox"))
    done = run(folder, SHELLS[shell], path=path)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(done.stdout) == sorted({*RANDOM, *FILL_IN, *DERIVED, "secrets"})
    found = contents(folder)
    assert set(found) == {*RANDOM, *FILL_IN, *DERIVED}
    assert all(len(bytes.fromhex(found[name])) == 32 for name in RANDOM)
    assert len({found[name] for name in RANDOM}) == len(RANDOM)
    assert {found[name] for name in FILL_IN} == {""}
    assert folder.stat().st_mode & 0o7777 == 0o700
    assert {file.stat().st_mode & 0o7777 for file in folder.iterdir()} == {0o444}


def test_each_user_has_the_hash_of_its_password_and_nothing_is_left_to_fill_in(folder: Path):
    made(folder)
    found = rules(folder)
    assert set(found) == {*USERS, "default", "health"}
    for user in USERS:
        password = (folder / f"redis_{user}").read_bytes()
        assert found[user].startswith(f"user {user} on #{sha256(password).hexdigest()} ")
    assert found["default"].startswith("user default off ")
    assert "_SHA256@" not in (folder / "users.acl").read_text()
    given = json.loads((folder / "redis_exporter.json").read_text())
    assert given == {"redis://exporter@redis:6379": (folder / "redis_exporter").read_text()}


def test_run_again_it_says_and_touches_nothing(folder: Path):
    def as_they_are() -> dict[str, tuple[int, int, int]]:
        stats = {file.name: file.stat() for file in folder.iterdir()}
        return {name: (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats.items()}

    made(folder)
    before = as_they_are()
    assert made(folder) == ""
    assert as_they_are() == before


@pytest.mark.parametrize(
    ("gone", "anew", "different"),
    [
        ("redis_ingest", {"redis_ingest", "users.acl"}, {"redis_ingest", "users.acl"}),
        (
            "redis_exporter",
            {"redis_exporter", "users.acl", "redis_exporter.json"},
            {"redis_exporter", "users.acl", "redis_exporter.json"},
        ),
        ("link_key", {"link_key"}, {"link_key"}),
        ("pseudonym_key", {"pseudonym_key"}, {"pseudonym_key"}),
        ("smtp", {"smtp"}, set()),
        ("users.acl", {"users.acl"}, set()),
    ],
)
def test_what_is_missing_is_made_and_what_follows_from_it(
    folder: Path, gone: str, anew: set[str], different: set[str]
):
    made(folder)
    before = contents(folder)
    (folder / gone).unlink()
    assert names(made(folder)) == sorted(anew)
    after = contents(folder)
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == different


def test_a_new_password_changes_its_user_alone(folder: Path):
    made(folder)
    before = rules(folder)
    (folder / "redis_operator").unlink()
    made(folder)
    assert {user for user, line in rules(folder).items() if line != before[user]} == {"operator"}


def test_a_secret_that_somebody_filled_in_stays(folder: Path):
    made(folder)
    (folder / "smtp").unlink()
    (folder / "smtp").write_text("Pa$$ word\\n'\"\n")
    (folder / "smtp").chmod(0o600)  # nobody in a container could read it
    assert made(folder) == ""
    assert (folder / "smtp").read_text() == "Pa$$ word\\n'\"\n"
    assert (folder / "smtp").stat().st_mode & 0o7777 == 0o444


def test_a_password_of_ones_own_may_end_with_a_line(folder: Path):
    folder.mkdir(mode=0o700)
    (folder / "redis_ingest").write_text("my-own.password~with_enough_letters\n")
    made(folder)
    digest = sha256(b"my-own.password~with_enough_letters").hexdigest()
    assert f"#{digest} " in rules(folder)["ingest"]


@pytest.mark.parametrize(
    ("name", "secret", "why"),
    [
        ("redis_notifier", "", "shorter than 32 characters"),
        ("redis_notifier", "Too-Few", "shorter than 32 characters"),
        ("redis_notifier", 'quote"' * 10, "is made of letters, digits and"),
        ("redis_notifier", "white space " * 10, "is made of letters, digits and"),
        ("link_key", "", "shorter than 32 characters"),
        ("pseudonym_key", "too-few", "shorter than 32 characters"),
        ("grafana_admin", "\n", "shorter than 12 characters"),
    ],
)
def test_a_secret_that_cannot_be_used_is_said_and_not_shown(folder: Path, name: str, secret: str, why: str):
    folder.mkdir(mode=0o700)
    (folder / name).write_text(secret)
    done = run(folder)
    assert done.returncode == 1
    assert f"{folder}/{name}: " in done.stderr
    assert why in done.stderr
    assert not secret.strip() or secret not in done.stdout + done.stderr
    assert not (folder / "users.acl").exists()


def test_a_folder_that_is_open_to_others_is_closed_and_said(folder: Path):
    folder.mkdir()
    folder.chmod(0o755)
    assert f"{folder}: was open to others, closed" in made(folder)
    assert folder.stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("name", ["redis_ingest", "smtp", "users.acl"])
def test_a_folder_in_the_place_of_a_secret_is_said(folder: Path, name: str):
    (folder / name).mkdir(parents=True)
    done = run(folder)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{folder / name} is no file")


def test_many_at_once_make_each_secret_once(folder: Path):
    command = [_there("sh"), str(SCRIPT), str(folder)]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    ended = [(process.communicate(timeout=WITHIN), process.returncode) for process in running]
    assert {(error, status) for (_, error), status in ended} == {("", 0)}
    said = [name for (output, _), _ in ended for name in names(output)]
    assert all(said.count(name) == 1 for name in (*RANDOM, *FILL_IN))
    assert set(contents(folder)) == {*RANDOM, *FILL_IN, *DERIVED}  # nothing half made is left
    assert made(folder) == ""  # and what was derived fits


def test_no_secret_is_in_an_argument_or_in_what_it_says(folder: Path, tools: Path, tmp_path: Path):
    """Any user of the machine sees everybody's arguments. The shell is told to trace itself (``-x``)."""
    heard = tmp_path / "heard"
    for tool in TOOLS:
        replace(tools / tool, f'printf "%s\\n" "{tool} $*" >>{heard}\nexec "$REAL" "$@"')
    first = run(folder, ("sh", "-x"), path=tools)
    second = run(folder, ("sh", "-x"), path=tools)
    assert (first.returncode, second.returncode) == (0, 0)
    told = heard.read_text() + first.stdout + first.stderr + second.stdout + second.stderr
    assert all(f"{tool} " in told for tool in TOOLS)
    assert "redis_ingest" in told
    found = contents(folder)
    assert not [name for name in RANDOM if found[name] in told]


@pytest.mark.parametrize(
    ("tool", "instead", "status", "said"),
    [
        ("od", "exit 1", 1, "gave too little"),  # chance
        ("ln", "exit 1", 1, "hard links"),
        ("chmod", "kill -TERM $PPID\nexit 1", 130, ""),  # interrupted
    ],
)
def test_a_run_that_cannot_go_on_leaves_nothing_half_made(
    folder: Path, tools: Path, tool: str, instead: str, status: int, said: str
):
    replace(tools / tool, instead)
    done = run(folder, path=tools)
    assert done.returncode == status
    assert said in done.stderr
    assert list(folder.iterdir()) == []


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the project's deployment, to change its template."""
    for file in (SCRIPT, Path("deploy/redis/users.acl.template")):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def test_a_changed_template_reaches_the_users(copied: Path, folder: Path):
    made(folder, root=copied)
    template = copied / "deploy/redis/users.acl.template"
    with template.open("a") as file:
        file.write("\n# A city's own.\nuser board on #@OPERATOR_SHA256@ -@all\n  +ping\n    (+get ~x)")
    assert names(made(folder, root=copied)) == ["users.acl"]
    digest = sha256((folder / "redis_operator").read_bytes()).hexdigest()
    assert rules(folder)["board"] == f"user board on #{digest} -@all +ping (+get ~x)"


def test_a_user_without_a_password_file_is_said_and_nothing_is_changed(copied: Path, folder: Path):
    made(folder, root=copied)
    before = contents(folder)
    with (copied / "deploy/redis/users.acl.template").open("a") as file:
        file.write("user eve on #@EVE_SHA256@ +@all ~*\n")
    done = run(folder, root=copied)
    assert done.returncode == 1
    assert "there is no password redis_eve" in done.stderr
    assert contents(folder) == before


def test_shellcheck_has_nothing_to_say():
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(
        ["shellcheck", "-s", "sh", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")

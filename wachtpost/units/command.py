"""``wachtpost units``."""

from __future__ import annotations

import shlex
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

import deploy
from shared.config.model import CityFile, QueueLogSource
from shared.redis.url import cluster_of
from shared.translation import Translator, translator
from wachtpost.city_file import load_or_explain
from wachtpost.terminal import echo, fail
from wachtpost.units.plan import REDIS_PASSWORD, SECRETS, USER, must_be_readable, plan

SCRIPT: Final = Path(deploy.__file__).with_name("secrets.sh")
"""What makes secrets, in a checkout and in a wheel."""


def units(
    city: Annotated[
        Path, typer.Option(metavar="FILE", envvar="WACHTPOST_CITY_FILE", help="The city file.")
    ] = Path("city/city.toml"),
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where to write them.")] = Path(
        "units"
    ),
    secrets: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the secrets lie, as deploy/secrets.sh makes them.")
    ] = Path("secrets"),
    redis_url: Annotated[
        str,
        typer.Option(metavar="URL", envvar="WACHTPOST_REDIS_URL", help="Redis or Valkey; no password in it."),
    ] = "redis://127.0.0.1:6379/0",
) -> None:
    """Write hardened systemd units for the services and the live page, and say how to install them.

    Exit status: 0; 2 for a wrong option or city file.
    """
    found = load_or_explain(city)
    say = translator(found.city.language)
    _check_url(redis_url, say)
    there = _secrets(secrets, found)
    if "pseudonym_key" not in there:
        fail(
            say.gettext(
                "{file} is not there: make it with `{command}`, or name with --secrets the folder in which "
                "`wachtpost up` keeps what it knows.",
                file=secrets / "pseudonym_key",
                command=shlex.join(["sh", str(SCRIPT), str(secrets)]),
            )
        )
    logs = [source.path for source in found.sources if isinstance(source, QueueLogSource)]
    made = plan(
        found,
        Path.cwd(),
        city.resolve(),
        Path(sys.executable),
        redis_url,
        there,
        tuple(sorted({group for log in logs if (group := _group(log)) is not None})),
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in made.files().items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        fail(say.gettext("{file} cannot be written: {why}", file=out, why=error.strerror))
    for line in _told(out, [Path.cwd(), Path(sys.executable), *must_be_readable(found, city.resolve())], say):
        echo(line)


def _check_url(url: str, say: Translator) -> None:
    try:
        cluster_of(url)
    except ValueError as error:
        fail(f"--redis-url: {error}")
    if urlsplit(url).password is not None:
        fail(
            say.gettext(
                "--redis-url has a password in it, which everybody could read in the units: "
                "put it into the file {name} in the folder of --secrets.",
                name=REDIS_PASSWORD,
            )
        )


def _secrets(folder: Path, city: CityFile) -> dict[str, Path]:
    """Return the files of secrets that there are and say something, by name."""
    names = {REDIS_PASSWORD, *(name for named in SECRETS.values() for name in named)}
    found = {name: folder.resolve() / name for name in names if _says_something(folder / name)}
    if "smtp" not in found and city.smtp is not None and city.smtp.password_file is not None:
        found["smtp"] = city.smtp.password_file.resolve()
    return found


def _says_something(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except OSError:
        return False


def _group(log: Path) -> str | None:
    """Return the group that may read a log which not everybody may; that of root is not given away."""
    try:
        found = log.stat()
        readable = bool(found.st_mode & stat.S_IRGRP) and not found.st_mode & stat.S_IROTH
        return log.group() if readable and found.st_gid != 0 else None
    except (OSError, KeyError):
        return None


def _told(out: Path, opened: Iterable[Path], say: Translator) -> Iterator[str]:
    folder = shlex.quote(str(out))
    yield say.gettext("The units are in {folder}. To install them, as root:", folder=out)
    yield f"  install -m 0644 {folder}/wachtpost.sysusers /etc/sysusers.d/wachtpost.conf && systemd-sysusers"
    yield f"  install -m 0644 {folder}/wachtpost*.service {folder}/wachtpost.target /etc/systemd/system/"
    yield "  systemctl daemon-reload && systemctl enable --now wachtpost.target"
    closed = [path for path in opened if not _is_open(path)]
    if closed:
        yield say.gettext(
            "The user {user} must be able to read these, and may not yet: {files}",
            user=USER,
            files=", ".join(map(str, closed)),
        )


def _is_open(path: Path) -> bool:
    """Whether everybody can read a file, and look into each folder on the way to it."""
    try:
        mode = path.stat().st_mode
        ways = all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)
    except OSError:
        return False
    return bool(mode & stat.S_IROTH) and ways

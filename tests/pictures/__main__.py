"""``python -m tests.pictures http://…``: a Grafana's boards as pictures, and what cannot be read in them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tests.pictures.camera import Finding, Picture, pictures
from tests.pictures.grafana import NoBoardsError, visit
from tests.support.chromium import Chromium, ChromiumError


def take(
    grafana: Annotated[str, typer.Argument(help="Where Grafana is, such as http://127.0.0.1:3000")] = "",
    user: Annotated[str, typer.Option(help="Who looks")] = "admin",
    password_file: Annotated[
        Path | None, typer.Option(help="The file with their password; none: as anybody may look")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder for the pictures")] = Path("pictures"),
) -> None:
    """Take every board in every language there is, on a wall, on a small screen and on a phone.

    Exit status 0: all can be read; 1: something cannot, as said; 2: no pictures could be taken.
    """
    try:
        there = visit(grafana, user, _password(password_file))
        # What it does not clean up, a browser that is just ending still wrote.
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
            Chromium(Path(folder, "profile")) as browser,
        ):
            unread = [_told(one) for one in pictures(browser, there, out)]
    except (NoBoardsError, ChromiumError) as error:
        typer.echo(f"No pictures: {error}", err=True)
        raise typer.Exit(2) from None
    missing = there.missing()
    for board in missing:
        typer.echo(f"{board.language}: Grafana does not have the board {board.name}")
    typer.echo(f"{len(unread)} pictures in {out}, {sum(unread)} things that cannot be read")
    if missing or any(unread):
        raise typer.Exit(1)


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NoBoardsError(
            f"{file} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}"
        ) from None


def _told(picture: Picture) -> int:
    """Say the first of each kind in each panel, and how many more there are; return how many there are."""
    typer.echo(f"{picture.file}: {picture.panels} panels")
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in picture.findings:
        alike.setdefault((finding.panel, finding.kind), []).append(finding)
    for first, *others in alike.values():
        typer.echo(f"  {first}{f', and {len(others)} more' if others else ''}")
    return len(picture.findings)


if __name__ == "__main__":
    typer.run(take)

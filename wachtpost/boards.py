"""``wachtpost boards``: a city's Grafana boards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from shared.process.settings import CITY_FILE
from wachtpost.city_file import load_or_explain

app = typer.Typer(no_args_is_help=True, help="The Grafana boards.")


@app.callback()
def boards() -> None:
    """The Grafana boards."""


@app.command()
def build(
    city: Annotated[
        Path, typer.Option(envvar="WACHTPOST_CITY_FILE", help="The city file: its windows and its time zone")
    ] = CITY_FILE,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where to: a folder with one for every language in it",
            show_default="boards, beside the city file",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing, only say which files differ")
    ] = False,
) -> None:
    """Write the boards anew, as JSON that Grafana provisions.

    Exit status 0: good; 1: with --check, a file differs; 2: the boards cannot be made.
    """
    from deploy.grafana.every import written  # its builder is large: other commands do not wait for it

    wanted = written(load_or_explain(city))
    out = out or city.with_name("boards")
    stale = sorted(differing(wanted, out))
    for path in stale:
        if path not in wanted:
            typer.echo(f"{out / path} is no board of ours any more: delete it", err=True)
        elif check:
            typer.echo(f"{out / path} is not what the builder makes", err=True)
        else:
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_text(wanted[path], encoding="utf-8")
    if check and stale:
        raise typer.Exit(1)


def differing(wanted: Mapping[Path, str], folder: Path) -> Iterator[Path]:
    """Yield the files, by their place in the folder, that are missing, differ, or belong to no board."""
    for path, text in wanted.items():
        file = folder / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            yield path
    for file in folder.glob("*/*.json"):
        if (path := file.relative_to(folder)) not in wanted:
            yield path

"""``wachtpost boards``: a city's Grafana boards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

from shared.config.errors import unreadable, unwritable
from shared.process.settings import CITY_FILE
from shared.translation import translator
from wachtpost.city_file import load_or_explain
from wachtpost.own_monitoring import monitoring_files
from wachtpost.terminal import complain, fail

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
    monitoring: Annotated[
        bool,
        typer.Option(
            "--monitoring",
            help="Beside them what a Prometheus and a Grafana of your own need, without containers",
        ),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing, only say which files differ")
    ] = False,
) -> None:
    """Write the boards anew, as JSON that Grafana provisions.

    Exit status 0: good; 1: with --check, a file differs; 2: the boards cannot be made.
    """
    from deploy.grafana.every import written  # its builder is large: other commands do not wait for it

    read = load_or_explain(city)
    out = out or city.with_name("boards")
    wanted = written(read)
    if monitoring:
        wanted = {**wanted, **monitoring_files(out, read.city.language)}
    try:
        stale = sorted(differing(wanted, out))
        if not check:
            _write([path for path in stale if path in wanted], wanted, out)
    except UnicodeDecodeError as error:
        fail(unreadable(out, error, read.city.language))
    except OSError as error:
        fail(unwritable(Path(error.filename or out), error, read.city.language))
    say = translator(read.city.language)
    for path in stale:
        if path not in wanted:
            complain(say.gettext("{file} is no board of ours any more: delete it", file=out / path))
        elif check:
            complain(say.gettext("{file} is not what the builder makes", file=out / path))
    if check and stale:
        raise typer.Exit(1)


def _write(paths: Iterable[Path], wanted: Mapping[Path, str], folder: Path) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(wanted[path], encoding="utf-8")


def differing(wanted: Mapping[Path, str], folder: Path) -> Iterator[Path]:
    """Yield the files, by their place in the folder, that are missing, differ, or belong to no board."""
    for path, text in wanted.items():
        file = folder / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            yield path
    for file in folder.glob("*/*.json"):
        if (path := file.relative_to(folder)) not in wanted:
            yield path

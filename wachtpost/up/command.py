"""``wachtpost up``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from shared.process.settings import CITY_FILE
from shared.translation import translator
from wachtpost.city_file import runnable_or_explain
from wachtpost.terminal import complain

FIRST_PORT: Final = 8000


def up(
    city: Annotated[
        Path, typer.Option(metavar="FILE", envvar="WACHTPOST_CITY_FILE", help="The city file.")
    ] = CITY_FILE,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where to keep what it knows.", show_default="beside the city file: NAME.data"
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=1, max=65_530, help="Port of the page; the services take the five after it.")
    ] = FIRST_PORT,
    host: Annotated[
        str,
        typer.Option(help="Address of the page and of links in messages; 0.0.0.0: for other machines, too."),
    ] = "127.0.0.1",
) -> None:
    """Run everything for a city on this machine, with a live page in the browser, until Ctrl-C.

    What it knows is kept on disk: started again, it goes on where it was.

    Exit status: 0, also after Ctrl-C; 1 when something went wrong; 2 for a wrong option or city file.
    """
    found = runnable_or_explain(city)
    say = translator(found.city.language)
    # Here and not above: other commands must not wait for all this to load.
    from wachtpost.up.run import UpError, UpOptions, run

    directory = city.with_suffix(".data") if data is None else data
    try:
        run(UpOptions(city.resolve(), found, directory, host, port), say)
    except UpError as error:
        complain(str(error))
        raise typer.Exit(1) from None

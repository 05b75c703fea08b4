"""``wachtpost demo``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from shared.translation import translator
from wachtpost.city_file import EXAMPLE, runnable_or_explain
from wachtpost.durations import duration
from wachtpost.init.answers import language_code
from wachtpost.terminal import complain

FASTEST: Final = 3600.0
"""An hour a second: the services keep up, the eye hardly."""
LARGEST: Final = 100.0
"""Times Lier's calls: 1,500 an hour."""


def demo(
    speed: Annotated[float, typer.Option(min=0.1, max=FASTEST, help="Times as fast as real.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, help="Another number, another day.")] = 1,
    volume: Annotated[
        float, typer.Option(min=0.1, max=LARGEST, help="Times as many calls as at Lier; 10: a large desk.")
    ] = 1.0,
    replay: Annotated[
        Path | None,
        typer.Option(
            help="Show a queue_log or an events file (NDJSON), shifted to now, instead.", metavar="FILE"
        ),
    ] = None,
    for_: Annotated[
        timedelta | None,
        typer.Option("--for", parser=duration, metavar="DURATION", help="End by itself, such as after 30s."),
    ] = None,
    city: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The city file.", show_default="the example of Lier"),
    ] = None,
    lang: Annotated[
        str | None,
        typer.Option(parser=language_code, metavar="LANGUAGE", help="Language; else that of the city file."),
    ] = None,
) -> None:
    """Show a bad spell at the town hall, live. Everything runs on this machine and is gone afterwards.

    Exit status: 0, also after Ctrl-C; 1 when something went wrong; 2 for a wrong option or city file.
    """
    file = city or EXAMPLE
    found = runnable_or_explain(file)
    say = translator(lang or found.city.language)
    # Here and not above: other commands must not wait for all this to load.
    from wachtpost.demo.start import start

    trouble = start(file, say, speed, seed, volume, replay, for_)
    if trouble is not None:
        complain(trouble)
        raise typer.Exit(1)

"""``python -m tests.bench``: throughput, latency and memory, side by side in one run, on this machine."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from tests.bench.alarms import alarms
from tests.bench.analyse import analyse
from tests.bench.evaluator import evaluator
from tests.bench.growth import growth
from tests.bench.ingest import many, single
from tests.bench.latency import latency
from tests.bench.report import Measured, console, show, write
from tests.bench.stage import Stage
from tests.bench.webhook import webhook
from tests.bench.years import years


class Name(StrEnum):
    """A measurement."""

    EVALUATOR = "evaluator"
    INGEST = "ingest"
    SINGLE = "single"
    LATENCY = "latency"
    WEBHOOK = "webhook"
    GROWTH = "growth"
    YEARS = "years"
    ANALYSE = "analyse"
    ALARMS = "alarms"


MEASUREMENTS: Final[Mapping[Name, Callable[[Stage, bool], Measured]]] = {
    Name.EVALUATOR: evaluator,
    Name.INGEST: many,
    Name.SINGLE: single,
    Name.LATENCY: latency,
    Name.WEBHOOK: webhook,
    Name.GROWTH: growth,
    Name.YEARS: years,
    Name.ANALYSE: analyse,
    Name.ALARMS: alarms,
}


def bench(
    quick: Annotated[
        bool, typer.Option(help="Under a minute: smaller and fewer rounds, rougher figures")
    ] = False,
    only: Annotated[list[Name] | None, typer.Option(help="Only this; may be given more than once")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file too")
    ] = None,
) -> None:
    """Measure the product on this machine, always beside what the machine does without it."""
    out = console()
    with tempfile.TemporaryDirectory(prefix="wachtpost-bench-") as folder, Stage(Path(folder)) as stage:
        machine = (
            f"{os.cpu_count()} cores, Python {platform.python_version()}, {stage.store}, everything on it"
        )
        out.print(machine)
        out.print()
        done: list[Measured] = []
        for name in only or Name:
            measured = MEASUREMENTS[name](stage, quick)
            show(measured, out)
            done.append(measured)
        if json_file is not None:
            write(json_file, machine, done)


if __name__ == "__main__":
    typer.run(bench)

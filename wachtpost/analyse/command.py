"""``wachtpost analyse FILE…``"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from domain.counts import ms_of
from shared.process.clock import system_clock
from shared.translation import translator
from wachtpost.analyse import files as reader
from wachtpost.analyse.figures import as_json
from wachtpost.analyse.progress import progress_bar
from wachtpost.analyse.tables import reading_lines, tables
from wachtpost.analyse.unusable import UNUSABLE, unusable
from wachtpost.city_file import load_or_explain
from wachtpost.terminal import complain, fail

WIDEST: Final = 120


def analyse(
    files: Annotated[list[Path], typer.Argument(help="queue_log files, or events as NDJSON; plain or gzip")],
    as_json_: Annotated[bool, typer.Option("--json", help="JSON for machines instead of tables")] = False,
    city_file: Annotated[
        Path | None,
        typer.Option("--city", help="City file: its queues, opening hours, definitions, targets, language"),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Which queue_log source of the city file wrote the logs; else the first"),
    ] = None,
) -> None:
    """Compute the figures of whole files with the evaluator's own arithmetic, without any server.

    Without --city: Lier's definitions, every queue that occurs, always open.
    """
    city = None if city_file is None else load_or_explain(city_file)
    rules = reader.UNCONFIGURED if city is None else city
    say = translator(rules.city.language)
    try:
        with progress_bar(files, say) as progress:
            now = ms_of(system_clock())
            analysis, reading = reader.analyse(files, city, now, source, progress)
    except UNUSABLE as error:
        fail(unusable(error, files, rules, say))
    if reading.refused and not reading.counted:
        for line in reading_lines(reading, rules, say):
            complain(line)
        fail(say.gettext("There is nothing in it that can be counted."))
    if as_json_:
        result: dict[str, object] = {
            **as_json(analysis, rules),
            "lines": reading.lines,
            "events": reading.events,
            "unknown_verbs": reading.unknown_verbs,
            "unusable_waits": reading.unusable_waits,
            "duplicates": reading.duplicates,
            "repeated_outcomes": dict(reading.repeated_outcomes),
            "refused": reading.refused,
            "refusals": reading.refusals.as_values(rules),
        }
        json.dump(result, sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDEST
    for item in tables(analysis, reading, rules):
        console.print(item)
        console.print()

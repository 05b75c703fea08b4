"""``wachtpost analyse FILE…``"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from shared.config.errors import unreadable
from shared.translation import translator
from wachtpost.analyse import files as reader
from wachtpost.analyse.figures import as_json
from wachtpost.analyse.progress import progress_bar
from wachtpost.analyse.tables import damaged, no_source, tables
from wachtpost.city_file import load_or_explain
from wachtpost.terminal import fail

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
            analysis, reading = reader.analyse(files, city, source, progress)
    except OSError as error:
        fail(unreadable(Path(error.filename or files[0]), error, rules.city.language))
    except KeyError as error:
        fail(no_source(error.args[0], rules, say))
    except (EOFError, zlib.error):
        fail(damaged(files, say))
    if as_json_:
        result = as_json(analysis, rules)
        result |= {
            "lines": reading.lines,
            "events": reading.events,
            "unknown_verbs": reading.unknown_verbs,
            "unusable_waits": reading.unusable_waits,
            "duplicates": reading.duplicates,
            "refused": dict(reading.refused),
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

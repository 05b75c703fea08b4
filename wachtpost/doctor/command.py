"""``wachtpost doctor``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from shared.translation import Msg, Translator
from wachtpost.access import Access, access
from wachtpost.city_file import history_or_explain
from wachtpost.doctor.alarms import look_at_alarms
from wachtpost.doctor.results import CheckResult, CheckStatus
from wachtpost.doctor.sources import look_at_sources
from wachtpost.doctor.stores import look_at_redis
from wachtpost.terminal import echo

# Translators: in front of each line of an examination.
STATUSES: Final[Mapping[CheckStatus, Msg]] = {
    CheckStatus.OK: Msg("ok", "status"),
    CheckStatus.WARNING: Msg("warning", "status"),
    CheckStatus.WRONG: Msg("wrong", "status"),
}

STYLES: Final[Mapping[CheckStatus, str]] = {
    CheckStatus.OK: "green",
    CheckStatus.WARNING: "yellow",
    CheckStatus.WRONG: "bold red",
}


def doctor(
    city_file: Annotated[
        Path | None, typer.Option("--city", help="City file; else that of WACHTPOST_CITY_FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for machines")] = False,
) -> None:
    """Look whether all can work: Redis, clocks, services, sources, rules, routes, mail, links, Grafana.

    Each line says ok, warning or wrong, and what to do. Nothing is changed, and nothing is sent.

    Exit status 0: nothing is wrong, though there may be warnings; 1: something is; 2: the city file or a
    setting cannot be read.
    """
    given = access(city_file)
    history_or_explain(city_file or given.settings.city_file, given.city)
    results = asyncio.run(examine(given))
    if as_json:
        values = [
            {"about": one.about, "status": one.status, "said": one.said, "advice": one.advice}
            for one in results
        ]
        json.dump(values, sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        for line in lines(results, given.say):
            echo(line)
    if any(one.status is CheckStatus.WRONG for one in results):
        raise typer.Exit(1)


async def examine(given: Access) -> list[CheckResult]:
    """Return all that is found."""
    report, alarms = await asyncio.gather(look_at_redis(given), look_at_alarms(given))
    return [*report.results, *look_at_sources(given, report.heard), *alarms]


def lines(results: Sequence[CheckResult], say: Translator) -> Iterator[Text]:
    """Yield it for people: a line for each, with what to do below, and how it is on the whole."""
    words = {status: say.text(word) for status, word in STATUSES.items()}
    width = max(map(len, words.values()))
    for one in results:
        line = Text(f"{words[one.status]:<{width}}", style=STYLES[one.status])
        yield line.append(f"  {one.said}", style="not bold default")
        if one.advice:
            yield Text(f"{'':<{width}}  → {one.advice}")
    count = Counter(one.status for one in results)
    wrong = say.ngettext("{number} thing is wrong", "{number} things are wrong", count[CheckStatus.WRONG])
    warnings = say.ngettext("{number} warning", "{number} warnings", count[CheckStatus.WARNING])
    yield Text(f"{wrong}, {warnings}")

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
from wachtpost.doctor.alarms import look_at_alarms
from wachtpost.doctor.findings import Finding, Verdict
from wachtpost.doctor.sources import look_at_sources
from wachtpost.doctor.stores import look_at_redis
from wachtpost.terminal import echo

# Translators: in front of each line of an examination.
VERDICTS: Final[Mapping[Verdict, Msg]] = {
    Verdict.OK: Msg("ok", "verdict"),
    Verdict.WARNING: Msg("warning", "verdict"),
    Verdict.WRONG: Msg("wrong", "verdict"),
}

STYLES: Final[Mapping[Verdict, str]] = {
    Verdict.OK: "green",
    Verdict.WARNING: "yellow",
    Verdict.WRONG: "bold red",
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
    findings = asyncio.run(examine(given))
    if as_json:
        values = [
            {"about": one.about, "verdict": one.verdict, "said": one.said, "advice": one.advice}
            for one in findings
        ]
        json.dump(values, sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        for line in lines(findings, given.say):
            echo(line)
    if any(one.verdict is Verdict.WRONG for one in findings):
        raise typer.Exit(1)


async def examine(given: Access) -> list[Finding]:
    """Return all that is found."""
    report, alarms = await asyncio.gather(look_at_redis(given), look_at_alarms(given))
    return [*report.findings, *look_at_sources(given, report.heard), *alarms]


def lines(findings: Sequence[Finding], say: Translator) -> Iterator[Text]:
    """Yield it for people: a line for each, with what to do below, and how it is on the whole."""
    words = {verdict: say.text(word) for verdict, word in VERDICTS.items()}
    width = max(map(len, words.values()))
    for one in findings:
        line = Text(f"{words[one.verdict]:<{width}}", style=STYLES[one.verdict])
        yield line.append(f"  {one.said}", style="not bold default")
        if one.advice:
            yield Text(f"{'':<{width}}  → {one.advice}")
    count = Counter(one.verdict for one in findings)
    wrong = say.ngettext("{number} thing is wrong", "{number} things are wrong", count[Verdict.WRONG])
    warnings = say.ngettext("{number} warning", "{number} warnings", count[Verdict.WARNING])
    yield Text(f"{wrong}, {warnings}")

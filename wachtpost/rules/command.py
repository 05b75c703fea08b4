"""``wachtpost rules``: the rules of the city file, tried on what has been."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from domain.counts import ms_of
from services.evaluator.archive import Archive
from services.ingest.admission import AdmissionRules
from shared.calendar import Calendar
from shared.config.errors import unwritable
from wachtpost.access import Access, a_day, access
from wachtpost.analyse.files import ReadingStats, arrivals, file_events
from wachtpost.analyse.progress import progress_bar
from wachtpost.analyse.tables import reading_lines
from wachtpost.analyse.unusable import UNUSABLE, unusable
from wachtpost.refusals.groups import Refusals
from wachtpost.rules.by_days import DaySimulation, Untried
from wachtpost.rules.picture import DayPicture, busiest_day
from wachtpost.rules.simulation import Simulation
from wachtpost.rules.suited import suited_lines
from wachtpost.rules.tables import TrialPage, untried_lines
from wachtpost.rules.trial import Trial, trial
from wachtpost.rules.usual import DAYS, ByChance, PastContacts, by_chance
from wachtpost.rules.values import as_values, untried_values
from wachtpost.terminal import complain, echo, fail

WIDEST: Final = 132

app = typer.Typer(no_args_is_help=True, help="The rules of the city file.")


@app.callback()
def rules() -> None:
    """The rules of the city file."""


@app.command()
def backtest(
    files: Annotated[
        list[Path] | None, typer.Argument(help="queue_log files, or events as NDJSON; plain or gzip")
    ] = None,
    history: Annotated[
        bool,
        typer.Option("--history", help="Instead of files: the days in Redis, for rules on a month or a year"),
    ] = False,
    messages: Annotated[
        bool, typer.Option("--messages", help="The message that each rule would have sent last")
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Draw a day and its breaches there")
    ] = None,
    day: Annotated[
        date | None,
        typer.Option(parser=a_day, metavar="DAY", help="Which day; else the one on which most was told"),
    ] = None,
    chance: Annotated[
        int,
        typer.Option(
            min=0,
            max=1000,
            help="How many usual days are made up, at most, to count false alarms on; 0: none",
        ),
    ] = DAYS,
    city_file: Annotated[
        Path | None, typer.Option("--city", help="City file; else that of WACHTPOST_CITY_FILE")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Which queue_log source of the city file wrote the logs; else the first"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for machines instead of tables")] = False,
) -> None:
    """Try the rules on what has been: how often each would have fired, when, for how long, and what is wrong.

    The judge is the evaluator's own, to the second. Nothing is sent, and nothing is changed.
    """
    given = access(city_file)
    if history is bool(files):
        fail(given.say.gettext("Give files, or --history."))
    past = _of_history(given) if history else _of_files(given, files or [], source, chance, quiet=as_json)
    page = TrialPage(given.city, past.trial, past.usually, given.writer())
    if html is not None:
        _draw(given, past, page, html, day)
    if as_json:
        values = as_values(past.trial, past.usually, given.city) | untried_values(past.untried)
        if past.refusals is not None:
            values["refusals"] = past.refusals.as_values(given.city)
        json.dump(values, sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDEST
    for item in (*page.renderables(), *(page.messages() if messages else ())):
        console.print(item)
        console.print()
    for line in (*past.suited, *untried_lines(past.untried, given.say)):
        echo(line)


@dataclass(frozen=True)
class _Past:
    """What rules said of it."""

    trial: Trial
    contacts: PastContacts
    usually: ByChance | None = None
    untried: Sequence[Untried] = ()
    suited: Sequence[str] = ()
    """Rules that would suit, in lines."""
    refusals: Refusals | None = None
    """What of files could not be used."""


def _of_files(given: Access, files: Sequence[Path], source: str | None, chance: int, *, quiet: bool) -> _Past:
    """Judge what files say; exits with status 2 where they cannot be read, or say nothing."""
    city, calendar, reading = given.city, Calendar(given.city), ReadingStats()
    contacts = PastContacts(calendar)
    simulation = Simulation(city, calendar, city.sites)
    try:
        with progress_bar(files, given.say) as progress:
            door = AdmissionRules.of_files(city)
            found = file_events(files, city, door, ms_of(given.now()), source, reading, progress)
            looks = simulation.run(contacts.watch(arrivals(found)))
            tried = trial(simulation, looks, contacts.most_a_day)
    except UNUSABLE as error:
        fail(unusable(error, files, city, given.say))
    for line in () if quiet else reading_lines(reading, city, given.say):
        complain(line)
    if tried is None:
        fail(given.say.gettext("There is nothing in it that can be counted."))
    suited = () if quiet else [*suited_lines(city, calendar, tried, simulation, contacts, given.say)]
    console = Console(stderr=True)
    with console.status(given.say.gettext("usual days …")) if console.is_terminal else nullcontext():
        usually = by_chance(city, calendar, contacts, chance)
    return _Past(tried, contacts, usually, suited=suited, refusals=reading.refusals)


def _of_history(given: Access) -> _Past:
    """Judge the days of this year and the last one; exits with status 2 where Redis is away, or has none."""
    calendar = Calendar(given.city)
    today = calendar.local_day(ms_of(given.now()))
    days = given.reach(
        lambda redis: Archive(redis, given.city).read(date(today.year - 1, 1, 1), today),
    )
    simulation = DaySimulation(given.city, calendar)
    tried = trial(simulation, simulation.run(days))
    if tried is None:
        fail(given.say.gettext("Redis has no days of these queues."))
    return _Past(tried, PastContacts(calendar), untried=simulation.untried)


def _draw(given: Access, past: _Past, texts: TrialPage, file: Path, day: date | None) -> None:
    """Write the picture of a day."""
    calendar = Calendar(given.city)
    day = day or busiest_day(past.trial, calendar)
    picture = DayPicture(past.trial, day, past.contacts.on(day), calendar, texts, given.say)
    try:
        file.write_text(picture.html(), encoding="utf-8")
    except OSError as error:
        fail(unwritable(file, error, given.city.city.language))

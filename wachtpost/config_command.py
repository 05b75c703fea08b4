"""``wachtpost config``: what the city file says, and what is wrong with it."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from shared.calendar import Calendar
from shared.clock import system_clock
from shared.config import CityFile, Language, QueueKind, Site
from shared.config_check import Mistake, explain, explain_as, language_of, phrase
from shared.history_file import HistoryFile, place_mistakes

app = typer.Typer(no_args_is_help=True, help="The city file.")


@app.callback()
def config() -> None:
    """The city file."""


@app.command()
def check(file: Annotated[Path, typer.Argument(help="The city file, such as deploy/wachtpost.toml")]) -> None:
    """Explain every mistake in a city file: where, what is wrong, what is allowed.

    Exit status 0: good; 1: mistakes; 2: the file cannot be read.
    """
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        errors.print(Text(unreadable(file, error)))
        raise typer.Exit(2) from None
    language = language_of(text)
    mistakes = explain(text, str(file))
    if mistakes:
        for styled in told(mistakes, str(file), language):
            errors.print(styled)
        raise typer.Exit(1)
    city = CityFile.model_validate(tomllib.loads(text))
    for named in city.history.files:
        _check_history(file.parent / named, city, errors)
    output = Console(soft_wrap=True, highlight=False)
    today = Calendar(city).local_day(int(system_clock().timestamp() * 1000))
    for line in summary(city, str(file), today):
        output.print(Text(line))


def _check_history(file: Path, city: CityFile, errors: Console) -> None:
    language = city.city.language
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        errors.print(Text(unreadable(file, error, language)))
        raise typer.Exit(2) from None
    mistakes = explain_as(HistoryFile, text, str(file), language, partial(place_mistakes, city))
    if mistakes:
        for styled in told(mistakes, str(file), language):
            errors.print(styled)
        raise typer.Exit(1)


def summary(city: CityFile, file: str, today: date) -> list[str]:
    """Return what a good city file says, in lines for people."""
    language = city.city.language
    live = city.live.missed_definition
    definitions = [
        phrase("live_definition", language, name=d.id) if d.id == live else d.id
        for d in city.missed_definitions
    ]
    rows = [
        *(row for site in city.sites for row in _site_rows(site, language)),
        (phrase("targets", language), str(len(city.targets))),
        (phrase("definitions", language), ", ".join(definitions)),
        (phrase("sources", language), ", ".join(s.id for s in city.sources) or phrase("none", language)),
        (phrase("rules", language), _rules(city)),
        (phrase("receivers", language), _receivers(city)),
        *((phrase("open_today", language), hours) for hours in _open_today(city, today)),
    ]
    width = max(len(name) for name, _ in rows)
    return [phrase("good", language, file=file), *(f"  {name:<{width}}  {value}" for name, value in rows)]


def _site_rows(site: Site, language: Language) -> list[tuple[str, str]]:
    kinds = [(kind, site.of_kind(kind)) for kind in QueueKind]
    return [
        (phrase("site", language), f"{site.id} ({site.title})"),
        *(
            (phrase(kind.value, language), f"{len(queues)}: {', '.join(queue.id for queue in queues)}")
            for kind, queues in kinds
            if queues
        ),
    ]


def _rules(city: CityFile) -> str:
    counts = {
        "kpi": len(city.rules),
        "budget": len(city.budget_rules),
        "silence": len(city.silence_rules),
    }
    return phrase("rules_by_kind", city.city.language, total=sum(counts.values()), **counts)


def _receivers(city: CityFile) -> str:
    """The receivers; whoever is on no route is told nothing, which is worth a word but no mistake."""
    language = city.city.language
    told = {name for route in city.routes for name in (*route.receivers, *route.escalate_to)}
    names = [
        one.id if one.id in told else phrase("not_routed", language, name=one.id) for one in city.receivers
    ]
    return f"{len(names)}: {', '.join(names)}" if names else phrase("nobody", language)


def _open_today(city: CityFile, today: date) -> list[str]:
    calendar = Calendar(city)
    closed = phrase("closed", city.city.language)
    return [
        f"{name}: {', '.join(_clock(*span) for span in calendar.spans(name, today)) or closed}"
        for name in city.hours
    ]


def _clock(start: int, end: int) -> str:
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end))


def told(mistakes: list[Mistake], file: str, language: Language) -> list[Text]:
    """Return the mistakes in lines for people, and how many there are."""
    lines = []
    for mistake in mistakes:
        at = Text(mistake.where, style="bold")
        if mistake.key:
            at.append(f"  {mistake.key}", style="cyan")
        if mistake.given is not None:
            at.append(f" = {mistake.given}", style="not bold")
        lines.append(at)
        lines.append(Text(f"    {mistake.wrong}", style="red"))
        lines.append(Text(f"    {phrase('allowed', language, allowed=mistake.allowed)}"))
    number = len(mistakes)
    lines.append(
        Text(phrase("one_mistake" if number == 1 else "mistakes", language, file=file, number=number))
    )
    return lines


def unreadable(file: Path, error: OSError | UnicodeDecodeError, language: Language = Language.NL) -> str:
    """Return one sentence; Dutch unless told otherwise: an unread city file cannot say what it wants."""
    match error:
        case UnicodeDecodeError():
            return phrase("not_utf8", language, file=file, byte=error.start)
        case FileNotFoundError():
            return phrase("absent", language, file=file)
        case IsADirectoryError():
            return phrase("directory", language, file=file)
    return phrase("unreadable", language, file=file)

"""``wachtpost config``: what the city file says, and what is wrong with it."""

from __future__ import annotations

import asyncio
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from redis.exceptions import RedisError

from domain.period_kpis import Days
from services.evaluator.archive import Archive
from services.notifier.settings import NotifierSettings
from shared.calendar import Calendar
from shared.config.errors import explain, in_sentences, language_of
from shared.config.model import CityFile, Site
from shared.contract.kpis import QueueKind
from shared.process.clock import system_clock
from shared.process.settings import ServiceSettings
from shared.redis.connection import redis_client
from shared.translation import Translator, translator
from wachtpost.access import redis_trouble
from wachtpost.city_file import history_or_explain, remarked, sheet_or_explain, stop_at, text_or_explain
from wachtpost.remarks import remarks
from wachtpost.terminal import complain, echo

LOOK_BACK: Final = timedelta(days=400)
"""How far back the busiest day of a queue is looked for: a year, and what a year may be late."""

app = typer.Typer(no_args_is_help=True, help="The city file.")


@app.callback()
def config() -> None:
    """The city file."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The city file, such as examples/lier/city.toml")],
) -> None:
    """Explain every mistake in a city file: where, what is wrong, what is allowed.

    Of a good one it says what is remarkable: rules that will never fire or clear here, holes in its hours.
    With WACHTPOST_REDIS_URL set, how many contacts there have been is asked there.

    Exit status 0: good; 1: mistakes; 2: the file cannot be read.
    """
    text = text_or_explain(file, None)
    stop_at(explain(text, str(file)), file, language_of(text), status=1)
    city = CityFile.model_validate(tomllib.loads(text))
    history_or_explain(file, city, status=1)
    if city.report.sheet is not None:
        sheet_or_explain(file.parent / city.report.sheet, city, city.city.language, status=1)
    calendar = Calendar(city)
    today = calendar.local_day(int(system_clock().timestamp() * 1000))
    for line in summary(city, str(file), today):
        echo(line)
    found = remarks(city, calendar, today, _counted(city, today))
    for remark in remarked(in_sentences(found, text, str(file)), str(file), city.city.language):
        echo(remark)


def _counted(city: CityFile, today: date) -> Days | None:
    """What the archive has; ``None`` where nobody says where it is, or it cannot be read."""
    say = translator(city.city.language)
    try:
        settings = NotifierSettings()
        if "redis_url" not in settings.model_fields_set:
            return None
        return asyncio.run(_read(settings, city, today))
    except RedisError as error:
        why = redis_trouble(say, settings, error)
    except (OSError, TimeoutError, ValueError) as error:
        why = type(error).__name__
    complain(say.gettext("How many contacts there were cannot be asked: {why}", why=why))
    return None


async def _read(settings: ServiceSettings, city: CityFile, today: date) -> Days:
    redis = redis_client(settings)
    try:
        return await Archive(redis, city).read(today - LOOK_BACK, today)
    finally:
        await redis.aclose()


def summary(city: CityFile, file: str, today: date) -> list[str]:
    """Return what a good city file says, in lines for people."""
    say = translator(city.city.language)
    live = city.live.missed_definition
    definitions = [
        say.gettext("{name} (live)", name=d.id) if d.id == live else d.id for d in city.missed_definitions
    ]
    rows = [
        *(row for site in city.sites for row in _site_rows(site, say)),
        (say.gettext("targets"), str(len(city.targets))),
        (say.pgettext("definitions of missed calls", "missed"), ", ".join(definitions)),
        (say.gettext("sources"), ", ".join(s.id for s in city.sources) or say.gettext("none")),
        (say.gettext("rules"), _rules(city, say)),
        (say.gettext("receivers"), _receivers(city, say)),
        *((say.gettext("open today"), hours) for hours in _open_today(city, today, say)),
    ]
    width = max(len(name) for name, _ in rows)
    good = say.gettext("{file} is in order", file=file)
    return [good, *(f"  {name:<{width}}  {value}" for name, value in rows)]


def _site_rows(site: Site, say: Translator) -> list[tuple[str, str]]:
    kinds = {
        # Translators: in front of a list of queues: those for calls.
        QueueKind.PHONE: say.gettext("phone"),
        # Translators: in front of a list of queues: those of visitors.
        QueueKind.COUNTER: say.gettext("counter"),
    }
    return [
        (say.gettext("site"), f"{site.id} ({site.title})"),
        *(
            (name, f"{len(queues)}: {', '.join(queue.id for queue in queues)}")
            for kind, name in kinds.items()
            if (queues := site.of_kind(kind))
        ),
    ]


def _rules(city: CityFile, say: Translator) -> str:
    contacts, budget, no_data = len(city.rules), len(city.budget_rules), len(city.no_data_rules)
    return say.gettext(
        "{total}: {contacts} on contacts, {budget} on an error budget, {no_data} on a source without data",
        total=contacts + budget + no_data,
        contacts=contacts,
        budget=budget,
        no_data=no_data,
    )


def _receivers(city: CityFile, say: Translator) -> str:
    """The receivers; whoever is on no route is told nothing, which is worth a word but no mistake."""
    told = {name for route in city.routes for name in (*route.receivers, *route.escalate_to)}
    names = [
        one.id if one.id in told else say.gettext("{name} (on no route)", name=one.id)
        for one in city.receivers
    ]
    return f"{len(names)}: {', '.join(names)}" if names else say.gettext("none: nobody is told")


def _open_today(city: CityFile, today: date, say: Translator) -> list[str]:
    calendar = Calendar(city)
    # Translators: after the name of opening hours, where hours would stand: not open today.
    closed = say.gettext("closed")
    return [
        f"{name}: {', '.join(_clock(*span) for span in calendar.spans(name, today)) or closed}"
        for name in city.hours
    ]


def _clock(start: int, end: int) -> str:
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (start, end))

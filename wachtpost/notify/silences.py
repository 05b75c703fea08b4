"""``wachtpost silence``: for a while, nobody is told of what fits. Board, log and annotations go on."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import timedelta
from typing import Annotated

import typer

from services.notifier import engine
from services.notifier.commands import Command, CreateSilence, ExpireSilence, encode
from services.notifier.model import Silence
from shared.config.types import ALL_QUEUES
from shared.contract.breach_events import Severity
from shared.contract.kpis import Measure
from wachtpost.access import (
    BY_HELP,
    Access,
    Stores,
    access,
    acted,
    checked_reason,
    meant,
    not_acted,
    who_is,
)
from wachtpost.durations import duration
from wachtpost.terminal import complain, echo, fail

app = typer.Typer(no_args_is_help=True, help="Silences: for a while, nobody is told of what fits.")


@app.callback()
def silence() -> None:
    """Silences: for a while, nobody is told of what fits."""


@app.command()
def create(
    for_: Annotated[
        timedelta,
        typer.Option("--for", parser=duration, metavar="DURATION", help="How long, such as 30m or 2h"),
    ],
    why: Annotated[str, typer.Option(help="Why, for colleagues; no names, no phone numbers")],
    by: Annotated[str, typer.Option(help=BY_HELP)],
    severity: Annotated[list[Severity] | None, typer.Option(help="Only these; again for more")] = None,
    measure: Annotated[list[Measure] | None, typer.Option(help="Only these; again for more")] = None,
    site: Annotated[list[str] | None, typer.Option(help="Only these; again for more")] = None,
    queue: Annotated[list[str] | None, typer.Option(help='Only these; "all" is a site\'s total')] = None,
    rule: Annotated[list[str] | None, typer.Option(help="Only these; again for more")] = None,
) -> None:
    """Be silent about what fits all that is given; with nothing given, about everything.

    Waits until the notifier has noted it. Exit status 1: it has not yet; 2: a name that does not exist.
    """
    given = access()
    _check_names(given, site or (), queue or (), rule or ())
    now = given.now()
    wanted = Silence(
        id=secrets.token_hex(4),
        severities=tuple(severity or ()),
        measures=tuple(measure or ()),
        sites=tuple(site or ()),
        queues=tuple(queue or ()),
        rules=tuple(rule or ()),
        starts_at=now,
        ends_at=now + for_,
        why=checked_reason(given, why),
        by=who_is(given, by),
    )

    async def is_on(stores: Stores) -> bool:
        return all([wanted.id in (await store.state()).silences for store in stores.values()])

    _command(given, CreateSilence(id=f"silence-{wanted.id}", at=now, silence=wanted), is_on)
    echo(described(given, wanted))


@app.command("list")
def list_() -> None:
    """List the silences that are on or still to come, the first to end first."""
    given = access()
    silences = given.ask(_silences)
    if not silences:
        echo(given.say.gettext("No silences."))
    for one in silences:
        echo(described(given, one))


@app.command()
def expire(
    silence_id: Annotated[str, typer.Argument(metavar="ID", help="As `wachtpost silence list` shows it")],
) -> None:
    """End a silence now: what it kept back and still lasts is told.

    Exit status 1: the notifier has not noted it yet; 2: no such silence.
    """
    given = access()
    say = given.say
    known = [one.id for one in given.ask(_silences)]
    found = meant(silence_id, known)
    if len(found) != 1:
        complain(say.gettext("There is no silence {name}.", name=silence_id))
        names = ", ".join(known)
        fail(say.gettext("Going on: {names}", names=names) if known else say.gettext("No silences."))
    name = found[0]

    async def is_gone(stores: Stores) -> bool:
        return not any([name in (await store.state()).silences for store in stores.values()])

    _command(given, ExpireSilence(id=f"end-{secrets.token_hex(6)}", at=given.now(), silence=name), is_gone)
    echo(say.gettext("Silence {name} is over.", name=name))


def described(given: Access, one: Silence) -> str:
    """Return a silence in a line: what, until when, why and by whom."""
    say = given.say
    fields = {
        "severity": one.severities,
        "measure": one.measures,
        "site": one.sites,
        "queue": one.queues,
        "rule": one.rules,
    }
    what = " · ".join(f"{name}: {', '.join(values)}" for name, values in fields.items() if values)
    if not what:
        what = say.gettext("everything")
    start, until = given.local(one.starts_at), given.local(one.ends_at)
    if one.starts_at <= given.now():
        line = say.gettext("Silence {name} until {until}: {what}", name=one.id, until=until, what=what)
    else:
        line = say.gettext(
            "Silence {name} from {start} until {until}: {what}",
            name=one.id,
            start=start,
            until=until,
            what=what,
        )
    reasons = [say.gettext("because: {why}", why=one.why)] if one.why else []
    # Translators: who made a silence; behind it.
    reasons += [say.gettext("by {by}", by=one.by)] if one.by else []
    return "  ".join([line, *reasons])


def _check_names(given: Access, sites: Iterable[str], queues: Iterable[str], rules: Iterable[str]) -> None:
    city = given.city
    known_rules = [
        rule.id for section in (city.rules, city.budget_rules, city.no_data_rules) for rule in section
    ]
    known_queues = [ALL_QUEUES, *(queue.id for site in city.sites for queue in site.queues)]
    known_queues += [source.id for source in city.sources]  # where a no-data rule is about a source
    _check(given, "--site", sites, [site.id for site in city.sites])
    _check(given, "--queue", queues, known_queues)
    _check(given, "--rule", rules, known_rules)


def _check(given: Access, option: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            there_are = ", ".join(dict.fromkeys(known))
            unknown = given.say.gettext(
                "{option} {name}: the city file does not know it. It knows: {known}",
                option=option,
                name=name,
                known=there_are,
            )
            fail(unknown)


async def _silences(stores: Stores) -> list[Silence]:
    """Each once: a silence is kept in every partition."""
    found = {one.id: one for store in stores.values() for one in engine.list_silences(await store.state())}
    return sorted(found.values(), key=lambda one: (one.ends_at, one.id))


def _command(given: Access, command: Command, done: Callable[[Stores], Awaitable[bool]]) -> None:
    """Put it on every partition's stream and wait; exits with status 1 when nobody acts on it."""

    async def work(stores: Stores) -> bool:
        for store in stores.values():
            await store.say(encode(command))
        return await acted(lambda: done(stores))

    if not given.ask(work):
        not_acted(given)

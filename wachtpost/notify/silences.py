"""``wachtpost silence``: for a while, nobody is told of what fits. Board, log and annotations go on."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import timedelta
from typing import Annotated, Final

import typer

from services.notifier import engine
from services.notifier.commands import Command, CreateSilence, ExpireSilence, encode
from services.notifier.model import Silence
from shared.config.types import ALL_QUEUES
from shared.contract.breach_events import Severity
from shared.contract.kpis import Measure
from shared.translation import Msg
from wachtpost.access import (
    BY_HELP,
    Access,
    Stores,
    access,
    acted,
    checked_reason,
    not_acted,
    the_one_meant,
    who_is,
)
from wachtpost.durations import duration
from wachtpost.terminal import complain, echo, fail

LONG: Final = timedelta(days=1)
"""A silence about everything that is longer is more often a slip of the finger than meant."""

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
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, also of everything for days")] = False,
) -> None:
    """Be silent about what fits all that is given; with nothing given, about everything.

    Silence about everything for longer than a day is asked about first.
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
    if not yes and for_ > LONG and _is_everything(given, wanted):
        _make_sure(given, wanted)

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
    known = {one.id: described(given, one) for one in given.ask(_silences)}
    missing = say.gettext("There is no silence {name}.", name=silence_id)
    name = the_one_meant(given, silence_id, known, missing, say.gettext("No silences."))

    async def is_gone(stores: Stores) -> bool:
        return not any([name in (await store.state()).silences for store in stores.values()])

    _command(given, ExpireSilence(id=f"end-{secrets.token_hex(6)}", at=given.now(), silence=name), is_gone)
    echo(say.gettext("Silence {name} is over.", name=name))


def described(given: Access, one: Silence) -> str:
    """Return a silence in a line: what, until when, why and by whom."""
    say = given.say
    # Translators: what a silence is limited to, in front of the ids in the city file.
    fields: tuple[tuple[Msg, tuple[str, ...]], ...] = (
        (Msg("severity"), one.severities),
        (Msg("measure"), one.measures),
        (Msg("site"), one.sites),
        (Msg("queue"), one.queues),
        (Msg("rule"), one.rules),
    )
    what = " · ".join(f"{say.text(name)}: {', '.join(values)}" for name, values in fields if values)
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


def _is_everything(given: Access, one: Silence) -> bool:
    """Whether nobody is told of anything, say at a city's only site."""
    narrowed = one.severities or one.measures or one.queues or one.rules
    return not narrowed and (not one.sites or set(one.sites) >= {site.id for site in given.city.sites})


def _make_sure(given: Access, one: Silence) -> None:
    """Ask whether it is meant; exits with status 2 when it is not, or nobody is there to answer."""
    say = given.say
    until = given.local(one.ends_at)
    meaning = say.gettext("Until {until} nobody would be told of anything at all.", until=until)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        complain(meaning)
        fail(say.gettext("Give --yes if that is meant, or name queues or rules."))
    # Translators: answered with the first letter of "yes", else it is no.
    question = say.gettext("Go on? Write {yes}:", yes=say.pgettext("answer", "yes"))
    complain(meaning)
    answer = typer.prompt(question, default="", show_default=False, prompt_suffix=" ", err=True)
    if answer.strip().casefold() != say.pgettext("answer", "yes"):
        fail(say.gettext("Nothing was done."))


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

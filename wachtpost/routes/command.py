"""``wachtpost routes test``: who would be told of what, when, by what and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from services.evaluator.alerting.rules import Rule, rules_of
from services.notifier import engine
from services.notifier.app import policy_of
from services.notifier.messages.view import Viewer
from services.notifier.model import Silence
from shared.contract.breach_events import Severity
from shared.translation import Msg
from wachtpost.access import Access, Stores, access
from wachtpost.notify.words import REASONS
from wachtpost.routes.trial import RoutedReceiver, RoutedRule, made_up, routed
from wachtpost.terminal import echo, fail

# Translators: how bad a breach is, in a table.
SEVERITIES: Final[Mapping[Severity, Msg]] = {
    Severity.CRITICAL: Msg("urgent", "severity"),
    Severity.WARNING: Msg("warning", "severity"),
    Severity.INFO: Msg("for information", "severity"),
}

app = typer.Typer(no_args_is_help=True, help="The routes: who is told of what.")


@app.callback()
def routes() -> None:
    """The routes: who is told of what."""


@app.command("test")
def try_routes(
    rule: Annotated[list[str] | None, typer.Option(help="Only these; again for more")] = None,
    site: Annotated[list[str] | None, typer.Option(help="Only these; again for more")] = None,
    queue: Annotated[list[str] | None, typer.Option(help='Only these; "all" is a site\'s total')] = None,
    severity: Annotated[list[Severity] | None, typer.Option(help="Only these; again for more")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="MOMENT", help='If it fired then: "2026-03-12 22:00". Else now')
    ] = None,
    city_file: Annotated[
        Path | None, typer.Option("--city", help="City file; else that of WACHTPOST_CITY_FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for machines")] = False,
) -> None:
    """Say who would be told if a rule fired: when, by what, and by which route; nobody is told.

    These are the notifier's own decisions, on the city file. With WACHTPOST_REDIS_URL set the silences that
    are on count as well. Exit status 1: nobody would be told of something that is more than information;
    2: a name that does not exist.
    """
    given = access(city_file)
    moment = given.now() if at is None else _moment(given, at)
    wanted = _wanted(given, rule or (), site or (), queue or (), severity or ())
    found = list(routed(policy_of(given.city), wanted, moment, _silences(given)))
    if as_json:
        json.dump([_as_values(given, one) for one in found], sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        for line in lines(given, found, moment):
            echo(line)
    if any(not one.receivers and one.key.severity is not Severity.INFO for one in found):
        raise typer.Exit(1)


def _moment(given: Access, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(
            given.say.gettext(
                '--at {text}: write a moment such as "2026-03-12 22:00", on the city\'s clock.', text=text
            )
        )
    return moment if moment.tzinfo else moment.replace(tzinfo=given.city.city.zone)


def _wanted(
    given: Access,
    names: Sequence[str],
    sites: Sequence[str],
    queues: Sequence[str],
    severities: Sequence[Severity],
) -> list[Rule]:
    """The rules that are asked for; exits with status 2 for a name that none of them has."""
    every = rules_of(given.city, given.city.sites)
    if not every:
        fail(given.say.gettext("The city file has no rules ([[rules]])."))
    for option, asked, known in (
        ("--rule", names, [one.key.rule for one in every]),
        ("--site", sites, [one.key.site for one in every]),
        ("--queue", queues, [one.key.queue for one in every]),
    ):
        for name in asked:
            if name not in known:
                there = ", ".join(dict.fromkeys(known))
                fail(
                    given.say.gettext(
                        "{option} {name}: no rule has that. There are: {known}",
                        option=option,
                        name=name,
                        known=there,
                    )
                )
    return [
        one
        for one in every
        if one.key.rule in (names or {one.key.rule})
        and one.key.site in (sites or {one.key.site})
        and one.key.queue in (queues or {one.key.queue})
        and one.key.severity in (severities or {one.key.severity})
    ]


def _silences(given: Access) -> Mapping[str, Silence]:
    """Those that are on or still to come, where anybody says where Redis is."""
    if "redis_url" not in given.settings.model_fields_set:
        return {}

    async def read(stores: Stores) -> dict[str, Silence]:
        return {one.id: one for store in stores.values() for one in engine.list_silences(await store.state())}

    return given.ask(read)


# In words ----------------------------------------------------------------------------------------------


def lines(given: Access, found: Sequence[RoutedRule], moment: datetime) -> Iterator[str]:
    """Yield it for people: places that go the same way stand together."""
    say, zone = given.say, given.city.city.zone
    yield say.gettext("If the rule fired on {moment}:", moment=say.instant(moment.astimezone(zone)))
    viewer = Viewer(given.city)
    alike: dict[tuple[object, ...], list[RoutedRule]] = {}
    for one in found:
        way = (one.key.rule, one.key.severity, one.is_judged, one.receivers)
        alike.setdefault(way, []).append(one)
    for together in alike.values():
        first = together[0]
        places = ", ".join(dict.fromkeys(_place(viewer, one, moment) for one in together))
        yield f"{first.key.rule}  {say.text(SEVERITIES[first.key.severity])}  {places}"
        if not first.is_judged:
            yield "    " + say.gettext("(closed at that moment: it is not judged then)")
        for receiver in first.receivers:
            yield "    " + _told(given, receiver, moment)
        if not first.receivers:
            yield "    " + say.gettext("nobody: no route fits")


def _place(viewer: Viewer, one: RoutedRule, moment: datetime) -> str:
    """As messages call it."""
    view = viewer.view(made_up(one.key, moment), moment)
    return f"{view.site}: {view.place}" if view.site else view.place


def _told(given: Access, one: RoutedReceiver, moment: datetime) -> str:
    say, zone = given.say, given.city.city.zone
    ways = ", ".join(_ways(given, one.receiver))
    # Translators: behind a receiver: the numbers of the routes in the city file that lead to them.
    route = say.gettext("route {numbers}", numbers=", ".join(map(str, one.routes)))
    held = (
        "" if one.hold is None else say.text(REASONS[one.hold]) + (f" {one.because}" if one.because else "")
    )
    fields = {"who": one.receiver, "ways": ways, "route": route}
    if one.told_at is None:
        # Translators: who is not told, by which route, and what holds the message back.
        never = say.gettext("{who}: not told by {ways} ({route})", **fields)
        return f"{never}: {held}" if held else never
    when = say.moment(one.told_at.astimezone(zone), moment.astimezone(zone))
    if one.escalates:
        told = say.gettext(
            "{who}: {when} by {ways}, if nobody has taken it on by then ({route})", when=when, **fields
        )
    elif one.told_at == moment:
        told = say.gettext("{who}: at once by {ways} ({route})", **fields)
    else:
        told = say.gettext("{who}: {when} by {ways} ({route})", when=when, **fields)
    return f"{told}: {held}" if held else told


def _ways(given: Access, receiver: str) -> list[str]:
    channels = next((one.channels for one in given.city.receivers if one.id == receiver), ())
    return list(dict.fromkeys(channel.kind for channel in channels))


def _as_values(given: Access, one: RoutedRule) -> dict[str, object]:
    return {
        "rule": one.key.rule,
        "level": one.key.level,
        "severity": one.key.severity,
        "site": one.key.site,
        "queue": one.key.queue,
        "judged": one.is_judged,
        "receivers": [
            {
                "receiver": told.receiver,
                "channels": _ways(given, told.receiver),
                "routes": told.routes,
                "escalation": told.escalates,
                "told_at": None if told.told_at is None else told.told_at.isoformat(),
                "held_by": told.hold,
                "because": told.because,
            }
            for told in one.receivers
        ],
    }

"""``wachtpost breaches`` and ``wachtpost ack``: what is going on, and who takes it on."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated

import typer

from services.notifier import engine
from services.notifier.commands import Acknowledge, encode
from services.notifier.model import Breach
from services.notifier.state import BreachRecord
from wachtpost.access import BY_HELP, Access, Stores, access, acted, not_acted, the_one_meant, who_is
from wachtpost.notify.words import STATES
from wachtpost.terminal import echo

GoingOn = Mapping[str, tuple[int, Breach]]
"""Breach → its partition, and what is known of it."""


def breaches(
    json: Annotated[bool, typer.Option("--json", help="For machines: one JSON object a line")] = False,
) -> None:
    """List what is going on right now: what, where, since when, and who has taken it on."""
    given = access()
    going_on = given.ask(_going_on)
    if json:
        for _, breach in going_on.values():
            echo(breach.model_dump_json(exclude_none=True))
        return
    if not going_on:
        echo(given.say.gettext("No breaches."))
    writer, now = given.writer(), given.now()
    for number, (_, breach) in enumerate(going_on.values()):
        if number:
            echo("")
        rule_state = [given.say.text(STATES[breach.state])]
        if breach.acknowledged is not None:
            rule_state.append(given.say.gettext("taken on"))
        echo(f"{writer.headline(breach, now)}  [{', '.join(rule_state)}]")
        for fact in writer.facts(breach, now):
            echo(f"    {fact}")
        echo(f"    id: {breach.id}")


def ack(
    breach: Annotated[
        list[str], typer.Argument(help="Ids as `wachtpost breaches` shows them; a clear beginning will do")
    ],
    by: Annotated[str, typer.Option(help=BY_HELP)],
) -> None:
    """Take breaches on: reminders and escalation stop, and the board shows it.

    Waits until the notifier has noted it. Exit status 1: it has not yet; 2: no such breach.
    """
    given = access()
    who = who_is(given, by)
    going_on = given.ask(_going_on)
    writer, now = given.writer(), given.now()
    headlines = {name: writer.headline(one, now) for name, (_, one) in going_on.items()}
    wanted = {name: going_on[name] for name in (_meant(given, one, headlines) for one in breach)}
    fresh = {name: where for name, (where, one) in wanted.items() if one.acknowledged is None}
    became = given.ask(lambda stores: _acknowledge(given, stores, fresh, who)) if fresh else {}
    for name, (_, one) in wanted.items():
        _tell(given, headlines[name], name, one, became)
    if any(known is not None and _is_waiting(known) for known in became.values()):
        not_acted(given)


def _meant(given: Access, name: str, headlines: Mapping[str, str]) -> str:
    missing = given.say.gettext("There is no breach {name}.", name=name)
    return the_one_meant(given, name, headlines, missing, given.say.gettext("No breaches."))


async def _going_on(stores: Stores) -> GoingOn:
    found = [(n, one) for n, store in stores.items() for one in engine.list_breaches(await store.state())]
    return {one.id: (n, one) for n, one in sorted(found, key=lambda pair: (pair[1].opened_at, pair[1].id))}


async def _acknowledge(
    given: Access, stores: Stores, wanted: Mapping[str, int], by: str
) -> dict[str, BreachRecord | None]:
    """Put it on the streams and wait; return how each breach is known then."""
    for number in sorted(set(wanted.values())):
        names = tuple(name for name, where in wanted.items() if where == number)
        command = Acknowledge(id=f"ack-{secrets.token_hex(6)}", at=given.now(), breaches=names, by=by)
        await stores[number].say(encode(command))
    known: dict[str, BreachRecord | None] = {}

    async def all_done() -> bool:
        for number in set(wanted.values()):
            state = await stores[number].state()
            known.update({name: state.breaches.get(name) for name, at in wanted.items() if at == number})
        return not any(one is not None and _is_waiting(one) for one in known.values())

    await acted(all_done)
    return known


def _is_waiting(known: BreachRecord) -> bool:
    return not known.is_over and known.breach.acknowledged is None


def _tell(
    given: Access, headline: str, name: str, before: Breach, became: Mapping[str, BreachRecord | None]
) -> None:
    say = given.say
    if before.acknowledged is not None:
        taken_on_by = before.acknowledged.by
        echo(say.gettext("Had been taken on by {by}: {headline}", by=taken_on_by, headline=headline))
        return
    known = became[name]
    if known is None or (known.is_over and known.breach.acknowledged is None):
        echo(say.gettext("Over by now: {name}", name=name))
    elif known.breach.acknowledged is not None:
        taken_on_by = known.breach.acknowledged.by
        echo(say.gettext("Taken on by {by}: {headline}", by=taken_on_by, headline=headline))

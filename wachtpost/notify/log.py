"""``wachtpost notifications``: who was told what and why, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from services.notifier.delivery_log import LINE, DeliveryLine, FailureLine, Line
from services.notifier.model import DecisionLine, NotificationKind
from services.notifier.reasons import DecisionReason
from services.notifier.state_store import LOG_KEPT
from wachtpost.access import Access, Stores, access, known_receiver
from wachtpost.notify.words import KINDS, REASONS, RESULTS
from wachtpost.terminal import echo

app = typer.Typer(no_args_is_help=True, help="Who was told what and why, and what became of it.")

Receiver = Annotated[str | None, typer.Option(help="Only what concerns this receiver")]
Count = Annotated[int, typer.Option(min=1, max=LOG_KEPT, help="So many of the latest")]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON object a line")]


@app.callback()
def notifications() -> None:
    """Who was told what and why, and what became of it."""


@app.command()
def log(receiver: Receiver = None, count: Count = 50, json: Json = False) -> None:
    """The delivery log: every decision and every try, the latest at the end. No addresses."""
    given = access()
    _show(given, "log", receiver, count, json, given.say.gettext("Nothing has been told yet."))


@app.command()
def dead(receiver: Receiver = None, count: Count = 50, json: Json = False) -> None:
    """The messages that were given up, and why, the latest at the end."""
    given = access()
    _show(given, "dead", receiver, count, json, given.say.gettext("No message was given up."))


def _show(given: Access, part: str, receiver: str | None, count: int, json: bool, nothing: str) -> None:
    # What concerns one receiver may be far back: look through all that is kept.
    reach = count if receiver is None else LOG_KEPT

    async def read(stores: Stores) -> list[Line]:
        return [LINE.validate_json(one) for s in stores.values() for one in await s.recent(part, reach)]

    lines = sorted(given.ask(read), key=lambda line: line.at)
    wanted = [line for line in lines if receiver in {None, line.receiver}][-count:]
    if not wanted and receiver is not None:
        known_receiver(given, receiver)  # one that the city file no longer has may still be in the log
    if not wanted and not json:
        echo(nothing)
    for line in wanted:
        echo(line.model_dump_json(exclude_none=True) if json else described(given, line))


def described(given: Access, line: Line) -> str:
    """Return a line of the log in words."""
    match line:
        case DecisionLine():
            parts = [_reason(given, line.reason), line.breach]
        case DeliveryLine():
            parts = [*_delivery(given, line), *line.breaches, line.report or ""]
        case FailureLine():
            aside = given.say.gettext(
                "entry {entry} of the stream: a fault of Wachtpost itself ({why})",
                entry=line.entry,
                why=line.why,
            )
            parts = [aside]
    return "  ".join([given.local(line.at), *filter(None, [line.receiver, *parts])])


def _delivery(given: Access, line: DeliveryLine) -> Iterable[str]:
    say = given.say
    channels = next((r.channels for r in given.city.receivers if r.id == line.receiver), ())
    if line.channel < len(channels):
        yield channels[line.channel].kind
    else:
        yield say.gettext("channel {number}", number=line.channel + 1)
    kind = say.text(KINDS[NotificationKind(line.notification_kind)])
    result = say.text(RESULTS[line.result])
    # Translators: a kind of message and what became of it, such as: reminder failed, will be tried again.
    if line.why:
        yield say.gettext("{kind} {result}: {why}", kind=kind, result=result, why=line.why)
    else:
        yield say.gettext("{kind} {result}", kind=kind, result=result)
    if line.attempt > 1:
        yield say.gettext("try {number}", number=line.attempt)


def _reason(given: Access, reason: str) -> str:
    return given.say.text(REASONS[DecisionReason(reason)]) if reason in set(DecisionReason) else reason

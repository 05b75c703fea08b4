"""``wachtpost notify test``: a real message over every way to a receiver, and what became of each."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

import typer

from services.notifier.app import deliverer
from services.notifier.channels import build_senders
from services.notifier.channels.post import http_client
from services.notifier.model import Delivery, DeliveryFailed, Notification, NotificationKind
from services.notifier.outbox import deliveries
from shared.config.alerting import AlertmanagerChannel, AppriseChannel, Channel, EmailChannel, WebhookChannel
from wachtpost.access import Access, access, known_receiver
from wachtpost.terminal import echo

app = typer.Typer(no_args_is_help=True, help="Messages to receivers.")


@app.callback()
def notify() -> None:
    """Messages to receivers."""


@app.command()
def test(receiver: Annotated[str, typer.Option(help="The receiver's id in the city file")]) -> None:
    """Send a receiver a real test message by each of its channels, and say what became of each.

    Needs no Redis. Exit status 0: all arrived; 1: some did not; 2: no such receiver, or a wrong city file.
    """
    given = access()
    known_receiver(given, receiver)
    if not asyncio.run(_send(given, receiver)):
        raise typer.Exit(1)


async def _send(given: Access, receiver: str) -> bool:
    """Hand every delivery over, one after another; return whether all arrived."""
    say, city = given.say, given.city
    at = given.now()
    notification = Notification(
        id=f"test-{secrets.token_hex(6)}",
        kind=NotificationKind.TEST,
        receiver=receiver,
        breaches=(),
        at=at,
    )
    all_arrived = True
    async with http_client() as http:
        senders = build_senders(city, given.settings, http, given.settings.now)
        deliver = deliverer(city, senders, given.writer(), None)
        for delivery, where in _addressed(given, notification):
            try:
                await deliver(delivery)
            except DeliveryFailed as error:
                all_arrived = False
                became = say.gettext("failed: {why}", why=error)
            else:
                became = say.gettext("arrived")
            echo(f"{where}  {became}")
    return all_arrived


def _addressed(given: Access, notification: Notification) -> Iterator[tuple[Delivery, str]]:
    """The deliveries of a notification, each with where it goes, in a column."""
    (receiver,) = (one for one in given.city.receivers if one.id == notification.receiver)
    found = list(deliveries(notification, given.city))
    names = [f"{receiver.channels[p.channel].kind}  {masked(receiver.channels[p.channel], p)}" for p in found]
    width = max(map(len, names))
    yield from ((delivery, f"{name:<{width}}") for delivery, name in zip(found, names, strict=True))


def masked(channel: Channel, delivery: Delivery) -> str:
    """Return where a delivery goes as far as anybody may read it: an address may hold a name or a token."""
    match channel:
        case EmailChannel():
            user, _, domain = (delivery.address or "").rpartition("@")
            return f"{user[:1]}***@{domain}"
        case WebhookChannel() | AlertmanagerChannel():
            scheme, netloc, path, *_ = urlsplit(str(channel.url))
            return f"{scheme}://{netloc}/{'***' if path.strip('/') else ''}"
        case AppriseChannel():
            return str(channel.url_file)

"""``wachtpost reporter``: the service; with ``--now`` one report by hand."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from services.reporter import __main__ as service
from services.reporter.publisher import ReportPublisher
from services.reporter.rendering import CannotMakeError, maker
from services.reporter.report.writing import Writing
from services.reporter.rounds import report_ready
from shared.config.alerting import EmailChannel
from shared.periods import Period
from shared.redis.connection import RedisClient
from shared.translation import Translator
from wachtpost.access import Access, access, known_receiver
from wachtpost.terminal import complain, echo, fail


def reporter(
    now: Annotated[
        str | None,
        typer.Option(metavar="PERIOD", help="Do not run: mail the report of 2026-10, say, and end"),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="With --now: to everybody once more, although it was sent")
    ] = False,
    receiver: Annotated[
        str | None, typer.Option(help="With --now: to this receiver only; does not count as the month's mail")
    ] = None,
) -> None:
    """Run the service that mails the policy report each month (settings: WACHTPOST_… variables).

    By hand, exit status 0: given to the notifier; 1: that month's report was sent before; 2: cannot be.
    """
    if now is None:
        if again or receiver is not None:
            raise typer.BadParameter("--again and --receiver need --now PERIOD")
        service.main()
        return
    given = access()
    say = given.say
    period = _period(say, now)
    said = Writing(say).period(period)
    receivers = _receivers(given, receiver)
    counts = not again and receiver is None
    if counts and not _is_over_month(given, period):
        fail(
            say.gettext(
                "{period} is not over yet or is no month: that is not the monthly mail. With "
                "--receiver the report goes to one receiver, with --again to all of them.",
                period=said,
            )
        )
    try:
        handed_over = given.reach(lambda redis: _mail(given, redis, period, receivers, counts=counts))
    except CannotMakeError as error:
        fail(say.gettext("The report cannot be made: {why}", why=error))
    if not handed_over:
        complain(
            say.gettext(
                "The report for {period} was sent before. With --again it goes to all of them once more.",
                period=said,
            )
        )
        raise typer.Exit(1)
    echo(
        say.gettext(
            "The report for {period} was given to the notifier, for: {receivers}. Whether it "
            "arrived is told by `wachtpost notifications log`.",
            period=said,
            receivers=", ".join(receivers),
        )
    )


def _period(say: Translator, name: str) -> Period:
    try:
        return Period.parse(name)
    except ValueError:
        fail(say.gettext("--now {name}: give a period such as 2026-10, 2026-H1 or 2026.", name=name))


def _receivers(given: Access, receiver: str | None) -> tuple[str, ...]:
    say = given.say
    if receiver is None:
        return given.city.report.receivers or fail(
            say.gettext("The city file names nobody who gets the report ([report] receivers).")
        )
    if not any(isinstance(channel, EmailChannel) for channel in known_receiver(given, receiver).channels):
        fail(say.gettext("{name} has no channel of kind email; the report goes by mail only.", name=receiver))
    return (receiver,)


def _is_over_month(given: Access, period: Period) -> bool:
    today = given.now().astimezone(given.city.city.zone).date()
    return period.is_month and period.last < today


async def _mail(
    given: Access, redis: RedisClient, period: Period, receivers: tuple[str, ...], *, counts: bool
) -> bool:
    publisher = ReportPublisher(redis)
    if counts and period.name in await publisher.sent():
        return False  # making it takes a while
    extra = "" if counts else secrets.token_hex(4)
    ready = report_ready(period, receivers, given.now(), extra)
    document = await maker(given.settings, given.city)(ready.id, period, ready.at)
    return await publisher.hand_over(document, ready, counts=counts)

"""``wachtpost reporter``: the service; with ``--now`` one report by hand."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from services.reporter import __main__ as service
from services.reporter.publisher import ReportPublisher
from services.reporter.rendering import CannotMakeError, maker
from services.reporter.report.words import WORDS as REPORT_WORDS
from services.reporter.report.writing import Writing
from services.reporter.rounds import word_of
from services.reporter.words import WORDS, Words
from shared.config.alerting import EmailChannel
from shared.periods import Period
from shared.redis.connection import RedisClient
from wachtpost.notify.access import Access, access
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
    words = WORDS[given.city.city.language]
    period = _period(words, now)
    receivers = _receivers(given, words, receiver)
    counts = not again and receiver is None
    if counts and not _is_over_month(given, period):
        fail(words.not_over.format(period=_said(given, period)))
    try:
        handed_over = given.reach(lambda redis: _mail(given, redis, period, receivers, counts=counts))
    except CannotMakeError as error:
        fail(words.cannot.format(why=error))
    said = _said(given, period)
    if not handed_over:
        complain(words.sent_before.format(period=said))
        raise typer.Exit(1)
    echo(words.handed_over.format(period=said, receivers=", ".join(receivers)))


def _said(given: Access, period: Period) -> str:
    return Writing(REPORT_WORDS[given.city.city.language]).period(period)


def _period(words: Words, name: str) -> Period:
    try:
        return Period.parse(name)
    except ValueError:
        fail(words.period_wrong.format(name=name))


def _receivers(given: Access, words: Words, receiver: str | None) -> tuple[str, ...]:
    if receiver is None:
        return given.city.report.receivers or fail(words.nobody)
    known = {one.id: one for one in given.city.receivers}
    if receiver not in known:
        fail(words.receiver_unknown.format(name=receiver, known=", ".join(known) or "–"))
    if not any(isinstance(channel, EmailChannel) for channel in known[receiver].channels):
        fail(words.no_mail.format(name=receiver))
    return (receiver,)


def _is_over_month(given: Access, period: Period) -> bool:
    today = given.now().astimezone(given.city.city.zone).date()
    return period.is_month and period.last < today


async def _mail(
    given: Access, redis: RedisClient, period: Period, receivers: tuple[str, ...], *, counts: bool
) -> bool:
    handing = ReportPublisher(redis)
    if counts and period.name in await handing.sent():
        return False  # making it takes a while
    extra = "" if counts else secrets.token_hex(4)
    word = word_of(period, receivers, given.now(), extra)
    document = await maker(given.settings, given.city)(word.id, period, word.at)
    return await handing.hand_over(document, word, counts=counts)

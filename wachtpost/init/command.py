"""``wachtpost init [FILE…]``"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.text import Text

from domain.counts import ms_of
from shared.calendar import Calendar
from shared.config.errors import in_sentences, unwritable
from shared.config.model import City, CityFile
from shared.contract.kpis import QueueKind
from shared.process.clock import system_clock
from shared.process.settings import CITY_FILE
from shared.translation import Translator, languages, translator
from wachtpost.analyse.files import UNCONFIGURED
from wachtpost.analyse.progress import progress_bar
from wachtpost.analyse.tables import reading_lines
from wachtpost.analyse.unusable import UNUSABLE, unusable
from wachtpost.city_file import remarked, stop_at
from wachtpost.init.answers import (
    COUNTRY,
    PASSWORD_FILE,
    ZONE,
    Asker,
    Given,
    address,
    country_code,
    language_code,
    seconds,
    server,
    share,
    working_days,
    zone,
)
from wachtpost.init.city_text import Answers, MailServer
from wachtpost.init.draft import Draft, draft, find
from wachtpost.init.figures import figures_table, found_table, hours_lines
from wachtpost.init.observed import Observed, observe
from wachtpost.remarks import remarks
from wachtpost.terminal import complain, echo, fail
from wachtpost.whole_words import WholeWords

WIDEST: Final = 120
LONGEST_STEP: Final = 40
"""Commands that are longer do not push aside what the others are for: a terminal has 80 columns."""


def init(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="queue_log files, rotated and packed ones too, or events as NDJSON; or none"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The city file to write")] = CITY_FILE,
    name: Annotated[str | None, typer.Option(help="Name of the city")] = None,
    language_: Annotated[
        str | None, typer.Option("--language", parser=language_code, help=f"One of {', '.join(languages())}")
    ] = None,
    time_zone: Annotated[str, typer.Option(parser=zone, help="IANA name of the time zone")] = ZONE,
    country: Annotated[
        str, typer.Option(parser=country_code, help="Whose public holidays close the desk; empty: none do")
    ] = COUNTRY,
    missed: Annotated[
        float | None, typer.Option(parser=share, help="Target: missed calls in a year, such as 20%")
    ] = None,
    wait: Annotated[
        int | None, typer.Option(parser=seconds, help="Target: mean wait of answered calls, such as 45s")
    ] = None,
    counter_wait: Annotated[
        int | None, typer.Option(parser=seconds, help="Target: mean wait at the counter, such as 5m")
    ] = None,
    lead_days: Annotated[
        float | None,
        typer.Option(parser=working_days, help="Target: mean lead time to an appointment, in working days"),
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option(parser=address, help="Mail address of who is told; more than once")
    ] = None,
    escalate_to: Annotated[
        list[str] | None, typer.Option(parser=address, help="And of who is told when nobody acts")
    ] = None,
    smtp: Annotated[str | None, typer.Option(help="Mail server, as host or host:port")] = None,
    smtp_user: Annotated[str | None, typer.Option(help="User name at the mail server")] = None,
    smtp_password_file: Annotated[
        Path, typer.Option(help="File that holds its password; the password itself is never asked for")
    ] = PASSWORD_FILE,
    sender: Annotated[str | None, typer.Option(parser=address, help="Sender of the mails")] = None,
) -> None:
    """Write a city file of your own: queues, opening hours, targets and rules, from what your logs tell.

    What no option says is asked, where somebody is there to answer. A file that is there is left alone.
    """
    receivers = tuple(to or ())
    given = Given(
        name=name,
        language=language_,
        time_zone=time_zone,
        country=country,
        missed=missed,
        wait_s=wait,
        visit_wait_s=counter_wait,
        lead_days=lead_days,
        mail=_mail(smtp, smtp_user, smtp_password_file, sender, receivers),
        receivers=receivers,
        escalate_to=tuple(escalate_to or ()),
    )
    asker = Asker(given, sys.stdin.isatty() and sys.stdout.isatty())
    language = asker.language()
    say = translator(language)
    _leave_alone(out, say)
    if receivers and given.mail is None and not asker.present:
        fail(say.gettext("Mail needs a server: name it with --smtp."))
    paths, now = list(files or ()), system_clock()
    observed = _observed(paths, ZoneInfo(time_zone), now, say) if paths else Observed()
    supposed = find(observed, asker.supposed(language), now.astimezone(ZoneInfo(time_zone)).date())
    if observed.queues:
        console = _console()
        console.print(WholeWords(found_table(observed, supposed, say)))
        for line in hours_lines(supposed, say):
            console.print(line)
        console.print()
    answers = asker.answers(
        language,
        phones=supposed.of_kind(QueueKind.PHONE),
        counters=supposed.of_kind(QueueKind.COUNTER),
        bookings=supposed.bookings,
    )
    made = _drafted(paths, observed, answers, now, say)
    stop_at(list(made.mistakes), out, language)
    _write(out, made.text, say)
    for told in _told(made, out, paths, now, say):
        echo(told)


def _observed(files: Sequence[Path], zone: ZoneInfo, now: datetime, say: Translator) -> Observed:
    try:
        with progress_bar(files, say) as progress:
            observed = observe(files, zone, ms_of(now), progress)
    except UNUSABLE as error:
        fail(unusable(error, files, _unnamed(say), say))
    if observed.reading.refused:
        for line in reading_lines(observed.reading, _unnamed(say), say):
            complain(line)
    return observed


def _unnamed(say: Translator) -> CityFile:
    """A city of which no more is known than its language."""
    return UNCONFIGURED.model_copy(update={"city": City(name="-", language=say.language)})


def _drafted(
    files: Sequence[Path], observed: Observed, answers: Answers, now: datetime, say: Translator
) -> Draft:
    today = now.astimezone(ZoneInfo(answers.time_zone)).date()
    try:
        with progress_bar(files, say) as progress:
            return draft(files, observed, answers, ms_of(now), today, progress)
    except UNUSABLE as error:
        fail(unusable(error, files, _unnamed(say), say))


def _leave_alone(out: Path, say: Translator) -> None:
    """Exit when there is something already that may be somebody's work."""
    try:
        is_there = out.exists()
    except OSError as error:
        fail(unwritable(out, error, say.language))
    if is_there:
        fail(say.gettext("{file} is there already, and is left alone: name another with --out.", file=out))


def _write(out: Path, text: str, say: Translator) -> None:
    """Write the file, unless one has come to be there."""
    try:
        out.parent.mkdir(exist_ok=True)
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        _leave_alone(out, say)
        fail(unwritable(out, error, say.language))


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDEST
    return console


def _told(
    made: Draft, out: Path, files: Sequence[Path], now: datetime, say: Translator
) -> Iterator[str | Text]:
    """Yield what was written, and what to do next."""
    city = made.city
    if city is None:
        return
    if made.analysis is not None:
        _console().print(WholeWords(figures_table(city, made.analysis)))
        yield ""
    yield say.ngettext(
        "{file} is written, with {number} rule.",
        "{file} is written, with {number} rules.",
        len(city.rules) + len(city.no_data_rules),
        file=out,
    )
    calendar = Calendar(city)
    found = remarks(city, calendar, calendar.local_day(ms_of(now)))
    yield from remarked(in_sentences(found, made.text, str(out)), str(out), city.city.language)
    yield say.gettext("Next:")
    steps = dict(_steps(city, out, files, say))
    width = max((len(command) for command in steps if len(command) <= LONGEST_STEP), default=0)
    yield from (f"  {command:<{width}}  # {why}" for command, why in steps.items())


def _steps(city: CityFile, out: Path, files: Sequence[Path], say: Translator) -> Iterator[tuple[str, str]]:
    """Yield what to run next, and what for."""
    target = shlex.quote(str(out))
    other = "" if out == CITY_FILE else f" --city {target}"
    yield f"wachtpost up{other}", say.gettext("all of it here, with a live page")
    if city.receivers:
        setting = "" if out == CITY_FILE else f"WACHTPOST_CITY_FILE={target} "
        test = f"{setting}wachtpost notify test --receiver {city.receivers[0].id}"
        yield test, say.gettext("a real test message")
    if files:
        given = " ".join(shlex.quote(str(file)) for file in files)
        backtest = f"wachtpost rules backtest --city {target} {given}"
        yield backtest, say.gettext("what these rules would have told of these days")
    yield f"wachtpost config check {target}", say.gettext("after each change of the file")


def _mail(
    smtp: str | None, user: str | None, password_file: Path, sender: str | None, receivers: Sequence[str]
) -> MailServer | None:
    if smtp is None:
        return None
    try:
        host, port = server(smtp)
    except typer.BadParameter as error:
        raise typer.BadParameter(error.message, param_hint="--smtp") from None
    domain = receivers[0].rpartition("@")[2] if receivers else host
    return MailServer(
        host, port, sender or f"wachtpost@{domain}", user, None if user is None else password_file
    )

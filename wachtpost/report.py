"""``wachtpost report PERIOD``"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from services.reporter.report.assemble import (
    BeforeFirstDayError,
    CommentTooLongError,
    Counted,
    NotBegunError,
    assemble,
)
from services.reporter.report.document import MOST_COMMENT, Report
from services.reporter.report.pdf import NoPdfError
from services.reporter.report.reading import read_counted
from services.reporter.report.render import ReportFormat, render
from services.reporter.report.sheet import Sheet
from services.reporter.report.writing import Writing, capital
from shared.calendar import Calendar
from shared.config.errors import unreadable, unwritable
from shared.periods import Period
from shared.translation import Translator, languages, translator
from wachtpost.access import Access, access
from wachtpost.city_file import history_or_explain, sheet_or_explain
from wachtpost.terminal import complain, fail, not_installed

LONGEST_NAME: Final = 255
"""A text that is longer is not the name of a file."""


def _spoken(language: str) -> str:
    if language not in languages():
        raise typer.BadParameter(f"write one of {', '.join(languages())}")
    return language


def report(
    period: Annotated[str, typer.Argument(help="2026, 2026-10, 2026-H1 or 2026-Q3")],
    lang: Annotated[
        str | None, typer.Option(parser=_spoken, help="Language; else that of the city file")
    ] = None,
    kind: Annotated[
        ReportFormat | None, typer.Option("--format", help="Else by the name of --output, or Markdown")
    ] = None,
    site: Annotated[
        list[str] | None, typer.Option(help="Only this site (may be given more than once); else all")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Follow-up sheet around the indicators; else that of the city file")
    ] = None,
    comment: Annotated[
        str, typer.Option(help=f"A comment of at most {MOST_COMMENT} characters, or a file with one")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; else it goes to stdout")
    ] = None,
    excel: Annotated[
        bool, typer.Option("--excel", help="CSV that a Belgian Excel opens: semicolons, decimal commas")
    ] = False,
) -> None:
    """Write the indicators of the policy report over a month, quarter, half year or year.

    Exit status 0: written; 2: it cannot be, and why.
    """
    given = access()
    say = translator(lang or given.city.city.language)
    wanted = _period(period, say)
    kind = _kind(kind or (ReportFormat.CSV if excel else None), output, say)
    if excel and kind is not ReportFormat.CSV:
        fail(say.gettext("--excel is about CSV, not about {format}.", format=kind.value))
    if kind is ReportFormat.PDF and output is None and sys.stdout.isatty():
        fail(say.gettext("A PDF does not belong in a terminal; give a file with --output."))
    around = _sheet(given, sheet, wanted, say)
    made = _assembled(given, wanted, site or (), _comment(comment, say), say)
    _write(_rendered(made, kind, say, around, excel=excel), output, say)
    if output is not None:
        complain(f"{Writing(say).period(wanted)}: {output}")


def _period(name: str, say: Translator) -> Period:
    try:
        return Period.parse(name)
    except ValueError:
        fail(say.gettext("{name} is not a period; write 2026, 2026-10, 2026-H1 or 2026-Q3.", name=name))


def _kind(kind: ReportFormat | None, output: Path | None, say: Translator) -> ReportFormat:
    if kind is not None:
        return kind
    if output is None:
        return ReportFormat.MARKDOWN
    try:
        return ReportFormat(output.suffix.removeprefix(".").lower())
    except ValueError:
        fail(say.gettext("{file} does not tell what form it is to have; give --format.", file=output))


def _sheet(given: Access, file: Path | None, period: Period, say: Translator) -> Sheet | None:
    configured = given.city.report.sheet
    if file is None and configured is not None:
        file = given.settings.city_file.parent / configured
    if file is None:
        return None
    sheet = sheet_or_explain(file, given.city, say.language)
    if sheet.period != period:
        write = Writing(say)
        complain(
            say.gettext(
                "Mind: {file} is a sheet of {sheet}, and these are the figures of {period}.",
                file=file,
                sheet=write.period(sheet.period),
                period=write.period(period),
            )
        )
    return sheet


def _comment(comment: str, say: Translator) -> str:
    """Return the comment: the text, or what the file of that name holds.

    One word with an ending, such as ``toelichting.txt``, means a file: if it is not there, that is a mistake.
    """
    if len(comment) > LONGEST_NAME or "\n" in comment:
        return comment
    file = Path(comment)
    if not (file.is_file() or (file.suffix and not any(map(str.isspace, comment)))):
        return comment
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fail(unreadable(file, error, say.language))


def _assembled(
    given: Access, period: Period, sites: list[str] | tuple[str, ...], comment: str, say: Translator
) -> Report:
    city = given.city
    unknown = [site for site in sites if site not in {one.id for one in city.sites}]
    if unknown:
        fail(
            say.gettext(
                "The city file has no site {name}; it has: {known}.",
                name=unknown[0],
                known=", ".join(one.id for one in city.sites),
            )
        )
    history = history_or_explain(given.settings.city_file, city)
    now = given.now()
    counted: Counted = given.reach(lambda redis: read_counted(redis, city, period))
    write = Writing(say)
    try:
        return assemble(city, Calendar(city), counted, history, period, now, sites=sites, comment=comment)
    except NotBegunError:
        fail(say.gettext("{period} has not begun yet.", period=capital(write.period(period))))
    except BeforeFirstDayError as error:
        if error.first_day is None:
            fail(
                say.gettext(
                    "Not a single day has been counted yet; `wachtpost history import` reads old files."
                )
            )
        fail(
            say.gettext(
                "{period} lies before the first day that Wachtpost counted, {first}. Reported years "
                "of before are in the report of every later period.",
                period=capital(write.period(period)),
                first=write.day(error.first_day),
            )
        )
    except CommentTooLongError as error:
        fail(
            say.gettext(
                "--comment: {length} characters, at most {most}.",
                length=write.number(error.length),
                most=write.number(MOST_COMMENT),
            )
        )


def _rendered(
    made: Report, kind: ReportFormat, say: Translator, sheet: Sheet | None, *, excel: bool
) -> bytes:
    try:
        return render(made, kind, say, sheet, excel=excel)
    except NoPdfError as error:
        fail(
            say.gettext(
                "PDF needs Pango on this machine (Debian, Ubuntu: apt install libpango-1.0-0 "
                "libpangoft2-1.0-0 libharfbuzz-subset0): {why}",
                why=error.lacking,
            )
            if error.lacking
            else not_installed("weasyprint", "pdf", say)
        )


def _write(document: bytes, output: Path | None, say: Translator) -> None:
    if output is None:
        sys.stdout.buffer.write(document)
        return
    try:
        output.write_bytes(document)
    except OSError as error:
        fail(unwritable(output, error, say.language))

"""Makes the mail of a report: reads the days, renders the files. The heavy part, so it runs in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from services.reporter.mail import MEDIA_TYPES, READABLE, compose, file_name, kind_of
from services.reporter.report.assemble import BeforeFirstDayError, NotBegunError
from services.reporter.report.document import Report
from services.reporter.report.pdf import NoPdfError
from services.reporter.report.reading import read_report
from services.reporter.report.render import ReportFormat, render
from services.reporter.report.sheet import Sheet
from shared.config.loader import ConfigRefusedError, read_beside
from shared.config.model import CityFile
from shared.config.references import city_mistakes
from shared.contract.report_events import MOST_BYTES, Attachment, Document, weight
from shared.periods import Period
from shared.process.settings import ServiceSettings
from shared.translation import translator

log = structlog.stdlib.get_logger(__name__)

Make = Callable[[str, Period, datetime], Awaitable[Document]]
"""Makes the mail of a period's report under an id, at an instant. Raises ``CannotMakeError``, or
``redis.RedisError`` when Redis cannot be reached."""


class CannotMakeError(Exception):
    """A report cannot be made, for a reason that somebody has to mend; the text says which."""


def maker(settings: ServiceSettings, city: CityFile) -> Make:
    """Return what makes the mails of a city's reports."""

    async def make(name: str, period: Period, now: datetime) -> Document:
        # A year of days and a PDF take seconds, in which the service must say that it is well.
        return await asyncio.to_thread(lambda: asyncio.run(_mail(settings, city, name, period, now)))

    return make


async def _mail(
    settings: ServiceSettings, city: CityFile, name: str, period: Period, now: datetime
) -> Document:
    try:
        sheet = _sheet(settings.city_file, city)
        report = await read_report(settings, city, settings.city_file, period, now)
    except (ConfigRefusedError, ValueError, NotBegunError, BeforeFirstDayError) as error:
        raise CannotMakeError(str(error).partition("\n")[0]) from error
    return mail_of(name, report, tuple(dict.fromkeys(city.report.attach)), sheet)


def mail_of(name: str, report: Report, kinds: Sequence[str], sheet: Sheet | None = None) -> Document:
    """Return the mail of a report with these kinds of files, in its city's language.

    A PDF that cannot be made is left out and said; without any other file the readable one comes instead.
    That one also stands in for files that are too large together.
    """
    files = list(_files(report, kinds, sheet))
    not_made = [kind for kind in kinds if kind not in map(kind_of, files)]
    if READABLE not in map(kind_of, files) and (weight(files) > MOST_BYTES or not files):
        files += _files(report, [READABLE], sheet)
    return compose(name, report, files, not_made)


def _files(report: Report, kinds: Sequence[str], sheet: Sheet | None) -> Iterator[Attachment]:
    for kind in kinds:
        try:
            # A mailed table is opened on a double click.
            data = render(report, ReportFormat(kind), translator(report.language), sheet, excel=True)
        except NoPdfError as error:
            log.warning("no_pdf", why=str(error))
            continue
        name = file_name(report.city, report.period, kind)
        yield Attachment(name=name, media_type=MEDIA_TYPES[kind], data=data)


def _sheet(city_file: Path, city: CityFile) -> Sheet | None:
    """The follow-up sheet that the city file names, relative to it. Raises ``ConfigRefusedError``."""
    if city.report.sheet is None:
        return None
    file, own = city_file.parent / city.report.sheet, partial(city_mistakes, city.city.name)
    return read_beside(Sheet, file, city.city.language, own)

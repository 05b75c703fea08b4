"""A report in any of its formats, with or without the follow-up sheet around it."""

from __future__ import annotations

from enum import StrEnum

from services.reporter.report.compose import compose, title_of
from services.reporter.report.document import Report
from services.reporter.report.markdown import indicator_block_markdown, report_markdown
from services.reporter.report.page import block_html, page
from services.reporter.report.pdf import as_pdf
from services.reporter.report.rows import as_csv, as_json
from services.reporter.report.sheet import Sheet, as_markdown, sheet_html, sheet_markdown
from services.reporter.report.words import Words

BELOW_SHEET = 3
"""The level of headings in the indicator block of a sheet."""


class ReportFormat(StrEnum):
    """The value is also the ending of a file's name."""

    MARKDOWN = "md"
    HTML = "html"
    PDF = "pdf"
    CSV = "csv"
    JSON = "json"


def render(given: Report, kind: ReportFormat, words: Words, sheet: Sheet | None = None) -> bytes:
    """Return a report as the bytes of a file, in the language of ``words``.

    With a ``sheet``, Markdown, HTML and PDF are the whole follow-up sheet with the report in its indicator
    block; CSV and JSON hold figures alone. Raises ``pdf.NoPdfError`` where no PDF can be made.
    """
    match kind:
        case ReportFormat.CSV:
            return as_csv(given)
        case ReportFormat.JSON:
            return as_json(given, words)
        case ReportFormat.MARKDOWN:
            return _markdown(given, words, sheet).encode()
        case ReportFormat.HTML:
            return _html(given, words, sheet).encode()
        case ReportFormat.PDF:
            return as_pdf(_html(given, words, sheet))


def _html(given: Report, words: Words, sheet: Sheet | None) -> str:
    text = compose(given, words)
    if sheet is None:
        return page(text.title, block_html(text, level=2), words)
    body = sheet_html(sheet, words.language, block_html(text, level=BELOW_SHEET))
    return page(title_of(given, words), body, words)


def _markdown(given: Report, words: Words, sheet: Sheet | None) -> str:
    text = compose(given, words)
    if sheet is None:
        return report_markdown(text)
    below = sheet_markdown(sheet, words.language, indicator_block_markdown(text, level=BELOW_SHEET))
    return f"# {as_markdown(title_of(given, words))}\n\n{below}"

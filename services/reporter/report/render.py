"""A report in any of its formats, with or without the follow-up sheet around it."""

from __future__ import annotations

from enum import StrEnum

from services.reporter.report.compose import compose
from services.reporter.report.document import Report
from services.reporter.report.markdown import indicator_block_markdown, report_markdown
from services.reporter.report.page import block_html, page
from services.reporter.report.pdf import as_pdf
from services.reporter.report.rows import as_json, figures_csv
from services.reporter.report.sheet import Sheet, as_markdown, sheet_html, sheet_markdown
from shared.translation import Translator

BELOW_SHEET = 3
"""The level of headings in the indicator block of a sheet."""


class ReportFormat(StrEnum):
    """The value is also the ending of a file's name."""

    MARKDOWN = "md"
    HTML = "html"
    PDF = "pdf"
    CSV = "csv"
    JSON = "json"


def render(
    given: Report, kind: ReportFormat, say: Translator, sheet: Sheet | None = None, *, excel: bool = False
) -> bytes:
    """Return a report as the bytes of a file, in the language of ``say``.

    With a ``sheet``, Markdown, HTML and PDF are the whole follow-up sheet with the report in its indicator
    block; CSV and JSON hold figures alone. ``excel``: CSV as a Belgian Excel opens it.
    Raises ``pdf.NoPdfError`` where no PDF can be made.
    """
    match kind:
        case ReportFormat.CSV:
            return figures_csv(given, excel=excel)
        case ReportFormat.JSON:
            return as_json(given, say)
        case ReportFormat.MARKDOWN:
            return _markdown(given, say, sheet).encode()
        case ReportFormat.HTML:
            return _html(given, say, sheet).encode()
        case ReportFormat.PDF:
            return as_pdf(_html(given, say, sheet))


def _html(given: Report, say: Translator, sheet: Sheet | None) -> str:
    text = compose(given, say)
    if sheet is None:
        return page(text.title, block_html(text, level=2), say)
    body = sheet_html(sheet, say, block_html(text, level=BELOW_SHEET))
    return page(text.title, body, say)


def _markdown(given: Report, say: Translator, sheet: Sheet | None) -> str:
    text = compose(given, say)
    if sheet is None:
        return report_markdown(text)
    below = sheet_markdown(sheet, say, indicator_block_markdown(text, level=BELOW_SHEET))
    return f"# {as_markdown(text.title)}\n\n{below}"

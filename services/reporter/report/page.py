"""A report as one HTML file that needs nothing else: styles and charts are in it. Prints on A4."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from services.reporter.report.charts import Chart, svg
from services.reporter.report.compose import ReportText, compose
from services.reporter.report.document import Report
from services.reporter.report.sheet import sheet_css
from services.reporter.report.words import Words

PACKAGE: Final = "services.reporter.report"

_UNIT: Final = re.compile(
    r"(?<=\d) (?=%|s\b|werkdag|working day|uur\b|hours\b|v\d)|(?<=[≤≥✓✗]) |(?<=[a-z]) (?=\d{4}\b)"
)
"""A number and its unit stay on one line, and so do a month and its year."""

_RANGE: Final = re.compile(r"(?<=\d)–(?=\d)")

_FOR_CSS: Final = re.compile(r"[^\w .,:;()&/+–-]")


def report_html(text: ReportText, words: Words) -> str:
    """Return the whole page of a report."""
    return page(text.title, block_html(text, level=2), words)


def indicator_block_html(report: Report, words: Words, level: int = 2) -> str:
    """Return everything below a report's title as part of a page; ``level`` is that of its headings."""
    return block_html(compose(report, words), level)


def block_html(text: ReportText, level: int) -> str:
    """Return everything below the title of a report, already in words."""
    return _environment().get_template("block.html.j2").render(text=text, level=level)


def page(title: str, body: str, words: Words) -> str:
    """Return a complete page around ``body``, which is HTML already: with language, styles and the ``h1``."""
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            body=Markup(body),  # noqa: S704 - made by the templates here, which escape
            words=words,
            styles=Markup(_styles()),  # noqa: S704 - files of this package
            for_css=_FOR_CSS.sub(" ", title),
        )
    )


@cache
def _styles() -> str:
    return files(PACKAGE).joinpath("page.css").read_text(encoding="utf-8") + sheet_css()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawn"] = _drawn
    environment.filters["kept"] = _kept
    return environment


def _drawn(chart: Chart, name: str) -> Markup:
    return Markup(svg(chart, name))  # noqa: S704 - it escapes every text


def _kept(text: str) -> Markup:
    return Markup(_RANGE.sub("&NoBreak;–&NoBreak;", _UNIT.sub("&nbsp;", escape(text))))  # noqa: S704 - escaped on this line

"""A report as one HTML file that needs nothing else: styles and charts are in it. Prints on A4."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment
from markupsafe import Markup, escape

from services.reporter.report.charts import Chart, svg
from services.reporter.report.compose import ReportText
from services.reporter.report.sheet import PACKAGE, report_templates, sheet_css
from shared.translation import Translator

_UNIT: Final = re.compile(
    r"(?<=\d) (?=%|s\b|werkdag|working day|jour|Arbeitstag|uur\b|hours\b|h\b|v\d)"
    r"|(?<=[≤≥✓✗]) |(?<=[a-zé]) (?=\d{4}\b)"
)
"""A number and its unit stay on one line, and so do a month and its year."""

_RANGE: Final = re.compile(r"(?<=\d)–(?=\d)")

_FOR_CSS: Final = re.compile(r"[^\w .,:;()&/+–-]")


def block_html(text: ReportText, level: int) -> str:
    """Return everything below the title of a report, already in words."""
    return _environment().get_template("block.html.j2").render(text=text, level=level)


def page(title: str, body: str, say: Translator) -> str:
    """Return a complete page around ``body``, which is HTML already: with language, styles and the ``h1``."""
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            body=Markup(body),  # noqa: S704 - made by the templates here, which escape
            language=say.language,
            page=say.gettext("Page"),
            styles=Markup(_styles()),  # noqa: S704 - files of this package
            for_css=_FOR_CSS.sub(" ", title),
        )
    )


@cache
def _styles() -> str:
    return files(PACKAGE).joinpath("page.css").read_text(encoding="utf-8") + sheet_css()


@cache
def _environment() -> Environment:
    environment = report_templates()
    environment.filters["drawn"] = _drawn
    environment.filters["unbroken"] = _unbroken
    return environment


def _drawn(chart: Chart, name: str) -> Markup:
    return Markup(svg(chart, name))  # noqa: S704 - it escapes every text


def _unbroken(text: str) -> Markup:
    return Markup(_RANGE.sub("&NoBreak;–&NoBreak;", _UNIT.sub("&nbsp;", escape(text))))  # noqa: S704 - escaped on this line

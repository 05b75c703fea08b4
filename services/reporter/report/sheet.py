"""The follow-up sheet around the indicators: as part of a page, and as Markdown.

A ``Sheet`` is what the city wrote; titles, statuses and numbers are in the language of the report. Texts of
the city in another language are marked so, for screen readers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.reporter.report.sheet_file import Evaluation, Progress, Sheet, Spending, Timing
from services.reporter.report.sheet_money import MoneyTables
from services.reporter.report.writing import Writing
from shared.translation import Msg, Translator

__all__ = ["Sheet", "sheet_css", "sheet_html", "sheet_markdown"]

PACKAGE: Final = "services.reporter.report"

_MARKS: Final = re.compile(r"[\\`*_\[\]<|~#$]|&(?=#?\w+;)|^[-+=>]|^\d{1,9}[.)](?=\s|$)")
"""What Markdown would take for more than a sign; its last character is the one to mask."""

Status = Evaluation | Spending | Progress | Timing

STATUSES: Final[Mapping[Status, Msg]] = {
    # Translators: how a policy goal stands.
    Evaluation.ACHIEVED: Msg("achieved"),
    Evaluation.ON_TRACK: Msg("on track"),
    Evaluation.AT_RISK: Msg("needs attention"),
    Evaluation.OFF_TRACK: Msg("off track"),
    # Translators: what was spent.
    Spending.AS_PLANNED: Msg("as planned"),
    Spending.LESS_THAN_PLANNED: Msg("less than planned"),
    Spending.MORE_THAN_PLANNED: Msg("more than planned"),
    # Translators: how far an action is.
    Progress.NOT_STARTED: Msg("not started"),
    Progress.IN_PROGRESS: Msg("in progress"),
    Progress.DONE: Msg("completed"),
    Progress.STOPPED: Msg("discontinued"),
    # Translators: how an action keeps to its dates.
    Timing.AHEAD: Msg("ahead of schedule"),
    Timing.ON_SCHEDULE: Msg("on schedule"),
    Timing.DELAYED: Msg("delayed"),
}

# Translators: begin and end of an action, in the letters of the CLDR (dd-MM-y is 01-05-2026).
_DAY: Final = Msg("d MMMM y", "date pattern of the follow-up sheet")


class _Ready(str):
    """Markdown already."""

    __slots__ = ()


@cache
def sheet_css() -> str:
    """Return the styles that ``sheet_html`` wants in its page; all of them are below ``.sheet``."""
    return files(PACKAGE).joinpath("sheet.css").read_text(encoding="utf-8")


def sheet_html(sheet: Sheet, say: Translator, indicators_html: str) -> str:
    """Return the sheet as part of a page's body, with ``indicators_html`` in its place, unescaped.

    The page has the ``h1``. Every block has an ``h2``, the indicators too: theirs start at ``h3``.
    """
    return _html().get_template("sheet.html.j2").render(_filled(sheet, say), within=indicators_html)


def sheet_markdown(sheet: Sheet, say: Translator, indicators_md: str) -> str:
    """Return the sheet as Markdown below a ``#`` title, with ``indicators_md`` in its place.

    Every block has a ``##``, the indicators too: theirs start at ``###``.
    """
    template = _markdown().get_template("sheet.md.j2")
    text = template.render(_filled(sheet, say), within=_Ready(indicators_md.strip()))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def as_markdown(text: str) -> str:
    """Return a text, on one line, such that Markdown shows just that text."""
    return _MARKS.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", " ".join(text.split()))


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a city's text, each on one line; blank lines part them."""
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()]


def _filled(sheet: Sheet, say: Translator) -> dict[str, object]:
    write = Writing(say)
    money = MoneyTables(sheet.period, write)
    period = write.period(sheet.period)

    def status_word(status: Status | None) -> str:
        return say.gettext("not filled in") if status is None else say.text(STATUSES[status])

    def day(day: date | None) -> str:
        return say.gettext("not filled in") if day is None else say.local(day, _DAY)

    def label(text: str) -> str:
        # Translators: a label in front of what it is about.
        return say.gettext("{label}:", label=text)

    return {
        **say.for_templates(),
        "sheet": sheet,
        "period": period,
        "foreign": "" if sheet.language == say.language else sheet.language,
        "plans": [
            (
                plan,
                money.table(
                    [plan.money],
                    say.gettext("Money of action plan {code}, {period}", code=plan.code, period=period),
                ),
            )
            for plan in sheet.action_plans
        ],
        "total": money.table(
            (plan.money for plan in sheet.action_plans),
            say.gettext("Total of the action plans on this sheet, {period}", period=period),
        ),
        "status_word": status_word,
        "day": day,
        "label": label,
    }


@cache
def _html() -> Environment:
    return report_templates()


@cache
def _markdown() -> Environment:
    return report_templates(_unless_ready)


def _unless_ready(value: object) -> str:
    return value if isinstance(value, _Ready) else as_markdown(str(value))


def report_templates(finalize: Callable[[object], str] | None = None) -> Environment:
    """Return the templates of reports and sheets; HTML escapes what it is filled with."""
    environment = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=select_autoescape(["html.j2"], default=False),
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["paragraphs"] = paragraphs
    return environment

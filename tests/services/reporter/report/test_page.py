"""The page of a report, read as a browser and a screen reader read it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from importlib.resources import files
from itertools import pairwise

import pytest

from domain.period_kpis import Days
from domain.queue_ref import QueueRef
from services.reporter.report.charts import BAR, contrast
from services.reporter.report.document import Report
from services.reporter.report.render import ReportFormat, render
from services.reporter.report.writing import Writing
from shared.translation import languages, translator
from tests.support import report_year
from tests.support.html import Element, read

LANGUAGES = pytest.mark.parametrize("language", languages())
HALF_YEAR = report_year.report("2026-H1", date(2026, 10, 15), comment=report_year.COMMENT)
REPORTS = {
    "half year": HALF_YEAR,
    "month": report_year.report("2026-05", date(2026, 6, 3)),
    "running year": report_year.report("2026", date(2026, 10, 14)),
}
EACH = pytest.mark.parametrize("name", REPORTS)


def page(report: Report, language: str = "nl") -> str:
    return render(report, ReportFormat.HTML, translator(language)).decode()


@LANGUAGES
@EACH
def test_headings_go_down_one_level_at_a_time_below_one_title(name: str, language: str):
    levels = [int(h.name[1]) for h in read(page(REPORTS[name], language)).all("h1", "h2", "h3", "h4", "h5")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@LANGUAGES
def test_the_page_says_which_language_it_is_in(language: str):
    (html,) = read(page(HALF_YEAR, language)).all("html")
    assert html.attributes["lang"] == language


@EACH
def test_ids_are_unique_and_whatever_refers_to_one_finds_it(name: str):
    root = read(page(REPORTS[name]))
    ids = [one.attributes["id"] for one in root.all() if "id" in one.attributes]
    assert len(set(ids)) == len(ids)
    for one in root.all():
        for wanted in one.attributes.get("aria-labelledby", "").split():
            assert wanted in ids
    assert set(re.findall(r"url\(#([\w-]+)\)", page(REPORTS[name]))) <= set(ids)


@LANGUAGES
@EACH
def test_every_table_has_a_caption_and_headings_for_rows_and_columns(name: str, language: str):
    tables = list(read(page(REPORTS[name], language)).all("table"))
    assert len(tables) >= 9
    for table in tables:
        (caption,) = table.all("caption")
        assert caption.text
        rows = list(table.all("tr"))
        widths = {len([c for c in row.inside if isinstance(c, Element)]) for row in rows}
        assert len(widths) == 1
        assert {head.attributes["scope"] for head in table.all("th")} == {"row", "col"}
        for row in rows[1:]:
            first = next(cell for cell in row.inside if isinstance(cell, Element))
            assert (first.name, first.attributes["scope"]) == ("th", "row")


@EACH
def test_every_chart_is_a_picture_with_a_name_and_a_description(name: str):
    charts = list(read(page(REPORTS[name])).all("svg"))
    assert len(charts) >= 5
    for chart in charts:
        assert chart.attributes["role"] == "img"
        told = {one.attributes["id"]: one.text for one in chart.all("title", "desc")}
        assert all(told[wanted] for wanted in chart.attributes["aria-labelledby"].split())


@EACH
def test_the_page_needs_nothing_from_outside(name: str):
    html = page(REPORTS[name])
    root = read(html)
    assert not list(root.all("script", "link", "img", "iframe", "object"))
    assert not [one for one in root.all() if {"src", "href", "onclick"} & set(one.attributes)]
    assert "@import" not in html
    assert set(re.findall(r"https?://[^\s\"']+", html)) <= {"http://www.w3.org/2000/svg"}


def test_met_or_not_is_a_sign_and_words():
    for verdict in read(page(HALF_YEAR)).all("span"):
        if "verdict" in verdict.attributes.get("class", "").split():
            met = "not-met" not in verdict.attributes["class"]
            assert verdict.text.startswith("✓ " if met else "✗ ")
            assert "gehaald" in verdict.text


@LANGUAGES
def test_the_figures_of_the_policy_follow_up_are_on_the_page(language: str):
    text = read(page(HALF_YEAR, language)).text.replace("\xa0", " ")
    decimal, unit = (".", "%") if language == "en" else (",", " %")
    for figure in ("16.14", "12.19", "11.70", "11.14", "14.02", "13.08", "11.56"):
        assert figure.replace(".", decimal) + unit in text


def test_every_figure_of_the_report_is_on_the_page():
    text = read(page(HALF_YEAR)).text.replace("\xa0", " ")
    write = Writing(translator("nl"))
    site = HALF_YEAR.sites[0]
    shown = [*site.missed_years, *site.call_waits, *site.lead_times, *site.missed_months]
    for one in [*shown, *(month for cluster in site.clusters for month in cluster.months)]:
        assert write.value(one.kpi, one.value, one.samples) in text
        if one.samples is not None:
            assert write.number(one.samples) in text


@pytest.mark.parametrize(
    ("language", "headings"),
    [
        (
            "nl",
            (
                "Bezoekerswachttijd per activiteitcluster Stadskantoor (maandelijks)",
                "Gemiddelde wachttijd beantwoorde oproepen klantencontactcentrum (maandelijks)",
                "Percentage beantwoorde oproepen klantencontactcentrum naar snelheidscategorie (maandelijks)",
                "Procentueel aandeel gemiste oproepen klantencontactcentrum stadskantoor (jaarlijks)",
            ),
        ),
        (
            "en",
            (
                "Visitor wait per activity cluster at the town hall (monthly)",
                "Mean wait of answered calls to the customer contact centre (monthly)",
                "Percentage of answered calls to the customer contact centre by speed category (monthly)",
                "Percentage of missed calls to the customer contact centre at the town hall (yearly)",
            ),
        ),
    ],
)
def test_the_indicators_have_the_headings_of_the_policy_report(language: str, headings: tuple[str, ...]):
    found = [h.text for h in read(page(HALF_YEAR, language)).all("h2")]
    assert [title for title in found if title in headings] == list(headings)


def test_the_comment_is_text_and_nothing_else():
    html = page(HALF_YEAR)
    assert "&lt;de wachttijd&gt; liep op &amp; er werd *meer* opgehangen." in html
    (section,) = (s for s in read(html).all("section") if s.attributes["aria-labelledby"] == "report-comment")
    assert len(list(section.all("p"))) == 2


def test_an_empty_period_has_no_figure_at_all():
    days: Days = {
        QueueRef("stad", "loket-ocmw"): report_year.counted(date(2026, 1, 20)).days[
            QueueRef("stad", "loket-ocmw")
        ]
    }
    html = page(report_year.report("2026-05", date(2026, 6, 3), days=days))
    text = read(html).text
    assert "geen gegevens" in text
    assert "Er waren geen oproepen." in text
    assert "0,00" not in text
    assert not re.search(r"(?<!\d)0:00", text)
    drawn = [rect.attributes["fill"] for svg in read(html).all("svg") for rect in svg.all("rect")]
    assert BAR not in drawn


def test_names_of_the_city_are_text_and_nothing_else():
    nasty = "<b>A&B</b>"
    site = replace(
        HALF_YEAR.sites[0],
        name=nasty,
        clusters=tuple(replace(one, name=nasty) for one in HALF_YEAR.sites[0].clusters),
        queue_names=dict.fromkeys(HALF_YEAR.sites[0].queue_names, nasty),
    )
    breaks = tuple(one.model_copy(update={"text": nasty}) for one in HALF_YEAR.breaks)
    for sites in ((site,), (site, site)):
        html = page(replace(HALF_YEAR, city=nasty, sites=sites, breaks=breaks))
        assert nasty not in html
        assert not list(read(html).all("b"))


def colours() -> dict[str, str]:
    css = files("services.reporter.report").joinpath("page.css").read_text(encoding="utf-8")
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", css))


@pytest.mark.parametrize("ink", ["ink", "soft", "met", "not-met"])
@pytest.mark.parametrize("ground", ["paper", "shade", "warning-shade"])
def test_text_can_be_read_on_every_ground(ink: str, ground: str):
    assert contrast(colours()[ink], colours()[ground]) >= 4.5


def test_the_styles_use_no_colour_that_is_not_checked():
    css = files("services.reporter.report").joinpath("page.css").read_text(encoding="utf-8")
    outside = re.sub(r":root \{.*?\}", "", css, flags=re.DOTALL)
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(", outside)
    assert set(re.findall(r"var\(--([\w-]+)", outside)) <= set(colours())


@pytest.mark.parametrize(
    "rule", ["size: A4", "break-after: avoid", "break-inside: avoid", "table-header-group"]
)
def test_the_styles_know_paper(rule: str):
    assert rule in files("services.reporter.report").joinpath("page.css").read_text(encoding="utf-8")


def test_printed_pages_carry_title_and_number():
    html = page(HALF_YEAR)
    assert '@top-left { content: "Beleidsindicatoren Stad Proef, eerste helft van 2026"' in html
    assert 'content: "Bladzijde " counter(page) " / " counter(pages)' in html

"""A report in each format, against what was looked at and found good.

``WACHTPOST_WRITE_REPORTS=1`` writes the expected files anew; look at them before they are committed.
"""

from __future__ import annotations

import csv
import io
import json
import os
from datetime import date
from pathlib import Path

import pytest

from domain.how_sure import Verdict
from domain.period_kpis import PeriodKpi
from services.reporter.report import page as page_module
from services.reporter.report.compose import compose
from services.reporter.report.document import Report
from services.reporter.report.render import ReportFormat, render
from services.reporter.report.rows import FigureRow, rows
from services.reporter.report.writing import Writing
from shared.contract.kpis import Kpi
from shared.periods import Period
from shared.translation import translator
from tests.support import report_year

WRITE = "WACHTPOST_WRITE_REPORTS"
EXPECTED = Path(__file__).parent / "golden"
STYLES = Path(page_module.__file__).parent

HALF_YEAR = report_year.report("2026-H1", date(2026, 10, 15), comment=report_year.COMMENT)
REPORTS = {
    "half-year": HALF_YEAR,
    "month": report_year.report("2026-05", date(2026, 6, 3)),
    "running-year": report_year.report("2026", date(2026, 10, 14)),
}
LANGUAGES = pytest.mark.parametrize("language", ["nl", "en"])
NL = Writing(translator("nl"))
EN = Writing(translator("en"))


def same_as_expected(name: str, made: bytes) -> None:
    file = EXPECTED / name
    if os.environ.get(WRITE):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(made)
    assert file.is_file(), f"{file} is not there; {WRITE}=1 writes it"
    assert made.decode() == file.read_bytes().decode()


@LANGUAGES
@pytest.mark.parametrize("name", REPORTS)
def test_reads_as_it_always_did(name: str, language: str):
    same_as_expected(
        f"{name}.{language}.md", render(REPORTS[name], ReportFormat.MARKDOWN, translator(language))
    )


@LANGUAGES
def test_looks_as_it_always_did(language: str):
    page = render(REPORTS["month"], ReportFormat.HTML, translator(language))
    for name in ("page.css", "sheet.css"):  # both stand in it whole; the expected page names them only
        styles = (STYLES / name).read_bytes()
        assert page.count(styles) == 1
        page = page.replace(styles, f"/* {name} */\n".encode())
    same_as_expected(f"month.{language}.html", page)


def test_figures_for_machines_are_as_they_always_were():
    same_as_expected("month.csv", render(REPORTS["month"], ReportFormat.CSV, translator("nl")))
    same_as_expected("month.json", render(REPORTS["month"], ReportFormat.JSON, translator("nl")))


@pytest.mark.parametrize("name", REPORTS)
def test_csv_has_the_exact_figures_whatever_the_language(name: str):
    report = REPORTS[name]
    dutch, english = (render(report, ReportFormat.CSV, translator(language)) for language in ("nl", "en"))
    assert dutch == english
    read = list(csv.DictReader(io.StringIO(dutch.decode(), newline="")))
    expected = list(rows(report))
    assert len(read) == len(expected)
    assert list(read[0]) == list(FigureRow._fields)
    for line, row in zip(read, expected, strict=True):
        assert (float(line["value"]) if line["value"] else None) == row.value
        assert line["met"] == {None: "", True: "true", False: "false"}[row.met]


def test_csv_tells_each_figure_apart():
    known = [
        (row.part, row.period, row.kpi, row.queue, row.name, row.definition, row.counted_as, row.origin)
        for row in rows(HALF_YEAR)
    ]
    assert len(set(known)) == len(known)


def test_json_has_the_same_figures_as_csv():
    made = json.loads(render(HALF_YEAR, ReportFormat.JSON, translator("en")))
    (site,) = made["sites"]
    by_part = {
        part: [one["value"] for one in site[part]]
        for part in (
            "visit_waits",
            "call_waits",
            "missed_years",
            "missed_months",
            "handle_times",
            "lead_times",
        )
    }
    for part, values in by_part.items():
        assert values == [row.value for row in rows(HALF_YEAR) if row.part == part]
    assert made["schema"] == "wachtpost.report/1"
    assert site["call_waits"][4]["text"] == "63.8 s"
    assert site["call_waits"][4]["verdict_text"] == "not met"


@pytest.mark.parametrize(
    ("kpi", "value", "dutch", "english"),
    [
        (Kpi.MISSED_RATIO, 0.1614, "16,14 %", "16.14%"),
        (Kpi.MISSED_RATIO, 0.200001, "20,00 %", "20.00%"),
        (Kpi.SERVICE_LEVEL, 0.79996, "80,00 %", "80.00%"),
        (Kpi.CALL_WAIT_MEAN, 45.06, "45,1 s", "45.1 s"),
        (Kpi.CALL_WAIT_MEAN, 1234.5, "1.234,5 s", "1,234.5 s"),
        (Kpi.VISIT_WAIT_MEAN, 60.0, "1:00", "1:00"),
        (Kpi.VISIT_WAIT_MEAN, 60.4, "1:00", "1:00"),
        (Kpi.LEAD_TIME_MEAN, 4.96, "5,0", "5.0"),
        (Kpi.MISSED_RATIO, None, "geen gegevens", "no data"),
    ],
)
def test_figures_are_written_as_in_the_language(kpi: Kpi, value: float | None, dutch: str, english: str):
    assert (NL.value(kpi, value, None), EN.value(kpi, value, None)) == (dutch, english)


@pytest.mark.parametrize(
    ("kpi", "value", "target", "dutch"),
    [
        (Kpi.MISSED_RATIO, 0.200001, 0.2, "20,0001 %"),
        (Kpi.MISSED_RATIO, 0.2, 0.2, "20,00 %"),
        (Kpi.SERVICE_LEVEL, 0.79996, 0.8, "79,996 %"),
        (Kpi.CALL_WAIT_MEAN, 45.001, 45.0, "45,001 s"),
        (Kpi.VISIT_WAIT_MEAN, 60.4, 60.0, "1:00,4"),
        (Kpi.LEAD_TIME_MEAN, 5.001, 5.0, "5,001"),
        (Kpi.LEAD_TIME_MEAN, 3.04, 5.0, "3,0"),
    ],
)
def test_a_figure_beside_its_target_has_as_many_decimals_as_it_takes_to_stand_on_its_side(
    kpi: Kpi, value: float, target: float, dutch: str
):
    assert NL.value(kpi, value, 1_000, target) == dutch


@pytest.mark.parametrize(("missed", "calls", "dutch"), [
    (19, 81, "23 %"),  # as on the boards and in the alarms
    (234, 999, "23,4 %"),
    (234, 1_000, "23,40 %"),  # as the policy follow-up publishes it
    (1, 30_000, "0,00 %"),
])  # fmt: skip
def test_a_share_has_the_decimals_that_its_contacts_bear(missed: int, calls: int, dutch: str):
    assert NL.value(Kpi.MISSED_RATIO, missed / calls, calls) == dutch


def test_what_was_reported_before_is_shown_as_it_was_reported():
    assert NL.value(Kpi.MISSED_RATIO, 0.1614, None) == "16,14 %"


@pytest.mark.parametrize(
    ("kpi", "limit", "dutch"),
    [
        (Kpi.MISSED_RATIO, 0.2, "≤ 20 %"),
        (Kpi.SERVICE_LEVEL, 0.8, "≥ 80 %"),
        (Kpi.CALL_WAIT_MEAN, 45.0, "≤ 45 s"),
        (Kpi.CALL_WAIT_MEAN, 45.5, "≤ 45,5 s"),
        (Kpi.VISIT_WAIT_MEAN, 60.0, "≤ 1:00"),
        (Kpi.LEAD_TIME_MEAN, 5.0, "≤ 5 werkdagen"),
        (Kpi.LEAD_TIME_MEAN, 1.0, "≤ 1 werkdag"),
        (Kpi.LEAD_TIME_MEAN, None, "geen doel"),
    ],
)
def test_targets_are_written_as_in_the_language(kpi: Kpi, limit: float | None, dutch: str):
    assert NL.limit(kpi, limit) == dutch


@pytest.mark.parametrize(
    ("verdict", "complete", "value", "dutch"),
    [
        (Verdict.WITHIN, True, 0.1, "gehaald"),
        (Verdict.BEYOND, True, 0.3, "niet gehaald"),
        (Verdict.WITHIN, False, 0.1, "tot nu toe gehaald"),
        (Verdict.BEYOND, False, 0.3, "tot nu toe niet gehaald"),
        (Verdict.UNDECIDED, False, 0.3, "nog niet te zeggen"),
        (None, True, 0.1, "geen doel"),
        (None, True, None, "geen gegevens"),
    ],
)
def test_verdicts_in_words(verdict: Verdict | None, complete: bool, value: float | None, dutch: str):
    one = PeriodKpi(
        Kpi.MISSED_RATIO,
        "stad",
        "all",
        Period.parse("2026"),
        value,
        10,
        None,
        verdict=verdict,
        complete=complete,
    )
    assert NL.verdict_text(one) == dutch


@pytest.mark.parametrize(
    ("difference", "samples", "dutch"),
    [
        (0.0263, 1_000, "2,63 procentpunt hoger"),
        (-0.0263, 1_000, "2,63 procentpunt lager"),
        (-0.0263, 999, "2,6 procentpunt lager"),
        (0.00001, 1_000, "het aandeel verschilt minder dan 0,01 procentpunt"),
        (-0.0263, 99, "3 procentpunt lager"),
        (-0.0004, 999, "het aandeel verschilt minder dan 0,1 procentpunt"),
    ],
)
def test_differences_in_words(difference: float, samples: int, dutch: str):
    assert NL.points(difference, samples) == dutch


def test_markdown_shows_a_comment_as_it_was_typed():
    text = render(HALF_YEAR, ReportFormat.MARKDOWN, translator("nl")).decode()
    assert r"er werd \*meer\* opgehangen" in text
    assert r"\<de wachttijd" in text


def test_a_lost_target_is_a_warning():
    # The last days of a year in which a third of the calls were missed.
    report = _bad_end()
    texts = [
        block for site in compose(report, translator("nl")).sites for s in site.sections for block in s.blocks
    ]
    warned = [str(one) for one in texts if "Waarschuwing" in str(one)]
    assert len(warned) == 1
    assert "In 2026 kan 20 % niet meer gehaald worden" in warned[0]


def _bad_end() -> Report:
    counted = report_year.counted(date(2026, 12, 29)).days
    for queue_ref, shelf in counted.items():
        if queue_ref.queue in report_year.PHONES:
            for day, bucket in shelf.items():
                if day.year == 2026:
                    bucket.timed_out += bucket.answered // 2
    return report_year.report("2026", date(2026, 12, 30), days=counted)

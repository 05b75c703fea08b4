"""The page in a real browser: on a desktop no table is cut off, however few or many figures it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.bucket import Bucket
from services.reporter.report.render import ReportFormat, render
from shared.translation import languages, translator
from tests.services.reporter.report.test_assemble import at, made
from tests.support import chromium, report_city
from tests.support.chromium import Chromium

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium.binary() is None, reason="chromium is not installed"),
]

COUNTERS = ("Burgerzaken en bevolkingsadministratie", "Omgevingsvergunningenloket", "Wonen", "Energie")
DESKTOP = 1100
"""Pixels; a browser on half a screen, or on a small laptop."""
CUT_OFF = """[...document.querySelectorAll(".across")].filter(e => e.scrollWidth > e.clientWidth)
    .map(e => e.querySelector("caption").innerText)"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("browser") / "profile") as browser:
        yield browser


def few_contacts(language: str) -> bytes:
    """A year in which most months have no figures, and the others stand beside their ranges."""
    counters = [
        {"id": f"loket-{number}", "kind": "counter", "name": name, "hours": "kantoor"}
        for number, name in enumerate(COUNTERS)
    ]
    phones = [{"id": name, "kind": "phone", "name": name, "hours": "kantoor"} for name in ("onthaal", "bouw")]
    targets = [{"kpi": "visit_wait_mean", "queue": one["id"], "limit": 60.0} for one in counters]
    city = report_city.city(
        sites=[{"id": "lier", "queues": [*phones, *counters]}],
        targets=[{"kpi": "missed_ratio", "limit": 0.2, "period": "year"}, *targets],
    )
    calls = report_city.calls(14, missed=6, waits_s=[3, 12, 25, 50, 70, 200])
    visits = Bucket(visits=9, visit_wait_ms=900_000, visit_waits={100: 9})
    counted = [("onthaal", f"2026-{month:02}-02", calls) for month in (3, 4, 6)]
    counted += [(str(one["id"]), "2026-03-02", visits) for one in counters]
    report = made("2026", at("2026-12-10"), *counted, city=city)
    return render(report, ReportFormat.HTML, translator(language))


@pytest.mark.parametrize("language", languages())
def test_no_table_is_cut_off_on_a_desktop(browser: Chromium, tmp_path: Path, language: str) -> None:
    page = tmp_path / "report.html"
    page.write_bytes(few_contacts(language))
    browser.ask(
        "Emulation.setDeviceMetricsOverride", width=DESKTOP, height=900, deviceScaleFactor=1, mobile=False
    )
    browser.go_to(page.as_uri())
    loaded = (
        "new Promise(r => document.readyState === 'complete' ? r() : addEventListener('load', () => r()))"
    )
    browser.value(loaded)
    assert browser.value("document.querySelectorAll('.across').length") != 0
    assert browser.value(CUT_OFF) == []
    assert browser.value("document.documentElement.scrollWidth") == DESKTOP

"""The page of the KPIs is what the table says."""

from __future__ import annotations

from tests.docs.kpi_page import PAGE, kpi_page


def test_the_page_of_kpis_is_written_anew_with_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == kpi_page(), "make schemas writes it"

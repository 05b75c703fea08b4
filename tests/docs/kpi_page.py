"""``docs/kpis.md``, written from the table of KPIs and the docstrings of their arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from domain import kpi as arithmetic
from domain.kpi_words import KPI_WORDS
from shared.contract.kpis import KPIS, Kpi

PAGE: Final = Path("docs/kpis.md")

_HEAD: Final = """# The KPIs

What a target, a rule, a history file or a metric can be about. `make schemas` writes this page from
`shared/contract/kpis.py`, `domain/kpi_words.py` and `domain/kpi.py`;
[how to add one](../CONTRIBUTING.md#add-a-kpi). A rule can also be about what is so at this moment.

| KPI | Called | What it is | Queues | Unit | Rests on | Better is | Metric, by `window` | By `period` |
|---|---|---|---|---|---|---|---|---|
"""


def kpi_page() -> str:
    """Return the page."""
    return _HEAD + "".join(f"| {' | '.join(_cells(kpi))} |\n" for kpi in Kpi)


def metrics_of(kpi: Kpi) -> tuple[str, str]:
    """Return the names of its metrics: over a window, and of a month or year."""
    metric = KPIS[kpi].metric
    return f"wachtpost_{metric}", f"wachtpost_indicator_{metric}"


def _cells(kpi: Kpi) -> Iterator[str]:
    facts = KPIS[kpi]
    yield f"`{kpi}`"
    yield KPI_WORDS[kpi].name.text
    yield _definition(kpi)
    yield facts.kind
    yield facts.unit
    yield facts.contacts
    yield "more" if facts.more_is_better else "less"
    yield from (f"`{metric}`" for metric in metrics_of(kpi))


def _definition(kpi: Kpi) -> str:
    """The first paragraph of the function that computes it, which is called as the KPI is."""
    doc = getattr(arithmetic, kpi).__doc__
    assert isinstance(doc, str)
    return " ".join(doc.partition("\n\n")[0].split()).removesuffix(".")


if __name__ == "__main__":
    PAGE.write_text(kpi_page(), encoding="utf-8")

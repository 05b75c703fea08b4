"""Which series there are: as ``docs/metrics.md`` lists them, and as the services themselves declare them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.evaluator.metrics import EvaluatorCollector
from services.evaluator.period_metrics import PeriodCollector
from services.ingest.metrics import IngestMetrics
from services.notifier.metrics import NotifierMetrics
from services.reporter.metrics import ReporterMetrics
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.process.clock import system_clock
from shared.process.config_status import ConfigStatus
from tests.deploy.grafana.files import ROOT

_ROW: Final = re.compile(r"^\| `(wachtpost_\w+)[^`]*` \| ([\w ]+) \|", re.MULTILINE)
_KPI_ROW: Final = re.compile(r"^\| .* \| `(wachtpost_\w+)` \| `(wachtpost_\w+)` \|$", re.MULTILINE)
_KPI_SECTIONS: Final = ("Evaluator: rolling figures", "Evaluator: months and years")
_SECTION: Final = re.compile(r"^## (.+)$", re.MULTILINE)


_PARTS: Final = {
    "histogram": ("_bucket", "_sum", "_count"),
    "gauge histogram": ("_bucket", "_gsum", "_gcount"),
}


@dataclass(frozen=True)
class Documented:
    """A metric as ``docs/metrics.md`` lists it."""

    name: str
    kind: str
    section: str

    @property
    def samples(self) -> frozenset[str]:
        """The names under which Prometheus has it."""
        return frozenset(f"{self.name}{part}" for part in _PARTS.get(self.kind, ("",)))


def documented() -> list[Documented]:
    """Return the rows of ``docs/metrics.md``, each with the heading it stands under, and the KPIs'."""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    headings = [(found.start(), found[1]) for found in _SECTION.finditer(text)]
    return [
        Documented(row[1], row[2], next((title for at, title in reversed(headings) if at < row.start()), ""))
        for row in _ROW.finditer(text)
    ] + [
        Documented(metric, "gauge", section)
        for row in _KPI_ROW.finditer((ROOT / "docs" / "kpis.md").read_text(encoding="utf-8"))
        for metric, section in zip(row.groups(), _KPI_SECTIONS, strict=True)
    ]


def exported() -> Iterator[str]:
    """Yield the names of the metrics that the services declare."""
    city = CityFile.model_validate(tomllib.loads(_CITY))
    yield "wachtpost_commit_seconds"  # made where the evaluator is put together
    for collector in (
        EvaluatorCollector(city, Calendar(city), (), system_clock),
        PeriodCollector(city, Calendar(city), (), (), system_clock),
        NotifierMetrics(city).registry,
        IngestMetrics(city).registry,
        ReporterMetrics().registry,
        ConfigStatus(system_clock),
    ):
        for family in collector.collect():
            yield f"{family.name}_total" if family.type == "counter" else family.name


_CITY: Final = """
city = { name = "Proefstad" }
[[sites]]
id = "site"
queues = [{ id = "phone", kind = "phone" }, { id = "desk", kind = "counter" }]
"""

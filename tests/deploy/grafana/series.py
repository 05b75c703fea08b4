"""Which series there are: ours by name and labels, and the families of others that a board may ask for."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from services.evaluator.metrics import EvaluatorCollector
from services.evaluator.period_metrics import PeriodCollector
from services.ingest.metrics import IngestMetrics
from services.notifier.metrics import NotifierMetrics
from services.reporter.metrics import ReporterMetrics
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.process.clock import system_clock

ROOT: Final = Path(__file__).resolve().parents[3]
DOCS: Final = ROOT / "docs" / "metrics.md"
RULES: Final = ROOT / "deploy" / "prometheus"
TARGET_LABELS: Final = frozenset({"job", "instance"})
"""Prometheus gives them to every series."""

OTHERS: Final = re.compile(
    r"up|ALERTS(_FOR_STATE)?|(scrape|prometheus|alertmanager|grafana|redis|node|process|python|go|promhttp)_\w+"
)
"""Prometheus' own series and those of the exporters; a lint knows nothing about their labels."""

_ROW: Final = re.compile(r"^\| `(wachtpost_\w+)[^`]*` \| (\w+) \|", re.MULTILINE)
_SECTION: Final = re.compile(r"^## (.+)$", re.MULTILINE)
_RECORD: Final = re.compile(r"^\s*-?\s*record:\s*[\"']?([\w:]+)", re.MULTILINE)
_SUFFIXES: Final = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}

Labels = frozenset[str]


@dataclass(frozen=True)
class Documented:
    """A metric as ``docs/metrics.md`` lists it."""

    name: str
    kind: str
    section: str


@dataclass(frozen=True)
class Catalogue:
    """Everything that a board may ask for."""

    ours: Mapping[str, Labels | None]
    """Labels by sample name, those of the target included; nothing where they are not known."""
    recorded: AbstractSet[str] = frozenset()
    """Names that recording rules write."""

    def has(self, name: str) -> bool:
        return name in self.ours or name in self.recorded or OTHERS.fullmatch(name) is not None

    def labels(self, name: str) -> Labels | None:
        """Return which labels a series has, or nothing when that is not known here."""
        return self.ours.get(name)


def catalogue() -> Catalogue:
    """What is documented, with the labels that the services give it."""
    labels = exported_labels()
    return Catalogue(
        {sample: labels_ for one in documented() for sample, labels_ in _samples(one, labels.get(one.name))},
        frozenset(recorded()),
    )


def documented(text: str | None = None) -> list[Documented]:
    """Return the rows of ``docs/metrics.md``, each with the heading it stands under."""
    text = DOCS.read_text(encoding="utf-8") if text is None else text
    headings = [(found.start(), found[1]) for found in _SECTION.finditer(text)]
    return [
        Documented(row[1], row[2], next((title for at, title in reversed(headings) if at < row.start()), ""))
        for row in _ROW.finditer(text)
    ]


def recorded() -> Iterator[str]:
    """Yield the names that the recording rules write."""
    for file in sorted(RULES.rglob("*.y*ml")) if RULES.exists() else ():
        yield from _RECORD.findall(file.read_text(encoding="utf-8"))


def exported_labels() -> dict[str, Labels]:
    """Return the labels that the services themselves declare for each metric."""
    city = CityFile.model_validate(tomllib.loads(_CITY))
    desk = EvaluatorCollector(city, Calendar(city), (), system_clock)
    policy = PeriodCollector(city, Calendar(city), (), (), system_clock)
    declared: dict[str, set[str]] = defaultdict(set)
    for name, names in [
        *_declared(desk),
        *_declared(policy),
        *(one for registry in _registries(city) for one in _of_registry(registry)),
        # Made where the evaluator is put together.
        ("wachtpost_commit_seconds", ()),
    ]:
        declared[name].update(names)
    return {name: frozenset(names) | TARGET_LABELS for name, names in declared.items()}


_CITY: Final = """
city = { name = "Proefstad" }
[[sites]]
id = "site"
queues = [{ id = "phone", kind = "phone" }, { id = "desk", kind = "counter" }]
"""


def _registries(city: CityFile) -> tuple[CollectorRegistry, ...]:
    return (NotifierMetrics(city).registry, IngestMetrics(city).registry, ReporterMetrics().registry)


def _of_registry(registry: CollectorRegistry) -> Iterator[tuple[str, Iterable[str]]]:
    for collector in set(registry._collector_to_names):
        yield from _declared(collector)


def _declared(collector: Collector) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield each metric's name, as documented, with its labels."""
    if isinstance(collector, MetricWrapperBase):
        yield _documented_name(collector._name, str(collector._type)), collector._labelnames
        return
    for family in collector.collect():
        yield _documented_name(family.name, family.type), getattr(family, "_labelnames", ())


def _documented_name(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name


def _samples(metric: Documented, labels: Labels | None) -> Iterator[tuple[str, Labels | None]]:
    for suffix in _SUFFIXES.get(metric.kind, ("",)):
        if suffix == "_bucket" and labels is not None:
            yield f"{metric.name}{suffix}", labels | {"le"}
        else:
            yield f"{metric.name}{suffix}", labels

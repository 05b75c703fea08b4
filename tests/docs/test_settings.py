"""The page about running it names every setting of every service, with its default, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.evaluator.settings import EvaluatorSettings
from services.ingest.settings import IngestSettings
from services.notifier.settings import NotifierSettings
from services.reporter.settings import ReporterSettings
from shared.process.settings import ServiceSettings
from wachtpost.page.settings import PageSettings

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs" / "running.md").read_text(encoding="utf-8").partition("## Settings")[2]
ROWS = [row for row in TABLE.splitlines() if row.startswith("| `")]
SERVICES: tuple[type[ServiceSettings], ...] = (
    IngestSettings,
    EvaluatorSettings,
    NotifierSettings,
    ReporterSettings,
    PageSettings,
)


def test_the_page_names_every_setting_and_no_other():
    named = {name for row in ROWS for name in re.findall(r"`(WACHTPOST_\w+)`", row.split("|")[1])}
    assert named == {f"WACHTPOST_{field}".upper() for service in SERVICES for field in service.model_fields}


@pytest.mark.parametrize("service", SERVICES)
def test_a_number_or_a_path_stands_there_as_the_service_has_it(service: type[ServiceSettings]):
    for name, field in service.model_fields.items():
        if isinstance(field.default, (int, Path)):
            rows = [row.split("|")[2] for row in ROWS if f"`WACHTPOST_{name}`".upper() in row.upper()]
            assert rows, name
            assert str(field.default) in rows[0], name

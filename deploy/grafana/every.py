"""All boards of a city, as the files that Grafana provisions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard

from deploy.grafana.appointments import appointments
from deploy.grafana.board import BoardName
from deploy.grafana.breaches import breaches
from deploy.grafana.counters import counters
from deploy.grafana.layers import draw_breaches
from deploy.grafana.live import live
from deploy.grafana.pipeline import pipeline
from deploy.grafana.policy import policy
from deploy.grafana.words import Edition
from shared.config.model import CityFile
from shared.translation import languages

FOLDER: Final = Path(__file__).with_name("boards")
"""Where the boards of ``examples/lier/city.toml`` are kept."""
GRAFANA: Final = "12.3.3"
SCHEMA_VERSION: Final = 42
"""Of classic dashboards as Grafana 12.3 writes them: the last there is. The builder says one less."""

BOARDS: Final = {
    BoardName.LIVE: live,
    BoardName.COUNTERS: counters,
    BoardName.APPOINTMENTS: appointments,
    BoardName.BREACHES: breaches,
    BoardName.POLICY: policy,
    BoardName.PIPELINE: pipeline,
}


def written(city: CityFile) -> Mapping[Path, str]:
    """Return what every file of a folder of boards should hold, by its place in it."""
    encoder = JSONEncoder(ensure_ascii=False, indent=2, sort_keys=True)
    return {
        Path(
            language, f"{name}.json"
        ): f"{encoder.encode(finished(made(Edition(city, language)), name, city))}\n"
        for language in languages()
        for name, made in BOARDS.items()
    }


def finished(made: Dashboard, name: BoardName, city: CityFile) -> dashboard.Dashboard:
    """Return a board with what the builder leaves out: numbers of panels, the same in every language,
    versions, which save Grafana a migration, and the breaches on its charts."""
    built = made.build()
    built.schema_version = SCHEMA_VERSION
    for number, panel in enumerate(built.panels or (), start=1):
        panel.id_val = number
        if isinstance(panel, dashboard.Panel):
            panel.plugin_version = GRAFANA
    draw_breaches(built, name, city)
    return built

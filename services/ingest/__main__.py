"""``python -m services.ingest``: the composition root."""

from __future__ import annotations

import asyncio
import sys

from services.ingest.app import build
from services.ingest.settings import IngestSettings
from shared.process import (
    Fault,
    city_or_exit,
    collect_rarely,
    configure_logging,
    serve,
    settings_or_exit,
)


async def run(settings: IngestSettings) -> int:
    """Serve until told to stop; returns the exit status."""
    fault = Fault()
    app = build(settings, city_or_exit(settings.city_file), settings.now, fault)
    return await serve(app, settings, fault)


def main() -> None:
    """Read the settings and run."""
    configure_logging("ingest", "info")
    settings = settings_or_exit(IngestSettings)
    configure_logging("ingest", settings.log_level)
    collect_rarely()
    sys.exit(asyncio.run(run(settings)))


if __name__ == "__main__":
    main()

"""``python -m services.evaluator``: the composition root."""

from __future__ import annotations

import asyncio
import sys

from services.evaluator.app import build
from services.evaluator.settings import EvaluatorSettings
from shared.config import load
from shared.process import Fault, configure_logging, serve


async def run(settings: EvaluatorSettings) -> int:
    """Serve until told to stop; returns the exit status."""
    fault = Fault()
    app = build(settings, load(settings.city_file), fault)
    return await serve(app, settings.host, settings.port, fault)


def main() -> None:
    """Read the settings and run."""
    settings = EvaluatorSettings()
    configure_logging("evaluator", settings.log_level)
    sys.exit(asyncio.run(run(settings)))


if __name__ == "__main__":
    main()

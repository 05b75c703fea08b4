"""``python -m services.evaluator``: the composition root."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Final

from services.evaluator.app import build
from services.evaluator.settings import EvaluatorSettings
from shared.process import Fault, city_or_exit, configure_logging, serve, settings_or_exit

COLLECT_RARELY: Final = (50_000, 20, 100)
"""Thresholds of the cyclic garbage collector: a batch makes thousands of small objects and no cycles,
and the default thresholds spend a third of the evaluator's time looking for some."""


async def run(settings: EvaluatorSettings) -> int:
    """Serve until told to stop; returns the exit status."""
    fault = Fault()
    app = build(settings, city_or_exit(settings.city_file), fault)
    return await serve(app, settings.host, settings.port, fault)


def main() -> None:
    """Read the settings and run."""
    configure_logging("evaluator", "info")
    settings = settings_or_exit(EvaluatorSettings)
    configure_logging("evaluator", settings.log_level)
    gc.set_threshold(*COLLECT_RARELY)
    sys.exit(asyncio.run(run(settings)))


if __name__ == "__main__":
    main()

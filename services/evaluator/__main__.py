"""``python -m services.evaluator``: the composition root."""

from __future__ import annotations

from functools import partial

from services.evaluator.app import build
from services.evaluator.settings import EvaluatorSettings
from shared.process.host import run
from shared.process.logging import configure_logging
from shared.process.server import collect_rarely, run_service
from shared.process.settings import settings_or_exit


def main() -> None:
    """Read the settings and run."""
    configure_logging("evaluator", "info")
    settings = settings_or_exit(EvaluatorSettings)
    configure_logging("evaluator", settings.log_level)
    collect_rarely()
    run_service(run("evaluator", settings, partial(build, settings), needs_history=True))


if __name__ == "__main__":
    main()

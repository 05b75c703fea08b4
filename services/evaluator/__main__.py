"""``python -m services.evaluator``: the composition root."""

from __future__ import annotations

from services.evaluator.app import build
from services.evaluator.settings import EvaluatorSettings
from shared.process.logging import configure_logging
from shared.process.server import Fault, collect_rarely, run_service, serve
from shared.process.startup import city_or_exit, history_or_exit, settings_or_exit


async def run(settings: EvaluatorSettings) -> int:
    """Serve until told to stop; returns the exit status."""
    fault = Fault()
    city = city_or_exit(settings.city_file)
    app = build(settings, city, history_or_exit(settings.city_file, city), fault)
    return await serve(app, settings, fault)


def main() -> None:
    """Read the settings and run."""
    configure_logging("evaluator", "info")
    settings = settings_or_exit(EvaluatorSettings)
    configure_logging("evaluator", settings.log_level)
    collect_rarely()
    run_service(run(settings))


if __name__ == "__main__":
    main()

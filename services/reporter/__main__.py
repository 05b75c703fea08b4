"""``python -m services.reporter``: the composition root."""

from __future__ import annotations

from services.reporter.app import build
from services.reporter.rendering import maker
from services.reporter.settings import ReporterSettings
from shared.process.logging import configure_logging
from shared.process.server import Fault, run_service, serve
from shared.process.startup import city_or_exit, settings_or_exit


async def run(settings: ReporterSettings) -> int:
    """Serve until told to stop; returns the exit status."""
    fault = Fault()
    city = city_or_exit(settings.city_file)
    app = build(settings, city, maker(settings, city), fault)
    return await serve(app, settings, fault)


def main() -> None:
    """Read the settings and run."""
    configure_logging("reporter", "info")
    settings = settings_or_exit(ReporterSettings)
    configure_logging("reporter", settings.log_level)
    run_service(run(settings))


if __name__ == "__main__":
    main()

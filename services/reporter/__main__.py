"""``python -m services.reporter``: the composition root."""

from __future__ import annotations

from functools import partial

from services.reporter.app import build
from services.reporter.settings import ReporterSettings
from shared.process.host import run
from shared.process.logging import configure_logging
from shared.process.server import run_service
from shared.process.settings import settings_or_exit


def main() -> None:
    """Read the settings and run."""
    configure_logging("reporter", "info")
    settings = settings_or_exit(ReporterSettings)
    configure_logging("reporter", settings.log_level)
    run_service(run("reporter", settings, partial(build, settings)))


if __name__ == "__main__":
    main()

"""``python -m services.notifier``: the composition root."""

from __future__ import annotations

from functools import partial

from services.notifier.app import build
from services.notifier.settings import NotifierSettings
from shared.process.host import run
from shared.process.logging import configure_logging
from shared.process.server import run_service
from shared.process.settings import settings_or_exit


def main() -> None:
    """Read the settings and run."""
    configure_logging("notifier", "info")
    settings = settings_or_exit(NotifierSettings)
    configure_logging("notifier", settings.log_level)
    run_service(run("notifier", settings, partial(build, settings)))


if __name__ == "__main__":
    main()

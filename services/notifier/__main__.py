"""``python -m services.notifier``: the composition root."""

from __future__ import annotations

from services.notifier.app import build
from services.notifier.settings import NotifierSettings
from shared.process.logging import configure_logging
from shared.process.server import Fault, run_service, serve
from shared.process.startup import city_or_exit, settings_or_exit


async def run(settings: NotifierSettings) -> int:
    """Serve until told to stop; returns the exit status."""
    fault = Fault()
    app = build(settings, city_or_exit(settings.city_file), fault)
    return await serve(app, settings, fault)


def main() -> None:
    """Read the settings and run."""
    configure_logging("notifier", "info")
    settings = settings_or_exit(NotifierSettings)
    configure_logging("notifier", settings.log_level)
    run_service(run(settings))


if __name__ == "__main__":
    main()

"""``python -m wachtpost.reporter``: the composition root."""

from __future__ import annotations

from shared.process import Fault, city_or_exit, configure_logging, run_service, serve, settings_or_exit
from wachtpost.reporter.app import build
from wachtpost.reporter.making import maker
from wachtpost.reporter.settings import ReporterSettings


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

"""``python -m wachtpost.page``: the composition root."""

from __future__ import annotations

from functools import partial

from shared.process.host import run
from shared.process.logging import configure_logging
from shared.process.server import run_service
from shared.process.settings import settings_or_exit
from wachtpost.page.app import build
from wachtpost.page.settings import PageSettings


def main() -> None:
    """Read the settings and run."""
    configure_logging("page", "info")
    settings = settings_or_exit(PageSettings)
    configure_logging("page", settings.log_level)
    run_service(run("page", settings, partial(build, settings)))


if __name__ == "__main__":
    main()

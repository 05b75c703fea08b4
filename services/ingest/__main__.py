"""``python -m services.ingest``: the composition root."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import structlog

from services.ingest.app import build
from services.ingest.pseudonyms import Pseudonyms
from services.ingest.settings import IngestSettings
from shared.process.logging import configure_logging
from shared.process.server import Fault, collect_rarely, run_service, serve
from shared.process.startup import city_or_exit, settings_or_exit

log = structlog.stdlib.get_logger(__name__)


async def run(settings: IngestSettings) -> int:
    """Serve until told to stop; returns the exit status."""
    fault = Fault()
    city = city_or_exit(settings.city_file)
    app = build(settings, city, pseudonyms_or_exit(settings.pseudonym_key_file), settings.now, fault)
    return await serve(app, settings, fault)


def pseudonyms_or_exit(key_file: Path) -> Pseudonyms:
    """Return the pseudonyms under the key of a file; else says what is wrong with it and ends the process."""
    try:
        return Pseudonyms(key_file.read_bytes().strip())
    except OSError as error:
        wrong = error.strerror
    except ValueError as error:
        wrong = str(error)
    log.critical("setting_wrong", name="WACHTPOST_PSEUDONYM_KEY_FILE", file=str(key_file), wrong=wrong)
    sys.exit(os.EX_CONFIG)


def main() -> None:
    """Read the settings and run."""
    configure_logging("ingest", "info")
    settings = settings_or_exit(IngestSettings)
    configure_logging("ingest", settings.log_level)
    collect_rarely()
    run_service(run(settings))


if __name__ == "__main__":
    main()

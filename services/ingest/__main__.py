"""``python -m services.ingest``: the composition root."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

import structlog

from services.ingest.app import build
from services.ingest.pseudonyms import Pseudonyms
from services.ingest.settings import IngestSettings
from shared.process.host import run
from shared.process.logging import configure_logging
from shared.process.server import collect_rarely, run_service
from shared.process.settings import settings_or_exit

log = structlog.stdlib.get_logger(__name__)


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
    pseudonyms = pseudonyms_or_exit(settings.pseudonym_key_file)
    run_service(run("ingest", settings, partial(build, settings, pseudonyms)))


if __name__ == "__main__":
    main()

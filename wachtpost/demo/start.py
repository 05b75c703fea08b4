"""From the command's options to a running demo."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from shared.config.model import CityFile
from shared.process.clock import system_clock
from shared.translation import Translator
from wachtpost.demo.city_copy import with_history_from, with_language
from wachtpost.demo.replay import NoEventError, NothingInItError, UnreadableFileError, survey
from wachtpost.demo.run import DemoError, Options, run
from wachtpost.live.display import display_on


def start(
    city_file: Path,
    say: Translator,
    speed: float,
    seed: int,
    volume: float,
    replay: Path | None,
    limit: timedelta | None,
) -> str | None:
    """Run the demo to its end, all of it in the language of ``say``.

    Returns what went wrong, for its user, or nothing.
    """
    original = tomllib.loads(city_file.read_text(encoding="utf-8"))
    document = with_language(with_history_from(original, city_file.parent), say.language)
    site = CityFile.model_validate(document).sites[0].id
    try:
        recording = None if replay is None else survey(replay, site)
        options = Options(document, speed, seed, volume, recording, limit)
        run(options, system_clock, display_on(Console(highlight=False), say), say)
    except NothingInItError:
        return say.gettext(
            "{file}: no queue_log (epoch|callid|queue|agent|VERB|…) and no events (NDJSON).", file=replay
        )
    except NoEventError as error:
        return say.gettext(
            "{file}, line {line}: no event of the contract: {why}", file=replay, line=error.line, why=error
        )
    except UnreadableFileError as error:
        return say.gettext("{file}: cannot be read: {why}", file=replay, why=error)
    except DemoError as error:
        return str(error)
    return None

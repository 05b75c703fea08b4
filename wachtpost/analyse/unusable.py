"""Why files cannot be read at all, as one sentence for whoever gave them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.ingest.sources.queue_log.translate import SameQueueError
from shared.config.errors import unreadable
from shared.config.model import CityFile
from shared.translation import Translator
from wachtpost.analyse.survey import StrangeFileError

UNUSABLE: Final = (OSError, KeyError, EOFError, zlib.error, StrangeFileError, SameQueueError)
"""What ``wachtpost.analyse.files`` raises."""


def unusable(error: Exception, files: Sequence[Path], city: CityFile, say: Translator) -> str:
    """Return the sentence for one of ``UNUSABLE``."""
    match error:
        case StrangeFileError():
            return say.gettext(
                "{file} is no queue_log and holds no events: most lines cannot be read, line {number} "
                "for one. Give it as epoch|callid|queue|agent|verb|… with nothing in front.",
                file=error.file,
                number=error.number,
            )
        case SameQueueError(names=(one, other)):
            return say.gettext(
                "The queues {one} and {other} would both be counted as {queue}. Give each a name of its own "
                "in the city file, under queues of the source.",
                one=repr(one),
                other=repr(other),
                queue=error.queue,
            )
        case OSError():
            return unreadable(Path(error.filename or files[0]), error, city.city.language)
        case KeyError():
            known = ", ".join(one.id for one in city.sources) or "-"
            return say.gettext(
                "The city file has no source {source}; it has: {known}.", source=error.args[0], known=known
            )
        case _:
            return say.gettext("{files}: the archive is damaged", files=", ".join(map(str, files)))

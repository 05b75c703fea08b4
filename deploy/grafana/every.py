"""All boards, as the files that Grafana provisions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from deploy.grafana.appointments import appointments
from deploy.grafana.board import Board
from deploy.grafana.breaches import breaches
from deploy.grafana.counters import counters
from deploy.grafana.live import live
from deploy.grafana.pipeline import pipeline
from deploy.grafana.policy import policy
from deploy.grafana.words import Language

FOLDER: Final = Path(__file__).with_name("boards")


def every_board() -> Iterator[Board]:
    """Yield every board in every language."""
    for language in Language:
        yield live(language)
        yield counters(language)
        yield appointments(language)
        yield breaches(language)
        yield policy(language)
        yield pipeline(language)


def written() -> Mapping[Path, str]:
    """Return what every file under ``FOLDER`` should hold."""
    return {
        FOLDER / board.language / f"{board.name}.json": json.dumps(
            board.to_json(), ensure_ascii=False, indent=2, sort_keys=True
        )
        + "\n"
        for board in every_board()
    }


def may_be_empty() -> Mapping[tuple[str, str, str], str]:
    """Return why a query may have no answer on a system that was just fed, by the board's uid, the panel's
    title and the query's ``refId``. Whatever is not in here must have one."""
    return {
        (board.uid, panel.title, ref): query.empty_because
        for board in every_board()
        for panel in board.panels
        for ref, query in panel.asked()
        if query.empty_because
    }

"""What a person reads in a panel: Grafana's own packages, in Node, make it of the panel and the answers.

Grafana takes JSON that its schema allows otherwise than one thought: an override that does not exist is
dropped, a column that is renamed to its own name gets it back, a year is a number once a unit says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.grafana.files import Board, JsonObject, Panel

PACKAGES: Final = Path(sys.prefix, "panels", "node_modules")
"""Where ``make test`` puts what ``package-lock.json`` pins."""
READER: Final = Path(__file__).with_name("start.cjs")

needs_grafana = pytest.mark.skipif(
    shutil.which("node") is None or not PACKAGES.is_dir(),
    reason="Grafana's packages are not here (apt install nodejs npm, then make test): no panel was read",
)


@dataclass(frozen=True)
class Part:
    """A tile, a bar, a line, a column …"""

    name: str
    """What stands beside it, or above it; empty where nothing does."""
    texts: tuple[str, ...]
    """Its values in words: one, or those of its cells, or the different ones over time."""
    colours: tuple[str, ...]
    """Those of its texts, or its own; none where it is not coloured."""
    width: int = 0
    """Pixels that a column takes at least."""


@dataclass(frozen=True)
class Reading:
    """A panel as somebody reads it."""

    board: Board
    panel: Panel
    parts: tuple[Part, ...]
    axis: tuple[tuple[str, str], ...]
    """What stands below upright bars, each with what was to stand there."""
    lines: tuple[tuple[str, str], ...]
    """Lines at a value, each with its colour."""
    dropped: tuple[str, ...]
    """Settings that Grafana does not know for this kind of panel."""
    labels: frozenset[str]
    """Those of the answers it is made of."""
    series: int
    """How many these answers have."""
    grafanas_own: frozenset[str]
    """The colours that Grafana gives to what has none."""

    def __str__(self) -> str:
        return f'{self.board} panel {self.panel.id} "{self.panel.title}"'

    @property
    def names(self) -> list[str]:
        return [part.name for part in self.parts]

    @property
    def texts(self) -> Iterator[str]:
        """Every text in it, beside its title."""
        for part in self.parts:
            yield from (part.name, *part.texts)
        yield from (shown for shown, _ in self.axis)
        yield from (text for text, _ in self.lines)


Asked = tuple[Board, Panel, Mapping[str, JsonObject]]
"""A panel of a board, with Prometheus' answers (of its API) by ``refId``."""


def read(asked: Iterable[Asked]) -> list[Reading]:
    """Return what a person reads in each panel, board by board in the language of the board."""
    languages: dict[str, list[Asked]] = {}
    for one in asked:
        languages.setdefault(one[0].language, []).append(one)
    return [reading for language, every in languages.items() for reading in _read_in(language, every)]


def _read_in(language: str, every: Sequence[Asked]) -> Iterator[Reading]:
    panels = [
        {
            "panel": panel.body,
            "answers": {ref: answer["data"] for ref, answer in answers.items()},
            "timeZone": board.body["timezone"],
        }
        for board, panel, answers in every
    ]
    told = _told({"panels": panels}, language)
    own = frozenset(told["own"])
    for (board, panel, answers), shown in zip(every, told["panels"], strict=True):
        yield Reading(
            board,
            panel,
            tuple(
                Part(one["name"], tuple(one["texts"]), tuple(one["colours"]), one.get("width", 0))
                for one in shown["parts"]
            ),
            tuple((text, meant) for text, meant in shown["axis"]),
            tuple((text, colour) for text, colour in shown["lines"]),
            tuple(shown["dropped"]),
            frozenset(label for answer in answers.values() for one in _series(answer) for label in one),
            sum(len(_series(answer)) for answer in answers.values()),
            own,
        )


def kept(panel: JsonObject, annotations: Iterable[JsonObject]) -> list[JsonObject]:
    """Return the annotations of a layer that a panel keeps, with what it keeps of them; its variables are
    filled in already."""
    told = _told({"panels": [], "annotated": [{"panel": panel, "events": list(annotations)}]}, "en")
    return list(told["kept"][0])


def _told(asked: JsonObject, language: str) -> JsonObject:
    country = "GB" if language == "en" else "BE"
    ran = subprocess.run(
        ["node", str(READER)],
        input=json.dumps(asked),
        # Some numbers are written as the reader's browser does it.
        env={**os.environ, "NODE_PATH": str(PACKAGES), "LC_ALL": f"{language}_{country}.UTF-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told: JsonObject = json.loads(ran.stdout)
    return told


def _series(answer: JsonObject) -> list[Mapping[str, str]]:
    """The labels of each series of an answer."""
    data = answer["data"]
    if data["resultType"] not in {"vector", "matrix"}:
        return [{}]
    return [series["metric"] for series in data["result"]]


def vector(*series: tuple[Mapping[str, str], float]) -> JsonObject:
    """Return Prometheus' answer to a question about now: series by their labels, each with its value."""
    found = [{"metric": dict(labels), "value": [AT, f"{value:g}"]} for labels, value in series]
    return {"status": "success", "data": {"resultType": "vector", "result": found}}


AT: Final = 1_767_950_000
"""Some moment in January 2026."""

"""Where things stand: identity, the grid, links, the size of a television."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from tests.deploy.grafana.files import UIDS, Board, JsonObject, Panel, strings
from tests.deploy.grafana.finding import Finding

COLUMNS: Final = 24
GRID_UNIT_PX: Final = 30
GRID_GAP_PX: Final = 8
"""Grafana's grid: so many pixels a row, and so many between two."""
SCREEN_PX: Final = 1080
WALLBOARD: Final = "live"
PATH_TO_BOARD: Final = re.compile(r"^/d/([\w-]+)(?:/[\w-]*)?$")
HANDED_ON: Final = re.compile(r"\$\{(\w+):queryparam\}")
"""A variable as it is, for the same one there."""
WORDS_OF_VARIABLES: Final = re.compile(r"\$\{__url_time_range\}|\$\{__all_variables\}")


def identity(board: Board) -> Iterator[Finding]:
    """``uid`` and ``uneditable``: the uid that links use; changed in the repository only."""
    wanted = UIDS[board.language].format(board.name)
    if board.uid != wanted:
        yield Finding(board, None, "uid", f"uid is {board.uid!r}; right: {wanted!r}")
    if board.body.get("editable") is not False:
        said = board.body.get("editable", "absent")
        yield Finding(board, None, "uneditable", f"editable is {said}; right: false")


def panel_ids(board: Board) -> Iterator[Finding]:
    """``panel-id``: every panel has one of its own: links and annotations refer to it."""
    counted = Counter(panel.id for panel in board.panels)
    for panel in board.panels:
        if panel.id is None or panel.id < 1:
            yield Finding(board, panel, "panel-id", f"id is {panel.body.get('id')!r}; right: a number from 1")
        elif counted[panel.id] > 1:
            yield Finding(board, panel, "panel-id", f"{counted[panel.id]} panels have this id")


def grid(board: Board) -> Iterator[Finding]:
    """``grid``: everything within 24 columns, and nothing on top of anything."""
    placed = []
    for panel in board.panels:
        box = _box(panel)
        if box is None:
            yield Finding(
                board,
                panel,
                "grid",
                f"gridPos {panel.body.get('gridPos')}; right: whole x, y, w, h in {COLUMNS} columns",
            )
        else:
            placed.append((panel, box))
    for (one, a), (other, b) in combinations(placed, 2):
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]:
            yield Finding(board, one, "grid", f'overlaps panel {other.id} "{other.title}"')


def _box(panel: Panel) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom in the grid; nothing when it does not fit."""
    position = panel.body.get("gridPos", {})
    x, y, w, h = (position.get(key) for key in "xywh")
    if not (isinstance(x, int) and isinstance(y, int) and isinstance(w, int) and isinstance(h, int)):
        return None
    if x < 0 or y < 0 or w < 1 or h < 1 or x + w > COLUMNS:
        return None
    return x, y, x + w, y + h


def wallboard_fits(board: Board) -> Iterator[Finding]:
    """``fits-1080p``: the live board is seen whole on a television; nobody scrolls there."""
    if board.name != WALLBOARD:
        return
    rows = max((box[3] for panel in board.panels if (box := _box(panel))), default=0)
    height = rows * GRID_UNIT_PX + max(0, rows - 1) * GRID_GAP_PX
    if height > SCREEN_PX:
        fits = (SCREEN_PX + GRID_GAP_PX) // (GRID_UNIT_PX + GRID_GAP_PX)
        yield Finding(
            board, None, "fits-1080p", f"{rows} rows are {height} px high; right: at most {fits} rows"
        )


def links(board: Board, boards: Sequence[Board]) -> Iterator[Finding]:
    """``link``: links lead to boards that exist, in the same language, with variables that they have."""
    known = {one.uid: one for one in boards}
    for panel, url in _urls(board):
        parts = urlsplit(WORDS_OF_VARIABLES.sub("", url))
        found = PATH_TO_BOARD.match(parts.path)
        if parts.scheme or parts.netloc:
            yield Finding(board, panel, "link", f"{url} names a host; a board does not know where it lives")
        elif found is None:
            yield Finding(board, panel, "link", f"{url} leads to no board; right: /d/<uid>")
        elif found[1] not in known:
            yield Finding(
                board,
                panel,
                "link",
                f"{url}: there is no board {found[1]!r}; there are {', '.join(sorted(known))}",
            )
        else:
            yield from _well_aimed(board, panel, url, known[found[1]], parts.query)


def _well_aimed(board: Board, panel: Panel | None, url: str, aim: Board, query: str) -> Iterator[Finding]:
    if aim.language != board.language:
        yield Finding(board, panel, "link", f"{url} leads from {board.language} to {aim.language}")
    has = {str(one.get("name")) for one in aim.variables}
    for name in HANDED_ON.findall(query):
        if name not in has:
            yield Finding(board, panel, "link", f"{url}: {aim.uid} has no variable {name!r}")
    for name, _ in parse_qsl(query, keep_blank_values=True):
        if name.startswith("var-") and name.removeprefix("var-") not in has:
            yield Finding(
                board, panel, "link", f"{url}: {aim.uid} has no variable {name.removeprefix('var-')!r}"
            )


def _urls(board: Board) -> Iterator[tuple[Panel | None, str]]:
    for link in _links(board.body):
        yield None, link
    for panel in board.panels:
        for url in strings({key: one for key, one in panel.body.items() if key != "panels"}, "url"):
            yield panel, url


def _links(body: JsonObject) -> Iterator[str]:
    for link in body.get("links", []):
        if isinstance(link, Mapping) and link.get("type") == "link":
            yield str(link.get("url", ""))


def tags_of_links(board: Board, boards: Sequence[Board]) -> Iterator[Finding]:
    """``link``: a list of boards by tag lists some."""
    there = {tag for one in boards if one.language == board.language for tag in one.body.get("tags", [])}
    for link in board.body.get("links", []):
        if link.get("type") == "dashboards":
            for tag in sorted(set(link.get("tags", [])) - there):
                yield Finding(board, None, "link", f"no board has the tag {tag!r}")


def unique_uids(boards: Sequence[Board]) -> Iterator[Finding]:
    """``uid``: no two boards have the same."""
    counted = Counter(board.uid for board in boards)
    for board in boards:
        if counted[board.uid] > 1:
            yield Finding(board, None, "uid", f"{counted[board.uid]} boards have the uid {board.uid!r}")

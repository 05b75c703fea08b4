"""Pictures of boards as a browser shows them, and what cannot be read in them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict

from deploy.grafana.board import BoardName
from shared.contract.boards import KIOSK
from tests.pictures.grafana import FoundBoard, Visit
from tests.support.chromium import Chromium

MEASURE: Final = Path(__file__).with_name("measure.js")
FOR_WALLS: Final = {BoardName.LIVE, BoardName.COUNTERS}
"""Boards that hang where nobody scrolls: what begins on the screen ends on it."""
HIGHEST: Final = 12_000
"""Pixels of the highest picture: a page that grows with its window would grow for ever."""


@dataclass(frozen=True)
class Screen:
    width: int
    height: int
    query: str = ""
    is_wall: bool = False
    is_phone: bool = False

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


SCREENS: Final = (
    Screen(1920, 1080, f"?{urlencode(KIOSK)}", is_wall=True),
    Screen(1366, 768),
    Screen(390, 844, is_phone=True),
)


class Finding(BaseModel):
    """What cannot be read, and where: ``kind`` is a key of ``SAYINGS``."""

    model_config = ConfigDict(frozen=True)

    kind: str
    panel: str = ""
    text: str = ""
    other: str = ""

    def __str__(self) -> str:
        where = f"«{self.panel}»" if self.panel else "the page"
        return f"{where}: {SAYINGS[self.kind].format(text=self.text, other=self.other)}"


SAYINGS: Final = {
    "cut": '"{text}" is cut off',
    "over": '"{text}" and "{other}" lie on each other',
    "small": '"{text}" in letters of {other}',
    "under": '"{text}" is covered',
    "wide": "wider than its place: {text} are seen",
    "scrolled": "{text} are seen only by who scrolls",
    "edge": "the screen ends in it: {text} are seen",
    "failed": "its query failed",
    "unsettled": "still loading after {text}",
    "empty": "no panel at all",
}


class Measured(BaseModel):
    """What ``measure.js`` says of a page."""

    model_config = ConfigDict(frozen=True)

    panels: int
    found: tuple[Finding, ...]


@dataclass(frozen=True)
class Picture:
    file: Path
    panels: int
    findings: tuple[Finding, ...]


def pictures(browser: Chromium, visit: Visit, out: Path, patience_s: float = 60) -> Iterator[Picture]:
    """Take every board on every screen; one is yielded when its file is written.

    ``patience_s``: how long a board may load.
    """
    browser.ask("Page.enable")
    browser.ask("Page.addScriptToEvaluateOnNewDocument", source=MEASURE.read_text(encoding="utf-8"))
    for name, value in visit.cookies.items():
        browser.ask("Network.setCookie", name=name, value=value, url=visit.url, path="/")
    for board in visit.boards:
        for screen in SCREENS:
            yield _Camera(browser, screen, patience_s).picture(f"{visit.url}{board.path}", board, out)


@dataclass(frozen=True)
class _Camera:
    browser: Chromium
    screen: Screen
    patience_s: float

    def picture(self, url: str, board: FoundBoard, out: Path) -> Picture:
        self._resize(self.screen.height)
        # Grafana leaves decimals and thousands to the browser's language.
        self.browser.ask("Emulation.setLocaleOverride", locale=board.language)
        self.browser.go_to(f"{url}{self.screen.query}")
        is_settled = self._settled()
        self._unfold(self._height())
        said = self.browser.value(f"boardPictures.measured({self.screen.height})")
        measured = Measured.model_validate(said)
        file = out / board.language / f"{board.name}-{self.screen}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        shot = self.browser.ask("Page.captureScreenshot", format="png")["data"]
        file.write_bytes(base64.b64decode(str(shot)))
        is_wall = self.screen.is_wall and board.name in FOR_WALLS
        of_page: list[Finding] = []
        if not is_settled:
            of_page.append(Finding(kind="unsettled", text=f"{self.patience_s:g} s"))
        if not measured.panels:
            of_page.append(Finding(kind="empty"))
        found = (one for one in measured.found if is_wall or not self._is_scrolled(one))
        return Picture(file, measured.panels, (*of_page, *dict.fromkeys(found)))

    def _is_scrolled(self, finding: Finding) -> bool:
        """Whether somebody who may scroll sees it nevertheless; sideways only a finger does."""
        aside = self.screen.is_phone and finding.kind == "wide" and finding.panel != ""
        return aside or finding.kind in {"edge", "scrolled"}

    def _unfold(self, height: int) -> None:
        """Make the window as high as all that is in it: Grafana draws a panel when it comes into sight."""
        before = self.screen.height
        while before < height <= HIGHEST:
            self._resize(height)
            self._settled()
            before, height = height, self._height()

    def _resize(self, height: int) -> None:
        self.browser.ask(
            "Emulation.setDeviceMetricsOverride",
            width=self.screen.width,
            height=height,
            deviceScaleFactor=2 if self.screen.is_phone else 1,
            mobile=self.screen.is_phone,
        )

    def _settled(self) -> bool:
        """Wait until nothing loads any more; False if that takes too long."""
        return self.browser.value(f"boardPictures.settled({1000 * self.patience_s})") is True

    def _height(self) -> int:
        return int(str(self.browser.value("Math.round(boardPictures.fullHeight())")))

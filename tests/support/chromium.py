"""A headless Chromium that is told what to do over a pipe, in the Chrome DevTools Protocol.

    with Chromium(tmp_path / "profile") as browser:
        browser.go_to("http://127.0.0.1:3000")

What can be asked: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, cast

from tests.support.eventually import WITHIN

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_OVER_3_AND_4: Final = ("sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null', "sh")
"""Chromium is asked on descriptor 3 and answers on 4."""
_CHUNK: Final = 1 << 16

Json = Mapping[str, object]


class ChromiumError(Exception):
    """Chromium is not there, ended, did not answer, or said that it cannot do what was asked."""


def binary() -> str | None:
    """Return where Chromium is, if it is installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def flags(profile: Path) -> list[str]:
    """Return the options of a browser without a screen that keeps all of its own in ``profile``."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # root cannot have one
    alone = ["--no-first-run", "--disable-background-networking", "--no-proxy-server"]
    return [
        "--headless",
        "--disable-gpu",
        "--hide-scrollbars",
        *sandbox,
        *alone,
        f"--user-data-dir={profile}",
    ]


class Chromium:
    """One page of one browser. What is asked raises ``ChromiumError``."""

    def __init__(self, profile: Path) -> None:
        """``profile``: an empty folder, or one that is not there yet."""
        program = binary()
        if program is None:
            raise ChromiumError("there is no Chromium on this machine (apt install chromium)")
        self._process = subprocess.Popen(
            [*_OVER_3_AND_4, program, *flags(profile), "--remote-debugging-pipe"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._questions = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        self._asked = 0
        self._unread = b""
        self._session: dict[str, object] = {}

    def __enter__(self) -> Self:
        try:
            page = self.ask("Target.createTarget", url="about:blank")["targetId"]
            session = self.ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
            self._session = {"sessionId": session}
        except ChromiumError:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, method: str, **parameters: object) -> Json:
        """Have something done and return what came of it."""
        self._asked += 1
        asked = {"id": self._asked, "method": method, "params": parameters, **self._session}
        try:
            self._questions.write(json.dumps(asked).encode() + b"\0")
            self._questions.flush()
        except BrokenPipeError:
            raise ChromiumError("Chromium has ended") from None
        deadline = time.monotonic() + WITHIN
        while (answer := self._next(deadline)).get("id") != self._asked:
            pass  # an event, which nobody asked for
        if "error" in answer:
            raise ChromiumError(f"{method}: {answer['error']}")
        return cast("Json", answer["result"])

    def go_to(self, url: str) -> None:
        """Open a page, whatever its status; raises ``ChromiumError`` where nobody answers."""
        if reason := self.ask("Page.navigate", url=url).get("errorText"):
            raise ChromiumError(f"{url} does not open ({reason})")

    def value(self, expression: str) -> object:
        """Return what JavaScript makes of it in the page, once it is no promise any more."""
        answer = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise ChromiumError(f"{expression}: {answer['exceptionDetails']}")
        return cast("Json", answer["result"]).get("value")

    def _next(self, deadline: float) -> Json:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise ChromiumError(f"Chromium did not answer within {WITHIN:.0f} s")
            chunk = os.read(self._answers.fileno(), _CHUNK)
            if not chunk:
                raise ChromiumError("Chromium has ended")
            self._unread += chunk
        message, _, self._unread = self._unread.partition(b"\0")
        return cast("Json", json.loads(message))

    def _end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # it has nothing to keep
        self._process.wait()
        for pipe in (self._questions, self._answers):
            with suppress(BrokenPipeError):
                pipe.close()

"""``python -m tests.pictures.product``: the README's pictures, of the product as it runs.

A month of a simulated Lier is imported and reported; then its next Monday is lived by the real services, up
to the bad spell. The live page is a picture then, and so are the mail that the supervisor gets
and the report.
"""

from __future__ import annotations

import base64
import email
import email.policy
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from shared.calendar import DAY
from shared.config.model import CityFile
from shared.contract.events import Event, encode
from shared.process.clock import ClockFile, SimulatedClock, system_clock
from shared.process.ports import free_port
from simulator import rush_start, simulate
from tests.support.chromium import Chromium
from tests.support.eventually import eventually
from tests.support.redis_servers import EmbeddedValkey
from tests.support.service_process import PSEUDONYM_KEY, ROOT, ServiceProcess, Services
from wachtpost.demo import city_copy
from wachtpost.demo.feed import EventFeed

HOST: Final = "127.0.0.1"
LIER: Final = ROOT / "examples" / "lier" / "city.toml"
PICTURES: Final = ROOT / "docs" / "pictures"
MONTH: Final = "2026-09"
"""What is imported and reported."""
MONDAY: Final = date(2026, 10, 5)
SENDER: Final = city_copy.DemoSender("exchange", "a key of the pictures")
BEFORE: Final = timedelta(minutes=3)
"""Of the morning are lived before the bad spell begins."""
SPEED: Final = 20.0
"""Times as fast as real: quicker, and breaches of some minutes come as one mail."""
SHOWN: Final = "longest wait"
"""What the mail of the picture is about."""
LOOKED_BACK: Final = datetime(2026, 10, 3, 9, 0, tzinfo=UTC)
"""When the report is made."""
OF_THE_MOMENT: Final = {"source.heartbeat", "staff.changed"}
RECEIVER: Final = city_copy.RECEIVER
END: Final = """
(highest => {
    const bottom = element => Math.ceil(element.getBoundingClientRect().bottom);
    const rows = [...document.querySelectorAll("tr")].map(bottom).filter(end => end <= highest);
    const all = bottom(document.body.lastElementChild);
    return all <= highest ? all : Math.max(...rows);
})
"""
"""Where a picture ends: with the page, or where that is too high with a row of a table."""


@dataclass
class Mailbox:
    """A mail server's handler: keeps what arrives."""

    mails: list[tuple[str, str]] = field(default_factory=list)
    """Subject and HTML of each."""

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take any mail; the name is the library's."""
        content = envelope.content
        assert isinstance(content, bytes)
        mail = email.message_from_bytes(content, policy=email.policy.default)
        body = mail.get_body(("html",))
        assert body is not None
        self.mails.append((str(mail["Subject"]), str(body.get_content())))
        return "250 OK"

    def about(self, words: str) -> str:
        """Return the first mail about that alone; empty: there is none yet."""
        return next((page for subject, page in self.mails if words in subject), "")


@dataclass(frozen=True)
class Camera:
    browser: Chromium
    out: Path

    def take(self, url: str, name: str, width: int, height: int) -> None:
        """Write the top of a page as ``NAME.png``: as high as it is, at most ``height``."""
        self.browser.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.browser.go_to(url)
        eventually(lambda: self.browser.value("document.readyState") == "complete")
        end = self.browser.value(f"{END}({height})")
        clip = {"x": 0, "y": 0, "width": width, "height": end, "scale": 1}
        shot = self.browser.ask("Page.captureScreenshot", format="png", clip=clip)["data"]
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / f"{name}.png").write_bytes(base64.b64decode(str(shot)))


@dataclass(frozen=True)
class Town:
    """Lier in English, with a sender and a mail server of ours, in a folder of its own."""

    folder: Path
    notifier_port: int
    mail_port: int

    @property
    def city_file(self) -> Path:
        return self.folder / "city.toml"

    def write(self) -> CityFile:
        """Write the city file, and the key that signs links."""
        original = tomllib.loads(LIER.read_text(encoding="utf-8"))
        document = city_copy.with_history_from(original, LIER.parent)
        document = city_copy.with_http_sources(document, {"lier": SENDER})
        document = city_copy.with_receiver(document, "", "", f"http://{HOST}:{self.notifier_port}")
        document |= {
            "city": {**original["city"], "language": "en"},
            "receivers": [{"id": RECEIVER, "channels": [{"kind": "email", "to": ["desk@lier.example"]}]}],
            "smtp": {"host": HOST, "port": self.mail_port, "tls": "none", "sender": "wachtpost@lier.example"},
        }
        self.city_file.write_text(city_copy.toml(document), encoding="utf-8")
        self.link_key.write_text("a key of the pictures, long enough", encoding="utf-8")
        return CityFile.model_validate(document)

    @property
    def link_key(self) -> Path:
        return self.folder / "link_key"


def month(city: CityFile, seed: int) -> Iterator[Event]:
    """Yield what happened in the month, but for what is only of the moment."""
    day = date.fromisoformat(f"{MONTH}-01")
    while f"{day:%Y-%m}" == MONTH:
        yield from (event for event in simulate(city, day, seed) if event.kind not in OF_THE_MOMENT)
        day += DAY


def take(
    out: Annotated[Path, typer.Option(help="The folder for the pictures")] = PICTURES,
    seed: Annotated[int, typer.Option(help="Of the simulated days")] = 1,
) -> None:
    """Take the pictures anew; needs Chromium."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        camera = Camera(stack.enter_context(Chromium(folder / "profile")), out)
        mailbox = Mailbox()
        server = Controller(mailbox, hostname=HOST, port=free_port(HOST))
        server.start()
        stack.callback(server.stop)
        town = Town(folder, free_port(HOST), server.port)
        city = town.write()
        valkey = EmbeddedValkey(folder / "valkey")
        valkey.start()
        stack.callback(valkey.stop)
        settings = {"city_file": town.city_file, "redis_url": valkey.url}
        _report(camera, town, month(city, seed), settings)
        _bad_spell(camera, town, simulate(city, MONDAY, seed), mailbox, settings, rush_start(city, MONDAY))


def _report(camera: Camera, town: Town, events: Iterator[Event], settings: Mapping[str, object]) -> None:
    told, page = town.folder / "month.ndjson", town.folder / "report.html"
    told.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    _wachtpost(settings, "history", "import", str(told), "--by", RECEIVER, "--why", "pictures")
    _wachtpost(settings, "report", MONTH, "-o", str(page))
    camera.take(page.as_uri(), "report", 1000, 880)


def _wachtpost(settings: Mapping[str, object], *command: str) -> None:
    own = {f"WACHTPOST_{name.upper()}": str(value) for name, value in settings.items()}
    own["WACHTPOST_CLOCK"] = str(SimulatedClock(system_clock(), LOOKED_BACK, 1))
    subprocess.run(
        [sys.executable, "-m", "wachtpost", *command],
        env={**os.environ, **own, "WACHTPOST_PSEUDONYM_KEY_FILE": str(PSEUDONYM_KEY)},
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _bad_spell(
    camera: Camera,
    town: Town,
    day: Iterator[Event],
    mailbox: Mailbox,
    settings: Mapping[str, object],
    begins: datetime,
) -> None:
    clock = ClockFile(town.folder / "clock")
    _set(clock, begins - BEFORE, SPEED)
    with Services(town.folder, **settings, clock=f"@{clock.path}", link_key_file=town.link_key) as services:
        ingest = services.start("ingest")
        evaluator = services.start("evaluator")
        services.start("notifier", port=town.notifier_port)
        page = ServiceProcess(
            "wachtpost.page",
            town.folder / "page.log",
            **settings,
            clock=f"@{clock.path}",
            evaluator_url=evaluator.url,
        )
        services.append(page)
        page.start()
        for service in services:
            service.well()
        with httpx.Client(base_url=ingest.url) as client:
            feed = EventFeed(day, client, {"lier": SENDER})

            def told() -> str:
                feed.advance(clock())
                return mailbox.about(SHOWN)

            mail = town.folder / "mail.html"
            mail.write_text(eventually(told), encoding="utf-8")
            _set(clock, clock(), 1)  # at many times as fast a figure is soon old
            eventually(lambda: not httpx.get(f"{page.url}/figures.json").json()["stale"])
            camera.take(page.url, "page", 1280, 960)
            camera.take(mail.as_uri(), "mail", 640, 760)


def _set(clock: ClockFile, now: datetime, speed: float) -> None:
    written = clock.path.with_suffix(".new")
    written.write_text(str(SimulatedClock(system_clock(), now, speed)), encoding="utf-8")
    written.replace(clock.path)


if __name__ == "__main__":
    typer.run(take)

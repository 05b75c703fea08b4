"""The whole product as it really runs, with a disturbable network between every two parts of it.

::

    sender ──► ingest ──► Redis ◄── evaluator ×2
    queue_log ──┘           ▲
                            └────── notifier ──► webhook, mail
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import httpx

from shared.config.model import CityFile, load
from shared.process.clock import SimulatedClock
from tests.chaos.plan import LINKS
from tests.support.receivers import HttpReceiver, MailReceiver, http_receiver, mail_receiver
from tests.support.redis_servers import AnyRedis
from tests.support.service_process import ServiceProcess
from tests.support.tcp_proxy import TcpProxy, tcp_proxy

MORNING: Final = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
"""A Tuesday; no day, month or summer time ends near it."""

SITE: Final = "huis"
API_KEY: Final = "wachtpost_" + "c" * 43
GUARDED: Final = ("noord", "oost", "zuid")
"""Queues with a rule, each with a receiver of its own name."""

MAILED: Final = "oost"
"""Whose receiver has mail as well."""

ADDRESS: Final = "oost@example.org"

TEND_EVERY: Final = 0.1
"""Seconds between two looks at what may have ended."""

CITY: Final = """
[city]
name = "Proefstad"

[calendar]
public_holidays = ""

[live]
min_samples = 4

[pipeline]
lease = "3s"
open_timeout = "4h"  # so that a clock two hours ahead makes nobody unfinished who is not

[[sites]]
id = "{site}"
queues = [
  {guarded},
  {{ id = "onthaal", kind = "phone" }},
  {{ id = "centrale", kind = "phone" }},
  {{ id = "loket", kind = "counter" }},
]

[[sources]]
kind = "http"
id = "balie"
site = "{site}"
key_sha256 = ["{key}"]

[[sources]]
kind = "queue_log"
id = "pbx"
site = "{site}"
path = "{queue_log}"

[smtp]
host = "127.0.0.1"
port = {mail_port}
tls = "none"
sender = "wachtpost@proefstad.example"

[notify]
group_wait = "1s"
reminder = "24h"
flap_window = "1m"
flap_messages = 100
"""

WATCH: Final = """
[[rules]]
id = "gemist-{queue}"
kpi = "missed_ratio"
queue = "{queue}"
window = "24h"
limit = 0.2

[[receivers]]
id = "{queue}"
channels = [{{ kind = "webhook", url = "http://127.0.0.1:{webhook_port}/in" }}{mail}]

[[routes]]
receivers = ["{queue}"]
queues = ["{queue}"]
"""


class Service:
    """A place in which a process runs; whatever ends there by itself is started again."""

    def __init__(self, name: str, directory: Path, **environment: object) -> None:
        self.name = name
        self.port: int | None = None
        """Where it listens, once it does."""
        self.lock = asyncio.Lock()
        """Held by whoever ends it on purpose."""
        self.ended: list[str] = []
        """What its processes said when they ended without being asked to."""
        self._directory = directory
        self._environment = environment
        self._started = 0
        self.process = self._next()

    def start(self) -> None:
        """Start another process; waits for nothing."""
        self.port = None
        self.process = self._next()
        self.process.start()

    def look(self) -> None:
        """See whether it listens, and whether it is still there."""
        if self.process.exited:
            self.ended.append(f"{self.name} ended by itself, its log: {self.process.log}")
            self.start()
        elif self.port is None and (line := self.process.logged("listening")) is not None:
            self.port = int(str(line["port"]))

    def _next(self) -> ServiceProcess:
        self._started += 1
        room = self.name.partition("-")[0]
        log = self._directory / f"{self.name}.{self._started}.log"
        return ServiceProcess(f"services.{room}", log, **self._environment)


class Product:
    """Redis, services, receivers, and what lies between them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = SimulatedClock(datetime.now(UTC), MORNING, 1.0)
        """The right time, as senders and the exchange have it."""
        self.server = AnyRedis(directory / "redis")
        self.links: dict[str, TcpProxy] = {}
        self.services: dict[str, Service] = {}
        self.webhook = HttpReceiver()
        self.mail = MailReceiver()
        self.had: dict[str, bytes] = {}
        """What stood on the stream whenever Redis went back, by entry."""
        self.letters: set[bytes] = set()
        """Dead letters that were seen: they go back as well."""
        self.queue_log = directory / "queue_log"
        self.city_file = directory / "city.toml"
        self._clock_file = directory / "clock"

    def city(self) -> CityFile:
        """The city file that the services read."""
        return load(self.city_file)

    def set_clock(self, ahead: timedelta) -> None:
        """Set the clock of this machine, which all services go by."""
        clock = SimulatedClock(self.clock.real, self.clock.simulated + ahead, self.clock.speed)
        new = self._clock_file.with_suffix(".new")
        new.write_text(str(clock), encoding="utf-8")
        new.replace(self._clock_file)

    async def health(self) -> dict[str, str]:
        """What each service says of itself that is not fine; nothing when all is well."""
        wrong = {}
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            for name, service in self.services.items():
                try:
                    answer = await client.get(f"http://127.0.0.1:{service.port or 1}/health")
                    if answer.status_code != 200:
                        wrong[name] = answer.text
                except httpx.HTTPError as error:
                    wrong[name] = type(error).__name__
        return wrong

    async def tend(self) -> None:
        """Start again what ended by itself, and lead senders to where ingest listens. Until cancelled."""
        while True:
            for service in self.services.values():
                if not service.lock.locked():
                    service.look()
            self.links["sender→ingest"].target = self.services["ingest"].port
            await asyncio.sleep(TEND_EVERY)  # a round, not a wait for something

    def write_files(self) -> None:
        self.set_clock(timedelta(0))
        mail = f', {{ kind = "email", to = ["{ADDRESS}"] }}'
        text = CITY.format(
            site=SITE,
            guarded=", ".join(f'{{ id = "{queue}", kind = "phone" }}' for queue in GUARDED),
            key=sha256(API_KEY.encode()).hexdigest(),
            queue_log=self.queue_log,
            mail_port=self.links["notifier→mail"].port,
        )
        for queue in GUARDED:
            port = self.links["notifier→webhook"].port
            text += WATCH.format(queue=queue, webhook_port=port, mail=mail if queue == MAILED else "")
        self.city_file.write_text(text, encoding="utf-8")

    def begin(self) -> None:
        for name in ("ingest", "evaluator-1", "evaluator-2", "notifier"):
            link = self.links[f"{name.partition('-')[0]}→redis"]
            service = self.services[name] = Service(
                name,
                self.directory,
                city_file=self.city_file,
                redis_url=f"redis://127.0.0.1:{link.port}/0",
                clock=f"@{self._clock_file}",
            )
            service.start()

    def end(self) -> None:
        """Leave nothing running."""
        for service in self.services.values():
            service.process.kill()
        self.server.kill()


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[Product]:
    """The product, up or about to be. At the end all that was started is gone; the files stay."""
    product = Product(directory)
    async with AsyncExitStack() as stack:
        product.webhook = await stack.enter_async_context(http_receiver())
        product.mail = await stack.enter_async_context(mail_receiver())
        targets: dict[str, int | None] = {
            "sender→ingest": None,
            "notifier→webhook": int(product.webhook.url.rpartition(":")[2]),
            "notifier→mail": product.mail.port,
        }
        for name in LINKS:
            target = targets.get(name, product.server.port)
            product.links[name] = await stack.enter_async_context(tcp_proxy(target))
        stack.callback(product.end)
        product.write_files()
        await asyncio.to_thread(product.server.start)
        product.begin()
        tending = asyncio.create_task(product.tend(), name="tend")
        stack.callback(tending.cancel)
        yield product

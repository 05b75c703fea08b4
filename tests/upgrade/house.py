"""A house in use: all services as processes, everybody whom they tell, a clock that stands until it jumps."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any, Final, cast

import httpx
import redis
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner, Result

from tests.support.eventually import WITHIN, NeverHappenedError, eventually_async
from tests.support.grafana_stand_in import BOARD, TOKEN, GrafanaStandIn
from tests.support.receivers import HttpReceiver, MailReceiver, http_receiver, mail_receiver
from tests.support.redis_servers import RedisServer
from tests.support.service_process import ServiceProcess
from wachtpost.cli import app

HERE: Final = Path(__file__).parent
BEFORE: Final = HERE / "before"
RECEIVERS: Final = (
    *("lasting", "taken", "over", "unreachable", "refusing", "silenced", "silenced-briefly"),
    *("flapping", "group", "quiet", "slow", "unheard", "bib", "chief"),
)
OWN: Final = frozenset(RECEIVERS) - {"group", "quiet", "bib", "chief"}
"""Receivers of the queue that is called like them."""

SENDERS: Final = {"desk": "huis", "bib-desk": "bib", "bib-pbx": "bib"}
"""Sender → its site."""

TAKE_OVER_WITHIN: Final = 60.0
"""Seconds, of which a lease that was left takes two: then whatever is shown counts."""

NOT_KEPT: Final = re.compile(
    r"process_|python_|wachtpost_(commit|delivery)_seconds|wachtpost_(annotations|notifications|notifier_unread|queue_info)"
    r"|wachtpost_(kpi|indicator)_target"
)
"""Metrics that are about the process or the city file, and not about what was kept."""

Figures = dict[str, dict[str, float]]
"""Metric → labels as text, ``queue=onthaal,site=lier`` → value."""


def moment(clock: str) -> datetime:
    """A moment of the day on which all happens, a Tuesday: ``09:30``, in UTC."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 11, 24, hour, minute, tzinfo=UTC)


class House:
    """The services of a city on one Redis, and what they said."""

    def __init__(self, server: RedisServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.client = server.client()
        self.webhooks: dict[str, HttpReceiver] = {}
        self.mail = MailReceiver()
        self.grafana = GrafanaStandIn()
        self.services: dict[str, ServiceProcess] = {}
        self._now = moment("09:00")
        self._numbers = iter(range(1, 10_000))

    # Time and processes --------------------------------------------------------------------------

    def set_clock(self, clock: str) -> None:
        """It is that time now, until it is set again."""
        self._now = moment(clock)
        written = self.folder / "clock.new"
        written.write_text(f"{self._now.isoformat()}/{self._now.isoformat()}/0")
        written.replace(self.folder / "clock")

    async def jump(self, clock: str) -> None:
        """Set the clock, and wait until all who run have seen it."""
        self.set_clock(clock)
        if "ingest" in self.services:
            await self.until(lambda: self._is_said("events", kind="source.heartbeat", source="pbx"))
        await self.until(lambda: self._is_said("breaches"))
        await self.until_counted()

    def start(self, *names: str) -> None:
        """Start services; they are up later."""
        for name in names:
            log = self.folder / f"{name}-{next(self._numbers)}.log"
            self.services[name] = ServiceProcess(f"services.{name}", log, **self._settings)
            self.services[name].start()

    def kill(self, *names: str) -> None:
        """kill -9, so that nothing is put in order."""
        for name in names or tuple(self.services):
            self.services.pop(name).kill()

    async def url(self, name: str) -> str:
        """Where a service listens."""
        await eventually_async(lambda: self.services[name].logged("listening") or self.services[name].exited)
        return self.services[name].url

    async def command(self, *arguments: str, status: int = 0) -> Result:
        """What a ``wachtpost`` command says; it has to end with that status."""
        settings = {f"WACHTPOST_{name.upper()}": str(value) for name, value in self._settings.items()}
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=settings)
        assert result.exit_code == status, result.output
        return result

    @property
    def _settings(self) -> dict[str, object]:
        return {
            "city_file": self.folder / "city.toml",
            "redis_url": self.server.url,
            "clock": f"@{self.folder / 'clock'}",
        }

    # What happens --------------------------------------------------------------------------------

    async def calls(self, queue: str, *, answered: int = 0, missed: int = 0, wait_s: int = 10) -> None:
        """Have calls end at this queue now, all at once."""
        sender = "bib-desk" if queue == "balie" else "desk"
        ends = [{"kind": "call.answered"}] * answered
        ends += [{"kind": "call.missed", "outcome": "abandoned"}] * missed
        await self.send(sender, ({**end, "queue": queue, "wait_ms": wait_s * 1000} for end in ends))

    async def send(self, sender: str, events: Iterable[Mapping[str, object]]) -> None:
        """Send events of now to ingest, which takes one at least; an ``id`` of their own stays."""
        now = self._now.isoformat()
        given = {"at": now, "source": sender, "site": SENDERS[sender]}
        items = [{"id": f"{sender}-{self._now:%H%M}-{next(self._numbers)}", **given, **one} for one in events]
        key = {"Authorization": f"Bearer {api_key(sender)}"}
        async with httpx.AsyncClient(base_url=await self.url("ingest"), timeout=WITHIN) as client:
            answer = await client.post("/v1/events", json=items, headers=key)
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text

    async def log(self, *lines: str) -> None:
        """Have the exchange write lines into its queue_log; returns when ingest has read them, if it runs."""
        with (self.folder / "queue_log").open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

        def is_read() -> bool:
            size = (self.folder / "queue_log").stat().st_size
            return f'"offset":{size},'.encode() in cast("bytes", self.client.get("{p0}:checkpoint:pbx"))

        if "ingest" in self.services:
            await eventually_async(is_read)

    # What is to be seen --------------------------------------------------------------------------

    def stream(self, key: str) -> list[dict[str, Any]]:
        """The JSON of a stream's entries, the oldest first."""
        return [json.loads(body) for _, body in self.entries(key)]

    def entries(self, key: str) -> list[tuple[bytes, bytes]]:
        """Id and content of a stream's entries."""
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", self.client.xrange(f"{{p0}}:{key}"))
        return [(entry, fields[b"__data__"]) for entry, fields in entries]

    def names(self, key: str) -> list[str]:
        """The fields of a hash."""
        return [name.decode() for name in cast("list[bytes]", self.client.hkeys(f"{{p0}}:{key}"))]

    def field(self, key: str, name: str) -> str:
        """A field of a hash; nothing where it is not there."""
        return cast("bytes", self.client.hget(f"{{p0}}:{key}", name) or b"").decode()

    def changes(self) -> list[dict[str, Any]]:
        """The steps that rules took."""
        return [event for event in self.stream("breaches") if event["kind"] == "breach.changed"]

    def states(self, rule: str, queue: str) -> list[str]:
        """The states that a rule went through at a queue."""
        return [one["state"] for one in self.changes() if (one["rule"], one["queue"]) == (rule, queue)]

    def told(self, receiver: str) -> list[dict[str, Any]]:
        """What a receiver was sent, each attempt."""
        requests = self.webhooks[receiver].requests
        return [json.loads(request.body) for request in requests if request.method == "POST"]

    async def until(self, condition: Callable[[], object]) -> None:
        await eventually_async(condition)

    async def until_told(self, **times: int) -> None:
        """Wait until receivers have been sent so much."""
        await eventually_async(
            lambda: all(len(self.told(n.replace("_", "-"))) >= t for n, t in times.items())
        )

    async def until_counted(self) -> None:
        """Wait until the evaluator has counted and the notifier heard all that there is."""

        def all_read() -> bool:
            return all(
                self.field(part, "offset").encode() == _last_id(self.client, stream)
                for part, stream in (("state", "events"), ("notifier:state", "breaches"))
                if part == "state" or "notifier" in self.services
            )

        await eventually_async(all_read)

    async def until_delivered(self) -> None:
        """Wait until nothing is on its way that could be tried now."""

        def none_due() -> bool:
            deliveries = cast("list[bytes]", self.client.hvals("{p0}:notifier:outbox"))
            return all(datetime.fromisoformat(json.loads(one)["next_try"]) > self._now for one in deliveries)

        await eventually_async(none_due)

    async def until_exposed(self, wanted: Figures) -> Figures:
        """Wait until the evaluator shows these figures; returns what it shows, be it others."""

        async def shown() -> bool:
            return of_these(await self.exposition(), wanted) == wanted

        with suppress(NeverHappenedError):
            await eventually_async(shown, within=TAKE_OVER_WITHIN)
        return await self.exposition()

    def _is_said(self, stream: str, **what: str) -> bool:
        """Whether something of this very moment is on a stream. Breaches that last are told each minute."""
        wanted = {"at": self._now.isoformat().replace("+00:00", "Z"), **what}
        return any(wanted.items() <= one.items() for one in self.stream(stream))

    async def exposition(self, name: str = "evaluator") -> Figures:
        """A service's figures that rest on what is kept; samples of zero are left out."""
        async with httpx.AsyncClient(base_url=await self.url(name), timeout=WITHIN) as client:
            text = (await client.get("/metrics")).text
        figures: Figures = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if NOT_KEPT.match(sample.name):
                    continue
                samples = figures.setdefault(sample.name, {})
                if sample.value:
                    samples[",".join(f"{n}={v}" for n, v in sorted(sample.labels.items()))] = sample.value
        return figures


@asynccontextmanager
async def raised(house: House) -> AsyncIterator[None]:
    """The house's files, and everybody whom it tells; no service runs yet."""
    folder = house.folder
    async with AsyncExitStack() as stack:
        stack.callback(house.client.close)
        stack.callback(house.kill)
        for name in RECEIVERS:
            house.webhooks[name] = await stack.enter_async_context(http_receiver())
        house.mail = await stack.enter_async_context(mail_receiver())
        stack.enter_context(house.grafana)
        (folder / "token").write_text(TOKEN)
        (folder / "city.toml").write_text(_city(house))
        yield


def of_these(figures: Figures, wanted: Figures) -> Figures:
    """The figures of the metrics and windows that are wanted: a release may well have others beside them."""
    windows = {_window(labels) for samples in wanted.values() for labels in samples}
    return {
        name: {labels: value for labels, value in figures.get(name, {}).items() if _window(labels) in windows}
        for name in wanted
    }


def _window(labels: str) -> str:
    return dict(label.split("=", 1) for label in labels.split(",") if label).get("window", "")


def api_key(sender: str) -> str:
    """The key of a sender at ingest's door."""
    return f"wachtpost_{sender:k<43}"


def _city(house: House) -> str:
    receivers = [
        f'[[receivers]]\nid = "{name}"\nchannels = [{{ kind = "webhook", url = "{one.url}" }}]\n'
        for name, one in house.webhooks.items()
    ]
    routes = [
        f'[[routes]]\nreceivers = ["{name}"]\nqueues = ["{name}"]\n' for name in sorted(OWN - {"lasting"})
    ]
    keys = {f"{name.replace('-', '_')}_key": sha256(api_key(name).encode()).hexdigest() for name in SENDERS}
    return Template((HERE / "city.toml").read_text()).substitute(
        folder=house.folder,
        receivers="\n".join(receivers + routes),
        mail_port=house.mail.port,
        grafana=house.grafana.url,
        board=BOARD,
        **keys,
    )


def _last_id(client: redis.Redis, stream: str) -> bytes:
    return cast("dict[str, bytes]", client.xinfo_stream(f"{{p0}}:{stream}"))["last-generated-id"]

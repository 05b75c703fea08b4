"""A desk under watch: real evaluators and notifiers on a real Redis, and everybody whom they tell.

Each queue has a receiver of its own name, so that stories on one stage do not meet. The clock runs so many
times as fast as ours: a reminder after a minute takes a second at speed 60. A story in which something has to
happen before something else is due runs at speed 1, and has the clock jump: no machine is too slow for it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from shared.contract.breach_events import BREACH_EVENT, BreachChanged
from shared.contract.events import CallAnswered, CallMissed, Event, Outcome, encode
from shared.process.clock import ClockFile, SimulatedClock
from shared.process.ports import free_port
from shared.redis import keys
from tests.support.entries import entries_now
from tests.support.eventually import WITHIN, eventually_async
from tests.support.grafana_stand_in import BOARD, TOKEN, GrafanaStandIn
from tests.support.receivers import HttpReceiver, MailReceiver, Request, http_receiver, mail_receiver
from tests.support.redis_servers import FLAVOURS, DebianRedis, EmbeddedValkey, RedisServer
from tests.support.service_process import ServiceProcess, Services

MORNING: Final = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
"""A Tuesday, ten o'clock in Brussels; no day, month or summer time ends near it."""

SITE: Final = "huis"
API_KEY: Final = "wachtpost_" + "k" * 43
LINK_KEY: Final = "a key of the tests, long enough"
CITY: Final = """
[city]
name = "Proefstad"

[calendar]
public_holidays = ""

[live]
min_samples = 4

[pipeline]
lease = "{lease}"

[[sites]]
id = "{site}"
name = "Stadhuis"
queues = [{queues}]

[[targets]]
kpi = "missed_ratio"
limit = 0.2
period = "year"

[[rules]]
id = "gemist"
kpi = "missed_ratio"
queue = "*"
window = "24h"
{rule}

{receivers}

[smtp]
host = "127.0.0.1"
port = {mail_port}
tls = "none"
sender = "wachtpost@proefstad.example"

[grafana]
url = "{grafana}"
token_file = "{token_file}"
dashboard_uid = "{board}"

[notify]
base_url = "{base_url}"
board_url = "{grafana}/d/{board}"
{notify}
"""

RECEIVER: Final = """
[[receivers]]
id = "{name}"
channels = [{channels}]

[[routes]]
receivers = ["{name}"]
queues = ["{name}"]
"""


class Told(NamedTuple):
    """A message as a webhook receiver got it."""

    kind: str
    key: str
    """Of the header; the body says the same."""
    body: Mapping[str, object]
    sent: int
    """When this attempt began, in simulated epoch seconds."""

    @property
    def breaches(self) -> tuple[str, ...]:
        """The ids of the breaches in it."""
        found = self.body["breaches"]
        assert isinstance(found, list)
        return tuple(breach["id"] for breach in found)

    @classmethod
    def of(cls, request: Request) -> Told:
        body = json.loads(request.body)
        assert request.headers["idempotency-key"] == body["key"]
        return cls(body["kind"], body["key"], body, int(request.headers["wachtpost-timestamp"]))


class Stage:
    """The processes and the receivers of one city."""

    def __init__(self, server: RedisServer, directory: Path, speed: float) -> None:
        self.server = server
        self.directory = directory
        self.speed = speed
        self.clock = ClockFile(directory / "clock")
        self._set_clock(MORNING)
        self.webhooks: dict[str, HttpReceiver] = {}
        self.mail = MailReceiver()
        self.grafana = GrafanaStandIn()
        self.notifier_port = free_port()
        self.services = Services(
            directory,
            city_file=directory / "city.toml",
            redis_url=server.url,
            clock=f"@{self.clock.path}",
            link_key_file=directory / "link.key",
            api_keys_file=directory / "api.keys",
        )
        self._ids = count(1)

    @property
    def base_url(self) -> str:
        """Where the first notifier listens, as the messages say."""
        return f"http://127.0.0.1:{self.notifier_port}"

    # Processes -----------------------------------------------------------------------------------

    def evaluator(self) -> ServiceProcess:
        """Start an evaluator."""
        return self.services.start("evaluator")

    def notifier(self, *, at_base_url: bool = True) -> ServiceProcess:
        """Start a notifier: where the messages' links lead to, or on any free port."""
        return self.services.start("notifier", port=self.notifier_port if at_base_url else 0)

    # The desk ------------------------------------------------------------------------------------

    def calls(self, queue: str, *, answered: int = 0, missed: int = 0) -> None:
        """Have calls end at this queue now, all at once."""
        at = self.clock()
        self.write([self.call(queue, at, missed=n < missed) for n in range(answered + missed)])

    def call(self, queue: str, at: datetime, *, missed: bool) -> Event:
        """Return the end of a call that waited for ten seconds."""
        number = next(self._ids)
        if not missed:
            return CallAnswered(id=f"a{number}", at=at, source="pbx", site=SITE, queue=queue, wait_ms=10_000)
        return CallMissed(
            id=f"m{number}",
            at=at,
            source="pbx",
            site=SITE,
            queue=queue,
            outcome=Outcome.ABANDONED,
            wait_ms=10_000,
        )

    def write(self, events: Iterable[Event]) -> None:
        """Put events on the stream in one go; they arrive at the simulated now."""
        with self.server.client() as client:
            pipeline = client.pipeline()
            for event in events:
                arrived = int(self.clock().timestamp() * 1000)
                pipeline.xadd(keys.events(0), {keys.DATA_FIELD: encode(event)}, id=f"{arrived}-*")
            pipeline.execute()

    def changes(self, queue: str) -> list[BreachChanged]:
        """What the judge said of a queue."""
        with self.server.client() as client:
            bodies = [body for _, body in entries_now(client, keys.breaches(0))]
        events = [BREACH_EVENT.validate_json(body) for body in bodies if b'"breach.changed"' in body]
        return [event for event in events if isinstance(event, BreachChanged) and event.queue == queue]

    def states(self, queue: str) -> list[str]:
        """The states that a queue's watch went through."""
        return [event.state.value for event in self.changes(queue)]

    # What was told -------------------------------------------------------------------------------

    def told(self, receiver: str) -> list[Told]:
        """What a webhook receiver got, each attempt."""
        return [Told.of(request) for request in self.webhooks[receiver].requests]

    def kinds(self, receiver: str) -> list[str]:
        return [told.kind for told in self.told(receiver)]

    def kept(self, part: str) -> list[dict[str, object]]:
        """The lines of the delivery log (``log``) or of the dead letters (``dead``), the oldest first."""
        with self.server.client() as client:
            return [json.loads(body) for _, body in entries_now(client, keys.notifier(0, part))]

    def deliveries(self, receiver: str) -> list[tuple[object, object, object]]:
        """Kind, channel and result of each try for a receiver."""
        lines = [line for line in self.logged(receiver) if line["kind"] == "delivery"]
        return [(line["happening"], line["channel"], line["result"]) for line in lines]

    def reasons(self, receiver: str) -> list[object]:
        """Why a receiver was told or not, decision by decision."""
        return [line["reason"] for line in self.logged(receiver) if line["kind"] == "decision"]

    def outbox(self) -> int:
        """How many messages are on their way."""
        with self.server.client() as client:
            return int(client.hlen(keys.notifier(0, "outbox")))

    def logged(self, receiver: str) -> list[dict[str, object]]:
        """The delivery log's lines about a receiver."""
        return [line for line in self.kept("log") if line["receiver"] == receiver]

    def regions(self, queue: str) -> list[dict[str, object]]:
        """Grafana's annotations of a queue."""
        found = []
        for annotation in self.grafana.annotations:
            tags = annotation["tags"]
            assert isinstance(tags, list)
            if any(tag.endswith(f":{queue}") for tag in tags if "/" in tag):
                found.append(annotation)
        return found

    async def until_state(self, queue: str, state: str, times: int = 1) -> None:
        """Wait until the judge has said so often that a queue's watch is in that state."""
        await eventually_async(lambda: self.states(queue).count(state) >= times)

    async def until_told(self, receiver: str, *kinds: str) -> list[Told]:
        """Wait until a receiver was told exactly this, in this order; returns it."""
        wanted = list(kinds)
        await eventually_async(lambda: len(self.told(receiver)) >= len(wanted))
        assert self.kinds(receiver) == wanted
        return self.told(receiver)

    async def until_heard(self) -> None:
        """Wait until the notifier has decided on everything that is on the stream, and sent it."""
        with self.server.client() as client:
            last = client.xrevrange(keys.breaches(0), count=1)[0][0]

            def heard() -> bool:
                offset = client.hget(keys.notifier(0, "state"), "offset")
                return isinstance(offset, bytes) and entry_order(offset) >= entry_order(last)

            await eventually_async(lambda: heard() and self.outbox() == 0)

    async def simulated(self, passed: timedelta) -> None:
        """Wait until so much simulated time has passed."""
        until = self.clock() + passed
        await eventually_async(lambda: self.clock() >= until)

    def jump(self, passed: timedelta) -> None:
        """Have so much simulated time pass at once."""
        self._set_clock(self.clock() + passed)

    def _set_clock(self, now: datetime) -> None:
        written = self.clock.path.with_suffix(".new")
        written.write_text(str(SimulatedClock(datetime.now(UTC), now, self.speed)), encoding="utf-8")
        written.replace(self.clock.path)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        form: Mapping[str, str] | None = None,
        json: object = None,
        key: str = API_KEY,
    ) -> httpx.Response:
        """Ask the first notifier."""
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=self.base_url, timeout=WITHIN, trust_env=False) as client:
            return await client.request(method, path, data=form, json=json, headers=headers)


def entry_order(entry: bytes) -> tuple[int, int]:
    """What stream entries are ordered by."""
    ms, _, sequence = entry.partition(b"-")
    return int(ms), int(sequence)


@contextmanager
def redis_server(flavour: str, directory: Path) -> Iterator[RedisServer]:
    """A running server of the stage's own, of that flavour if it is installed; embedded Valkey always is."""
    there = flavour if DebianRedis.binary() is not None else EmbeddedValkey.flavour
    server = FLAVOURS[there](directory / there)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@asynccontextmanager
async def raised(
    server: RedisServer,
    directory: Path,
    queues: Sequence[str],
    *,
    rule: str = "",
    notify: str = "",
    mails: Mapping[str, Sequence[str]] | None = None,
    speed: float = 60.0,
    lease: str = "1m",
) -> AsyncIterator[Stage]:
    """A stage with receivers and a city file; no process yet. ``mails``: receiver → addresses as well."""
    stage = Stage(server, directory, speed)
    async with AsyncExitStack() as stack:
        for name in queues:
            stage.webhooks[name] = await stack.enter_async_context(http_receiver())
        stage.mail = await stack.enter_async_context(mail_receiver())
        stack.enter_context(stage.grafana)
        _write_files(stage, queues, mails or {}, rule=rule, notify=notify, lease=lease)
        stack.enter_context(stage.services)
        yield stage


async def until_up(*processes: ServiceProcess) -> None:
    """Wait until they listen."""
    for process in processes:
        await eventually_async(lambda p=process: p.logged("listening"))


def _write_files(
    stage: Stage, queues: Sequence[str], mails: Mapping[str, Sequence[str]], **settings: str
) -> None:
    directory = stage.directory
    (directory / "token").write_text(TOKEN)
    (directory / "link.key").write_text(LINK_KEY)
    (directory / "api.keys").write_text(sha256(API_KEY.encode()).hexdigest() + "\n")
    receivers = "".join(
        RECEIVER.format(name=name, channels=_channels(stage, name, mails.get(name, ()))) for name in queues
    )
    text = CITY.format(
        site=SITE,
        queues=", ".join(f'{{ id = "{name}", kind = "phone", name = "{name.title()}" }}' for name in queues),
        receivers=receivers,
        mail_port=stage.mail.port,
        grafana=stage.grafana.url,
        token_file=directory / "token",
        board=BOARD,
        base_url=stage.base_url,
        **settings,
    )
    (directory / "city.toml").write_text(text, encoding="utf-8")


def _channels(stage: Stage, name: str, addresses: Sequence[str]) -> str:
    channels = [f'{{ kind = "webhook", url = "{stage.webhooks[name].url}/in" }}']
    if addresses:
        channels.append(f'{{ kind = "email", to = {json.dumps(list(addresses))} }}')
    return ", ".join(channels)

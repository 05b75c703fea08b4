"""A city at work and a real Prometheus that watches it: what the boards would be asked about.

The three services run on a real Redis with this machine's clock. A simulated bad day is shifted so that its
worst hour is now: hours of it are told at once, and then it goes on as it comes. All on 127.0.0.1.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import yaml  # type: ignore[import-untyped]  # ships no types

from domain.bucket import Bucket
from services.notifier.messages.links import ACKNOWLEDGE_PATH
from shared.calendar import DAY
from shared.config.model import CityFile
from shared.contract.events import Event
from shared.contract.kpis import QueueKind
from shared.process.ports import free_port
from shared.redis import keys
from simulator import SOURCE, next_working_day, rush_start, simulate
from tests.deploy.grafana.files import CITY_FILE, ROOT
from tests.support.eventually import WITHIN, eventually
from tests.support.redis_servers import DebianRedis, EmbeddedValkey, RedisServer
from tests.support.service_process import ServiceProcess
from wachtpost.demo import city_copy
from wachtpost.demo.feed import EVENTS_PATH, EventFeed
from wachtpost.demo.mailbox import Mailbox, open_mailbox
from wachtpost.live.alerts import link_in

PROMETHEUS_FILE: Final = ROOT / "deploy" / "prometheus" / "prometheus.yml"
HOST: Final = "127.0.0.1"
SERVICES: Final = ("ingest", "evaluator", "notifier")
EXPORTERS: Final = {
    "redis": "prometheus-redis-exporter",
    "node": "prometheus-node-exporter",
    "alertmanager": "prometheus-alertmanager",
}
"""Jobs that stand on a Debian package; one that is not installed is scraped in vain."""

VOLUME: Final = 10.0
WINDOWS: Final = (("15m", "1h"), ("last 20", "1h"), ("last 60", "last 20"))
"""Of other cities, in the order of their files."""

LOAD: Final = 3.0
"""Three times the people of a large desk's day: every figure has contacts, every target is missed."""
INTO_THE_RUSH: Final = timedelta(minutes=45)
AFTERNOON: Final = 15
"""The hour that it is in the test's city, so that "today" is never a few minutes old."""
OLDER_DAYS: Final = 800
OLDER_THAN: Final = 4 * DAY
"""Days that nothing can change any more."""
SCRAPES: Final = 6
"""Scrapes of the same series after which every rate has something to go by."""


@dataclass(frozen=True)
class WatchedCity:
    """What runs."""

    prometheus: str
    """Where Prometheus is reached."""
    jobs: Mapping[str, bool]
    """Every job of the scrape configuration, and whether somebody answers there."""
    _advance: Callable[[], None]

    def advance(self) -> None:
        """Tell the services what has happened until now."""
        self._advance()


def prometheus_binary() -> str | None:
    """Return where Prometheus is, if it is installed."""
    return shutil.which("prometheus")


@contextmanager
def raised(folder: Path) -> Iterator[WatchedCity]:
    """Start everything, wait until Prometheus has seen enough, and end everything."""
    with ExitStack() as stack:
        server = _redis(folder)
        stack.callback(server.kill)
        server.start()
        mailbox = stack.enter_context(open_mailbox())
        city = _City.of(folder, mailbox)
        _write_older_days(server, city.original)
        services = _services(folder, city, server.url)
        for service in services.values():
            stack.callback(service.kill)
            service.start()
        urls = {name: service.url for name, service in services.items()}
        exporters = _exporters(folder, server, stack)
        prometheus = _prometheus(folder, {**urls, **exporters}, stack)
        client = stack.enter_context(httpx.Client(base_url=urls["ingest"], timeout=WITHIN, trust_env=False))
        feed = EventFeed(city.events(), client, {city.site: city.sender})
        there = {"prometheus", *urls, *exporters}
        stage = WatchedCity(prometheus, {job: job in there for job in _jobs()}, lambda: feed.advance(_now()))
        _until_watched(stage)  # the first scrapes see nothing yet, so that counters are seen to grow
        feed.advance(_now())
        city.send_odd_ones(client)
        _acknowledge_one(mailbox, stage)
        _until_caught_up(stage)
        yield stage


@dataclass(frozen=True)
class _City:
    """Lier as the test runs it: always open, in the afternoon, quick to judge."""

    file: Path
    site: str
    sender: city_copy.DemoSender
    notifier_port: int
    original: CityFile
    """Lier's own."""
    events_until: datetime

    @classmethod
    def of(cls, folder: Path, mailbox: Mailbox) -> _City:
        document = tomllib.loads(CITY_FILE.read_text(encoding="utf-8"))
        original = CityFile.model_validate(document)
        (site, *_others) = (site.id for site in original.sites)
        sender = city_copy.DemoSender(SOURCE, f"wachtpost_{secrets.token_urlsafe(32)}")
        port = free_port(HOST)
        document = city_copy.with_history_from(document, CITY_FILE.parent)
        watched = _looking_back(_afternoon(_always_open(_quick(document))))
        changed = city_copy.with_http_sources(watched, {site: sender})
        changed["sources"] = [*_list(changed, "sources"), _queue_log(folder, site)]
        changed = city_copy.with_receiver(changed, "Balie", mailbox.url, f"http://{HOST}:{port}")
        file = folder / "city.toml"
        file.write_text(city_copy.toml(changed), encoding="utf-8")
        CityFile.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        return cls(file, site, sender, port, original, _now())

    def events(self) -> Iterator[Event]:
        """Yield the day's events, shifted so that the worst hour is now."""
        day = next_working_day(self.original, self.events_until.date() + DAY)
        worst = rush_start(self.original, day) + INTO_THE_RUSH
        shift = timedelta(seconds=round((self.events_until - worst).total_seconds()))
        for event in simulate(self.original, day, seed=1, load=LOAD, volume=VOLUME):
            instants = {name: value + shift for name, value in event if isinstance(value, datetime)}
            yield event.model_copy(update=instants)

    def send_odd_ones(self, client: httpx.Client) -> None:
        """Send what is not taken: twice the same, too old, unreadable, and without a key."""
        now = _now()
        call = {
            "source": SOURCE,
            "site": self.site,
            "queue": "onthaal",
            "kind": "call.answered",
            "wait_ms": 9000,
        }
        twice = {**call, "id": "twice", "at": now.isoformat()}
        late = {**call, "id": "late", "at": (now - timedelta(days=3)).isoformat()}
        headers = {"Authorization": f"Bearer {self.sender.key}"}
        for batch in ([twice], [twice], [late], [{**call, "id": "no-moment"}]):
            client.post(EVENTS_PATH, json=batch, headers=headers)
        client.post(EVENTS_PATH, json=[twice])


def _write_older_days(server: RedisServer, city: CityFile) -> None:
    """Two years of days that somebody imported: months and years within the targets, and beyond them."""
    latest = _now().date() - OLDER_THAN
    with server.client() as client:
        pipeline = client.pipeline(transaction=False)
        for site in city.sites:
            for queue in site.queues:
                name = keys.buckets(0, "day", site.id, queue.id)
                for ago in range(OLDER_DAYS):
                    day = latest - ago * DAY
                    pipeline.hset(name, day.isoformat(), _day(queue.kind, day.month).encode())
        pipeline.execute()


def _day(kind: QueueKind, month: int) -> Bucket:
    wait_s = 4 * month * month  # from seconds in January to ten minutes in December
    if kind is QueueKind.PHONE:
        return Bucket(answered=10, wait_ms=10_000 * wait_s, abandoned=month // 3, waits={wait_s: 10})
    return Bucket(visits=5, visit_wait_ms=5000 * wait_s, booked=2, lead_days=month)


def _list(document: Mapping[str, object], name: str) -> list[Any]:
    found = document.get(name, [])
    return list(found) if isinstance(found, list) else []


def _quick(document: Mapping[str, object]) -> dict[str, object]:
    """Rules that fire at once: nobody waits ten minutes for a test."""
    return {**document, "rules": [{**rule, "hold": "0s"} for rule in _list(document, "rules")]}


def _looking_back(document: Mapping[str, object]) -> dict[str, object]:
    """Beside its own windows those of ``WINDOWS``: their boards are asked as well."""
    live = document["live"]
    assert isinstance(live, dict)
    windows = dict.fromkeys([*live["windows"], *(one for each in WINDOWS for one in each)])
    return {**document, "live": {**live, "windows": list(windows)}}


def _always_open(document: Mapping[str, object]) -> dict[str, object]:
    sites = [
        {
            **site,
            "queues": [
                {key: one for key, one in queue.items() if key != "hours"} for queue in site["queues"]
            ],
        }
        for site in _list(document, "sites")
    ]
    return {**document, "sites": sites}


def _afternoon(document: Mapping[str, object]) -> dict[str, object]:
    ahead = AFTERNOON - _now().hour
    ahead -= 24 if ahead > 14 else 0  # there is no Etc/GMT-15
    zone = "Etc/GMT" if ahead == 0 else f"Etc/GMT{-ahead:+d}"  # their sign is the other way round
    city = document["city"]
    assert isinstance(city, dict)
    return {**document, "city": {**city, "time_zone": zone}}


def _queue_log(folder: Path, site: str) -> dict[str, object]:
    log = folder / "queue_log"
    now = int(_now().timestamp())
    log.write_text(f"{now}|NONE|NONE|NONE|QUEUESTART|\n{now}|1.1|onthaal|NONE|SOMETHINGNEW|\n")
    return {"kind": "queue_log", "id": "pbx", "site": site, "path": str(log), "start": "beginning"}


def _services(folder: Path, city: _City, redis_url: str) -> dict[str, ServiceProcess]:
    link_key = folder / "link_key"
    link_key.write_text(secrets.token_urlsafe(32))
    settings = {"city_file": city.file, "redis_url": redis_url, "host": HOST}
    own = {"notifier": {"port": city.notifier_port, "link_key_file": link_key}}
    return {
        name: ServiceProcess(f"services.{name}", folder / f"{name}.log", **{**settings, **own.get(name, {})})
        for name in SERVICES
    }


def _redis(folder: Path) -> RedisServer:
    flavour = EmbeddedValkey if DebianRedis.binary() is None else DebianRedis
    return flavour(folder / "redis")


def _exporters(folder: Path, server: RedisServer, stack: ExitStack) -> dict[str, str]:
    """Start the exporters that are installed; return where they are."""
    config = folder / "alertmanager.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    started: dict[str, str] = {}
    for job, package in EXPORTERS.items():
        binary = shutil.which(package)
        if binary is None:
            continue
        port = free_port(HOST)
        listen = f"--web.listen-address={HOST}:{port}"
        arguments = {
            "redis": [f"-redis.addr=redis://{HOST}:{server.port}", f"-web.listen-address={HOST}:{port}"],
            "node": [listen],
            "alertmanager": [
                listen,
                f"--config.file={config}",
                f"--storage.path={folder / 'alertmanager'}",
                "--cluster.listen-address=",
            ],
        }[job]
        _start([binary, *arguments], folder / f"{job}.log", stack)
        started[job] = f"http://{HOST}:{port}"
    return started


def scrape_config(text: str, addresses: Mapping[str, str], rules: Path) -> dict[str, Any]:
    """Return the city's own Prometheus configuration with other addresses, looking every second.

    Jobs, relabelling and rules stay as they are: they decide which labels a board sees.
    """
    config: dict[str, Any] = yaml.safe_load(text)
    config["global"].update(scrape_interval="1s", scrape_timeout="1s", evaluation_interval="1s")
    config["rule_files"] = [str(rules / name) for name in config.get("rule_files", [])]
    config.pop("alerting", None)
    for job in config["scrape_configs"]:
        for key in [key for key in job if key.endswith("_sd_configs")]:
            del job[key]
        address = addresses.get(job["job_name"], "http://127.0.0.1:9")  # where nobody ever listens
        job.update(scrape_interval="1s", scrape_timeout="1s")
        job["static_configs"] = [{"targets": [urlsplit(address).netloc]}]
    return config


def _jobs() -> list[str]:
    config = yaml.safe_load(PROMETHEUS_FILE.read_text(encoding="utf-8"))
    return [str(job["job_name"]) for job in config["scrape_configs"]]


def _prometheus(folder: Path, addresses: Mapping[str, str], stack: ExitStack) -> str:
    binary = prometheus_binary()
    assert binary is not None
    url = f"http://{HOST}:{free_port(HOST)}"
    text = PROMETHEUS_FILE.read_text(encoding="utf-8")
    config = folder / "prometheus.yml"
    config.write_text(
        yaml.safe_dump(scrape_config(text, {**addresses, "prometheus": url}, PROMETHEUS_FILE.parent))
    )
    options = (
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={urlsplit(url).netloc}",
    )
    log = folder / "prometheus.log"
    process = _start([binary, *options], log, stack)
    eventually(lambda: _ready(url) or process.poll() is not None)
    assert process.poll() is None, f"Prometheus ended instead:\n{log.read_text(encoding='utf-8')}"
    return url


def _start(command: list[str], log: Path, stack: ExitStack) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=WITHIN)
        return
    process.kill()
    process.wait()


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=WITHIN, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _until_watched(stage: WatchedCity) -> None:
    eventually(lambda: _value(stage, "min(up{job=~'ingest|evaluator|notifier'})") == 1)
    eventually(lambda: _value(stage, "sum(wachtpost_lease_owner)") == 1)


def _until_caught_up(stage: WatchedCity) -> None:
    """Wait until a board would show something: all is read, and scraped a few times since."""
    since = _now()

    def enough() -> bool:
        stage.advance()
        settled = (_now() - since).total_seconds() > SCRAPES
        return settled and all(
            (_value(stage, query) or 0) > 0
            for query in (
                "sum(wachtpost_events_read_total) > 1000",
                "sum(wachtpost_kpi_breached)",
                "sum(wachtpost_error_budget_projected_ratio)",  # the older days have been read
                "sum(wachtpost_breaches_open{acknowledged='true'}) or sum(wachtpost_breaches_open)",
                f"min(count_over_time(up{{job='evaluator'}}[30s])) > {SCRAPES}",
            )
        )

    eventually(enough)


def _acknowledge_one(mailbox: Mailbox, stage: WatchedCity) -> None:
    """Press the button in the first message that has one."""

    def links() -> list[str]:
        stage.advance()
        return [link for message in mailbox.messages if (link := link_in(message))]

    eventually(links)
    parts = urlsplit(links()[0])
    (token,) = parse_qs(parts.query)["token"]
    page = httpx.post(
        f"{parts.scheme}://{parts.netloc}{ACKNOWLEDGE_PATH}",
        data={"token": token},
        timeout=WITHIN,
        trust_env=False,
    )
    assert page.status_code == httpx.codes.OK, page.text


def _value(stage: WatchedCity, query: str) -> float | None:
    answer = httpx.get(
        f"{stage.prometheus}/api/v1/query", params={"query": query}, timeout=WITHIN, trust_env=False
    ).json()
    found = answer.get("data", {}).get("result", [])
    return float(found[0]["value"][1]) if found else None


def _now() -> datetime:
    return datetime.now(UTC)

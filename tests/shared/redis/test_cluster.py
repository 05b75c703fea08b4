"""The three services on a real Redis Cluster: four sites in four partitions, over three masters.

One cluster and one set of processes for all stories of the module; each goes on where the last one ended:
counting and telling, a take-over, a failover, and at last a shard that is gone for good.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

import httpx
import pytest
import pytest_asyncio
from redis.asyncio.cluster import ClusterNode, RedisCluster

from services.ingest.auth import sha256
from shared.process.settings import ServiceSettings
from shared.redis import keys
from shared.redis.connection import RedisAbsentError, redis_client, wait_for_redis
from shared.redis.keys import partition_of
from tests.support.eventually import WITHIN, eventually_async
from tests.support.receivers import HttpReceiver, http_receiver
from tests.support.redis_cluster import Cluster, missing, running_cluster
from tests.support.service_process import ROOT, ServiceProcess, Services

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(missing() is not None, reason=f"{missing()} is not installed"),
]

SITES: Final = ("duffel", "mechelen", "lier", "nijlen")
"""One for each partition, in order."""

KEY: Final = "wachtpost_" + "c" * 43
CITY: Final = """
[city]
name = "Proefregio"

[calendar]
public_holidays = ""

[live]
min_samples = 4

[pipeline]
partitions = 4
lease = "10s"

[[rules]]
id = "gemist"
kpi = "missed_ratio"
queue = "*"
window = "24h"
min_samples = 4

[[targets]]
kpi = "missed_ratio"
limit = 0.2
period = "year"

[[receivers]]
id = "balie"
channels = [{{ kind = "webhook", url = "{webhook}/in" }}]

[[routes]]
receivers = ["balie"]

[notify]
group_wait = "0s"
"""

SITE: Final = """
[[sites]]
id = "{site}"
name = "{site}"
queues = [{{ id = "onthaal", kind = "phone", name = "Onthaal" }}]

[[sources]]
kind = "http"
id = "pbx-{site}"
site = "{site}"
key_sha256 = ["{key}"]
"""

Figures = tuple[int, int]
"""Answered and missed calls."""


class Region:
    """Four sites, the processes that look after them, and what was sent so far."""

    def __init__(self, cluster: Cluster, directory: Path, webhook: HttpReceiver) -> None:
        self.cluster = cluster
        self.directory = directory
        self.webhook = webhook
        self.sent: Counter[tuple[str, str]] = Counter()
        self.services = Services(directory)
        self._ids = count(1)
        text = CITY.format(webhook=webhook.url)
        text += "".join(SITE.format(site=site, key=sha256(f"{KEY}{site}")) for site in SITES)
        (directory / "city.toml").write_text(text, encoding="utf-8")
        self.ingest = self.start("ingest")
        self.first = self.start("evaluator", partitions="0,1")
        self.second = self.start("evaluator", partitions="2,3")
        self.notifier = self.start("notifier")

    def environment(self, room: str) -> Mapping[str, object]:
        return {
            "city_file": self.directory / "city.toml",
            "redis_url": self.cluster.url(room),
            "redis_password_file": self.cluster.password_file(room),
        }

    def start(self, room: str, **environment: object) -> ServiceProcess:
        """Start a service; does not wait for anything."""
        return self.services.start(room, **self.environment(room), **environment)

    async def send(self, site: str, *, answered: int = 0, missed: int = 0, tries: int = 0) -> None:
        """Have calls end at a site now, and repeat them until ingest has taken them; or so many times."""
        body = self._calls(site, answered, missed)
        answers: list[int] = []

        async def taken() -> bool:
            answers.append(await self._post(site, body))
            assert answers[-1] in {202, 503}
            return answers[-1] == 202

        await eventually_async(taken)
        assert not tries or len(answers) <= tries
        self.sent.update({(site, "call.answered"): answered, (site, "call.missed"): missed})

    async def post(self, site: str, *, answered: int) -> int:
        """Have calls end at a site, and return the status with which ingest answers."""
        return await self._post(site, self._calls(site, answered, 0))

    def _calls(self, site: str, answered: int, missed: int) -> str:
        kinds = ["call.answered"] * answered + ["call.missed"] * missed
        return "\n".join(json.dumps(self._call(site, kind)) for kind in kinds)

    def _call(self, site: str, kind: str) -> Mapping[str, object]:
        said = {"outcome": "abandoned"} if kind == "call.missed" else {}
        return {
            "kind": kind,
            "id": f"{site}-{next(self._ids)}",
            "at": datetime.now(UTC).isoformat(),
            "source": f"pbx-{site}",
            "site": site,
            "queue": "onthaal",
            "wait_ms": 10_000,
            **said,
        }

    async def _post(self, site: str, body: str) -> int:
        headers = {"Authorization": f"Bearer {KEY}{site}", "Content-Type": "application/x-ndjson"}
        async with httpx.AsyncClient(timeout=WITHIN, trust_env=False) as client:
            answer = await client.post(f"{self.ingest.url}/v1/events", content=body, headers=headers)
        return answer.status_code

    def expected(self, site: str) -> Figures:
        return self.sent[site, "call.answered"], self.sent[site, "call.missed"]

    async def until_exact(self, evaluator: ServiceProcess, *sites: str) -> None:
        """Wait until an evaluator shows what was sent, exactly."""

        async def exact() -> bool:
            shown = await figures(evaluator)
            assert all(
                a <= b for site in sites for a, b in zip(shown[site], self.expected(site), strict=True)
            )
            return all(shown[site] == self.expected(site) for site in sites)

        await eventually_async(exact)

    def told(self, site: str) -> Sequence[str]:
        """What happened at a site, as the webhook heard it."""
        bodies = [json.loads(request.body) for request in self.webhook.requests]
        return [body["kind"] for body in bodies if body["breaches"][0]["site"] == site]

    async def until_told(self, site: str, *kinds: str) -> None:
        await eventually_async(lambda: self.told(site) == list(kinds))

    def command(self, *arguments: str) -> str:
        """What a ``wachtpost`` command prints."""
        given = self.environment("notifier")
        done = subprocess.run(
            [sys.executable, "-m", "wachtpost", *arguments],
            cwd=ROOT,
            env={f"WACHTPOST_{name.upper()}": str(value) for name, value in given.items()},
            capture_output=True,
            text=True,
            timeout=WITHIN,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


async def figures(evaluator: ServiceProcess) -> Mapping[str, Figures]:
    """Answered and missed calls of each site, as ``/metrics`` shows them."""
    async with httpx.AsyncClient(timeout=WITHIN, trust_env=False) as client:
        text = (await client.get(f"{evaluator.url}/metrics")).text
    sums: Counter[tuple[str, str]] = Counter()
    for line in text.splitlines():
        for kind in ("answered", "missed"):
            if line.startswith(f"wachtpost_calls_{kind}{{"):
                site = line.partition('site="')[2].partition('"')[0]
                sums[site, kind] += int(float(line.rpartition(" ")[2]))
    return {site: (sums[site, "answered"], sums[site, "missed"]) for site in SITES}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def region(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Region]:
    directory = tmp_path_factory.mktemp("region")
    async with AsyncExitStack() as stack:
        cluster = stack.enter_context(running_cluster(directory / "redis"))
        webhook = await stack.enter_async_context(http_receiver())
        region = Region(cluster, directory, webhook)
        stack.enter_context(region.services)
        yield region


async def test_every_partition_has_a_site_and_every_master_a_partition(region: Region):
    assert [partition_of(site, len(SITES)) for site in SITES] == [0, 1, 2, 3]
    masters = {region.cluster.master_of(keys.events(number)) for number in range(len(SITES))}
    assert len(masters) == 3
    assert None not in masters


async def test_figures_of_all_sites_are_exact_and_a_breach_is_told(region: Region):
    for number, site in enumerate(SITES):
        await region.send(site, answered=700 + number, missed=3)  # more than one script takes at once
    await region.until_exact(region.first, "duffel", "mechelen")
    await region.until_exact(region.second, "lier", "nijlen")
    await region.send("nijlen", missed=300)
    await region.until_told("nijlen", "firing")
    assert "nijlen" in region.command("breaches")
    assert [region.told(site) for site in SITES[:3]] == [[], [], []]
    for process in region.services:
        await asyncio.to_thread(process.well)


async def test_a_standby_takes_the_partitions_of_a_killed_evaluator_over(region: Region):
    standby = region.start("evaluator", partitions="0,1")
    await eventually_async(lambda: standby.logged("listening"))
    await asyncio.to_thread(standby.well)
    assert await figures(standby) == dict.fromkeys(SITES, (0, 0))
    region.services.kill(region.first)
    await region.send("duffel", answered=40)
    await region.send("mechelen", answered=50, missed=1)
    await region.until_exact(standby, "duffel", "mechelen")
    await region.send("lier", answered=10)
    await region.until_exact(region.second, "lier", "nijlen")
    region.first = standby


async def test_a_master_fails_over_and_what_its_replica_had_is_counted_once(region: Region):
    key = keys.events(0)
    old = region.cluster.master_of(key)
    assert old is not None
    with old.client() as client:
        client.set("{p0}:mark", "written")
        assert client.wait(1, int(WITHIN * 1000)) == 1  # ms; the replica has what the master has
    old.kill()
    await region.send("lier", answered=5, tries=1)
    await region.send("duffel", answered=20)
    await region.send("mechelen", answered=30)
    await eventually_async(
        lambda: region.cluster.master_of(key) not in {None, old}
    )  # a node may hear of it later
    await region.until_exact(region.first, "duffel", "mechelen")
    await region.until_exact(region.second, "lier", "nijlen")
    await region.send("duffel", missed=500)
    await region.until_told("duffel", "firing")
    assert region.told("nijlen") == ["firing"]


async def test_a_node_that_is_full_takes_nothing_new_in_for_its_own_sites_only(region: Region):
    full, other = (region.cluster.master_of(keys.events(number)) for number in (3, 2))
    assert full is not None
    assert full is not other
    with full.client() as client:
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.95))
        assert await region.post("nijlen", answered=1) == 503
        await region.send("lier", answered=5, tries=1)
        told = region.ingest.health().json()["checks"]["redis"]
        assert "more than 90% of its memory" in told
        assert region.second.health().json()["status"] == "degraded"
        client.config_set("maxmemory", 0)
    await region.send("nijlen", answered=5, tries=1)
    await region.until_exact(region.second, "lier", "nijlen")
    await asyncio.to_thread(region.ingest.well)


async def test_a_node_that_keeps_nothing_is_told_by_whoever_has_a_partition_there(region: Region):
    node = region.cluster.master_of(keys.state(3))
    assert node is not None

    def durability() -> dict[str, str]:
        services = {"first": region.first, "second": region.second}
        return {name: one.health().json()["checks"]["durability"] for name, one in services.items()}

    assert durability() == {"first": "ok", "second": "ok"}
    with node.client() as client:
        client.config_set("appendonly", "no")
        told = durability()
        client.config_set("appendonly", "yes")
    assert told["first"] == "ok"
    assert "no append-only file" in told["second"]
    await eventually_async(lambda: durability() == {"first": "ok", "second": "ok"})


async def test_a_shard_that_is_gone_stops_its_own_partitions_only(region: Region):
    """Neither a take-over, nor a fresh service, nor a script that a node lost needs the other nodes."""
    gone, other = (region.cluster.master_of(keys.events(number)) for number in (3, 2))
    assert gone is not None
    assert other is not None
    for node in [*region.cluster.replicas_of(gone), gone]:
        node.kill()
    region.services.kill(region.second)
    with other.client() as client:
        client.script_flush()
    await region.send("lier", missed=400)
    await region.send("mechelen", answered=60)
    fresh = region.start("evaluator", partitions="2,3")
    await region.until_exact(fresh, "lier")
    await region.until_exact(region.first, "duffel", "mechelen")
    await region.until_told("lier", "firing")
    assert await region.post("nijlen", answered=1) == 503
    await asyncio.to_thread(region.ingest.well)  # the other sites are served
    await asyncio.to_thread(region.first.well)
    unwell = "no word from Redis for longer than the lease"
    wrong = {"partition_3": unwell}
    await eventually_async(
        lambda: (
            {name: said for name, said in fresh.health().json()["checks"].items() if said != "ok"} == wrong
        )
    )


async def test_the_named_nodes_are_asked_again_when_nobody_is_where_he_was(region: Region):
    settings = ServiceSettings.model_validate(
        {
            "port": 0,
            "redis_url": region.cluster.url("ingest"),
            "redis_password_file": region.cluster.password_file("ingest"),
        }
    )
    client = redis_client(settings)
    assert isinstance(client, RedisCluster)
    await client.ping()
    nowhere = ClusterNode("127.0.0.1", 1)
    client.nodes_manager.startup_nodes = {nowhere.name: nowhere}
    await client.aclose()
    assert await client.ping()
    await client.aclose()


async def test_a_cluster_that_is_away_is_waited_for():
    settings = ServiceSettings.model_validate({"port": 0, "redis_url": "redis+cluster://127.0.0.1:1"})
    client = redis_client(settings)
    with pytest.raises(RedisAbsentError, match="ConnectionError"):
        await wait_for_redis(client, "nowhere", timedelta(seconds=0.3))
    await client.aclose()

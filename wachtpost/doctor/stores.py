"""What can be asked of Redis: whether it keeps what it has, its clock, who is at work, what was refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoPermissionError, RedisError

from domain.last_reports import LastReports, ReportSubject
from shared.config.model import CityFile
from shared.process.settings import SettingWrongError
from shared.redis import keys
from shared.redis.connection import RedisClient, redis_client
from shared.redis.durability import RedisFlaw, flaws_of, infos, version_of
from shared.redis.keys import partition_of
from shared.redis.scripts import HIGH_WATER
from shared.translation import Msg
from wachtpost.access import Access, redis_trouble, setting_wrong
from wachtpost.doctor.results import CheckResult, CheckStatus
from wachtpost.refusals.groups import ABOUT_A_QUEUE, RefusalGroup
from wachtpost.refusals.reading import read_refusals

WITHIN: Final = timedelta(seconds=10)
"""How long all questions to Redis together may take."""

SKEW: Final = timedelta(seconds=2)
"""How far two clocks may lie apart that follow a time server: that, and the way to Redis and back."""

LATELY: Final = timedelta(days=1)
"""What was refused before that is not told: it was mended, or `wachtpost dead` tells it."""

MOST_NAMED: Final = 5

_FLAWS: Final[Mapping[RedisFlaw, tuple[Msg, Msg]]] = {
    RedisFlaw.TOO_OLD: (
        Msg("Redis {version} at {address} is too old."),
        Msg("Install Redis 7.0 or newer, or Valkey 8 or newer."),
    ),
    RedisFlaw.NOT_APPEND_ONLY: (
        Msg("Redis at {address} keeps no append-only file: what it has is lost when it ends."),
        Msg("In redis.conf: appendonly yes; and at once: redis-cli config set appendonly yes"),
    ),
    RedisFlaw.EVICTS: (
        Msg("Redis at {address} drops keys when it is full."),
        Msg("In redis.conf: maxmemory-policy noeviction"),
    ),
}


@dataclass
class StoreReport:
    """What Redis told."""

    results: list[CheckResult] = field(default_factory=list)
    heard: Mapping[str, datetime | None] | None = None
    """Source → when its latest fact happened (``None``: never); ``None``: that could not be asked."""


async def look_at_redis(given: Access) -> StoreReport:
    """Ask all that there is to ask. What may not be asked, or is not answered, is a finding."""
    report = StoreReport()
    say = given.say
    try:
        async with asyncio.timeout(WITHIN.total_seconds()), _connected(given) as redis:
            report.results += await _servers(given, redis)
            for questions in (_clock, _at_work, _refusals):
                report.results += await _if_allowed(given, questions, redis)
            report.heard = await heard(given.city, redis)
    except NoPermissionError:
        report.results.append(_not_allowed(given))
    except (RedisError, OSError) as error:
        advice = say.gettext("Start it, or say in WACHTPOST_REDIS_URL where it is.")
        report.results.append(
            CheckResult("redis", CheckStatus.WRONG, redis_trouble(say, given.settings, error), advice)
        )
    except SettingWrongError as error:
        report.results.append(CheckResult("redis", CheckStatus.WRONG, setting_wrong(say, error)))
    except ValueError as error:
        report.results.append(CheckResult("redis", CheckStatus.WRONG, str(error).partition("\n")[0]))
    report.results = list(dict.fromkeys(report.results))
    return report


@asynccontextmanager
async def _connected(given: Access) -> AsyncIterator[RedisClient]:
    redis = redis_client(given.settings)
    try:
        yield redis
    finally:
        await redis.aclose()


Questions = Callable[[Access, RedisClient], Awaitable[list[CheckResult]]]


async def _if_allowed(given: Access, questions: Questions, redis: RedisClient) -> list[CheckResult]:
    try:
        return await questions(given, redis)
    except NoPermissionError:
        return [_not_allowed(given)]


def _not_allowed(given: Access) -> CheckResult:
    say = given.say
    return CheckResult(
        "redis",
        CheckStatus.WARNING,
        say.gettext("Not all can be asked: the user of WACHTPOST_REDIS_URL may not look at everything."),
        say.gettext("Ask as the user operator, who may look and change nothing."),
    )


# The servers -------------------------------------------------------------------------------------------


async def _servers(given: Access, redis: RedisClient) -> list[CheckResult]:
    partitions = range(given.city.pipeline.partitions)
    found: list[CheckResult] = []
    for name, info in (await infos(redis, [keys.state(number) for number in partitions])).items():
        found += _server(given, name or given.settings.redis_address, info)
    return found


def _server(given: Access, address: str, info: Mapping[str, object]) -> list[CheckResult]:
    say, version = given.say, version_of(info)
    found = [
        CheckResult(
            "redis", CheckStatus.WRONG, say.text(said, version=version, address=address), say.text(advice)
        )
        for said, advice in map(_FLAWS.__getitem__, flaws_of(info))
    ]
    if info.get("aof_last_write_status", "ok") != "ok":
        said = say.gettext("Redis at {address} cannot write to its disk.", address=address)
        found.append(CheckResult("redis", CheckStatus.WRONG, said, say.gettext("Make room on its disk.")))
    share = _fullness(info)
    if share >= HIGH_WATER:
        full = say.gettext("Redis at {address} is full: nothing new comes in.", address=address)
        found.append(CheckResult("redis", CheckStatus.WRONG, full, say.gettext("Raise its maxmemory.")))
    if not found:
        good = say.gettext(
            "Redis {version} at {address} keeps what it has, and has room.", version=version, address=address
        )
        found.append(CheckResult("redis", CheckStatus.OK, good))
    return found


def _fullness(info: Mapping[str, object]) -> float:
    used, most, apart = (
        int(str(info.get(name, 0))) for name in ("used_memory", "maxmemory", "mem_not_counted_for_evict")
    )
    return (used - apart) / most if most else 0.0


async def _clock(given: Access, redis: RedisClient) -> list[CheckResult]:
    """Whether Redis' clock and ours agree; by a simulated one there is nothing to compare."""
    if given.settings.clock:
        return []
    say = given.say
    before = given.now()
    seconds, micros = await redis.execute_command("TIME", **_of_one_node(redis))
    after = given.now()
    told = datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(micros))
    apart = max(before - told, told - after, timedelta(0))
    if apart <= SKEW:
        return [
            CheckResult(
                "clock", CheckStatus.OK, say.gettext("The clocks of this machine and of Redis agree.")
            )
        ]
    said = say.gettext(
        "The clock of Redis differs from that of this machine by {duration}.", duration=say.duration(apart)
    )
    worst = apart > given.city.pipeline.future_tolerance
    advice = say.gettext("Have both machines follow a time server (timedatectl).")
    return [CheckResult("clock", CheckStatus.WRONG if worst else CheckStatus.WARNING, said, advice)]


def _of_one_node(redis: RedisClient) -> dict[str, object]:
    return {"target_nodes": RedisCluster.RANDOM} if isinstance(redis, RedisCluster) else {}


async def _at_work(given: Access, redis: RedisClient) -> list[CheckResult]:
    """Whether every partition has an evaluator and a notifier."""
    say = given.say
    partitions = range(given.city.pipeline.partitions)
    found = []
    services: tuple[tuple[str, Callable[[int], str], Msg, Msg], ...] = (
        ("evaluator", keys.lease, Msg("An evaluator judges."), Msg("No evaluator runs: nothing is judged.")),
        (
            "notifier",
            lambda number: keys.notifier(number, "lease"),
            Msg("A notifier is at work."),
            Msg("No notifier runs: nobody is told."),
        ),
    )
    for name, key, good, away in services:
        owned = [await redis.exists(key(number)) for number in partitions]
        if all(owned):
            found.append(CheckResult(name, CheckStatus.OK, say.text(good)))
        else:
            start = say.gettext(
                "Start it: wachtpost up, or wachtpost {name}; its log says what keeps it.", name=name
            )
            found.append(CheckResult(name, CheckStatus.WRONG, say.text(away), start))
    return found


# What came ---------------------------------------------------------------------------------------------


async def heard(city: CityFile, redis: RedisClient) -> dict[str, datetime | None]:
    """Return when the latest fact of each source happened. Raises ``redis.RedisError``."""
    found: dict[str, datetime | None] = {}
    for source in city.sources:
        state = keys.state(partition_of(source.site, city.pipeline.partitions))
        name = f"{ReportSubject.FACT}:{source.id}"
        (value,) = await redis.execute_command("HMGET", state, name)
        found[source.id] = None if value is None else _moment(name, value, source.id)
    return found


def _moment(name: str, value: bytes, source: str) -> datetime | None:
    try:
        at_ms = LastReports({name: value.decode()}).facts()[source]
    except ValueError:  # an older release's, which the evaluator sets aside
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC)


async def _refusals(given: Access, redis: RedisClient) -> list[CheckResult]:
    say = given.say
    refusals = await read_refusals(redis, given.city, given.now() - LATELY)
    open_ = [group for group in refusals.sorted(given.city) if not group.is_settled(given.city)]
    if not open_:
        nothing = say.gettext("Nothing was refused in the last day that is still to be mended.")
        return [CheckResult("dead letters", CheckStatus.OK, nothing)]
    count = sum(group.count for group in open_)
    said = say.ngettext(
        "{number} event was refused in the last day.", "{number} events were refused in the last day.", count
    )
    queues = _queues(open_)
    if queues:
        listed = ", ".join(queues)
        unknown = say.gettext("Queues that the city file does not have: {queues}.", queues=listed)
        said = f"{said} {unknown}"
    return [
        CheckResult(
            "dead letters",
            CheckStatus.WARNING,
            said,
            say.gettext("`wachtpost dead` says why, and what to add."),
        )
    ]


def _queues(groups: Iterable[RefusalGroup]) -> Collection[str]:
    names = dict.fromkeys(
        group.subject.queue
        for group in groups
        if group.subject.reason in ABOUT_A_QUEUE and group.subject.queue
    )
    return [*list(names)[:MOST_NAMED], *(["…"] if len(names) > MOST_NAMED else [])]

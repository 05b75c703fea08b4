"""How a service reaches Redis: one server, or a Redis Cluster, as ``WACHTPOST_REDIS_URL`` says.

All keys of a partition share a hash tag (``shared.redis.keys``), so whatever belongs together is on one node
of a cluster. To the services both look the same, also in how they fail: with ``redis.RedisError``.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from faststream.redis import RedisBroker, RedisClusterBroker
from faststream.redis.configs.state import RedisClusterConnectionState
from faststream.security import SASLPlaintext
from redis._parsers import AsyncCommandsParser
from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisClusterException, RedisError, ResponseError

from shared.process.settings import ServiceSettings
from shared.redis.url import ClusterUrl, cluster_of

SOCKET_TIMEOUT: Final = 10.0
"""Seconds a reply may take. Blocking reads must ask for less than this (FastStream: at most 5 s)."""

CONNECT_TIMEOUT: Final = 3.0
"""Seconds to reach Redis; it is next door."""

HEALTH_CHECK_INTERVAL: Final = 15
"""Seconds of silence after which a pooled connection is tried before it is used."""

REDIS_URL: Final = "WACHTPOST_REDIS_URL"
"""The setting that says where it is."""

RedisClient = Redis | RedisCluster
"""What the services talk to."""

log = structlog.stdlib.get_logger(__name__)


class WentBack(RedisError):  # noqa: N818 - it happened to Redis, not to the call
    """Redis does not have any more what it had: nothing was written."""

    def __init__(self, left: str = "") -> None:
        super().__init__("Redis went back to an older state")
        self.left = left
        """The newest entry of before that is still there, where somebody asked for it."""


class RedisAbsentError(Exception):
    """Redis did not answer within the start-up wait."""


def redis_client(settings: ServiceSettings) -> RedisClient:
    """Return a client (bytes in, bytes out; nothing is connected yet).

    A lost connection is retried for about half a second; then the error is the caller's. Raises
    ``ValueError`` for an option of the URL that there is not, ``OSError`` for the password file.
    """
    try:
        return _client(settings)
    except TypeError as error:  # redis-py hands them on as arguments
        option = str(error).rpartition(" ")[2]
        raise ValueError(f"{REDIS_URL}: there is no option {option} behind a ?") from None


def _client(settings: ServiceSettings) -> RedisClient:
    url = settings.redis_url.get_secret_value()
    cluster = cluster_of(url)
    if cluster is not None:
        return _cluster_client(cluster, settings.redis_password())
    redis = Redis.from_url(
        url,
        password=settings.redis_password(),
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=CONNECT_TIMEOUT,
        health_check_interval=HEALTH_CHECK_INTERVAL,
        retry=_short_retry(),
    )
    # It connects to nothing, and knows whether it could.
    redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    return redis


def redis_broker(settings: ServiceSettings) -> RedisBroker:
    """Return a FastStream broker for the same Redis, logging through the same lines."""
    url = settings.redis_url.get_secret_value()
    password = settings.redis_password()
    user = urlsplit(url).username or "default"
    security = SASLPlaintext(username=user, password=password) if password else None
    cluster = cluster_of(url)
    broker = (
        partial(RedisBroker, url)
        if cluster is None
        else partial(_ClusterBroker, cluster.url, startup_nodes=cluster.others)
    )
    return broker(
        security=security,
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=CONNECT_TIMEOUT,
        health_check_interval=HEALTH_CHECK_INTERVAL,
        retry=_short_retry(),
        logger=logging.getLogger("faststream.redis"),
        log_level=logging.DEBUG,  # two lines for every batch say nothing
        apply_types=False,  # handlers take what their decoder returns; nothing is cast
    )


def _short_retry() -> Retry:
    return Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=2)


def patient_retry() -> Retry:
    """Return the back-off for work that must be done some time: up to 2 s apart, without end."""
    return Retry(ExponentialBackoff(cap=2.0, base=0.05), retries=-1, supported_errors=(RedisError,))


def why_refused(error: Exception) -> str | None:
    """Say why a Redis that is there did not do what it was asked, as the end of a sentence; else nothing."""
    if isinstance(error, OutOfMemoryError):
        return "has no room for what is new"
    if isinstance(error, ReadOnlyError):
        return "has become a replica"
    if isinstance(error, ResponseError) and str(error).startswith("MISCONF"):
        return "cannot write to its disk"
    if isinstance(error, WentBack):
        return "went back to an older state"
    return None


async def wait_for_redis(redis: RedisClient, address: str, within: timedelta) -> None:
    """Return once Redis answers; raises ``RedisAbsentError`` when it has not ``within`` that time.

    ``address``: where it should be, for the log and the error.
    """
    last: list[Exception] = []

    async def remember(error: Exception) -> None:
        if not last:
            log.warning("waiting_for_redis", address=address, error=type(error).__name__)
        last[:] = [error]

    async def ping() -> None:
        await redis.ping()

    try:
        async with asyncio.timeout(within.total_seconds()):
            await patient_retry().call_with_retry(ping, remember)
    except TimeoutError:
        why = type(last[0]).__name__ if last else "no answer"
        waited_s = within.total_seconds()
        log.critical("redis_absent", address=address, setting=REDIS_URL, waited_s=waited_s, error=why)
        raise RedisAbsentError(f"no Redis at {address} ({REDIS_URL}) within {waited_s:g} s: {why}") from None


# A cluster -------------------------------------------------------------------------------------------


class ClusterClient(RedisCluster):
    """redis-py's client of a cluster, less one thing: that nodes which a command does not need could stop it.

    A shard that is gone stops the partitions that live on it, and no others.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - redis-py's, see ``RedisCluster``
        super().__init__(**options)
        self.commands_parser = _Keys()

    async def initialize(
        self,
        additional_startup_nodes_info: list[tuple[str, int]] | None = None,
        last_failed_node_name: str | None = None,
    ) -> RedisCluster:
        """Learn which node has what; raises ``redis.ConnectionError`` while none knows.

        Asks the nodes that it knows and those that the settings name: after a restart of everything, a name
        may lead to an address that nobody knew before.
        """
        for node in self.startup_nodes:
            self.nodes_manager.startup_nodes.setdefault(node.name, node)
        try:
            return await super().initialize(additional_startup_nodes_info, last_failed_node_name)
        except RedisClusterException as error:  # which is no RedisError
            raise RedisConnectionError("no node knows the whole cluster") from error


class _Keys(AsyncCommandsParser):
    """Knows where our commands have their key. redis-py asks a node for a list of all commands, and for the
    place in an XREAD twice at every read: always the same node, which may be the one that is away."""

    async def initialize(self, node: ClusterNode | None = None) -> None:
        """Nothing to learn."""

    async def get_keys(self, *args: Any) -> tuple[str, ...]:  # noqa: ANN401 - redis-py's
        """Return the key of a command; for EVALSHA redis-py itself looks."""
        place = args.index(b"STREAMS") + 1 if args[0] == "XREAD" else 1
        return args[place : place + 1]


def _cluster_client(cluster: ClusterUrl, password: str | None) -> RedisCluster:
    return ClusterClient.from_url(
        cluster.url,
        startup_nodes=[ClusterNode(host, port) for host, port in cluster.others],
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=CONNECT_TIMEOUT,
        health_check_interval=HEALTH_CHECK_INTERVAL,
        retry=_short_retry(),
        **({} if password is None else {"password": password}),
    )


class _ClusterBroker(RedisClusterBroker):
    def _make_connection_state(self, connection_options: dict[str, Any], kwargs: object) -> _ClusterState:
        return _ClusterState(connection_options)


class _ClusterState(RedisClusterConnectionState):
    """FastStream's connection, with our client in it."""

    async def connect(self) -> RedisCluster:
        if self._client is None:
            options = {name: value for name, value in self._options.items() if value is not None}
            self._client = ClusterClient(**options)
            self._connected = True
        return self._client

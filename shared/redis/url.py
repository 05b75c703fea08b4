"""Where Redis is: one server, or a Redis Cluster of which some nodes are named. Pure.

::

    redis://user@host:6379/0                     one server (rediss: with TLS; unix: a socket)
    redis+cluster://user@a:6379,b:6379           a cluster (rediss+cluster: with TLS)

Any node of a cluster knows the others; to name two or three helps while one of them is away.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

PORT: Final = 6379
"""Where Redis listens unless its URL says otherwise."""

_SUFFIX: Final = "+cluster"
_SCHEMES: Final = ("redis", "rediss", "unix", f"redis{_SUFFIX}", f"rediss{_SUFFIX}")
_PARTS: Final = re.compile(r"(?P<user>(?:[^@/?#]*@)?)(?P<nodes>[^@/?#]*)/?0?(?P<options>(?:\?[^#]*)?)")


class ClusterUrl(NamedTuple):
    """A cluster, as redis-py takes it: the URL of one node, and where other nodes are."""

    url: str
    others: tuple[tuple[str, int], ...]


def cluster_of(url: str) -> ClusterUrl | None:
    """Return the cluster that a URL names, or ``None`` for a single server.

    Raises ``ValueError``, which does not repeat the URL: it may carry a password.
    """
    scheme, colon, rest = url.partition("://")
    if scheme not in _SCHEMES or not colon:
        raise ValueError(f"begin it with one of {', '.join(f'{name}://' for name in _SCHEMES)}")
    if not scheme.endswith(_SUFFIX):
        return None
    parts = _PARTS.fullmatch(rest)
    if parts is None:
        raise ValueError(
            f"write {scheme}://user@host:{PORT}, more nodes after a comma; a cluster has no database but 0"
        )
    first, *others = (_node(text) for text in parts["nodes"].split(","))
    base = scheme.removesuffix(_SUFFIX)
    return ClusterUrl(f"{base}://{parts['user']}{_written(*first)}/0{parts['options']}", tuple(others))


def address_of(url: str) -> str:
    """Return where the Redis of a URL is, for people and logs: host and port, of each node that it names, or
    a socket. Raises ``ValueError`` like ``cluster_of``; no user and no password is in either."""
    cluster = cluster_of(url)
    if url.startswith("unix://"):
        return urlsplit(url).path
    if cluster is None:
        return _written(*_node(urlsplit(url).netloc.rpartition("@")[2] or "localhost"))
    first = urlsplit(cluster.url).netloc.rpartition("@")[2]
    return ", ".join([first, *(_written(*node) for node in cluster.others)])


def _node(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        raise ValueError(f"name each server as host:{PORT}")
    return host, port or PORT


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

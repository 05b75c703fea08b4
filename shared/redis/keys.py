"""Names of the Redis keys, in one place. All keys of a partition share the hash tag ``{pN}``,
so that one script may touch them together on Redis Cluster."""

from __future__ import annotations

from typing import Final
from zlib import crc32

DATA_FIELD: Final = "__data__"
"""The stream field that carries the JSON: FastStream reads it, ``redis-cli`` shows it."""


def partition_of(site: str, partitions: int) -> int:
    """Return the partition that judges a site: all its queues, so its total is judged in one place."""
    return crc32(site.encode()) % partitions


def events(partition: int) -> str:
    """The stream of facts (``shared.contract.events``)."""
    return f"{{p{partition}}}:events"


def dead_letters(partition: int) -> str:
    """The stream of what was refused, each entry with the reason and nothing personal."""
    return f"{{p{partition}}}:dead"


def breaches(partition: int) -> str:
    """The stream of what became of breaches (``shared.contract.breach_events``)."""
    return f"{{p{partition}}}:breaches"


def lease(partition: int) -> str:
    """The owner's lease: the fencing token of whoever may commit, with an expiry."""
    return f"{{p{partition}}}:lease"


def fence(partition: int) -> str:
    """The fencing token: one higher for every take-over."""
    return f"{{p{partition}}}:fence"


def state(partition: int) -> str:
    """A hash with the committed offset and the other fields that move with it."""
    return f"{{p{partition}}}:state"


def buckets(partition: int, resolution: str, site: str, queue: str) -> str:
    """A hash of buckets by start, per resolution and queue."""
    return f"{{p{partition}}}:{resolution}:{site}:{queue}"


def corrections(partition: int) -> str:
    """The log of days that were replaced: who, when, why, what was there before; never trimmed."""
    return f"{{p{partition}}}:corrections"


def checkpoint(partition: int, source: str) -> str:
    """Where a file source has read to; written by the script that publishes what it read."""
    return f"{{p{partition}}}:checkpoint:{source}"


def once(partition: int, call: str) -> str:
    """That a call was done, and what it answered (``shared.redis.scripts``); gone after minutes."""
    return f"{{p{partition}}}:once:{call}"


def reports(partition: int) -> str:
    """A hash of the monthly reports that the notifier was handed, by period; only of the first partition."""
    return f"{{p{partition}}}:reports"


def set_aside(partition: int) -> str:
    """A stream of what evaluator or ingest had stored and cannot read; the notifier has its own."""
    return f"{{p{partition}}}:set-aside"


def notifier(partition: int, part: str) -> str:
    """What the notifier keeps: fence, lease, state, records, outbox, log, dead, set-aside, documents."""
    return f"{{p{partition}}}:notifier:{part}"

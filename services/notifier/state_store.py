"""The notifier's durable state in Redis: what it knows, what is on its way, and the log of both.

One script writes the records of a decision, the deliveries that follow from it and the new offset, under the
owner's fence: a message is in the outbox if and only if the decision to send it is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

from services.notifier.model import Breach, Delivery
from services.notifier.state import NotifierState, Record, decode_record, whole
from shared.contract.report_events import Document
from shared.redis import keys
from shared.redis.connection import RedisClient
from shared.redis.lease import FencedScript, Lease
from shared.redis.scripts import UNDER_OOM, OnceScript, call_name
from shared.redis.set_aside import SetAside
from shared.redis.stream_entries import BEGINNING
from shared.stored_state import UnreadableField, sound

T = TypeVar("T")

OLD_NEWS: Final = timedelta(minutes=10)
"""What was judged longer ago than this before the first start is not told; what lasts reports itself."""

LOG_KEPT: Final = 50_000
"""Lines of the delivery log kept (about)."""

_COMMIT: Final = """
-- KEYS[4] on: records, outbox, annotations, log, dead, documents. ARGV[5] on: lines to keep, then lists: for
-- records, outbox and annotations what to put (key, JSON) and what to drop (key); log lines (JSON); dead
-- deliveries (JSON); at last documents to drop (id).
at = 6
for _, key in ipairs({KEYS[4], KEYS[5], KEYS[6]}) do
  from, to = items(2)
  for i = from, to, 2 do redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
  from, to = items(1)
  for i = from, to do redis.call('HDEL', key, ARGV[i]) end
end
for _, key in ipairs({KEYS[7], KEYS[8]}) do
  from, to = items(1)
  for i = from, to do redis.call('XADD', key, 'MAXLEN', '~', ARGV[5], '*', '__data__', ARGV[i]) end
end
from, to = items(1)
for i = from, to do redis.call('HDEL', KEYS[9], ARGV[i]) end
"""

_BEGIN: Final = (
    UNDER_OOM
    + """
-- KEYS: state. ARGV: the offset to begin at, if there is none.
return redis.call('HSETNX', KEYS[1], 'offset', ARGV[1])
"""
)

_SAY: Final = "redis.call('XADD', KEYS[2], '*', ARGV[2], ARGV[3])"


COMMITTED: Final = ("records", "outbox", "annotations", "log", "dead", "documents")
"""The keys of that script that are its own, in its order."""


@dataclass(frozen=True, slots=True)
class StoredNotifier:
    """What a take-over found."""

    offset: str
    state: NotifierState
    outbox: dict[str, Delivery]
    unannotated: Sequence[Breach] = ()
    """What Grafana has not taken yet."""
    unreadable: Sequence[UnreadableField] = ()
    """What cannot be read, and is not in the rest."""


@dataclass(frozen=True, slots=True)
class NotifierChanges:
    """What to write in one go."""

    records: Mapping[str, bytes | None] = field(default_factory=dict)
    """Key → JSON; ``None`` drops it."""
    posted: Sequence[Delivery] = ()
    taken_out: Sequence[str] = ()
    to_annotate: Sequence[Breach] = ()
    """To be written into Grafana, each in place of what was to be written of the same breach before."""
    annotated: Sequence[str] = ()
    """Breaches of which nothing is to be written into Grafana any more."""
    log: Sequence[bytes] = ()
    dead: Sequence[bytes] = ()
    documents_gone: Collection[str] = ()
    """Documents that no delivery brings any more."""


class NotifierStore:
    """One partition's part. Raises ``redis.RedisError`` when Redis cannot be reached."""

    def __init__(self, redis: RedisClient, partition: int, owner: str, lease: timedelta) -> None:
        self._redis = redis
        self._partition = partition
        self.lease = Lease(redis, self._key("fence"), self._key("lease"), owner, lease)
        self.set_aside = SetAside(redis, self._key("set-aside"), self._key("fence"))
        stream = keys.breaches(partition)
        self._commit = FencedScript(redis, self._key("fence"), self._key("state"), stream, _COMMIT)
        self._begin = redis.register_script(_BEGIN)
        self._say = OnceScript(redis, _SAY, when_full=True)

    async def load(self) -> StoredNotifier:
        """Read what was committed, as far as it can be read."""
        await self._begin_lately()
        unreadable: list[UnreadableField] = []
        offset = await self._redis.hget(self._key("state"), "offset")
        return StoredNotifier(
            offset=BEGINNING if offset is None else _text(offset),
            state=await self._state(unreadable),
            outbox=dict(await self._sound("outbox", _delivery, unreadable)),
            unannotated=await self._sound("annotations", _unannotated, unreadable),
            unreadable=unreadable,
        )

    async def _begin_lately(self) -> None:
        """The very first time, pass over old news: who comes later must not tell it all at once."""
        if not await self._redis.hexists(self._key("state"), "offset"):
            seconds, _ = await self._redis.time()
            start = max(0, int((seconds - OLD_NEWS.total_seconds()) * 1000))
            await self._begin(keys=[self._key("state")], args=[f"{start}-0"])

    async def state(self) -> NotifierState:
        """Read what is known, as far as it can be read; for whoever only looks."""
        return await self._state([])

    async def _state(self, unreadable: list[UnreadableField]) -> NotifierState:
        return whole(dict(await self._sound("records", _record, unreadable)))

    async def _sound(
        self, part: str, read: Callable[[bytes, bytes], T], unreadable: list[UnreadableField]
    ) -> list[T]:
        fields = await self._redis.hgetall(self._key(part))
        pairs = [(_bytes(name), _bytes(value)) for name, value in fields.items()]
        return list(sound(self._key(part), pairs, read, unreadable))

    async def commit(self, fence: str, before: str, after: str, changes: NotifierChanges) -> None:
        """Write everything, or nothing. Raises ``Superseded`` or ``WentBack``."""
        args: list[str | bytes | int] = [LOG_KEPT]
        _add_hash(
            args,
            {key: text for key, text in changes.records.items() if text is not None},
            [key for key, text in changes.records.items() if text is None],
        )
        _add_hash(args, {one.key: one.encode() for one in changes.posted}, changes.taken_out)
        _add_hash(args, {one.id: one.model_dump_json() for one in changes.to_annotate}, changes.annotated)
        for values in (changes.log, changes.dead, sorted(changes.documents_gone)):
            args += [len(values), *values]
        await self._commit(fence, before, after, [self._key(part) for part in COMMITTED], args)

    async def look(self, fence: str, offset: str) -> None:
        """See whether Redis stands where the last commit left it; raises ``Superseded`` or ``WentBack``."""
        await self._commit.look(fence, offset)

    async def document(self, name: str) -> Document | None:
        """Return what a report's mail consists of. Raises ``ValueError`` for what is none."""
        document = await self._redis.hget(self._key("documents"), name)
        return None if document is None else Document.model_validate_json(document)

    async def unread(self, offset: str) -> int:
        """Return how many entries of the breaches stream come after an offset (at most a thousand)."""
        name = keys.breaches(self._partition)
        return len(await self._redis.xrange(name, f"({offset}", "+", count=1000) or ())

    async def say(self, command: bytes) -> None:
        """Put a command on the breaches stream, for whoever is the owner."""
        touched = [keys.breaches(self._partition)]
        await self._say(self._partition, call_name(), touched, [keys.DATA_FIELD, command])

    async def recent(self, part: str, count: int) -> list[bytes]:
        """Return the latest entries of ``log`` or ``dead``, the newest first."""
        entries = await self._redis.xrevrange(self._key(part), count=count)
        field_name = keys.DATA_FIELD.encode()
        return [_bytes((content or {}).get(field_name, b"")) for _, content in entries or ()]

    def _key(self, part: str) -> str:
        return keys.notifier(self._partition, part)


def _add_hash(args: list[str | bytes | int], put: Mapping[str, str | bytes], dropped: Sequence[str]) -> None:
    args.append(len(put))
    for key, value in put.items():
        args += (key, value)
    args += [len(dropped), *dropped]


def _record(name: bytes, value: bytes) -> tuple[str, Record]:
    return name.decode(), decode_record(name.decode(), value)


def _delivery(name: bytes, value: bytes) -> tuple[str, Delivery]:
    delivery = Delivery.model_validate_json(value)
    _check_name(name, delivery.key)
    return delivery.key, delivery


def _unannotated(name: bytes, value: bytes) -> Breach:
    breach = Breach.model_validate_json(value)
    _check_name(name, breach.id)
    return breach


def _check_name(name: bytes, own: str) -> None:
    """What stands under another's name would never be dropped, and be delivered without end."""
    if name.decode() != own:
        raise ValueError("it is stored under another's name")


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value

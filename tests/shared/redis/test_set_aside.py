"""State that cannot be read: moved out of the way as it is, once, and the rest is there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from domain.bucket import Bucket, Resolution
from domain.bucket_store import Slot
from domain.queue_ref import QueueRef
from services.evaluator.state_store import EvaluatorStore
from services.notifier.model import Silence
from services.notifier.state import BreachRecord, FlapTally, NotifierState, RuleRecord, encode, rule_key
from services.notifier.state_store import NotifierStore
from shared.redis import keys
from shared.redis.lease import Superseded
from tests.support.deliveries import MISSED, delivery

LEASE = timedelta(minutes=10)
HOME = QueueRef("huis", "onthaal")
NEWER = b'{"version":9}'
GONE = (
    b'{"identity":{"rule":"gone","level":"limit","measure":"missed_ratio","severity":"critical","site":"huis",'
    b'"queue":"onthaal","window":"15m","limit":0.2,"clear_at":0.2},"watch":{"state":"firing","steps":2}}'
)
"""Where the watch of a rule stands that no city file has any more."""


async def put(redis: Redis, key: str, fields: Mapping[str, bytes]) -> None:
    for name, value in fields.items():
        await redis.hset(key, name, value)


async def aside(redis: Redis, stream: str) -> list[tuple[bytes, bytes, bytes]]:
    entries: list[tuple[bytes, dict[bytes, bytes]]] = await redis.execute_command("XRANGE", stream, "-", "+")
    return [(one[b"key"], one[b"field"], one[b"value"]) for _, one in entries]


async def test_the_notifier_goes_on_without_records_that_it_cannot_read(redis_client: Redis):
    store, told = NotifierStore(redis_client, 0, "one", LEASE), delivery(MISSED)
    records, outbox, owed = (keys.notifier(0, part) for part in ("records", "outbox", "annotations"))
    await put(redis_client, records, encode(NotifierState({MISSED.id: BreachRecord(MISSED)})))
    await put(redis_client, records, {"breach/x": NEWER, "watch/a/b": b"{", "new/1": b"{}"})
    await put(redis_client, outbox, {told.key: told.model_dump_json().encode(), "bad": NEWER})
    await put(redis_client, owed, {"bad": b"\xff"})
    assert (await store.state()).breaches.keys() == {MISSED.id}, "who only looks sees the rest as well"

    fence = await store.lease.claim()
    assert fence is not None
    kept = await store.load()
    assert kept.state == NotifierState(
        {MISSED.id: BreachRecord(MISSED)}, {rule_key(MISSED): RuleRecord.of(MISSED)}
    )
    assert (list(kept.outbox), list(kept.unannotated)) == ([told.key], [])
    at = await store.set_aside.put(fence, kept.unreadable)
    expected = [(records, b"breach/x", NEWER), (records, b"new/1", b"{}"), (records, b"watch/a/b", b"{")]
    expected += [(outbox, b"bad", NEWER), (owed, b"bad", b"\xff")]
    stream = keys.notifier(0, "set-aside")
    assert sorted(await aside(redis_client, stream)) == sorted((k.encode(), f, v) for k, f, v in expected)

    assert await store.set_aside.put(fence, kept.unreadable) == at > 0, "said again, it does nothing"
    assert len(await aside(redis_client, stream)) == len(expected)
    again = await store.load()
    assert (again.state, again.outbox, again.unreadable) == (kept.state, kept.outbox, [])


async def test_what_stands_under_anothers_name_is_no_record_of_the_notifier(redis_client: Redis):
    """It would be delivered without end, or looked for in vain."""
    store = NotifierStore(redis_client, 0, "one", LEASE)
    told = delivery(MISSED)
    watch = RuleRecord(MISSED.id, MISSED.opened_at, flap_tallies=(FlapTally("balie", gone=MISSED, times=1),))
    silence = Silence(id="s", starts_at=MISSED.at, ends_at=MISSED.at + LEASE)
    state = NotifierState(
        {MISSED.id: BreachRecord(MISSED)}, {rule_key(MISSED): watch}, silences={"s": silence}
    )
    records = {name.partition("/")[0]: value for name, value in encode(state).items()}
    await put(redis_client, keys.notifier(0, "records"), {f"{kind}/x": v for kind, v in records.items()})
    await put(redis_client, keys.notifier(0, "outbox"), {"x": told.model_dump_json().encode()})
    await put(redis_client, keys.notifier(0, "annotations"), {"x": MISSED.model_dump_json().encode()})
    kept = await store.load()
    assert (kept.state, kept.outbox, kept.unannotated) == (NotifierState(), {}, [])
    assert len(kept.unreadable) == len(records) + 2

    await put(redis_client, keys.notifier(0, "records"), encode(state))
    await put(redis_client, keys.notifier(0, "outbox"), {told.key: told.model_dump_json().encode()})
    kept = await store.load()
    assert (kept.state, kept.outbox) == (state, {told.key: told})


async def test_the_evaluator_goes_on_without_fields_and_buckets_that_it_cannot_read(redis_client: Redis):
    store = EvaluatorStore(redis_client, 0, "one", LEASE)
    state = keys.state(0)
    day, fine = (keys.buckets(0, kind, *HOME) for kind in (Resolution.DAY.value, Resolution.FINE.value))
    sound = {"offset": "5-0", "read": "7", "source:pbx": "1000", "watch:gone": GONE.decode()}
    unreadable = {"watch:x": NEWER, "duplicates": b"many", "source:web": b"1,x", "offer:huis:onthaal": b"1"}
    # What would be an amount or a name, were it not beyond all bounds, is as bad.
    unreadable |= {"dead:late": b"9" * 400, "watch:y": GONE.replace(b'"gone"', b'"%b"' % (b"g" * 300))}
    unreadable |= {"watch:z": GONE.replace(b"0.2", b"NaN"), "watch:a": GONE.replace(b"2}", b"9" * 400 + b"}")}
    await put(redis_client, state, {name: value.encode() for name, value in sound.items()} | unreadable)
    await put(redis_client, day, {"2026-03-01": Bucket(answered=3).encode(), "2026-03-02": NEWER[:5]})
    await put(redis_client, fine, {"soon": b"{}", "1000": b'{"answered":"x"}'})

    fence = await store.lease.claim()
    assert fence is not None
    kept = await store.load([HOME], ["2026-03-01", "2026-03-02"])
    assert (kept.offset, kept.counts.read, kept.last_reports.facts()) == ("5-0", 7, {"pbx": 1000})
    assert kept.state == sound
    written = [slot for slot, _ in kept.bucket_store.slots()]
    assert written == [Slot(HOME, Resolution.DAY, "2026-03-01")]
    await store.set_aside.put(fence, kept.unreadable)
    found = await aside(redis_client, keys.set_aside(0))
    assert {(key, name) for key, name, _ in found} == {
        *((state.encode(), name.encode()) for name in unreadable),
        (day.encode(), b"2026-03-02"),
        (fine.encode(), b"soon"),
        (fine.encode(), b"1000"),
    }
    assert (await store.load([HOME], ["2026-03-01", "2026-03-02"])).unreadable == []


async def test_whoever_is_superseded_sets_nothing_aside(redis_client: Redis):
    store = NotifierStore(redis_client, 0, "one", LEASE)
    await put(redis_client, keys.notifier(0, "records"), {"breach/x": NEWER})
    kept = await store.load()
    with pytest.raises(Superseded):
        await store.set_aside.put("1:other", kept.unreadable)
    assert await redis_client.hexists(keys.notifier(0, "records"), "breach/x")

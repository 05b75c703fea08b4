"""The life of the notifier's partition on a real Redis: decide, deliver, remember, hand over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from services.notifier import consumer as module
from services.notifier import dispatcher, engine, outbox
from services.notifier.channels.apprise_target import AppriseSender
from services.notifier.commands import Acknowledge
from services.notifier.commands import encode as encode_command
from services.notifier.delivery_log import LINE, DeliveryLine, FailureLine, Line
from services.notifier.engine import Decision
from services.notifier.messages.message import Message
from services.notifier.metrics import NotifierMetrics
from services.notifier.model import (
    Breach,
    Delivery,
    Notification,
    NotificationKind,
    NotifierPolicy,
    PermanentFailure,
    TransientFailure,
)
from services.notifier.session import NotifierSession
from services.notifier.state import NotifierState
from services.notifier.state_store import NotifierStore
from shared.config.model import CityFile
from shared.contract.breach_events import (
    BreachEvent,
    BreachReading,
    BreachState,
    Cause,
    encode,
)
from shared.process import backoff, shutdown
from shared.process.health import Degraded
from shared.redis import keys
from shared.redis.partition_owner import OwnerRole, PartitionOwner
from shared.redis.poison_entries import TRIES
from tests.support import partitions
from tests.support.eventually import eventually_async
from tests.support.partitions import AtWork
from tests.support.receivers import HttpReceiver, http_receiver
from tests.support.samples import fired

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CITY = CityFile.model_validate(
    {
        "city": {"name": "Test"},
        "sites": [{"id": "huis", "queues": [{"id": q, "kind": "phone"} for q in ("a", "b")]}],
        "pipeline": {"lease": "1m"},
        "receivers": [
            {"id": q, "channels": [{"kind": "webhook", "url": f"https://{q}.example/"}]} for q in ("a", "b")
        ],
        "routes": [{"receivers": [q], "queues": [q]} for q in ("a", "b")],
        "notify": {"group_wait": "0s", "reminder": "2m", "flap_window": "1m", "flap_messages": 100},
    }
)
STEPS = {
    "firing": (BreachState.PENDING, BreachState.FIRING, Cause.HELD),
    "ok": (BreachState.FIRING, BreachState.OK, Cause.CLOSED),
}


class Hands:
    """Takes deliveries and annotations over, as it is told."""

    def __init__(self) -> None:
        self.got: list[Delivery] = []
        """All that was tried, in order."""
        self.away: dict[str, Exception] = {}
        """What to raise for a receiver."""
        self.after: Callable[[], Awaitable[None]] | None = None
        """What happens when a delivery was taken over, before anybody can write it down."""
        self.written: list[Breach] = []
        self.grafana: Exception | None = None

    async def deliver(self, delivery: Delivery) -> None:
        self.got.append(delivery)
        if delivery.notification.receiver in self.away:
            raise self.away[delivery.notification.receiver]
        if self.after is not None:
            await self.after()

    async def annotate(self, breach: Breach) -> None:
        if self.grafana is not None:
            raise self.grafana
        self.written.append(breach)

    @property
    def keys(self) -> list[str]:
        return [delivery.key for delivery in self.got]

    @property
    def kinds(self) -> list[str]:
        return [delivery.notification.kind.value for delivery in self.got]


@dataclass
class Desk:
    """What the judge says, on a clock of our own."""

    redis: Redis
    now: datetime = START
    opened: dict[str, datetime] = field(default_factory=dict)
    last: str = ""
    """The entry that was put last."""

    async def say(self, queue: str, state: str, value: float | None = 0.4) -> str:
        """A queue's watch takes a step; returns the breach."""
        previous, standing, cause = STEPS[state]
        opened = self.opened.setdefault(queue, self.now)
        breach = f"gemist:limit:huis:{queue}:{int(opened.timestamp() * 1000)}"
        event = fired(
            self.now,
            id=f"{breach}:{state}",
            breach=breach,
            queue=queue,
            opened_at=opened,
            fired_at=opened,
            reading=BreachReading(value=value, samples=10),
            previous=previous,
            state=standing,
            cause=cause,
        )
        if standing is BreachState.OK:
            del self.opened[queue]
        await self.put(encode(event))
        return breach

    async def put(self, body: bytes) -> None:
        entry = await self.redis.xadd(keys.breaches(0), {keys.DATA_FIELD: body})
        self.last = entry.decode() if isinstance(entry, bytes) else str(entry)

    def later(self, **passed: float) -> None:
        self.now += timedelta(**passed)


class Running(NamedTuple):
    """A notifier's partition at work."""

    at_work: AtWork[NotifierSession]
    metrics: NotifierMetrics

    @property
    def partition(self) -> PartitionOwner[NotifierSession]:
        return self.at_work.partition

    @property
    def owns(self) -> bool:
        return self.at_work.owns

    @property
    def outbox(self) -> Mapping[str, Delivery] | None:
        """What is on its way; None: it owns nothing yet."""
        return None if self.partition.session is None else self.partition.session.outbox

    @property
    def state(self) -> NotifierState:
        return NotifierState() if self.partition.session is None else self.partition.session.state

    @property
    def idle(self) -> bool:
        """Nothing on its way."""
        return self.outbox == {}


@asynccontextmanager
async def running(
    url: str, desk: Desk, hands: Hands, owner: str = "one", city: CityFile = CITY
) -> AsyncIterator[Running]:
    metrics = NotifierMetrics(city)
    async with partitions.notifier(
        url, city, lambda: desk.now, hands.deliver, hands.annotate, owner, metrics
    ) as run:
        metrics.partitions.append(run.partition)
        yield Running(run, metrics)


@pytest.fixture
async def desk(redis_client: Redis) -> Desk:
    return Desk(redis_client)


async def results(desk: Desk) -> list[tuple[str, str]]:
    """Kind and result of each try in the delivery log."""
    lines = await written(desk, "log")
    return [(line.notification_kind, line.result.value) for line in lines if isinstance(line, DeliveryLine)]


async def dead_letters(desk: Desk) -> list[DeliveryLine]:
    return [line for line in await written(desk, "dead") if isinstance(line, DeliveryLine)]


async def written(desk: Desk, part: str) -> list[Line]:
    """What a log holds, the oldest first."""
    store = NotifierStore(desk.redis, 0, "x", SECOND)
    return [LINE.validate_json(line) for line in reversed(await store.recent(part, 1000))]


async def until_results(desk: Desk, *expected: tuple[str, str]) -> None:
    """Wait until these tries, in any order, are written down."""

    async def as_expected() -> bool:
        return sorted(await results(desk)) == sorted(expected)

    await eventually_async(as_expected)


async def running_once(url: str, desk: Desk) -> None:
    """Have an owner that begins and ends."""
    async with running(url, desk, Hands(), "earlier") as run:
        await eventually_async(lambda: run.owns)


async def test_it_tells_what_it_hears_once_and_keeps_nothing_on_its_way(redis_url: str, desk: Desk):
    hands = Hands()
    async with running(redis_url, desk, hands) as run:
        await desk.say("a", "firing")
        await desk.say("a", "ok")
        await eventually_async(lambda: len(hands.got) == 2 and run.idle)
        assert await run.partition.check(desk.now) is None
    assert hands.kinds == ["firing", "resolved"]
    assert await results(desk) == [("firing", "delivered"), ("resolved", "delivered")]
    assert (await NotifierStore(desk.redis, 0, "x", SECOND).load()).outbox == {}


async def test_what_it_leaves_unheard_is_counted(redis_url: str, desk: Desk):
    hands = Hands()
    async with running(redis_url, desk, hands) as run:
        await desk.say("a", "firing")
        await eventually_async(lambda: hands.got and run.idle and unread(run) == 0)
        session = run.partition.session
        assert session is not None
        assert session.subscription is not None
        await session.subscription.stop()
        await desk.say("a", "ok")
        await eventually_async(lambda: unread(run) == 1)
    async with running(redis_url, desk, hands) as again:
        await eventually_async(lambda: len(hands.got) == 2 and again.owns and unread(again) == 0)


async def test_the_close_of_a_breach_without_a_reading_is_told(redis_url: str, desk: Desk):
    """At closing time, and when a rule is gone, there is no figure any more."""
    hands = Hands()
    async with running(redis_url, desk, hands) as run:
        await desk.say("a", "firing")
        await desk.say("a", "ok", value=None)
        await eventually_async(lambda: len(hands.got) == 2 or unreadable(run))
    assert hands.kinds == ["firing", "resolved"]


async def test_what_was_handed_over_but_not_written_down_is_handed_over_again_with_the_same_key(
    redis_url: str, desk: Desk
):
    hands, other = Hands(), NotifierStore(desk.redis, 0, "other", SECOND)

    async def be_superseded() -> None:
        hands.after = None
        await partitions.supersede(desk.redis, keys.notifier(0, "fence"), other.lease)

    hands.after = be_superseded
    async with running(redis_url, desk, hands) as run:
        await desk.say("a", "firing")
        await eventually_async(lambda: len(hands.got) == 2 and run.idle)
    assert len(set(hands.keys)) == 1
    assert await results(desk) == [("firing", "delivered")]


async def test_what_is_over_waits_until_its_beginning_is_told_and_others_do_not(redis_url: str, desk: Desk):
    hands = Hands()
    hands.away["a"] = TransientFailure("it answered 500")
    async with running(redis_url, desk, hands) as run:
        for state in ("firing", "ok"):
            await desk.say("a", state)
            await desk.say("b", state)
        await eventually_async(lambda: [p.notification.receiver for p in hands.got].count("b") == 2)
        assert [p.notification.kind for p in hands.got if p.notification.receiver == "a"] == ["firing"]
        hands.away.clear()
        desk.later(seconds=3)
        await eventually_async(lambda: run.idle)
    told = [(p.notification.kind.value, p.attempts) for p in hands.got if p.notification.receiver == "a"]
    assert told == [("firing", 0), ("firing", 1), ("resolved", 0)]


BY_APPRISE = CityFile.model_validate(
    {
        "city": {"name": "Test"},
        "sites": CITY.model_dump()["sites"],
        "pipeline": {"lease": "1s"},
        "receivers": [{"id": "team", "channels": [{"kind": "apprise", "url_file": "unused"}]}],
        "routes": [{"receivers": ["team"]}],
        "notify": {"group_wait": "0s", "reminder": "24h"},
    }
)


class AppriseHands(Hands):
    """Hands over by a real Apprise, in its own words."""

    def __init__(self, url_file: Path) -> None:
        super().__init__()
        self.sender = AppriseSender(url_file, timedelta(minutes=2))

    async def deliver(self, delivery: Delivery) -> None:
        await super().deliver(delivery)
        queues = " ".join(breach.queue for breach in delivery.notification.breaches)
        text = f"{delivery.notification.kind} {queues}"
        await self.sender.send(delivery, Message(subject="Wachtpost", text=text, html=""))


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
async def test_a_message_that_apprise_never_delivers_keeps_no_other_and_is_given_up_soon(
    redis_url: str, desk: Desk, tmp_path: Path
):
    async with http_receiver() as receiver:
        receiver.chokes_on = b"firing a"
        (tmp_path / "url").write_text(receiver.url.replace("http://", "json://"))
        hands = AppriseHands(tmp_path / "url")
        async with running(redis_url, desk, hands, city=BY_APPRISE) as run:
            await desk.say("a", "firing")
            await eventually_async(lambda: hands.got)
            await desk.say("b", "firing")
            await desk.say("a", "ok")
            await desk.say("b", "ok")
            told = ["firing b", "resolved b"]
            await eventually_async(lambda: taken_by(receiver) == told)
            for tries in range(1, outbox.REFUSALS):
                await eventually_async(lambda tries=tries: refusals(run) == tries)
                desk.later(minutes=6)
            await eventually_async(lambda: run.idle)
            assert taken_by(receiver) == [*told, "resolved a"]
    (line,) = await dead_letters(desk)
    assert line.why == "refused 8 times without a reason: Apprise could not deliver it"


def refusals(run: Running) -> int:
    """How often what waits was refused without a reason, at most."""
    return max((one.refusals for one in (run.outbox or {}).values()), default=0)


def taken_by(receiver: HttpReceiver) -> list[str]:
    """What a receiver took, in order."""
    said = [json.loads(request.body)["message"].strip() for request in receiver.requests]
    return [words for words in said if words != "firing a"]


async def test_a_reminder_that_could_not_be_handed_over_is_dropped_once_the_breach_is_taken_on(
    redis_url: str, desk: Desk
):
    hands = Hands()
    async with running(redis_url, desk, hands) as run:
        breach = await desk.say("a", "firing")
        await eventually_async(lambda: len(hands.got) == 1 and run.idle)
        hands.away["a"] = TransientFailure("it answered 500")
        desk.later(minutes=2)
        await eventually_async(lambda: hands.kinds == ["firing", "reminder"])
        await desk.put(encode_command(Acknowledge(id="x", at=desk.now, breaches=(breach,), by="a")))

        await eventually_async(lambda: run.state.breaches[breach].breach.acknowledged)
        hands.away.clear()
        desk.later(minutes=10)
        await eventually_async(lambda: run.idle)
    assert hands.kinds == ["firing", "reminder"]
    assert await results(desk) == [("firing", "delivered"), ("reminder", "retry"), ("reminder", "obsolete")]


async def test_a_delivery_on_which_our_own_code_fails_waits_and_the_others_go_on(redis_url: str, desk: Desk):
    hands = Hands()
    hands.away["a"] = RuntimeError(PHONE)
    async with running(redis_url, desk, hands) as run:
        await desk.say("a", "firing")
        await desk.say("b", "firing")
        await until_results(desk, ("firing", "retry"), ("firing", "delivered"))
        hands.away.clear()
        desk.later(seconds=61)
        await eventually_async(lambda: run.idle)
        assert internal_errors(run, "deliveries") == 1
    await until_results(desk, ("firing", "retry"), *[("firing", "delivered")] * 2)


@pytest.mark.slow
async def test_a_delivery_on_which_our_own_code_always_fails_is_a_dead_letter_that_says_where(
    redis_url: str, desk: Desk
):
    hands = Hands()
    hands.away["a"] = RuntimeError(PHONE)
    async with running(redis_url, desk, hands):
        await desk.say("a", "firing")
        for tries in range(1, outbox.REFUSALS):
            await until_results(desk, *[("firing", "retry")] * tries)
            desk.later(minutes=20)
        store = NotifierStore(desk.redis, 0, "x", SECOND)
        await eventually_async(lambda: store.recent("dead", 10))
    (dead,) = await store.recent("dead", 10)
    assert b"internal_error: RuntimeError at tests.services.notifier.test_consumer:Hands.deliver:" in dead
    assert PHONE.encode() not in dead


async def test_what_is_refused_for_good_is_a_dead_letter(redis_url: str, desk: Desk):
    hands = Hands()
    hands.away["a"] = PermanentFailure("it refused the message (410)")
    async with running(redis_url, desk, hands) as run:
        await desk.say("a", "firing")
        await eventually_async(lambda: hands.got and run.idle)
    (line,) = await dead_letters(desk)
    assert (line.key, line.result.value, line.why) == (hands.keys[0], "dead", "it refused the message (410)")


@pytest.mark.parametrize("body", [b"", b"null", b"{", b'{"kind":"breach.rumoured"}', b"\xff\xfe"])
async def test_an_entry_that_is_none_of_ours_is_passed_over(redis_url: str, desk: Desk, body: bytes):
    hands = Hands()
    async with running(redis_url, desk, hands) as run:
        await desk.put(body)
        await desk.redis.xadd(keys.breaches(0), {"other": b"1"})
        await desk.say("a", "firing")
        await eventually_async(lambda: hands.got and run.idle)
        assert unreadable(run) == 2
    assert hands.kinds == ["firing"]


# Our own code fails ------------------------------------------------------------------------------------

PHONE = "0470123456"
"""What a message of an error may quote."""


@pytest.fixture
def defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own code fails on whatever a judge says of queue a."""
    works = engine.on_events

    def on_events(
        state: NotifierState, events: Sequence[BreachEvent], now: datetime, rules: NotifierPolicy
    ) -> Decision:
        if any(event.queue == "a" for event in events):
            raise ZeroDivisionError(PHONE)
        return works(state, events, now, rules)

    monkeypatch.setattr(engine, "on_events", on_events)


async def set_aside(desk: Desk) -> list[FailureLine]:
    return [line for line in await written(desk, "dead") if isinstance(line, FailureLine)]


def internal_errors(run: Running, work: str) -> int:
    return next(one.count for one in run.partition.backoff if one.work == work)


@pytest.mark.usefixtures("defect")
@pytest.mark.slow
async def test_what_our_own_code_fails_on_is_set_aside_alone_and_says_where(redis_url: str, desk: Desk):
    hands = Hands()
    await running_once(redis_url, desk)  # an offset, so that the batch is read as it stands there
    await desk.say("b", "firing")
    await desk.say("a", "firing")
    poison = desk.last
    await desk.say("b", "ok")
    async with running(redis_url, desk, hands) as run:
        await eventually_async(lambda: hands.kinds == ["firing", "resolved"] and run.idle)
        (line,) = await set_aside(desk)
        assert (line.entry, line.reason.value) == (poison, "internal_error")
        assert line.why.startswith("ZeroDivisionError at tests.services.notifier.test_consumer:defect.")
        assert "from services.notifier.consumer:decide:" in line.why
        said = await run.partition.check(desk.now)
        assert isinstance(said, Degraded)
        assert poison in said
        assert line.why in said
        assert internal_errors(run, "entries") == TRIES + 1
        reason = {"reason": "internal_error"}
        assert run.metrics.registry.get_sample_value("wachtpost_dead_letters_total", reason) == 1
        desk.later(minutes=1)
        await desk.say("b", "firing")
        await eventually_async(lambda: hands.kinds[2:] == ["firing"] and run.idle)
    assert [delivery.notification.receiver for delivery in hands.got] == ["b", "b", "b"]
    for key in [key async for key in desk.redis.scan_iter()]:
        assert PHONE.encode() not in (await desk.redis.dump(key) or b"")


@pytest.mark.usefixtures("defect")
@pytest.mark.slow
async def test_entries_that_come_one_by_one_are_set_aside_one_by_one(redis_url: str, desk: Desk):
    hands = Hands()
    async with running(redis_url, desk, hands) as run:
        for _ in range(2):
            await desk.say("a", "firing")
            poison = desk.last

            async def known(entry: str = poison) -> bool:
                return entry in [line.entry for line in await set_aside(desk)]

            await eventually_async(known)
        await desk.say("b", "firing")
        await eventually_async(lambda: hands.got and run.idle)
        assert len(await set_aside(desk)) == 2


@pytest.mark.usefixtures("defect")
async def test_a_message_under_way_is_told_once_although_our_own_code_fails_on_another(
    redis_url: str, desk: Desk
):
    hands = SlowHands()
    async with running(redis_url, desk, hands) as run:
        await desk.say("b", "firing")
        await eventually_async(lambda: hands.got)
        await desk.say("a", "firing")
        await eventually_async(lambda: internal_errors(run, "entries") >= 1)
        hands.may_go.set()
        await eventually_async(lambda: run.idle)
    assert len(hands.got) == 1


async def test_what_is_heard_is_told_although_our_own_code_fails_on_time(
    redis_url: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    def on_time(state: NotifierState, now: datetime, rules: NotifierPolicy) -> Decision:
        raise ZeroDivisionError(PHONE)

    hands, works = Hands(), engine.on_time
    monkeypatch.setattr(backoff, "FIRST_PAUSE", timedelta(milliseconds=10))
    monkeypatch.setattr(engine, "on_time", on_time)
    async with running(redis_url, desk, hands) as run:
        await eventually_async(lambda: internal_errors(run, "time") >= backoff.TRIES)
        await desk.say("a", "firing")
        await eventually_async(lambda: hands.got and run.idle)
        said = await run.partition.check(desk.now)
        assert said is not None
        assert "ZeroDivisionError at" in said
        assert not isinstance(said, Degraded)
        assert PHONE not in said
        monkeypatch.setattr(engine, "on_time", works)
        desk.later(minutes=2)
        await eventually_async(lambda: hands.kinds == ["firing", "reminder"])


async def test_what_is_heard_is_told_although_our_own_code_fails_on_what_time_brings(
    redis_url: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    works = outbox.deliveries

    def deliveries(notification: Notification, city: CityFile) -> Iterator[Delivery]:
        if notification.kind is NotificationKind.REMINDER:
            raise ZeroDivisionError(PHONE)
        return works(notification, city)

    hands = Hands()
    monkeypatch.setattr(backoff, "FIRST_PAUSE", timedelta(milliseconds=10))
    async with running(redis_url, desk, hands) as run:
        await desk.say("a", "firing")
        await eventually_async(lambda: hands.got and run.idle)
        monkeypatch.setattr(outbox, "deliveries", deliveries)
        desk.later(minutes=2)
        await eventually_async(lambda: internal_errors(run, "time") >= 1)
        monkeypatch.setattr(outbox, "deliveries", works)
        await eventually_async(lambda: hands.kinds == ["firing", "reminder"])
        assert internal_errors(run, "session") == 0


@pytest.mark.slow
async def test_an_entry_waits_where_our_own_code_fails_on_what_was_due_before_it(
    redis_url: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    def caught_up(state: NotifierState, policy: NotifierPolicy, now: datetime) -> NoReturn:
        raise ZeroDivisionError(PHONE)

    hands = Hands()
    monkeypatch.setattr(backoff, "FIRST_PAUSE", timedelta(milliseconds=10))
    await running_once(redis_url, desk)
    with monkeypatch.context() as defect:
        defect.setattr(engine, "_caught_up", caught_up)
        async with running(redis_url, desk, hands) as run:
            await desk.say("a", "firing")
            await eventually_async(lambda: internal_errors(run, "session") >= backoff.TRIES)
            assert await run.partition.check(desk.now) is not None
    assert await set_aside(desk) == []
    async with running(redis_url, desk, hands) as mended:
        await eventually_async(lambda: hands.kinds == ["firing"] and mended.idle)


async def test_who_is_told_otherwise_does_not_wait_for_a_mail_server_that_hangs(redis_url: str, desk: Desk):
    addresses = [f"a{number}@stad.example" for number in range(2 * outbox.MAILS_AT_ONCE)]
    receivers = [
        {"id": "a", "channels": [{"kind": "email", "to": addresses}]},
        {"id": "b", "channels": [{"kind": "webhook", "url": "https://b.example/"}]},
    ]
    smtp = {"host": "127.0.0.1", "tls": "none", "sender": "wachtpost@stad.example"}
    told = {"receivers": receivers, "smtp": smtp, "routes": [{"receivers": ["a", "b"]}]}
    city = CityFile.model_validate(CITY.model_dump(exclude={"receivers", "routes", "smtp"}) | told)
    hands = SlowHands()
    async with running(redis_url, desk, hands, city=city):
        await desk.say("a", "firing")
        await eventually_async(lambda: "b" in [delivery.notification.receiver for delivery in hands.got])
        assert sum(delivery.address is not None for delivery in hands.got) == outbox.MAILS_AT_ONCE
        hands.may_go.set()


# Its end -----------------------------------------------------------------------------------------------


class SlowHands(Hands):
    """Keeps every message in hand until it may go."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go = asyncio.Event()
        self.after = self._wait

    async def _wait(self) -> None:
        await self.may_go.wait()


@pytest.fixture
def cancelled_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown, "CANCEL_AGAIN_S", 0.02)


async def ending_of(run: Running) -> asyncio.Task[None]:
    """Have a partition end as the service does it; returns once it was cancelled again and again."""
    stopping = asyncio.create_task(shutdown.cancel([run.at_work.task]))
    await eventually_async(lambda: run.at_work.task.done() or run.at_work.task.cancelling() > 5)
    return stopping


@pytest.mark.usefixtures("cancelled_again_at_once")
async def test_what_is_being_handed_over_at_the_end_is_handed_over_once_however_often_it_is_told_to_end(
    redis_url: str, desk: Desk
):
    others, hands, next_hands = asyncio.all_tasks(), SlowHands(), Hands()
    async with running(redis_url, desk, hands) as run:
        await eventually_async(lambda: run.owns)
        async with running(redis_url, desk, next_hands, "two") as next_run:
            await desk.say("a", "firing")
            await desk.say("b", "firing")
            await eventually_async(lambda: len(hands.got) == 2)
            deliveries = [task for task in asyncio.all_tasks() if task.get_name().startswith("deliver")]
            stopping = await ending_of(run)
            assert not run.at_work.task.done()
            assert next_run.partition.role is OwnerRole.STANDBY, "the lease is kept until all is written down"
            hands.may_go.set()
            await stopping
            assert all(task.done() for task in deliveries)
            await eventually_async(lambda: next_run.owns and next_run.idle)
    assert next_hands.got == []
    assert await results(desk) == [("firing", "delivered")] * 2
    assert asyncio.all_tasks() <= others


@pytest.mark.usefixtures("cancelled_again_at_once")
async def test_what_takes_longer_than_the_end_is_cut_off_and_handed_over_by_the_next_with_the_same_key(
    redis_url: str, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "FINISH", timedelta(0))
    hands, next_hands = SlowHands(), Hands()
    async with running(redis_url, desk, hands) as run:
        await desk.say("a", "firing")
        await eventually_async(lambda: hands.got)
        before = asyncio.all_tasks()
        await (await ending_of(run))
        assert not [task for task in before if not task.done() and task.get_name().startswith("deliver")]
        assert not await desk.redis.exists(keys.notifier(0, "lease")), "a standby need not wait"
    async with running(redis_url, desk, next_hands, "two") as run:
        await eventually_async(lambda: next_hands.got and run.idle)
    assert next_hands.keys == hands.keys
    assert await results(desk) == [("firing", "delivered")]


def unread(run: Running) -> float | None:
    return run.metrics.registry.get_sample_value("wachtpost_notifier_unread_entries", {"partition": "0"})


def unreadable(run: Running) -> float:
    return run.metrics.registry.get_sample_value("wachtpost_notifier_unreadable_total") or 0


# Grafana -----------------------------------------------------------------------------------------------


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Grafana did not take is tried again at once."""
    monkeypatch.setattr(dispatcher, "ANNOTATE_AGAIN", timedelta(0))
    monkeypatch.setattr(dispatcher, "ANNOTATE_ONCE_MENDED", timedelta(0))


@pytest.mark.usefixtures("soon")
async def test_what_grafana_did_not_take_is_written_when_it_is_back(redis_url: str, desk: Desk):
    hands = Hands()
    hands.grafana = TransientFailure("Grafana took longer than 15 s")
    async with running(redis_url, desk, hands) as run:
        breach = await desk.say("a", "firing")
        await eventually_async(lambda: failed(run) > 0)
        hands.grafana = None
        await eventually_async(lambda: hands.written)
    assert [one.id for one in hands.written] == [breach]


async def test_why_grafana_does_not_have_a_breach_is_said_once_however_much_becomes_of_it(
    redis_url: str, desk: Desk
):
    hands = Hands()
    hands.grafana = PermanentFailure("Grafana does not know the token (401): renew grafana.token_file")
    with capture_logs() as lines:
        async with running(redis_url, desk, hands) as run:
            for step, tries in (("firing", 1), ("ok", 2)):
                await desk.say("a", step)
                await eventually_async(lambda tries=tries: failed(run) >= tries)
    assert [line["event"] for line in lines].count("not_annotated") == 1


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("restart", [False, True], ids=["same-notifier", "another-notifier"])
@pytest.mark.parametrize(
    "fault",
    [
        TransientFailure("Grafana took longer than 15 s"),
        PermanentFailure("Grafana does not know the token (401): renew grafana.token_file"),
    ],
    ids=["away", "to-be-mended"],
)
async def test_a_region_is_closed_even_if_grafana_took_nothing_until_the_breach_was_forgotten(
    redis_url: str, desk: Desk, restart: bool, fault: Exception
):
    hands = Hands()
    hands.grafana = fault

    def closed() -> bool:
        return [one.id for one in hands.written if one.closed_at is not None] == [breach]

    async with running(redis_url, desk, hands) as run:
        breach = await desk.say("a", "firing")
        await desk.say("a", "ok")
        await eventually_async(lambda: len(hands.got) == 2)
        desk.later(hours=2)
        await eventually_async(lambda: run.idle and not run.state.breaches)
        if not restart:
            hands.grafana = None
            await eventually_async(closed)
    if restart:
        hands.grafana = None
        async with running(redis_url, desk, hands, "two"):
            await eventually_async(closed)
    hands.written.clear()
    async with running(redis_url, desk, hands, "three") as run:
        await eventually_async(lambda: run.owns)
        await desk.say("b", "firing")
        await eventually_async(lambda: hands.written)
    assert breach not in [one.id for one in hands.written]


def failed(run: Running) -> float:
    return run.metrics.registry.get_sample_value("wachtpost_annotations_total", {"result": "failed"}) or 0

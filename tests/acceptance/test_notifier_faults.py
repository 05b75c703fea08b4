"""Receivers that fail, each in its own way, all at the same moment: who recovers is told, with the same key.

A simulated minute takes a second, so the waits between two tries do not take long. What takes real time is
the receiver that says nothing: ten seconds. So one stage has all faults at once, and each test looks at one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.breach_stage import Stage, raised, redis_server, until_up
from tests.support.eventually import eventually_async
from tests.support.receivers import Fault, Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"

RECOVERS: dict[str, tuple[Reply | Fault, ...]] = {
    "well": (),
    "no-content": (Reply(204),),
    "resets": (Fault.RESET, Fault.RESET),
    "closes": (Fault.CLOSE,),
    "busy": (Reply(429, {"Retry-After": "60"}), Reply(429)),
    "broken": (Reply(500), Reply(500), Reply(503)),
    "proxy": (Reply(502, {"Content-Type": "text/html"}, PAGE),),
    "mixed": (Fault.RESET, Reply(500), Fault.NONSENSE, Reply(429)),
    "hangs": (Fault.HANG,),
}
"""How often it fails before it takes the message."""

REFUSES: dict[str, tuple[Reply, str]] = {
    "gone": (Reply(410), "it refused the message (410)"),
    "moved": (
        Reply(301, {"Location": "https://elsewhere.example/in"}),
        "it has moved (301); the message does not follow: give its new address as url",
    ),
}
GOOD, BAD = "goed@proefstad.example", "weg@proefstad.example"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Everybody's queue has breached at the same moment."""
    directory = tmp_path_factory.mktemp("faults")
    queues = (*RECOVERS, *REFUSES, "mailed")
    notify = 'group_wait = "0s"\nreminder = "24h"\n'
    with redis_server("redis", directory) as server:
        async with raised(server, directory, queues, notify=notify, mails={"mailed": [BAD, GOOD]}) as stage:
            for queue, answers in RECOVERS.items():
                stage.webhooks[queue].will(*answers)
            for queue, (answer, _) in REFUSES.items():
                stage.webhooks[queue].will(answer)
            stage.mail.refuses[BAD] = "550 5.1.1 no such user"
            await until_up(stage.evaluator(), stage.notifier())
            for queue in queues:
                stage.calls(queue, missed=4)
            yield stage


async def attempts(stage: Stage, queue: str, number: int) -> None:
    await eventually_async(lambda: len(stage.told(queue)) >= number)


@pytest.mark.parametrize("queue", RECOVERS)
async def test_who_recovers_is_told_with_the_same_key_on_every_attempt(stage: Stage, queue: str):
    failures = [answer for answer in RECOVERS[queue] if answer != Reply(204)]
    await eventually_async(lambda: ("firing", 0, "delivered") in stage.deliveries(queue))
    told = stage.told(queue)
    assert [one.kind for one in told] == ["firing"] * (len(failures) + 1)
    assert len({one.key for one in told}) == 1
    assert len({str(one.body) for one in told}) == 1
    assert stage.deliveries(queue) == [("firing", 0, "retry")] * len(failures) + [("firing", 0, "delivered")]


async def test_retry_after_is_honoured(stage: Stage):
    await eventually_async(lambda: len(stage.told("busy")) == 3)
    first, second, _ = stage.told("busy")
    assert second.sent - first.sent >= 59  # both are whole seconds


@pytest.mark.parametrize("queue", REFUSES)
async def test_who_refuses_for_good_is_in_the_dead_letters_with_the_reason(stage: Stage, queue: str):
    def dead() -> list[object]:
        return [line["why"] for line in stage.kept("dead") if line["receiver"] == queue]

    await eventually_async(dead)
    assert dead() == [REFUSES[queue][1]]
    assert stage.deliveries(queue) == [("firing", 0, "dead")]
    assert len(stage.told(queue)) == 1


async def test_a_bad_recipient_does_not_keep_a_good_one_from_their_mail(stage: Stage):
    await eventually_async(lambda: len(stage.deliveries("mailed")) == 3)
    assert [mail.recipients for mail in stage.mail.mails] == [(GOOD,)]
    assert sorted(stage.deliveries("mailed")) == [
        ("firing", 0, "delivered"),
        ("firing", 1, "dead"),
        ("firing", 1, "delivered"),
    ]
    (dead,) = (line for line in stage.kept("dead") if line["receiver"] == "mailed")
    assert dead["why"] == "the mail server refuses the recipient: 550 5.1.1"
    assert not any(address in str(stage.kept("log")) for address in (GOOD, BAD))

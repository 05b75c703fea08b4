"""Two notifiers on one Redis: exactly one of them tells, and when it dies the other goes on."""

from __future__ import annotations

from pathlib import Path

from shared.redis import keys
from tests.support.breach_stage import Stage, raised, until_up
from tests.support.eventually import eventually_async
from tests.support.receivers import Reply
from tests.support.redis_servers import RedisServer, leases_run_out
from tests.support.service_process import ServiceProcess

NOTIFY = 'group_wait = "0s"\nreminder = "24h"\nflap_messages = 100\n'


async def owner(stage: Stage, *notifiers: ServiceProcess) -> ServiceProcess:
    """Wait until one of them holds the fence."""

    def holder() -> ServiceProcess | None:
        with stage.server.client() as client:
            fence = client.get(keys.notifier(0, "fence"))
        held = fence.decode() if isinstance(fence, bytes) else None
        return next((one for one in notifiers if any(at.get("fence") == held for at in one.lines)), None)

    await eventually_async(holder)
    found = holder()
    assert found is not None
    return found


async def one_cycle(stage: Stage, queue: str) -> None:
    """A breach opens, and is over."""
    stage.calls(queue, answered=4, missed=2)
    times = stage.states(queue).count("ok") + 1
    await stage.until_state(queue, "firing", times)
    stage.calls(queue, answered=4)
    await stage.until_state(queue, "ok", times)


async def test_one_tells_and_when_it_is_killed_the_other_does_and_a_redis_restart_loses_nothing(
    own_server: RedisServer, tmp_path: Path
):
    async with raised(own_server, tmp_path, ("one",), notify=NOTIFY) as stage:
        first, second = stage.notifier(), stage.notifier(at_base_url=False)
        await until_up(stage.evaluator(), first, second)
        holder = await owner(stage, first, second)
        other = second if holder is first else first
        await one_cycle(stage, "one")
        await stage.until_told("one", "firing", "resolved")
        await eventually_async(lambda: len(stage.deliveries("one")) == 2)

        stage.services.kill(holder)
        await one_cycle(stage, "one")  # nobody owns it now
        leases_run_out(own_server.url)
        await stage.until_told("one", *["firing", "resolved"] * 2)
        assert other.logged("owner") is not None

        stage.webhooks["one"].will(Reply(503))
        stage.calls("one", answered=4, missed=2)
        await eventually_async(lambda: ("firing", 0, "retry") in stage.deliveries("one"))
        own_server.kill()
        own_server.start()
        stage.calls("one", answered=4)
        told = await stage.until_told("one", *["firing", "resolved"] * 2, "firing", "firing", "resolved")
        keys = [one.key for one in told]
        assert keys[4] == keys[5]
        assert len(set(keys)) == 6
        assert stage.deliveries("one").count(("firing", 0, "delivered")) == 3

"""What each kind of fault does to the product; all of it is over when ``inflict`` returns."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final

from redis.asyncio import Redis

from shared.redis import keys
from shared.redis.keys import DATA_FIELD
from tests.chaos.plan import MODES, REDIS, Fault, Kind
from tests.chaos.product import Product, Service
from tests.chaos.traffic import Exchange
from tests.support.eventually import eventually_async
from tests.support.tcp_proxy import Mode

JUMPS: Final = {"+2h": timedelta(hours=2), "-2h": timedelta(hours=-2)}

ANSWER_TO: Final = {
    "sender→ingest": b"POST ",
    "ingest→redis": b"EVALSHA",
    "evaluator→redis": b"breach.changed",  # a commit with a step, not one of the many renewals of a lease
    "notifier→redis": b'"kind":"delivery"',  # likewise what became of a message, which moves no offset
    "notifier→webhook": b"POST ",
    "notifier→mail": b"\r\n.\r\n",
}
"""By link: what makes a request one whose answer is worth losing."""

PAUSED_MS: Final = 60_000
"""Long enough to look and to pull the plug, which ends it."""

ROOM: Final = 20_000
"""Bytes that Redis may still take when its memory is said to be full."""


async def inflict(product: Product, exchange: Exchange, fault: Fault) -> None:
    """Do it, let it last, and mend it."""
    if fault.kind is Kind.ROTATE:
        await exchange.rotate(fault.where, fault.lasts_s)
    elif fault.kind in {Kind.KILL, Kind.TERM}:
        await _end(product, fault)
    elif fault.kind is Kind.GO_BACK:
        await _go_back(product, fault)
    else:
        async with AsyncExitStack() as mending:
            await _begin(product, fault, mending)
            await asyncio.sleep(fault.lasts_s)


async def _begin(product: Product, fault: Fault, mending: AsyncExitStack) -> None:
    match fault.kind:
        case Kind.RELOAD:
            service = product.services[fault.where]
            if service.port is not None and not service.process.exited:  # before, it would be an end
                service.process.hang_up()
        case Kind.PAUSE:
            await _pause(product, fault.where, mending)
        case Kind.DISK:
            product.server.fill_disk()
            mending.push_async_callback(_takes_writes, product)
            mending.callback(product.server.make_room)
        case Kind.MEMORY:
            await _fill_memory(product, mending)
        case Kind.CUT | Kind.HANG | Kind.DRIP:
            product.links[fault.where].turn(MODES[fault.kind])
            mending.callback(product.links[fault.where].turn, Mode.PASS)
        case Kind.LOSE_ANSWER:
            product.links[fault.where].lose_answer_to(ANSWER_TO[fault.where], fault.times)
            mending.callback(product.links[fault.where].lose_no_more)
        case Kind.CLOCK:
            product.set_clock(JUMPS[fault.where])
            mending.callback(product.set_clock, timedelta(0))


async def _end(product: Product, fault: Fault) -> None:
    """End a process and start it again at once."""
    hard = fault.kind is Kind.KILL
    if fault.where == REDIS:
        await asyncio.to_thread(product.server.kill if hard else product.server.stop)
        await asyncio.to_thread(product.server.start)
        return
    service = product.services[fault.where]
    async with service.lock:
        if hard:
            await asyncio.to_thread(service.process.kill)
        else:
            await _ask_to_end(service)
        service.start()


async def _go_back(product: Product, fault: Fault) -> None:
    """Have Redis stand where it stood so many seconds ago, or be empty; what it had is remembered.

    Nobody can name what is lost when nobody lives who knows it: ingest does, until it has said so.
    """
    server, stream, dead = product.server, keys.events(0), keys.dead_letters(0)
    ingest = product.services["ingest"]

    async def ingest_is_well() -> bool:
        return "ingest" not in await product.health()

    await eventually_async(ingest_is_well)
    said = ingest.process.count("redis_went_back")
    async with Redis.from_url(server.url) as client:
        written, snapshot = server.written(), b""
        if fault.where == "snapshot":
            snapshot = await asyncio.to_thread(server.snapshot)
        await asyncio.sleep(fault.lasts_s)
        if fault.where == "flush":
            at_once = client.pipeline(transaction=True)
            at_once.xrange(stream)
            at_once.xrange(dead)
            at_once.flushall()
            had, letters, _ = await at_once.execute()
        else:
            await client.client_pause(PAUSED_MS, all=False)  # so that nobody is answered behind what is seen
            looking = client.pipeline(transaction=False)
            looking.xrange(stream)
            looking.xrange(dead)
            had, letters = await looking.execute()
            if snapshot:
                await asyncio.to_thread(server.restore, snapshot)
            else:
                await asyncio.to_thread(server.go_back, written)
    product.had |= {entry.decode(): content[DATA_FIELD.encode()] for entry, content in had}
    product.letters |= {content[DATA_FIELD.encode()] for _, content in letters}
    await eventually_async(lambda: ingest.process.count("redis_went_back") > said)
    await eventually_async(ingest_is_well)


async def _ask_to_end(service: Service) -> None:
    """SIGTERM: whoever is up ends in good order."""
    up = service.port is not None and not service.process.exited
    try:
        status: int | str = await asyncio.to_thread(service.process.stop)
    except subprocess.TimeoutExpired:
        status = "it did not end"
        await asyncio.to_thread(service.process.kill)
    if up and status != 0:
        service.ended.append(f"{service.name} was asked to end: {status}, its log: {service.process.log}")


async def _pause(product: Product, where: str, mending: AsyncExitStack) -> None:
    if where != REDIS:
        await mending.enter_async_context(product.services[where].lock)
    pid = product.server.pid if where == REDIS else product.services[where].process.pid
    os.kill(pid, signal.SIGSTOP)
    mending.callback(os.kill, pid, signal.SIGCONT)


async def _fill_memory(product: Product, mending: AsyncExitStack) -> None:
    client = await mending.enter_async_context(Redis.from_url(product.server.url))
    used = int((await client.info("memory"))["used_memory"])
    await client.config_set("maxmemory", used + ROOM)
    mending.push_async_callback(client.config_set, "maxmemory", 0)


async def _takes_writes(product: Product) -> None:
    """Wait until Redis has seen that there is room again: it looks once a second."""
    async with Redis.from_url(product.server.url) as client:

        async def recovered() -> bool:
            return bool((await client.info("persistence"))["aof_last_write_status"] == "ok")

        await eventually_async(recovered)

"""Faults end the process; an end is in order."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys

import pytest
import uvicorn

from shared.process import server
from shared.process.server import Fault
from tests.support.eventually import WITHIN
from tests.support.ingest_desk import NOW


@pytest.mark.parametrize(
    ("end", "reason"), [("returns", "loop ended (without an error)"), ("fails", "loop ended (ValueError)")]
)
async def test_work_that_ends_by_itself_is_a_fault(end: str, reason: str):
    async def loop() -> None:
        if end == "fails":
            raise ValueError(end)

    fault = Fault()
    fault.watch(asyncio.create_task(loop(), name="loop"))
    await asyncio.wait_for(fault.reported(), WITHIN)
    assert await fault.check(NOW) == reason
    fault.report("another")
    assert fault.reason == reason  # the first is the cause


async def test_work_that_is_cancelled_is_no_fault():
    async def loop() -> None:
        await asyncio.Event().wait()

    fault = Fault()
    task = fault.watch(asyncio.create_task(loop(), name="loop"))
    task.cancel()
    await asyncio.wait([task])
    assert fault.reason is None


HANGS = """
import asyncio, threading
from concurrent.futures import ThreadPoolExecutor
from shared.process.server import run_service

async def service():
    for threads in (None, ThreadPoolExecutor()):
        asyncio.get_running_loop().run_in_executor(threads, threading.Event().wait)
    return 7

run_service(service())
"""


def test_no_thread_that_hangs_keeps_a_process_from_ending():
    ended = subprocess.run([sys.executable, "-c", HANGS], timeout=WITHIN, check=False)
    assert ended.returncode == 7


def test_an_orderly_end_is_not_broken_off_by_asking_again():
    ended = server.Server(uvicorn.Config("no:app"))
    for _ in range(2):
        ended.handle_exit(signal.SIGINT, None)
    assert ended.should_exit
    assert not ended.force_exit

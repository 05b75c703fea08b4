"""The process that owns everything a command starts, and ends it whatever becomes of the command.

It starts embedded Valkey, then services as the command asks, and waits on its standard input. When that
closes, because the command said goodbye or because it was killed, it stops them and goes. It runs in a
session of its own, so Ctrl-C reaches the command only.

Without arguments it works in a temporary directory, which it removes. ``DIRECTORY PORT`` names one that is
kept, which one supervisor has at a time, and the port of its Valkey.

Talks in lines of JSON: see ``wachtpost.live.supervised`` for the other end.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn, TypedDict

from shared.process.ports import PortTakenError
from shared.process.shutdown import WHOLE
from wachtpost.live.valkey import EmbeddedValkey, ValkeyNotStartedError

GRACE: Final = WHOLE.total_seconds()
"""Seconds that the services get together to end by themselves after SIGTERM, and then Valkey."""

LOCK: Final = "lock"


class Order(TypedDict, total=False):
    """What the command asks. Without ``start`` it is only a question."""

    start: str
    """What the service is called."""
    program: list[str]
    """The module, and its arguments."""
    log: str
    env: dict[str, str]


def main() -> None:
    """Run until standard input closes, then end everything."""
    signal.signal(signal.SIGTERM, _leave)
    with ExitStack() as stack:
        if sys.argv[1:]:
            directory, port = Path(sys.argv[1]), int(sys.argv[2])
            if not _is_ours_alone(directory, stack):
                _say(taken=True)
                return
        else:
            temporary = tempfile.TemporaryDirectory(prefix="wachtpost-demo-", ignore_cleanup_errors=True)
            directory, port = Path(stack.enter_context(temporary)), None
        valkey = EmbeddedValkey(directory / "valkey", port)
        try:
            valkey.start()
        except PortTakenError:
            _say(port_taken=True)
            return
        except (ValkeyNotStartedError, OSError) as error:
            _say(error=str(error))
            return
        stack.callback(valkey.stop, GRACE)
        services: dict[str, subprocess.Popen[bytes]] = {}
        stack.callback(_end, services)
        stack.callback(signal.signal, signal.SIGTERM, signal.SIG_IGN)  # first of all: tidy up undisturbed
        _say(directory=str(directory), redis_url=valkey.url)
        for line in sys.stdin:
            try:
                valkey.keep_up()
            except (PortTakenError, ValkeyNotStartedError, OSError) as error:
                _say(error=f"Valkey: {error}")
                return
            _obey(json.loads(line), directory, services)


def _is_ours_alone(directory: Path, stack: ExitStack) -> bool:
    """Take the directory, until this process ends, unless another supervisor has it."""
    lock = stack.enter_context((directory / LOCK).open("ab"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _obey(order: Order, directory: Path, services: dict[str, subprocess.Popen[bytes]]) -> None:
    """Start what is asked for, and answer which services have ended, and how."""
    if "start" in order:
        log = directory / order["log"]
        if log.exists():
            log.replace(log.with_suffix(".before.log"))
        with log.open("wb") as file:
            services[order["start"]] = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, "-m", "wachtpost.live.member", *order["program"]],
                env={**os.environ, **order["env"]},
                stdin=subprocess.PIPE,  # the end that closes when we are gone
                stdout=file,
                stderr=subprocess.STDOUT,
            )
    _say(ended={name: status for name, one in services.items() if (status := one.poll()) is not None})


def _end(services: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for service in services.values():
        service.terminate()
    until = time.monotonic() + GRACE
    for service in services.values():
        try:
            service.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            service.kill()
            service.wait()


def _say(**answer: object) -> None:
    print(json.dumps(answer), flush=True)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main()

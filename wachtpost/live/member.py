"""``python -m wachtpost.live.member MODULE ARGUMENT…``: a module as a program that ends with its supervisor.

The supervisor holds the other end of our standard input and never writes to it. However the supervisor ends,
also by ``kill -9``, that end closes, and the program is asked to end as by SIGTERM.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    """Run the module that the first argument names, with the arguments behind it."""
    threading.Thread(target=_end_with_supervisor, name="end with the supervisor", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_supervisor() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()

"""A port for a process that cannot take any (port 0), because others have to know it beforehand."""

from __future__ import annotations

import errno
import secrets
import socket
from typing import Final

PORTS: Final = range(20_000, 32_000)
"""Below those that systems give to whoever asks for any: nobody else happens to get one of these."""


class PortTakenError(Exception):
    """Somebody listens there."""


def stop_at_a_taken_port(port: int, host: str = "127.0.0.1") -> None:
    """Raise ``PortTakenError`` when somebody listens there; connections that have ended are no bar.

    Raises ``OSError`` when nobody can: it is no address of this machine, or not everybody's port.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortTakenError(str(port)) from None


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on. Raises ``OSError`` when none is found."""
    for _ in range(len(PORTS)):
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        return port
    raise OSError(f"no free port from {PORTS.start} to {PORTS.stop - 1} on {host}")

"""A port that others can be told beforehand."""

from __future__ import annotations

import socket

import pytest

from shared.process import ports


def test_it_is_free_and_none_that_the_system_gives_to_whoever_asks_for_any() -> None:
    port = ports.free_port()
    with socket.socket() as server:
        server.bind(("127.0.0.1", port))
    assert port in ports.PORTS
    with socket.socket() as any_other:
        any_other.bind(("127.0.0.1", 0))
        assert any_other.getsockname()[1] not in ports.PORTS


def test_a_taken_port_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, other = ports.free_port(), ports.free_port()
    choices = iter([taken, other])
    monkeypatch.setattr("shared.process.ports.secrets.choice", lambda _: next(choices))
    with socket.socket() as server:
        server.bind(("127.0.0.1", taken))
        assert ports.free_port() == other

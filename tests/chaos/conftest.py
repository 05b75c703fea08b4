"""``make test`` pulls the plugs of one kind of server; ``make chaos`` those of all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.redis_servers import DebianRedis, EmbeddedValkey

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave embedded Valkey to ``make chaos`` where a real Redis is installed."""
    if DebianRedis.binary() is None:
        return
    for item in items:
        callspec = getattr(item, "callspec", None)
        flavour = None if callspec is None else callspec.params.get("own_server")
        if item.path.is_relative_to(HERE) and flavour == EmbeddedValkey.flavour:
            item.add_marker(pytest.mark.chaos)

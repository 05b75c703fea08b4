"""Health that tells the truth."""

from __future__ import annotations

from datetime import datetime

import httpx
import pytest

from shared.process.health import Degraded, Health, health_route
from tests.support.ingest_desk import NOW


async def get(app, path: str = "/") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as client:
        return await client.get(path, headers={"Accept": "text/plain"})


@pytest.mark.parametrize(
    ("said", "status", "word"),
    [
        ([None, None], 200, "ok"),
        ([None, "lease lost"], 503, "failing"),
        ([None, Degraded("an entry was set aside")], 200, "degraded"),
        (["lease lost", Degraded("an entry was set aside")], 503, "failing"),
    ],
)
async def test_health_says_what_each_check_says(said: list[str | None], status: int, word: str):
    seen: list[datetime] = []

    def check(wrong: str | None):
        async def look(now: datetime) -> str | None:
            seen.append(now)
            return wrong

        return look

    checks = {f"check_{n}": check(wrong) for n, wrong in enumerate(said)}
    response = await get(health_route(Health("desk", checks, lambda: NOW)))
    assert response.status_code == status
    told = {f"check_{n}": wrong or "ok" for n, wrong in enumerate(said)}
    assert response.json() == {"status": word, "service": "desk", "checks": told}
    assert seen == [NOW, NOW]

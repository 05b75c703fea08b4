"""What a service says to whoever comes by."""

from __future__ import annotations

import httpx
import pytest

from services.ingest.http import PATHS
from services.notifier.api.http import LINKS
from shared.process.index import HEALTH, index_route
from shared.translation import languages, translator

ALL = {"/health": HEALTH, **PATHS, **LINKS}


async def ask(language: str, method: str = "GET", accept: str = "*/*") -> httpx.Response:
    app = index_route("ingest", ALL, translator(language))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as client:
        return await client.request(method, "/", headers={"Accept": accept})


@pytest.mark.parametrize("language", languages())
async def test_a_browser_is_shown_where_to_go(language: str):
    answer = await ask(language, accept="text/html,application/xhtml+xml")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    text = answer.text
    assert f'<html lang="{language}">' in text
    for path, what in ALL.items():
        assert f'href="{path.removeprefix("/")}"' in text
        assert translator(language).text(what) in text.replace("&#x27;", "'")


async def test_a_program_is_told_the_same_as_json():
    answer = await ask("en")
    assert answer.json() == {"service": "ingest", "links": {path: what.text for path, what in ALL.items()}}


async def test_nothing_else_can_be_done_there():
    answer = await ask("en", method="POST")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")

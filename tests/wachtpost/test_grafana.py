"""The notifier's account in Grafana: made once, a new token each time, and the token goes to a file alone."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import httpx
import pytest
import typer

from wachtpost.grafana import GrafanaRefusedError, new_token, token


class Grafana:
    """The part of Grafana's API about service accounts, as its HTTP documentation has it."""

    def __init__(self, password: str = "secret") -> None:
        self.accounts: list[dict[str, object]] = [{"id": 1, "name": "wachtpost-old", "role": "Viewer"}]
        self.tokens: list[tuple[int, str]] = []
        self.password = password

    def answer(self, request: httpx.Request) -> httpx.Response:
        given = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        if given != f"admin:{self.password}":
            return httpx.Response(401, json={"message": "Invalid username or password"})
        body = json.loads(request.content or b"{}")
        match request.method, request.url.path.split("/")[3:]:
            case "GET", ["search"]:
                asked = request.url.params["query"]
                found = [one for one in self.accounts if asked in str(one["name"])]
                return httpx.Response(200, json={"totalCount": len(found), "serviceAccounts": found})
            case "POST", []:
                self.accounts.append({"id": len(self.accounts) + 1, **body})
                return httpx.Response(201, json=self.accounts[-1])
            case "POST", [account, "tokens"]:
                self.tokens.append((int(account), body["name"]))
                return httpx.Response(200, json={"id": 7, "name": body["name"], "key": f"glsa_{account}"})
        return httpx.Response(404, json={"message": "Not found"})

    def client(self, password: str = "secret") -> httpx.Client:
        transport = httpx.MockTransport(self.answer)
        return httpx.Client(base_url="http://grafana:3000", auth=("admin", password), transport=transport)


def test_the_account_is_made_once_and_a_token_each_time() -> None:
    grafana = Grafana()
    with grafana.client() as http:
        keys = [new_token(http, name).get_secret_value() for name in ("one", "two")]
    assert keys == ["glsa_2", "glsa_2"]
    assert grafana.accounts[1:] == [{"id": 2, "name": "wachtpost", "role": "Editor", "isDisabled": False}]
    assert grafana.tokens == [(2, "one"), (2, "two")]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, "{}", "does not accept this administrator"),
        (403, "{}", "may not make service accounts"),
        (502, "<html>", "Grafana answered 502 to GET /api/serviceaccounts/search"),
        (200, "<html>", "not Grafana's"),
        (302, "", "Grafana answered 302"),
    ],
)
def test_a_refusal_says_whose_turn_it_is(status: int, body: str, why: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=body))
    with (
        httpx.Client(base_url="http://grafana:3000", transport=transport) as http,
        pytest.raises(GrafanaRefusedError, match=why),
    ):
        new_token(http, "one")


def test_a_terminal_does_not_get_to_see_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(typer.Exit):
        token("http://127.0.0.1:1", "admin", Path("/nowhere"))
    said = capsys.readouterr()
    assert said.out == ""
    assert "The token is a secret" in said.err


def test_a_grafana_that_is_away_is_named_and_its_password_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "password").write_text("open sesame")
    with pytest.raises(typer.Exit):
        token("http://127.0.0.1:1", "admin", tmp_path / "password")
    said = capsys.readouterr()
    assert "http://127.0.0.1:1 does not answer" in said.err
    assert "sesame" not in said.out + said.err

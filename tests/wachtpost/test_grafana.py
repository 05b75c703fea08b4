"""What commands give Grafana: accounts that may do little, and a playlist. Secrets go to a file alone."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import typer
from typer.testing import CliRunner, Result

from wachtpost.cli import app
from wachtpost.grafana import (
    GrafanaRefusedError,
    made_playlist,
    new_screen_password,
    new_token,
    screen,
    token,
)

FOLDER = "wachtpost"
BOARDS = ("wachtpost-live", "wachtpost-counters")
HALF_A_MINUTE = timedelta(seconds=30)

Json = dict[str, object]


class Grafana:
    """The part of Grafana's API about accounts, rights and playlists, as its HTTP documentation has it."""

    def __init__(self, *, shows_anybody: bool = False) -> None:
        self.accounts: dict[int, Json] = {1: {"name": "wachtpost-old", "role": "Viewer"}}
        self.rights: dict[tuple[str, int], object] = {}
        self.tokens: list[tuple[int, object]] = []
        self.users: dict[int, Json] = {1: {"login": "admin", "role": "Admin"}}
        self.logged_out: list[int] = []
        self.playlists: dict[str, Json] = {"old": {"name": "Wachtpost of before"}}
        self.shows_anybody = shows_anybody
        """TV mode: whoever has no login, or a wrong one, is a Viewer."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        given = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        path = request.url.path.removeprefix("/api/")
        if given != "admin:secret":
            anybody = self.shows_anybody and path != "user"
            return httpx.Response(403 if anybody else 401, json={"message": "Invalid username or password"})
        body = json.loads(request.content or b"{}")
        done = self._do(request.method, path.split("/"), body, request.url.params)
        return httpx.Response(200, json=done) if done is not None else httpx.Response(404, json={})

    def _do(self, method: str, path: list[str], body: Json, asked: httpx.QueryParams) -> object:
        match method, *path:
            case "GET", "user":
                return {"login": "admin"}
            case "GET", "folders", uid if uid == FOLDER:
                return {"uid": uid}
            case "GET", "dashboards", "uid", uid if uid in BOARDS:
                return {"dashboard": {"uid": uid}}
            case "POST", "access-control", "folders", folder, "users", account:
                self.rights[folder, int(account)] = body["permission"]
                return {"message": "Permission updated"}
            case _, "serviceaccounts", *rest:
                return self._service_accounts(method, rest, body, asked)
            case _, "playlists", *rest:
                return self._playlists(method, rest, body)
            case _:
                return self._users(method, path, body, asked)

    def _service_accounts(self, method: str, path: list[str], body: Json, asked: httpx.QueryParams) -> object:
        match method, *path:
            case "GET", "search":
                there = [{"id": one, **told} for one, told in self.accounts.items()]
                return {"serviceAccounts": [one for one in there if asked["query"] in str(one["name"])]}
            case ("POST",):
                self.accounts[len(self.accounts) + 1] = body
                return {"id": len(self.accounts), **body}
            case "PATCH", account:
                self.accounts[int(account)] |= body
                return {"message": "Service account updated"}
            case "POST", account, "tokens":
                self.tokens.append((int(account), body["name"]))
                return {"id": 7, "name": body["name"], "key": f"glsa_{account}"}
        return None

    def _users(self, method: str, path: list[str], body: Json, asked: httpx.QueryParams) -> object:
        match method, *path:
            case "GET", "users", "lookup":
                found = [one for one, user in self.users.items() if user["login"] == asked["loginOrEmail"]]
                return {"id": found[0]} if found else None
            case "POST", "admin", "users":
                self.users[len(self.users) + 1] = {"role": "Editor", **body}  # as auto_assign_org_role says
                return {"id": len(self.users), "message": "User created"}
            case "PUT", "admin", "users", user, "password":
                self.users[int(user)] |= body
                return {"message": "User password updated"}
            case "POST", "admin", "users", user, "logout":
                self.logged_out.append(int(user))
                return {"message": "User logged out"}
            case "PATCH", "org", "users", user:
                self.users[int(user)] |= body
                return {"message": "Organization user updated"}
        return None

    def _playlists(self, method: str, path: list[str], body: Json) -> object:
        match method, *path:
            case ("GET",):
                return [{"uid": uid, **told} for uid, told in self.playlists.items()]
            case ("POST",):
                self.playlists["new"] = body
                return {"id": 1, "uid": "new", **body}
            case "PUT", uid:
                self.playlists[uid] = body
                return {"uid": uid, **body}
        return None

    def client(self, password: str = "secret") -> httpx.Client:
        transport = httpx.MockTransport(self.answer)
        return httpx.Client(base_url="http://grafana:3000", auth=("admin", password), transport=transport)


@contextmanager
def served(grafana: Grafana) -> Iterator[str]:
    """Answer on a real socket; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = httpx.Request(
                self.command, f"{address}{self.path}", headers=dict(self.headers), content=body
            )
            answer = grafana.answer(asked)
            self.send_response(answer.status_code)
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield address
        server.shutdown()


def said(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["grafana", *arguments])


# --- The notifier's account -------------------------------------------------------------------------------


def test_the_account_is_made_once_and_a_token_each_time() -> None:
    grafana = Grafana()
    with grafana.client() as http:
        keys = [new_token(http, name, FOLDER).get_secret_value() for name in ("one", "two")]
    assert keys == ["glsa_2", "glsa_2"]
    assert grafana.accounts[2] == {"name": "wachtpost", "role": "None", "isDisabled": False}
    assert grafana.tokens == [(2, "one"), (2, "two")]


def test_the_account_has_no_role_and_may_edit_the_folder_of_the_boards() -> None:
    """With a role it could silence alarms, see every board, and more that no annotation needs."""
    grafana = Grafana()
    grafana.accounts[2] = {"name": "wachtpost", "role": "Editor"}  # as made by the release before
    with grafana.client() as http:
        new_token(http, "one", FOLDER)
    assert grafana.accounts[2]["role"] == "None"
    assert grafana.rights == {(FOLDER, 2): "Edit"}
    assert grafana.accounts[1]["role"] == "Viewer", "somebody else's"


def test_without_our_folder_no_account_is_made() -> None:
    grafana = Grafana()
    with grafana.client() as http, pytest.raises(GrafanaRefusedError, match="no folder elsewhere"):
        new_token(http, "one", "elsewhere")
    assert list(grafana.accounts) == [1]


# --- Screens ----------------------------------------------------------------------------------------------


def test_a_screen_looks_as_a_viewer_whatever_a_new_user_is_here() -> None:
    grafana = Grafana()
    with grafana.client() as http:
        password = new_screen_password(http).get_secret_value()
    assert grafana.users[2] == {
        "name": "wachtpost-screen",
        "login": "wachtpost-screen",
        "password": password,
        "role": "Viewer",
    }
    assert len(password) == len("abcd-efgh-jkmn-pqrs")


def test_a_new_password_ends_the_one_before_and_the_logins_with_it() -> None:
    grafana = Grafana()
    with grafana.client() as http:
        first, second = (new_screen_password(http).get_secret_value() for _ in range(2))
    assert first != second == grafana.users[2]["password"]
    assert grafana.logged_out == [2]
    assert len(grafana.users) == 2


def test_the_playlist_is_made_once_and_then_changed() -> None:
    grafana = Grafana()
    with grafana.client() as http:
        uids = [made_playlist(http, boards, HALF_A_MINUTE) for boards in (BOARDS[:1], BOARDS)]
    assert uids == ["new", "new"]
    assert grafana.playlists["new"] == {
        "name": "Wachtpost",
        "interval": "30s",
        "items": [
            {"type": "dashboard_by_uid", "value": "wachtpost-live", "order": 1},
            {"type": "dashboard_by_uid", "value": "wachtpost-counters", "order": 2},
        ],
    }
    assert grafana.playlists["old"] == {"name": "Wachtpost of before"}


def test_a_board_that_is_not_there_is_named_and_the_playlist_stays() -> None:
    """A wrong language: a screen would show a page of Grafana's about what it does not find."""
    grafana = Grafana()
    with grafana.client() as http, pytest.raises(GrafanaRefusedError, match="no board wachtpost-live-en"):
        made_playlist(http, ["wachtpost-live-en"], HALF_A_MINUTE)
    assert "new" not in grafana.playlists


def test_the_path_for_a_screen_is_told_without_the_controls_of_a_board(tmp_path: Path) -> None:
    grafana, password = Grafana(), tmp_path / "password"
    password.write_text("secret\n")
    with served(grafana) as url:
        done = said("playlist", "--url", url, "--password-file", str(password), "--every", "1m")
    assert (done.exit_code, done.output) == (
        0,
        "/playlists/play/new?kiosk=1&_dash.hideTimePicker=true&_dash.hideVariables=true&_dash.hideLinks=true\n",
    )
    assert grafana.playlists["new"]["interval"] == "60s"


# --- What goes wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shows_anybody", [False, True])
@pytest.mark.parametrize("command", ["token", "screen", "playlist"])
def test_a_wrong_password_is_told_as_that_also_where_anybody_may_look(
    command: str, shows_anybody: bool, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("open sesame")
    with served(Grafana(shows_anybody=shows_anybody)) as url:
        done = said(command, "--url", url, "--password-file", str(tmp_path / "password"))
    assert done.exit_code == 2
    assert done.output == "Grafana does not accept this administrator's name and password\n"


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, "{}", "does not accept this administrator"),
        (403, "{}", "may not do that"),
        (502, "<html>", "Grafana answered 502 to GET /api/folders/wachtpost"),
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
        new_token(http, "one", FOLDER)


@pytest.mark.parametrize(("command", "what"), [(token, "token"), (screen, "password")])
def test_a_terminal_does_not_get_to_see_it(
    command: object, what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert callable(command)
    with pytest.raises(typer.Exit):
        command("http://127.0.0.1:1", "admin", Path("/nowhere"))
    told = capsys.readouterr()
    assert told.out == ""
    assert f"The {what} is a secret" in told.err


def test_a_grafana_that_is_away_is_named_and_its_password_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text("open sesame")
    with pytest.raises(typer.Exit):
        token("http://127.0.0.1:1", "admin", tmp_path / "password")
    told = capsys.readouterr()
    assert "http://127.0.0.1:1 does not answer" in told.err
    assert "sesame" not in told.out + told.err

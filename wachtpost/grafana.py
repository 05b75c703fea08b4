"""``wachtpost grafana``: what no file can give Grafana: accounts that may do little, and a playlist."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final, TypeVar
from urllib.parse import quote, urlencode

import httpx
import typer
from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter, ValidationError

from shared.contract.boards import KIOSK, board_uid
from wachtpost.durations import duration
from wachtpost.terminal import echo, fail

ACCOUNT: Final = "wachtpost"
"""The service account with which the notifier writes."""
ROLE: Final = "None"
"""Of Grafana's roles an Editor is the least that may write annotations, and he may silence every alarm."""
RIGHT: Final = "Edit"
"""On the folder of the boards: the least that lets somebody write annotations there, and nowhere else."""

SCREEN: Final = "wachtpost-screen"
"""The user as whom screens on the wall look."""
LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of a password that somebody types with a remote control: none that is easily taken for another."""
GROUPS: Final = 4
GROUP: Final = 4
"""Groups of letters in it, and letters in each: 79 bits."""

PLAYLIST: Final = "Wachtpost"
EVERY: Final = timedelta(seconds=30)
"""Long enough to see how every queue is doing; the boards ask anew every 10 s."""

PATIENCE_S: Final = 10.0

T = TypeVar("T")
Url = Annotated[str, typer.Option(help="Where Grafana is")]
User = Annotated[str, typer.Option(help="A Grafana administrator")]
PasswordFile = Annotated[Path, typer.Option(help="The file with that administrator's password")]
HERE: Final = "http://127.0.0.1:3000"
ADMINISTRATOR: Final = "admin"
PASSWORD: Final = Path("/run/secrets/grafana_admin")

app = typer.Typer(no_args_is_help=True, help="Grafana: the notifier's account, and screens on the wall.")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Account(_Answer):
    id: int
    name: str = ""


class _Accounts(_Answer):
    serviceAccounts: tuple[_Account, ...] = ()  # noqa: N815 - Grafana's word


class _Token(_Answer):
    key: SecretStr


class _Playlist(_Answer):
    uid: str
    name: str = ""


ANYTHING: Final = TypeAdapter(dict[str, object])
ACCOUNT_MADE: Final = TypeAdapter(_Account)
PLAYLIST_MADE: Final = TypeAdapter(_Playlist)


class GrafanaRefusedError(Exception):
    """Grafana did not do what was asked. The text holds no secret."""


class _NotThereError(GrafanaRefusedError):
    """404."""


@app.command()
def token(
    url: Url = HERE,
    user: User = ADMINISTRATOR,
    password_file: PasswordFile = PASSWORD,
    folder: Annotated[str, typer.Option(help="The uid of the folder with the boards")] = "wachtpost",
) -> None:
    """Make a token for the notifier and write it on stdout, for a file or a secret store alone.

    Its service account is made if it is not there yet. It has no role in Grafana, and may edit what is in
    the folder of the boards: enough for annotations. Earlier tokens stay valid until you delete them in
    Grafana. Put the file's path into `[grafana] token_file` of the city file.
    """
    _not_for_a_terminal("token", "token")
    name = f"notifier-{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    made = _asked_as(url, user, password_file, lambda http: new_token(http, name, folder))
    typer.echo(made.get_secret_value())


@app.command()
def screen(url: Url = HERE, user: User = ADMINISTRATOR, password_file: PasswordFile = PASSWORD) -> None:
    """Make the user as whom screens on the wall look, and write a new password of its on stdout, for a file.

    It is called wachtpost-screen, sees boards, and changes nothing. Where it was there already, its earlier
    password ends, and every screen has to be logged in again.
    """
    _not_for_a_terminal("password", "screen")
    typer.echo(_asked_as(url, user, password_file, new_screen_password).get_secret_value())


@app.command()
def playlist(
    url: Url = HERE,
    user: User = ADMINISTRATOR,
    password_file: PasswordFile = PASSWORD,
    boards: Annotated[str, typer.Option(help="Which, in this order")] = "live,counters",
    every: Annotated[
        timedelta | None,
        typer.Option(parser=duration, metavar="DURATION", help="How long each is shown, such as 1m (30s)"),
    ] = None,
    language: Annotated[str, typer.Option(envvar="WACHTPOST_LANGUAGE", help="The boards' language")] = "nl",
) -> None:
    """Let screens show boards in turn, and say at which path of Grafana.

    One playlist, Wachtpost: the command again changes it, and its path stays.
    """
    uids = [board_uid(board, language) for board in boards.split(",")]
    made = _asked_as(url, user, password_file, lambda http: made_playlist(http, uids, every or EVERY))
    echo(f"/playlists/play/{made}?{urlencode(KIOSK)}")


def _not_for_a_terminal(what: str, command: str) -> None:
    if sys.stdout.isatty():
        fail(f"The {what} is a secret: send it to a file, such as  wachtpost grafana {command} > {command}")


def _asked_as(url: str, user: str, password_file: Path, ask: Callable[[httpx.Client], T]) -> T:
    """Return what an administrator is answered; what goes wrong ends the command."""
    try:
        password = password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{password_file} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}")
    try:
        with httpx.Client(base_url=url, auth=(user, password), timeout=PATIENCE_S, trust_env=False) as http:
            known(http)
            return ask(http)
    except GrafanaRefusedError as error:
        fail(str(error))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        fail(f"Grafana at {url} does not answer ({type(error).__name__})")


# --- What is asked of it: each of these raises GrafanaRefusedError or httpx.HTTPError --------------------


def known(http: httpx.Client) -> None:
    """Return if Grafana knows who asks.

    Where anybody may look, Grafana takes one with a wrong password for anybody: without this he would be told
    that he may not do what he asks, and look for the mistake in his rights.
    """
    _ask(http, "GET", "/api/user", ANYTHING)


def new_token(http: httpx.Client, name: str, folder: str) -> SecretStr:
    """Return a new token of our service account, which may edit what is in that folder and nothing else."""
    try:
        _ask(http, "GET", f"/api/folders/{quote(folder)}", ANYTHING)
    except _NotThereError:
        raise GrafanaRefusedError(f"Grafana has no folder {folder}: the boards are not there yet") from None
    found = _ask(http, "GET", f"/api/serviceaccounts/search?query={ACCOUNT}", TypeAdapter(_Accounts))
    account = next((one for one in found.serviceAccounts if one.name == ACCOUNT), None)
    if account is None:
        wanted = {"name": ACCOUNT, "role": ROLE, "isDisabled": False}
        account = _ask(http, "POST", "/api/serviceaccounts", ACCOUNT_MADE, wanted)
    else:  # once an Editor
        _ask(http, "PATCH", f"/api/serviceaccounts/{account.id}", ANYTHING, {"role": ROLE})
    may = f"/api/access-control/folders/{quote(folder)}/users/{account.id}"
    _ask(http, "POST", may, ANYTHING, {"permission": RIGHT})
    path = f"/api/serviceaccounts/{account.id}/tokens"
    return _ask(http, "POST", path, TypeAdapter(_Token), {"name": name}).key


def new_screen_password(http: httpx.Client) -> SecretStr:
    """Return a new password of the user of the screens, the only one that works from now on."""
    password = "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))
    try:
        account = _ask(http, "GET", f"/api/users/lookup?loginOrEmail={SCREEN}", ACCOUNT_MADE).id
    except _NotThereError:
        wanted = {"name": SCREEN, "login": SCREEN, "password": password}
        account = _ask(http, "POST", "/api/admin/users", ACCOUNT_MADE, wanted).id
    else:
        _ask(http, "PUT", f"/api/admin/users/{account}/password", ANYTHING, {"password": password})
        _ask(http, "POST", f"/api/admin/users/{account}/logout", ANYTHING)
    _ask(http, "PATCH", f"/api/org/users/{account}", ANYTHING, {"role": "Viewer"})
    return SecretStr(password)


def made_playlist(http: httpx.Client, boards: Sequence[str], every: timedelta) -> str:
    """Return the uid of our playlist, which shows these boards, by their uids, each for so long."""
    for uid in boards:
        try:
            _ask(http, "GET", f"/api/dashboards/uid/{quote(uid)}", ANYTHING)
        except _NotThereError:
            raise GrafanaRefusedError(f"Grafana has no board {uid}") from None
    wanted = {
        "name": PLAYLIST,
        "interval": f"{every.total_seconds():.0f}s",
        "items": [
            {"type": "dashboard_by_uid", "value": uid, "order": order} for order, uid in enumerate(boards, 1)
        ],
    }
    there = _ask(http, "GET", f"/api/playlists?query={PLAYLIST}", TypeAdapter(tuple[_Playlist, ...]))
    ours = next((one for one in there if one.name == PLAYLIST), None)
    if ours is None:
        return _ask(http, "POST", "/api/playlists", PLAYLIST_MADE, wanted).uid
    return _ask(http, "PUT", f"/api/playlists/{quote(ours.uid)}", PLAYLIST_MADE, wanted).uid


def _ask(
    http: httpx.Client,
    method: str,
    path: str,
    answer: TypeAdapter[T],
    body: Mapping[str, object] | None = None,
) -> T:
    response = http.request(method, path, json=body)
    match response.status_code:
        case HTTPStatus.UNAUTHORIZED:
            raise GrafanaRefusedError("Grafana does not accept this administrator's name and password")
        case HTTPStatus.FORBIDDEN:
            raise GrafanaRefusedError("Grafana knows this user, who may not do that: an administrator can")
        case HTTPStatus.NOT_FOUND:
            raise _NotThereError(_told(response, method, path))
        case status if not 200 <= status < 300:
            raise GrafanaRefusedError(_told(response, method, path))
    try:
        return answer.validate_json(response.content)
    except ValidationError:
        raise GrafanaRefusedError("the answer is not Grafana's: is this its address?") from None


def _told(response: httpx.Response, method: str, path: str) -> str:
    return f"Grafana answered {response.status_code} to {method} {path.partition('?')[0]}"

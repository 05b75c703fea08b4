"""``wachtpost grafana token``: the account with which the notifier writes breaches into Grafana."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import httpx
import typer
from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter, ValidationError

from wachtpost.terminal import fail

ACCOUNT: Final = "wachtpost"
ROLE: Final = "Editor"
"""The least of Grafana's basic roles that may write annotations."""

PATIENCE_S: Final = 10.0

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Grafana.")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Account(_Answer):
    id: int
    name: str = ""


class _Accounts(_Answer):
    serviceAccounts: tuple[_Account, ...] = ()  # noqa: N815 - Grafana's word


class _Token(_Answer):
    key: SecretStr


class GrafanaRefusedError(Exception):
    """Grafana did not do what was asked. The text holds no secret."""


@app.callback()
def grafana() -> None:
    """Grafana."""


@app.command()
def token(
    url: Annotated[str, typer.Option(help="Where Grafana is")] = "http://127.0.0.1:3000",
    user: Annotated[str, typer.Option(help="A Grafana administrator")] = "admin",
    password_file: Annotated[Path, typer.Option(help="The file with that administrator's password")] = Path(
        "/run/secrets/grafana_admin"
    ),
) -> None:
    """Make a token for the notifier and write it on stdout, for a file or a secret store alone.

    The service account is made if it is not there yet; earlier tokens stay valid until you delete them in
    Grafana. Put the file's path into `[grafana] token_file` of the city file.
    """
    if sys.stdout.isatty():
        fail("The token is a secret: send it to a file, such as  wachtpost grafana token > grafana_token")
    try:
        password = password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{password_file} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}")
    name = f"notifier-{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    try:
        with httpx.Client(base_url=url, auth=(user, password), timeout=PATIENCE_S, trust_env=False) as http:
            made = new_token(http, name)
    except GrafanaRefusedError as error:
        fail(str(error))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        fail(f"Grafana at {url} does not answer ({type(error).__name__})")
    typer.echo(made.get_secret_value())


def new_token(http: httpx.Client, name: str) -> SecretStr:
    """Return a new token of our service account; raises ``GrafanaRefusedError`` or ``httpx.HTTPError``."""
    found = _asked(http, "GET", f"/api/serviceaccounts/search?query={ACCOUNT}", TypeAdapter(_Accounts))
    account = next((one for one in found.serviceAccounts if one.name == ACCOUNT), None)
    if account is None:
        wanted = {"name": ACCOUNT, "role": ROLE, "isDisabled": False}
        account = _asked(http, "POST", "/api/serviceaccounts", TypeAdapter(_Account), wanted)
    path = f"/api/serviceaccounts/{account.id}/tokens"
    return _asked(http, "POST", path, TypeAdapter(_Token), {"name": name}).key


def _asked(
    http: httpx.Client, method: str, path: str, answer: TypeAdapter[T], body: dict[str, object] | None = None
) -> T:
    response = http.request(method, path, json=body)
    match response.status_code:
        case 401:
            raise GrafanaRefusedError("Grafana does not accept this administrator's name and password")
        case 403:
            raise GrafanaRefusedError("this user may not make service accounts: an administrator can")
        case status if not 200 <= status < 300:
            raise GrafanaRefusedError(f"Grafana answered {status} to {method} {path.partition('?')[0]}")
    try:
        return answer.validate_json(response.content)
    except ValidationError:
        raise GrafanaRefusedError("the answer is not Grafana's: is this its address?") from None

"""``wachtpost keys``: API keys for senders."""

from __future__ import annotations

import tomllib
from typing import Annotated

import typer

from services.ingest.auth import new_key
from services.notifier.settings import NotifierSettings
from shared.config.model import CityFile

app = typer.Typer(no_args_is_help=True, help="API keys of the senders.")


@app.callback()
def keys() -> None:
    """API keys of the senders."""


@app.command()
def create(
    source: Annotated[str, typer.Option(help="The sender's id in the city file, such as balie")],
    site: Annotated[
        str | None,
        typer.Option(help="The site it speaks for", show_default="the first of the city file"),
    ] = None,
) -> None:
    """Make an API key. The key goes to the sender, once; the city file gets only its hash.

    The key is printed on stdout alone, so that it can be piped into a secret store.
    """
    secret, digest = new_key()
    typer.echo("# In the city file:", err=True)
    typer.echo(
        f'[[sources]]\nkind = "http"\nid = "{source}"\nsite = "{site or _first_site()}"\n'
        f'key_sha256 = ["{digest}"]\nqueues = "*"   # or a list of its queues\n',
        err=True,
    )
    typer.echo("# For the sender, as `Authorization: Bearer …`; it is shown this once:", err=True)
    typer.echo(secret)


def _first_site() -> str:
    """Return the city's site, if there is a city file already, else a word to write over."""
    try:
        city = CityFile.model_validate(
            tomllib.loads(NotifierSettings().city_file.read_text(encoding="utf-8"))
        )
    except (OSError, ValueError):
        return "SITE"
    return city.sites[0].id

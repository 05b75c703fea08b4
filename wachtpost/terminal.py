"""What a command says: on stdout what was asked for, on stderr what is wrong."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

from shared.translation import Translator


def echo(text: str | Text) -> None:
    """Say it on stdout; a line stays a line, for whoever greps."""
    Console(soft_wrap=True, highlight=False).print(Text(text) if isinstance(text, str) else text)


def complain(text: str | Text) -> None:
    """Say it on stderr."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(Text(text) if isinstance(text, str) else text)


def not_installed(package: str, extra: str, say: Translator) -> str:
    """Return what to do for a package that only an extra brings: never its name with ours before it, for what
    is called so in a public registry is not ours."""
    return say.gettext(
        "{package} is not installed. In a checkout: make extras EXTRAS={extra}. Elsewhere: pipx inject "
        "wachtpost {package}.",
        package=package,
        extra=extra,
    )


def fail(text: str) -> NoReturn:
    """Say what is wrong with the question, and exit with status 2."""
    complain(text)
    raise typer.Exit(2)

"""What a command says: on stdout what was asked for, on stderr what is wrong."""

from __future__ import annotations

from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text


def echo(text: str | Text) -> None:
    """Say it on stdout; a line stays a line, for whoever greps."""
    Console(soft_wrap=True, highlight=False).print(Text(text) if isinstance(text, str) else text)


def complain(text: str | Text) -> None:
    """Say it on stderr."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(Text(text) if isinstance(text, str) else text)


def fail(text: str) -> NoReturn:
    """Say what is wrong with the question, and exit with status 2."""
    complain(text)
    raise typer.Exit(2)

"""``wachtpost``: one command for every role."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)


@app.callback()
def wachtpost() -> None:
    """Monitoring for a city's citizen-service desk: waiting times, missed calls, targets."""


def main() -> None:
    """Entry point of the console command."""
    app()

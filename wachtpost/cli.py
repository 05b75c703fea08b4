"""``wachtpost``: one command for every role."""

from __future__ import annotations

import io
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from services.evaluator import __main__ as evaluator_service
from services.ingest import __main__ as ingest_service
from services.notifier import __main__ as notifier_service
from wachtpost import boards, config, grafana, keys
from wachtpost.analyse.command import analyse
from wachtpost.demo.command import demo
from wachtpost.doctor.command import doctor
from wachtpost.history import command as history_command
from wachtpost.init.command import init
from wachtpost.notify import log, silences, trial
from wachtpost.notify.breaches import ack, breaches
from wachtpost.page import __main__ as page_service
from wachtpost.refusals.command import dead
from wachtpost.report import report
from wachtpost.reporter import reporter
from wachtpost.routes import command as routes_command
from wachtpost.rules import command as rules_command
from wachtpost.units.command import units
from wachtpost.up.command import up

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wachtpost {version('wachtpost')}")
        raise typer.Exit


@app.callback()
def wachtpost(
    _version: Annotated[
        bool,
        typer.Option("--version", "-V", callback=_show_version, is_eager=True, help="Say which version"),
    ] = False,
) -> None:
    """Monitoring for a city's citizen-service desk: waiting times, missed calls, targets."""


app.command()(demo)
app.command()(up)
app.command()(units)
app.command()(analyse)
app.command()(init)
app.command()(doctor)
app.command()(report)
app.command()(reporter)
app.command()(dead)
app.command()(breaches)
app.command()(ack)
app.add_typer(silences.app, name="silence")
app.add_typer(trial.app, name="notify")
app.add_typer(log.app, name="notifications")
app.add_typer(history_command.app, name="history")
app.add_typer(rules_command.app, name="rules")
app.add_typer(routes_command.app, name="routes")
app.add_typer(config.app, name="config")
app.add_typer(keys.app, name="keys")
app.add_typer(grafana.app, name="grafana")
app.add_typer(boards.app, name="boards")


@app.command()
def ingest(
    import_: Annotated[
        bool,
        typer.Option(
            "--import", help="First `history import` what followed logs hold of days older than 30 days"
        ),
    ] = False,
) -> None:
    """Run the ingest service (settings: WACHTPOST_… variables)."""
    if import_:
        history_command.import_followed()
    ingest_service.main()


@app.command()
def evaluator() -> None:
    """Run the evaluator service (settings: WACHTPOST_… variables)."""
    evaluator_service.main()


@app.command()
def notifier() -> None:
    """Run the notifier service (settings: WACHTPOST_… variables)."""
    notifier_service.main()


@app.command()
def page() -> None:
    """Run the live page for browsers (settings: WACHTPOST_… variables)."""
    page_service.main()


def main() -> None:
    """Entry point of the console command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no "→" shows a question mark
    try:
        app()
    except OSError as error:
        if error.filename is not None:
            raise
        # Nobody could be told what the command had to say: a full disk behind a ">".
        sys.exit(f"wachtpost: {error.strerror}")

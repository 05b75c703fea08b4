"""``wachtpost dead``: what ingest and evaluator refused, and what to do about it."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Annotated

import typer

from wachtpost.access import access
from wachtpost.durations import duration
from wachtpost.refusals.reading import read_refusals
from wachtpost.refusals.words import refusal_lines
from wachtpost.terminal import complain, echo


def dead(
    since: Annotated[
        timedelta | None,
        typer.Option(parser=duration, metavar="DURATION", help="Only of so long ago and since, such as 1h"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for machines")] = False,
) -> None:
    """What was refused: in groups, the most first, each with what to do about it.

    At the end stands what the city file lets in by now. Nothing is cleared: of 100,000 the oldest goes by
    itself.
    """
    given = access()
    from_ = None if since is None else given.now() - since
    refusals = given.reach(lambda redis: read_refusals(redis, given.city, from_))
    if as_json:
        json.dump(refusals.as_values(given.city), sys.stdout, indent=1)
        sys.stdout.write("\n")
        return
    if refusals.strange:
        strange = given.say.ngettext(
            "{number} dead letter was written by another release and cannot be read by this one.",
            "{number} dead letters were written by another release and cannot be read by this one.",
            refusals.strange,
        )
        complain(strange)
    if not refusals.by_subject:
        echo(given.say.gettext("Nothing was refused."))
    for line in refusal_lines(refusals, given.city, given.say, given.local):
        echo(line)

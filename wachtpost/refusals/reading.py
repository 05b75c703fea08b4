"""Dead letters as Redis keeps them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import ValidationError

from domain.counts import ms_of
from shared.config.model import CityFile
from shared.contract.dead_letters import DeadLetter
from shared.redis import keys
from shared.redis.connection import RedisClient
from shared.redis.stream_entries import batch_of
from wachtpost.refusals.groups import Refusals

PAGE: Final = 5000
"""Letters read in one go."""


async def read_refusals(redis: RedisClient, city: CityFile, since: datetime | None = None) -> Refusals:
    """Return what ingest and evaluator refused, as far as it is kept (``shared.contract.dead_letters.KEEP``).

    ``since``: only what was refused from then on.
    """
    refusals = Refusals()
    for partition in range(city.pipeline.partitions):
        stream = keys.dead_letters(partition)
        first = "-" if since is None else f"{ms_of(since)}-0"
        while True:
            # By its name: the client's own method knows no type for the answer.
            page = batch_of(await redis.execute_command("XRANGE", stream, first, "+", "COUNT", PAGE))
            for body in page.bodies:
                _add(refusals, body)
            if len(page.ids) < PAGE:
                break
            first = f"({page.ids[-1]}"
    return refusals


def _add(refusals: Refusals, body: bytes | None) -> None:
    try:
        refusals.add_letter(DeadLetter.model_validate_json(body or b""))
    except ValidationError:  # a later release's
        refusals.strange += 1

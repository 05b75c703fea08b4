"""A small city and its senders, for the tests of ingest. All numbers are made up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from services.ingest.auth import sha256
from services.ingest.pseudonyms import Pseudonyms, without_persons
from shared.config.model import CityFile
from shared.contract.events import EVENT, Event
from tests.support.service_process import PSEUDONYM_KEY

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
"""A Monday morning."""

PBX_KEY = "wachtpost_" + "p" * 43
KIOSK_KEY = "wachtpost_" + "k" * 43
SLOW_KEY = "wachtpost_" + "s" * 43

PSEUDONYMS = Pseudonyms(PSEUDONYM_KEY.read_bytes().strip())
"""As those of every ingest that the tests start."""

PHONE = "+32 470 00 00 00"
"""Looks like a phone number, and rings nowhere."""


def city(queue_log: Path | None = None) -> CityFile:
    """Two sites; ``pbx`` speaks for both queues of lier, ``kiosk`` for one, ``slow`` may send 2 a second."""
    sources: list[dict[str, object]] = [
        {"kind": "http", "id": "pbx", "site": "lier", "key_sha256": [sha256(PBX_KEY)]},
        {
            "kind": "http",
            "id": "kiosk",
            "site": "lier",
            "queues": ["wonen"],
            "key_sha256": [sha256(KIOSK_KEY)],
        },
        {
            "kind": "http",
            "id": "slow",
            "site": "lier",
            "key_sha256": [sha256(SLOW_KEY)],
            "rate_per_second": 2,
        },
    ]
    if queue_log is not None:
        sources.append({"kind": "queue_log", "id": "asterisk", "site": "lier", "path": str(queue_log)})
    return CityFile.model_validate(
        {
            "city": {"name": "Lier"},
            "sites": [
                {
                    "id": "lier",
                    "queues": [{"id": "onthaal", "kind": "phone"}, {"id": "wonen", "kind": "counter"}],
                },
                {"id": "elders", "queues": [{"id": "balie", "kind": "counter"}]},
            ],
            "sources": sources,
        }
    )


def stored(event: Mapping[str, object]) -> Event:
    """How an event of a sender stands on the stream."""
    return without_persons(EVENT.validate_python(event), PSEUDONYMS)


def answered(number: int = 1, /, **changes: object) -> dict[str, object]:
    """An answered call as its sender writes it."""
    return {
        "kind": "call.answered",
        "id": f"pbx-{number}",
        "at": NOW.isoformat(),
        "source": "pbx",
        "site": "lier",
        "queue": "onthaal",
        "contact": f"1772445600.{number}",
        "wait_ms": 12_000,
        **changes,
    }

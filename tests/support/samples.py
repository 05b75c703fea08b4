"""What tests of many parts need one of: a small city, and a breach of a rule of its one queue."""

from __future__ import annotations

import tomllib
from datetime import datetime
from typing import Final

from services.notifier.model import Breach
from shared.config.model import CityFile
from shared.contract.breach_events import (
    BreachChanged,
    BreachReading,
    BreachState,
    Cause,
    Level,
    Severity,
)
from shared.contract.kpis import Measure

HOUSE: Final = """
city = { name = "Huis" }
[[sites]]
id = "huis"
queues = [{ id = "onthaal", kind = "phone", name = "Onthaal" }]
"""
"""A city file with nothing in it that need not be."""

TAKEN_AND_REFUSED: Final = """
[[receivers]]
id = "balie"
channels = [{{ kind = "webhook", url = "{url}" }}]
[[receivers]]
id = "bureau"
channels = [{{ kind = "alertmanager", url = "{url}" }}]
[[routes]]
receivers = ["balie", "bureau"]
"""
"""One mailbox: it takes the first one's messages and refuses the other's, whose body it does not know."""


def house(**sections: object) -> CityFile:
    """Return that city, with these sections of its file as well or instead."""
    return CityFile.model_validate(tomllib.loads(HOUSE) | sections)


def breach(at: datetime, /, **differs: object) -> Breach:
    """Return a breach that fires at that moment, with these fields different."""
    return Breach.model_validate(_firing(at) | {"id": "gemist:1"} | differs)


def fired(at: datetime, /, **differs: object) -> BreachChanged:
    """Return the event by which a breach fires at that moment, with these fields different."""
    names = {"id": "gemist:1:firing", "breach": "gemist:1"}
    step = {"previous": BreachState.PENDING, "cause": Cause.HELD}
    return BreachChanged.model_validate(_firing(at) | names | step | differs)


def _firing(at: datetime) -> dict[str, object]:
    return {
        "rule": "gemist",
        "level": Level.LIMIT,
        "measure": Measure.MISSED_RATIO,
        "severity": Severity.CRITICAL,
        "site": "huis",
        "queue": "onthaal",
        "window": "15m",
        "limit": 0.2,
        "clear_at": 0.2,
        "opened_at": at,
        "fired_at": at,
        "at": at,
        "state": BreachState.FIRING,
        "reading": BreachReading(value=0.3, samples=20),
    }

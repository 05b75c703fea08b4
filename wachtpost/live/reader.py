"""Asks running services how things stand."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import httpx
from pydantic import TypeAdapter

from services.notifier.messages.message import Writer
from services.notifier.messages.template_files import TemplateFault, load_templates
from services.notifier.model import Breach
from shared.config.model import CityFile
from wachtpost.live.alerts import Known, known_of
from wachtpost.live.snapshot import Snapshot, read_metrics

ANSWER_WITHIN: Final = 30.0
"""Seconds that a service may take to answer."""
BREACHES: Final = TypeAdapter(tuple[Breach, ...])
"""What the notifier answers at ``/v1/breaches``."""


def client_of(url: str) -> httpx.Client:
    """A client that looks at no proxy settings: everything is on this machine."""
    return httpx.Client(base_url=url, timeout=ANSWER_WITHIN, trust_env=False)


class ServiceReader:
    """Asks an evaluator for its figures and a notifier for its breaches, with the clients it was given."""

    def __init__(self, city: CityFile, evaluator: httpx.Client, notifier: httpx.Client) -> None:
        self._writer = Writer(city, load_templates(city.notify.templates, _known_already))
        self._evaluator = evaluator
        self._notifier = notifier
        self._breaches: tuple[Breach, ...] = ()

    def figures(self) -> Snapshot | None:
        """Return the present figures; nothing while the evaluator does not answer."""
        page = _get(self._evaluator, "/metrics")
        return None if page is None else read_metrics(page.text)

    def breaches(self, snapshot: Snapshot, now: datetime) -> Known:
        """Return what the notifier knows of breaches, with the figures of ``snapshot``; of what it last said
        while it does not answer."""
        answer = _get(self._notifier, "/v1/breaches")
        if answer is not None:
            self._breaches = BREACHES.validate_json(answer.content)
        return known_of(self._breaches, snapshot, self._writer, now)


def _get(client: httpx.Client, path: str) -> httpx.Response | None:
    try:
        answer = client.get(path)
    except httpx.TransportError:
        return None
    return answer if answer.status_code == httpx.codes.OK else None


def _known_already(_fault: TemplateFault) -> None:
    """Say nothing: the notifier reads the same templates and has it in its log."""

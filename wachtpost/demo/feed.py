"""Hands the day to the services as its time comes: over HTTP, or as lines of a queue_log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, Generic, TypeVar

import httpx

from shared.contract.events import Event, encode
from wachtpost.demo.city_copy import DemoSender

BATCH: Final = 500
"""Events a request carries at most."""

EVENTS_PATH: Final = "/v1/events"
TRY_AGAIN: Final = frozenset({429, 500, 502, 503, 504})


Item = TypeVar("Item")


class IngestUnavailableError(Exception):
    """ingest refuses for a reason that will not pass."""

    def __init__(self, status: int, answer: str) -> None:
        super().__init__(answer)
        self.status = status


class LookAhead(Generic[Item]):
    """An iterator that can be read up to a point and gone on with later. Looks one item ahead."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._next: list[Item] = []

    @property
    def empty(self) -> bool:
        """Whether there is nothing more."""
        if not self._next:
            self._next.extend(islice(self._items, 1))
        return not self._next

    def take_while(self, wanted: Callable[[Item], bool]) -> Iterator[Item]:
        """Yield items as long as they are wanted; the first that is not stays."""
        while not self.empty and wanted(self._next[0]):
            yield self._next.pop()


class EventFeed:
    """Posts events as NDJSON, in order; what could not be delivered is sent again next time.

    An event may so arrive twice; it has the same id and counts once.
    """

    def __init__(
        self, events: Iterator[Event], client: httpx.Client, senders: Mapping[str, DemoSender]
    ) -> None:
        """``senders`` says as whom to speak for each site; ``client`` knows where ingest is."""
        self._events = LookAhead(events)
        self._client = client
        self._senders = senders
        self._batch: list[Event] = []
        self.refused = 0
        """Facts that were not taken."""

    @property
    def finished(self) -> bool:
        return not self._batch and self._events.empty

    def advance(self, now: datetime) -> None:
        """Post everything that is due. Raises ``IngestUnavailableError``; passing trouble is tried again."""
        while self._batch or self._take(now):
            if not self._post():
                return
            self._batch = []

    def _take(self, now: datetime) -> bool:
        """Fill the batch: events that are due, as long as they are of one site."""
        due = self._events.take_while(lambda event: event.at <= now and self._fits(event))
        for event in islice(due, BATCH):
            self._batch.append(event)  # one by one: _fits looks at the first
        return bool(self._batch)

    def _fits(self, event: Event) -> bool:
        return not self._batch or event.site == self._batch[0].site

    def _post(self) -> bool:
        sender = self._senders[self._batch[0].site]
        told = (event.model_copy(update={"source": sender.source}) for event in self._batch)
        try:
            answer = self._client.post(
                EVENTS_PATH,
                content=b"\n".join(map(encode, told)),
                headers={
                    "Authorization": f"Bearer {sender.key}",
                    "Content-Type": "application/x-ndjson",
                },
            )
        except httpx.TransportError:
            return False
        if answer.status_code in TRY_AGAIN:
            return False
        if answer.status_code not in {httpx.codes.ACCEPTED, httpx.codes.UNPROCESSABLE_ENTITY}:
            raise IngestUnavailableError(answer.status_code, answer.text)
        self.refused += len(answer.json()["refused"])
        return True


class LogFeed:
    """Appends lines to the queue_log that ingest follows."""

    refused = 0
    """Facts that were not taken: ingest reads the log by itself."""

    def __init__(self, lines: Iterator[tuple[float, bytes]], log: Path) -> None:
        """``lines`` come with the moment (seconds since 1970) at which each is due."""
        self._lines = LookAhead(lines)
        self._log = log

    @property
    def finished(self) -> bool:
        return self._lines.empty

    def advance(self, now: datetime) -> None:
        """Append what is due."""
        due = [line for _, line in self._lines.take_while(lambda item: item[0] <= now.timestamp())]
        if due:
            with self._log.open("ab") as log:
                log.writelines(due)


Feed = EventFeed | LogFeed
"""Something that has a day to tell."""

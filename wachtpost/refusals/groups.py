"""Refusals that are one thing to whoever mends it are one group. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import JsonValue

from domain.known_queues import KIND_OF, KnownQueues
from shared.config.model import CityFile, QueueLogSource
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.kpis import QueueKind

ABOUT_A_QUEUE: Final = frozenset(
    {DeadLetterReason.UNKNOWN_QUEUE, DeadLetterReason.WRONG_KIND, DeadLetterReason.NOT_ALLOWED}
)
"""Reasons for which it matters which queue it was; of the others the detail tells what is wrong."""

_KIND_OF: Final[Mapping[str, QueueKind]] = {
    event.model_fields["kind"].default: kind for event, kind in KIND_OF.items()
}

_NUMBERS: Final = re.compile(r"\d+")
"""Places in a line and the like: the mistake is the same."""


class Subject(NamedTuple):
    """What is refused for one reason, and mended in one place."""

    reason: DeadLetterReason
    source: str
    site: str
    queue: str
    """Of ``ABOUT_A_QUEUE``, where its name was kept."""
    kind: QueueKind | None
    """Of which kind a queue would have to be; of a queue of another kind only."""
    detail: str
    """Of the others, without its numbers."""


@dataclass(slots=True)
class RefusalGroup:
    """How often one thing was refused, and what the latest of it was."""

    subject: Subject
    count: int = 0
    kind: QueueKind | None = None
    """Of which kind a queue would have to be, as far as its facts tell."""
    exchange_queue: str = ""
    """What an exchange calls the queue, where that is another name."""
    latest: datetime | None = None
    """When it was refused last; ``None``: it stands in a file."""
    where: str = ""
    """Where it stands: ``queue_log:17``, an entry of the stream, an item of a request."""
    detail: str = ""

    def is_settled(self, city: CityFile) -> bool:
        """Whether the city file would let it in by now."""
        subject, known = self.subject, self.kind_there(city)
        match subject.reason:
            case DeadLetterReason.UNKNOWN_QUEUE:
                names = {self.exchange_queue, subject.queue}
                mapped = {name for one in logs(city) if one.id == subject.source for name in one.queues}
                return bool(names & mapped) or (known is not None and known is (self.kind or known))
            case DeadLetterReason.WRONG_KIND:
                return known is not None and known is self.kind
        return False

    def kind_there(self, city: CityFile) -> QueueKind | None:
        """Return of which kind the queue is in the city file; none: it is not there."""
        return KnownQueues.of(city.sites).kinds.get(self.subject.site, {}).get(self.subject.queue)

    def to_add(self, city: CityFile) -> str | None:
        """What the city file would have to hold among the queues of a site of it, as TOML: of a queue that it
        does not have."""
        subject = self.subject
        if subject.reason is not DeadLetterReason.UNKNOWN_QUEUE or not subject.queue:
            return None
        if subject.site not in {site.id for site in city.sites} or self.kind_there(city) is not None:
            return None
        return f'{{ id = "{subject.queue}", kind = "{self.kind or QueueKind.PHONE}" }}'

    def as_values(self, city: CityFile) -> dict[str, JsonValue]:
        """Return it for machines."""
        subject = self.subject
        told: dict[str, JsonValue] = {
            "reason": subject.reason,
            "source": subject.source,
            "site": subject.site,
            "queue": subject.queue,
            "exchange_queue": self.exchange_queue,
            "queue_kind": self.kind,
            "count": self.count,
            "latest": None if self.latest is None else self.latest.isoformat(),
            "where": self.where,
            "detail": self.detail,
            "add": self.to_add(city),
        }
        told = {name: value for name, value in told.items() if value}
        return {**told, "settled": self.is_settled(city)}


@dataclass(slots=True)
class Refusals:
    """Refusals by what is wrong."""

    by_subject: dict[Subject, RefusalGroup] = field(default_factory=dict)
    strange: int = 0
    """Dead letters that this release cannot read."""

    def add(
        self,
        reason: DeadLetterReason,
        detail: str,
        item: Mapping[str, JsonValue],
        where: str,
        source: str = "",
        at: datetime | None = None,
    ) -> None:
        """Count a refusal. ``item``: what was kept of it; ``at``: when it was refused."""
        kind = _KIND_OF.get(_text(item, "kind"))
        about_a_queue = reason in ABOUT_A_QUEUE
        subject = Subject(
            reason,
            source or _text(item, "source"),
            _text(item, "site") if about_a_queue else "",
            _text(item, "queue") if about_a_queue else "",
            kind if reason is DeadLetterReason.WRONG_KIND else None,
            "" if about_a_queue and "queue" in item else _NUMBERS.sub("#", detail),
        )
        group = self.by_subject.get(subject)
        if group is None:
            group = self.by_subject[subject] = RefusalGroup(subject)
        group.count += 1
        group.kind = group.kind or kind
        group.exchange_queue = group.exchange_queue or _text(item, "exchange_queue")
        # Of a file the first, where one begins to look; of what came live the latest.
        if not group.where if at is None else group.latest is None or at >= group.latest:
            group.latest, group.where, group.detail = at, where, detail

    def add_letter(self, letter: DeadLetter) -> None:
        """Count a dead letter."""
        self.add(letter.reason, letter.detail, letter.item, letter.place, letter.source, letter.at)

    def counts(self) -> dict[str, int]:
        """Return how many there are, by reason."""
        counts: dict[str, int] = {}
        for group in self.by_subject.values():
            counts[group.subject.reason] = counts.get(group.subject.reason, 0) + group.count
        return counts

    def as_values(self, city: CityFile) -> list[JsonValue]:
        """Return the groups for machines."""
        return [group.as_values(city) for group in self.sorted(city)]

    def sorted(self, city: CityFile) -> Iterator[RefusalGroup]:
        """Yield the groups: what is to be mended, the most first; then what the city file lets in by now."""
        groups = sorted(self.by_subject.values(), key=lambda group: group.subject[:4])
        yield from sorted(groups, key=lambda group: (group.is_settled(city), -group.count))


def logs(city: CityFile) -> Iterator[QueueLogSource]:
    """Yield the logs that a city follows."""
    return (one for one in city.sources if isinstance(one, QueueLogSource))


def _text(item: Mapping[str, JsonValue], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""

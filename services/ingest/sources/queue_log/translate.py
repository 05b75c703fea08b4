"""One line of an Asterisk queue_log becomes one fact.

A line is ``epoch|callid|queue|agent|VERB|data1|data2|…``. Free text in it is not escaped, so fields are
counted from the left and there may always be more of them. Who called and which agent spoke is not
read at all: neither can reach an event, an id or an error. A call's id may hold either, in a dialplan of
somebody's own: it travels only where it is surely the exchange's, and else as a pseudonym.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field

from services.ingest.pseudonyms import Pseudonyms, day_of, is_exchanges_own
from shared.config.model import ALL_QUEUES, QueueLogSource
from shared.config.queue_log_verbs import KNOWN_VERBS
from shared.contract.events import (
    DAY_MS,
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    SourceRestarted,
)
from shared.instants import EARLIEST, END, can_be_meant

LONGEST_WAIT_S: Final = 7 * DAY_MS // 1000
"""The contract's most; a longer wait or talk is a clock that was set, not a patient caller."""

MOST_CALLS: Final = 2_048
"""Calls at most whose moment of entry is remembered, and whose pseudonym."""

CALL_LASTS_S: Final = 6 * 3600
"""How long after its last line a call may have another: so long its pseudonym is remembered."""

MOST_QUEUES: Final = 1_024
"""Queue names at most whose translation is remembered: bad lines must not fill memory."""


OFTEN: Final = 3
"""Calls that name a queue before its name is told of: what stands in its place once may be a person's."""


class SkippedLine(Enum):
    """Why a readable line is no fact."""

    BLANK = "blank"
    NOISE = "noise"
    """A known verb about staffing or settings."""
    UNKNOWN_VERB = "unknown_verb"
    """A custom event of the dialplan or of an add-on: to be counted and passed over."""


class LinePlace(NamedTuple):
    """Where a line stands, for whoever looks for it."""

    byte: int
    """At which it begins, uncompressed."""
    file: str = ""
    number: int | None = None
    """Of the first line 1, where that is known."""


class UnreadableLine(ValueError):  # noqa: N818 - our word, as in shared.contract.dead_letters
    """No queue_log line, or one without what its verb needs. The text never quotes the line."""


class SameQueueError(ValueError):
    """Two of the exchange's names would become one queue. The text quotes them: for whoever reads a file of
    his own."""

    def __init__(self, queue: str, names: tuple[str, str]) -> None:
        super().__init__(f"{names[0]!r} and {names[1]!r} would both be the queue {queue}")
        self.queue = queue
        self.names = names


@dataclass(frozen=True)
class TranslatorRules:
    """What the city file says about one queue_log."""

    source: str
    site: str
    queues: Mapping[str, str]
    """Asterisk's queue name → ours; for other names see ``queue_name``."""
    withdraw: Outcome
    """Which outcome a WITHDRAW line is. There is always one, or the caller would seem to wait on."""
    hosts: tuple[str, ...] = ()
    """What an exchange may put in front of its call ids (Asterisk's ``systemname``)."""
    verbs: Mapping[str, Outcome] = field(default_factory=dict)
    """The city's own verbs of calls that ended without an answer."""

    @classmethod
    def of(cls, source: QueueLogSource) -> Self:
        """Return the rules of a source in the city file."""
        return cls(source.id, source.site, source.queues, source.withdraw, source.hosts, source.verbs)


class TranslatorState(BaseModel):
    """What a translator must not forget over a restart; travels in the checkpoint as JSON.

    Holds keyed hashes only. Its size is bounded by the calls that wait, and by those of the last hours that
    need a pseudonym.
    """

    model_config = ConfigDict(frozen=True)

    entered: Mapping[str, int] = Field(default_factory=dict)
    """Keyed hash of contact and queue → when that call entered, in epoch milliseconds."""
    pseudonyms: Mapping[str, int] = Field(default_factory=dict)
    """Pseudonym → the log second of the last line of such a call: it keeps the pseudonym it has."""


EPOCH, CALL, QUEUE, _AGENT, VERB, DATA = range(6)


class _Left(NamedTuple):
    """How a verb ends a wait without an answer."""

    outcome: Outcome
    wait: int
    """The field that holds it."""
    position: int


_LEFT: Final[Mapping[bytes, _Left]] = {
    b"ABANDON": _Left(Outcome.ABANDONED, DATA + 2, DATA),
    b"EXITWITHTIMEOUT": _Left(Outcome.TIMED_OUT, DATA + 2, DATA),
    b"EXITEMPTY": _Left(Outcome.NO_AGENTS, DATA + 2, DATA),
    b"LEAVEEMPTY": _Left(Outcome.NO_AGENTS, DATA + 2, DATA),
    b"EXITWITHKEY": _Left(Outcome.LEFT_BY_KEY, DATA + 3, DATA + 1),
}
"""LEAVEEMPTY is Wazo's and tells neither wait nor position."""

_REFUSED: Final[Mapping[bytes, Outcome]] = {
    b"JOINEMPTY": Outcome.NO_AGENTS,
    b"FULL": Outcome.BLOCKED,
    b"DIVERT_CA_RATIO": Outcome.BLOCKED,
    b"DIVERT_HOLDTIME": Outcome.BLOCKED,
    b"CLOSED": Outcome.CLOSED,
}
"""Verbs of calls that were never let in, and waited for nothing. Wazo's DIVERT verbs: too many wait, or too
long."""

_TALKED: Final[Mapping[bytes, int]] = {
    b"COMPLETEAGENT": DATA + 1,
    b"COMPLETECALLER": DATA + 1,
    b"BLINDTRANSFER": DATA + 3,
    b"TRANSFER": DATA + 3,
    b"ATTENDEDTRANSFER": DATA + 3,
}
"""Verbs that end a conversation → the field that holds the talk time."""

_TELL_APART: Final = frozenset({b"CONNECT", *_LEFT})
"""Verbs of which one call can have several in one queue and second, with other figures or another agent's
channel: two phones that are picked up at once, a queue without patience that is entered again."""

FACTS: Final = frozenset({b"ENTERQUEUE", b"CONNECT", b"WITHDRAW", b"QUEUESTART", *_LEFT, *_REFUSED, *_TALKED})

_NOISE: Final = frozenset(verb.encode() for verb in KNOWN_VERBS) - FACTS
"""Known verbs about staffing or settings."""

_NOBODY: Final = frozenset({b"", b"NONE", b"MANAGER", b"CLI"})
"""What stands in place of a call id when there is no call, and of a queue when there is none."""

_DIRT: Final = b"\0\r\n \t"
"""Around a line: line ends, and the NUL bytes that a truncation leaves behind."""

_BOM: Final = b"\xef\xbb\xbf"
_EPOCH: Final = re.compile(rb"[1-9][0-9]{9}")
"""A moment from 2001 on. A phone number in its place would be one of before, and be kept as such."""

_POSITION: Final = re.compile(rb"[1-9][0-9]{0,2}")
"""Nobody is the thousandth in a city's queue, and what has four digits may be an extension: a caller's name
with a ``|`` in it moves his number to the field of the position."""

_FIRST_MS: Final = 10**9 * 1000
"""The first moment of ten digits that do not begin with a 0."""

_MOST_DIGITS: Final = 10
_SPLITS: Final = DATA + 5
"""How often a line is split at most: the last field anybody reads is the talk time of a LINK transfer."""


class QueueLogTranslator:
    """Translates the lines of one queue_log, in order.

    An id says what a line says, not where it stands: under one key the same line gives the same id in
    whatever log, copy or piece of one it is read, and however often. To go on after a restart, hand over
    ``memory()``.
    """

    def __init__(
        self, rules: TranslatorRules, pseudonyms: Pseudonyms, memory: TranslatorState | None = None
    ) -> None:
        memory = memory or TranslatorState()
        self._rules = rules
        self._left = {**_LEFT, b"WITHDRAW": _Left(rules.withdraw, DATA + 2, DATA)}
        self._own_verbs = {verb.encode(): outcome for verb, outcome in rules.verbs.items()}
        self.unusable_waits = 0
        """How many outcomes told no wait that can be, so far; they are facts all the same."""
        self._pseudonyms = pseudonyms
        self._entered = dict(memory.entered)
        self._lately = dict(memory.pseudonyms)
        self._names: dict[bytes, str] = {}
        self._meant: dict[str, str] = {}
        """Our name of a queue that the city file does not map → the exchange's."""
        self._named_by: dict[str, set[str]] = {}
        """The same → calls that named it, ``OFTEN`` at most."""

    def memory(self) -> TranslatorState:
        """Return what a translator needs to go on after the last line with the same ids."""
        return TranslatorState(entered=dict(self._entered), pseudonyms=dict(self._lately))

    def exchanges_name(self, queue: str) -> str | None:
        """Return what the exchange calls a queue of ours that the city file does not map, as far as heard."""
        return self._meant.get(queue)

    def is_often_named(self, queue: str) -> bool:
        """Whether so many calls named a queue that the city file does not map that it is surely one."""
        return len(self._named_by.get(queue, ())) >= OFTEN

    def translate(self, line: bytes) -> Event | SkippedLine:
        """Return what the line says, or why it says nothing to us.

        Raises ``UnreadableLine`` with the field and what would be right, and ``SameQueueError`` for a name
        that would become the same queue as an earlier one. The line may have its end or not.
        """
        fields = line.strip(_DIRT).removeprefix(_BOM).split(b"|", _SPLITS)
        if len(fields) <= VERB:
            if len(fields) == 1 and not fields[0]:
                return SkippedLine.BLANK
            raise UnreadableLine(
                f"only {len(fields)} of the 5 fields that a line has at least: epoch|callid|queue|agent|verb"
            )
        epoch_ms = _epoch_ms(fields[EPOCH])
        verb = fields[VERB]
        if verb not in FACTS and verb not in self._own_verbs:
            return self._skip(verb)
        return self._fact(verb, fields, epoch_ms)

    @staticmethod
    def _skip(verb: bytes) -> SkippedLine:
        if not verb:
            raise UnreadableLine("field 5 (verb) is empty: a word such as ENTERQUEUE is expected")
        return SkippedLine.NOISE if verb in _NOISE else SkippedLine.UNKNOWN_VERB

    def _fact(self, verb: bytes, fields: list[bytes], epoch_ms: int) -> Event:
        if verb == b"QUEUESTART":
            return self._restarted(fields, epoch_ms)
        queue = self._queue(fields[QUEUE], verb)
        contact = self._contact(fields[CALL], epoch_ms // 1000)
        self._note_name(queue, contact)
        if verb == b"ENTERQUEUE":
            return self._queued(fields, epoch_ms, queue, contact)
        if verb == b"CONNECT":
            return self._answered(fields, epoch_ms, queue, contact)
        if verb in _TALKED:
            return self._ended(fields, epoch_ms, queue, contact)
        if verb in self._left:
            return self._gone(self._left[verb], fields, epoch_ms, queue, contact)
        if verb in _REFUSED:
            return self._missed(fields, epoch_ms, queue, contact, _REFUSED[verb], 0)
        waited = self._since_entry(contact, queue, epoch_ms) or 0
        return self._missed(fields, epoch_ms, queue, contact, self._own_verbs[verb], waited)

    def _restarted(self, fields: list[bytes], epoch_ms: int) -> SourceRestarted:
        self._entered.clear()
        return SourceRestarted(
            id=self._id(fields, epoch_ms),
            at=instant(epoch_ms),
            source=self._rules.source,
            site=self._rules.site,
        )

    def _queued(self, fields: list[bytes], epoch_ms: int, queue: str, contact: str | None) -> CallQueued:
        if contact is None:
            raise UnreadableLine("ENTERQUEUE: field 2 (callid) names no call: a uniqueid is expected")
        self._enter(contact, queue, epoch_ms)
        return CallQueued(
            id=self._id(fields, epoch_ms),
            at=instant(epoch_ms),
            source=self._rules.source,
            site=self._rules.site,
            queue=queue,
            contact=contact,
            position=_position(fields, DATA + 2),
        )

    def _answered(self, fields: list[bytes], epoch_ms: int, queue: str, contact: str | None) -> CallAnswered:
        wait_ms = self._wait_ms(fields, DATA, contact, queue, epoch_ms)
        return CallAnswered(
            id=self._id(fields, epoch_ms),
            at=instant(epoch_ms),
            source=self._rules.source,
            site=self._rules.site,
            queue=queue,
            contact=contact,
            wait_ms=wait_ms,
        )

    def _gone(
        self, left: _Left, fields: list[bytes], epoch_ms: int, queue: str, contact: str | None
    ) -> CallMissed:
        wait_ms = self._wait_ms(fields, left.wait, contact, queue, epoch_ms)
        position = _position(fields, left.position)
        return self._missed(fields, epoch_ms, queue, contact, left.outcome, wait_ms, position)

    def _missed(
        self,
        fields: list[bytes],
        epoch_ms: int,
        queue: str,
        contact: str | None,
        outcome: Outcome,
        wait_ms: int,
        position: int | None = None,
    ) -> CallMissed:
        return CallMissed(
            id=self._id(fields, epoch_ms),
            at=instant(epoch_ms),
            source=self._rules.source,
            site=self._rules.site,
            queue=queue,
            contact=contact,
            outcome=outcome,
            wait_ms=wait_ms,
            position=position,
        )

    def _ended(self, fields: list[bytes], epoch_ms: int, queue: str, contact: str | None) -> CallEnded:
        talk_ms = _talk_ms(fields)
        return CallEnded(
            id=self._id(fields, epoch_ms),
            at=instant(epoch_ms),
            source=self._rules.source,
            site=self._rules.site,
            queue=queue,
            contact=contact,
            talk_ms=talk_ms,
        )

    def _id(self, fields: list[bytes], epoch_ms: int) -> str:
        told = [self._rules.source.encode(), fields[EPOCH], fields[CALL], fields[QUEUE], fields[VERB]]
        if fields[VERB] in _TELL_APART:
            told += fields[DATA : DATA + 3]
        return self._pseudonyms.of(b"|".join(told), day_of(epoch_ms // 1000))

    def _contact(self, call: bytes, second: int) -> str | None:
        """Return the exchange's own id of a call, or a pseudonym; ``None``: no call.

        A pseudonym that the call has already is kept, over the change of the day's key and under a clock that
        was set back: all lines of a call name the same contact.
        """
        if call in _NOBODY:
            return None
        if is_exchanges_own(call, second, self._rules.hosts):
            return call.decode("ascii")
        while self._lately and second - next(iter(self._lately.values())) > CALL_LASTS_S:
            del self._lately[next(iter(self._lately))]
        today = day_of(second)
        known = (self._pseudonyms.of(call, day) for day in (today, today - 1, today + 1))
        contact = next((one for one in known if one in self._lately), self._pseudonyms.of(call, today))
        self._lately.pop(contact, None)
        self._lately[contact] = second
        if len(self._lately) > MOST_CALLS:
            del self._lately[next(iter(self._lately))]
        return contact

    def _entry(self, contact: str | None, queue: str) -> str:
        """The key of a call's entry into a queue; keyed, since any name may stand where a queue's should."""
        return self._pseudonyms.seal(f"{contact}|{queue}".encode())

    def _enter(self, contact: str, queue: str, epoch_ms: int) -> None:
        call = self._entry(contact, queue)
        self._entered.pop(call, None)
        self._entered[call] = epoch_ms
        if len(self._entered) > MOST_CALLS:
            del self._entered[next(iter(self._entered))]

    def _wait_ms(
        self, fields: list[bytes], place: int, contact: str | None, queue: str, epoch_ms: int
    ) -> int:
        """Return the wait that the line tells; where it tells none, the time since entry; else 0.

        Some old Asterisk tells none. A clock that was set back makes a wait negative: it is 0, for what is
        known of the entry is no better.
        """
        since_ms = self._since_entry(contact, queue, epoch_ms)
        told = fields[place].strip(_DIRT) if place < len(fields) else b""
        seconds = _seconds(told)
        if seconds is not None:
            return seconds * 1000
        if told or since_ms is None:
            self.unusable_waits += 1
        return 0 if since_ms is None or told.startswith(b"-") else since_ms

    def _since_entry(self, contact: str | None, queue: str, epoch_ms: int) -> int | None:
        """Return how long a call that leaves a queue was in it, if its entry is known, and forget that."""
        entered_ms = self._entered.pop(self._entry(contact, queue), None)
        if entered_ms is None or not 0 <= epoch_ms - entered_ms <= LONGEST_WAIT_S * 1000:
            return None
        return epoch_ms - entered_ms

    def _queue(self, asterisks: bytes, verb: bytes) -> str:
        name = self._names.get(asterisks)
        if name is None:
            if asterisks.strip(_DIRT) in _NOBODY:
                raise UnreadableLine(f"{verb.decode()}: field 3 (queue) names no queue")
            meant = asterisks.decode(errors="replace")
            name = queue_name(meant, self._rules.queues)
            if meant not in self._rules.queues:
                self._tell_apart(name, meant)
            if len(self._names) < MOST_QUEUES:
                self._names[asterisks] = name
        return name

    def _note_name(self, queue: str, contact: str | None) -> None:
        if contact is None or queue not in self._meant:
            return
        named_by = self._named_by.setdefault(queue, set())
        if len(named_by) < OFTEN:
            named_by.add(contact)

    def _tell_apart(self, name: str, meant: str) -> None:
        """An exchange takes names that differ in capitals only for one queue; so do we."""
        earlier = self._meant.get(name)
        if earlier is None:
            if len(self._meant) < MOST_QUEUES:
                self._meant[name] = meant
        elif earlier.casefold() != meant.casefold():
            raise SameQueueError(name, (earlier, meant))


def queue_name(asterisks: str, queues: Mapping[str, str]) -> str:
    """Return our name of a queue: as the city file maps it, else the same name made fit for the contract.

    Made fit: accents dropped, lower case, every character outside ``a-z 0-9 _ . -`` a ``-``, at most
    64 characters, ``q-`` in front of a name that starts otherwise or that would mean the site's total.
    Two names may become one, which the translator refuses: the city file is to list them.
    """
    mapped = queues.get(asterisks)
    if mapped is not None:
        return mapped
    plain = "".join(c for c in unicodedata.normalize("NFKD", asterisks) if not unicodedata.combining(c))
    name = re.sub(r"[^a-z0-9_.-]", "-", plain.lower())
    if name == ALL_QUEUES or not re.match(r"[a-z0-9]", name):
        name = f"q-{name}"
    return name[:64]


def first_second(lines: bytes) -> int | None:
    """Return the epoch of the first line that has one, in whole seconds, or ``None``.

    ``lines`` is the beginning of a queue_log; an unfinished last line does not matter.
    """
    found = next((at for at in map(moment_ms, lines.split(b"\n")) if at is not None), None)
    return None if found is None else found // 1000


def moment_ms(line: bytes) -> int | None:
    """Return the moment (UTC ms) that a line begins with, or ``None``."""
    epoch = line[:11]
    if epoch[10:] == b"|" and epoch[:10].isdigit() and can_be_meant(epoch_ms := int(epoch[:10]) * 1000):
        return epoch_ms if epoch_ms >= _FIRST_MS else None
    try:
        return _epoch_ms(line.lstrip(_DIRT).removeprefix(_BOM).split(b"|", 1)[0])
    except UnreadableLine:
        return None


def _epoch_ms(field: bytes) -> int:
    """Epoch seconds, perhaps with a fraction (realtime tables), to whole milliseconds, truncated."""
    whole, dot, fraction = field.partition(b".")
    if not _EPOCH.fullmatch(whole) or (dot and not fraction[:9].isdigit()):
        raise UnreadableLine("field 1 (epoch) is no time: ten digits are expected, perhaps with a fraction")
    epoch_ms = int(whole) * 1000 + (int(fraction[:3].ljust(3, b"0")) if dot else 0)
    if not can_be_meant(epoch_ms):
        years = f"the years {EARLIEST.year} to {END.year - 1}"
        raise UnreadableLine(f"field 1 (epoch) is no time that can be meant: {years} are expected")
    return epoch_ms


def instant(epoch_ms: int) -> datetime:
    """Return the moment as UTC."""
    seconds, ms = divmod(epoch_ms, 1000)
    at = datetime.fromtimestamp(seconds, UTC)
    return at.replace(microsecond=ms * 1000) if ms else at


def _talk_ms(fields: list[bytes]) -> int | None:
    """Return how long a conversation took; ``None``: the line does not tell, as TRANSFER of Asterisk 1.4."""
    verb = fields[VERB]
    place = _TALKED[verb]
    if verb == b"ATTENDEDTRANSFER" and fields[DATA : DATA + 1] == [b"LINK"]:
        place += 1  # two linked channels where other methods name one bridge or application
    seconds = _seconds(fields[place].strip(_DIRT)) if place < len(fields) else None
    return None if seconds is None else seconds * 1000


def _seconds(told: bytes) -> int | None:
    """Return whole seconds as a field tells them; ``None``: it tells none that can be."""
    if not told.isdigit() or len(told) > _MOST_DIGITS:
        return None
    seconds = int(told)
    return seconds if seconds <= LONGEST_WAIT_S else None


def _position(fields: list[bytes], place: int) -> int | None:
    """Return a place in the queue; ``None``: the field tells none that can be."""
    told = fields[place].strip(_DIRT) if place < len(fields) else b""
    return int(told) if _POSITION.fullmatch(told) else None

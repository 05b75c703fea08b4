"""What was refused, why, and what to do about it, for people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from domain.refusal_names import REFUSAL_NAMES
from shared.config.model import CityFile
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.kpis import QueueKind
from shared.translation import Msg, Translator
from wachtpost.refusals.groups import RefusalGroup, Refusals, logs

DETAILS: Final = (
    Msg("not one of {count} lines can be read; the first: {detail}"),
    Msg("only {count} of the 5 fields that a line has at least: epoch|callid|queue|agent|verb"),
    Msg("field 5 (verb) is empty: a word such as ENTERQUEUE is expected"),
    Msg("ENTERQUEUE: field 2 (callid) names no call: a uniqueid is expected"),
    Msg("{verb}: field 3 (queue) names no queue"),
    Msg("field 1 (epoch) is no time: ten digits are expected, perhaps with a fraction"),
    Msg("field 1 (epoch) is no time that can be meant: the years {first} to {last} are expected"),
    Msg("field 1 (epoch) is no time that can be meant: the lines around it are days away"),
    Msg("two of the exchange's names would be {queue}; map each of them in the city file"),
    Msg("no queue of the city"),
    Msg("not JSON: {why}"),
    Msg("an item is a JSON object"),
    Msg("kind must be one of {kinds}"),
    Msg("a field that the contract does not know; take it out"),
    Msg("{field} and the event's other instants do not go together; set the sender's clock"),
)
"""What details say, in the English in which they are kept: a dead letter is read by whatever city."""

_FIELD: Final = re.compile(r"\\{(\w+)\\}")

_TO_DO: Final[Mapping[DeadLetterReason, Msg]] = {
    DeadLetterReason.NOT_ALLOWED: Msg(
        "A source speaks for its own id, its site and its queues in the city file: "
        "mend the sender, or add the queue at the source."
    ),
    DeadLetterReason.PERSONAL: Msg("Have the sender use ids that say nothing about the caller."),
    DeadLetterReason.FUTURE: Msg("Set the clock of whoever wrote it by a time server."),
    DeadLetterReason.LATE: Msg("Import these days as a whole: `wachtpost history import`."),
    DeadLetterReason.INTERNAL_ERROR: Msg("Please report this to whoever maintains Wachtpost."),
}


def refusal_lines(
    refusals: Refusals, city: CityFile, say: Translator, local: Callable[[datetime], str] = str
) -> Iterator[str]:
    """Yield each group of refusals: what, where, and what to do. ``local`` writes a moment."""
    for group in refusals.sorted(city):
        yield _what(group, say)
        yield f"    {_where(group, say, local)}"
        for line in [_settled(say)] if group.is_settled(city) else _to_do(group, city, say):
            yield f"    {line}"


def _what(group: RefusalGroup, say: Translator) -> str:
    reason, count = say.text(REFUSAL_NAMES[group.subject.reason]), say.number(group.count)
    if not group.subject.queue:
        return say.gettext("{count} × {reason}", count=count, reason=reason)
    return say.gettext("{count} × {reason}: {queue}", count=count, reason=reason, queue=group.subject.queue)


def _where(group: RefusalGroup, say: Translator, local: Callable[[datetime], str]) -> str:
    subject, parts = group.subject, []
    if subject.source:
        parts.append(say.gettext("source {source}", source=subject.source))
    if subject.site:
        parts.append(say.gettext("site {site}", site=subject.site))
    if group.latest is not None:
        parts.append(say.gettext("latest {at}", at=local(group.latest)))
    # Translators: where one of several stands: for instance queue_log:17.
    parts.append(say.gettext("for instance {where}", where=group.where))
    return ", ".join(parts)


def _settled(say: Translator) -> str:
    return say.gettext(
        "By now the city file lets it in. What was refused before can be sent again, or come in by "
        "`wachtpost history import`."
    )


def _to_do(group: RefusalGroup, city: CityFile, say: Translator) -> Iterator[str]:
    reason, to_do = group.subject.reason, _TO_DO.get(group.subject.reason)
    if reason is DeadLetterReason.UNKNOWN_QUEUE and group.subject.site:
        yield from _add_queue(group, city, say)
    elif reason is DeadLetterReason.WRONG_KIND and group.subject.queue:
        yield _other_kind(group, city, say)
    elif to_do is None:
        yield detail_text(group.detail, say)
    else:
        yield say.text(to_do)
        if reason is DeadLetterReason.INTERNAL_ERROR:
            yield group.detail


def detail_text(detail: str, say: Translator) -> str:
    """Return what a dead letter's detail says in the language of ``say``, or as it is: what pydantic says of
    a value, and what another release says otherwise."""
    for message in DETAILS:
        pattern = _FIELD.sub(r"(?P<\1>.+)", re.escape(message.text))
        if (found := re.fullmatch(pattern, detail)) is not None:
            fields = found.groupdict()
            if "detail" in fields:
                fields["detail"] = detail_text(fields["detail"], say)
            return say.text(message, **fields)
    return detail


def _add_queue(group: RefusalGroup, city: CityFile, say: Translator) -> Iterator[str]:
    """What is to be copied has a line of its own."""
    subject, add = group.subject, group.to_add(city)
    site, source = subject.site, subject.source
    if site not in {one.id for one in city.sites}:
        known = _some(site.id for site in city.sites)
        yield say.gettext("The city file has no site {name}; it has: {known}.", name=site, known=known)
        return
    if group.kind_there(city) is not None:
        yield _other_kind(group, city, say)
        return
    if add is None:
        yield say.gettext("The name of the queue was not kept: it may be a phone number, or a person's name.")
        return
    yield say.gettext("Add to the queues of {site} in the city file:", site=site)
    yield f"    {add}"
    if any(one.id == source for one in logs(city)):
        yield say.gettext(
            "or, if it is one of them by another name, at the source {source}:", source=subject.source
        )
        named = json.dumps(group.exchange_queue or subject.queue, ensure_ascii=False)  # as TOML quotes it
        yield f'    queues = {{ {named} = "…" }}'


def _other_kind(group: RefusalGroup, city: CityFile, say: Translator) -> str:
    queues = [queue for site in city.sites if site.id == group.subject.site for queue in site.queues]
    fitting = _some(queue.id for queue in queues if queue.kind is group.kind)
    if group.kind is QueueKind.PHONE:
        return say.gettext(
            "{queue} is a counter: calls belong to a phone queue ({fitting}).",
            queue=group.subject.queue,
            fitting=fitting,
        )
    return say.gettext(
        "{queue} is a phone queue: visits and appointments belong to a counter ({fitting}).",
        queue=group.subject.queue,
        fitting=fitting,
    )


_SHOWN: Final = 5
"""Names that are listed; a city may have many queues."""


def _some(names: Iterable[str]) -> str:
    known = list(names)
    return ", ".join([*known[:_SHOWN], *(["…"] if len(known) > _SHOWN else [])]) or "–"

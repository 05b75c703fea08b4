"""The boards in two languages: the same but for what people read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tests.deploy.grafana.files import LANGUAGES, Board, Panel
from tests.deploy.grafana.finding import Finding
from tests.deploy.grafana.promql import Call, Text, UnreadableError, parse, walk

WORDS: Final = frozenset(
    [
        "alias",
        "axisLabel",
        "content",
        "description",
        "displayName",
        "label",
        "legendFormat",
        "name",
        "noValue",
        "tagKeys",
        "text",
        "textFormat",
        "title",
        "titleFormat",
        "tooltip",
    ]
)
"""Keys whose text people read: it may differ."""
NAMES_OF_FIELDS: Final = frozenset(
    {"excludeByName", "includeByName", "indexByName", "renameByName", "fields"}
)
"""Objects whose keys are names of fields: an earlier step may have put them into words."""
BY_NAME: Final = frozenset({"byName", "byNames", "byRegexp"})
"""Matchers by the name of a field, which people read too."""
IN_WORDS: Final = re.compile(r"^(suffix|prefix):.*$")
CUSTOM_OPTION: Final = re.compile(r"[^,]*?\s:\s")
"""``Vandaag : today``: what people read, and what it stands for."""
ENGLISH_UID: Final = re.compile(r"(wachtpost-[a-z]+)-en\b")
LONG: Final = 25
"""Characters: a text this long is a sentence, and no sentence is the same in both languages."""


def same_boards(boards: Sequence[Board]) -> Iterator[Finding]:
    """``both-languages``: every board is there in Dutch and in English, alike but for its texts."""
    by_name: dict[str, dict[str, Board]] = {}
    for board in boards:
        by_name.setdefault(board.name, {})[board.language] = board
    for languages in by_name.values():
        missing = [language for language in LANGUAGES if language not in languages]
        if missing:
            yield Finding(
                next(iter(languages.values())),
                None,
                "both-languages",
                f"it is not there in {', '.join(missing)}",
            )
            continue
        dutch, english = (languages[language] for language in LANGUAGES)
        yield from _compared(dutch, english)


def _compared(dutch: Board, english: Board) -> Iterator[Finding]:
    for place, one, other in _differences(_skeleton(dutch.body), _skeleton(english.body), ""):
        message = f"differs from {dutch} at {place or 'the top'}: {one!r:.80} and {other!r:.80}"
        yield Finding(english, None, "both-languages", message)
    by_id = {panel.id: panel for panel in dutch.panels}
    for panel in english.panels:
        if panel.id in by_id:
            yield from _untranslated(english, panel, by_id[panel.id])


def _untranslated(board: Board, english: Panel, dutch: Panel) -> Iterator[Finding]:
    for key in ("title", "description"):
        said = str(english.body.get(key, ""))
        if len(said) >= LONG and said == dutch.body.get(key):
            yield Finding(
                board, english, "both-languages", f"its {key} is the same in both languages: {said!r:.60}"
            )


def _skeleton(value: Any, key: str = "", within: str = "") -> Any:
    """What is left of a board without its texts."""
    match value:
        case dict() if key in NAMES_OF_FIELDS:
            return len(value)
        case dict() if value.get("id") in WORDS and "value" in value:
            return {"id": value["id"], "value": "(words)"}  # an override of a text
        case dict():
            kind = str(value.get("id", "")) if key == "matcher" else within
            by_name = kind in BY_NAME
            return {
                inner: "(by name)" if by_name and inner == "options" else _skeleton(one, inner, kind)
                for inner, one in value.items()
            }
        case list() if key in NAMES_OF_FIELDS:
            return len(value)
        case list():
            return [_skeleton(one, key, within) for one in value]
        case str():
            return _bare(key, value)
    return value


def _bare(key: str, text: str) -> str:
    if key in WORDS or key == "fields":
        return "(words)"
    if key == "expr":
        return _without_words(text)
    if key == "tags" and text in LANGUAGES:
        return "(language)"
    if key == "query":
        return CUSTOM_OPTION.sub("", text)
    return ENGLISH_UID.sub(r"\1", IN_WORDS.sub(r"\1:(words)", text))


def _without_words(expr: str) -> str:
    """A query without what it puts into labels for people to read."""
    try:
        query = parse(expr)
    except UnreadableError:
        return expr
    for call in walk(query):
        if (
            isinstance(call, Call)
            and call.function == "label_replace"
            and isinstance(call.arguments[2], Text)
        ):
            expr = expr.replace(f'"{call.arguments[2].text}"', '"(words)"')
    return expr


def _differences(one: Any, other: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from _differences(
                one.get(key, "(absent)"), other.get(key, "(absent)"), f"{place}.{key}".lstrip(".")
            )
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _differences(left, right, f"{place}[{number}]")
    elif one != other:
        yield place, one, other

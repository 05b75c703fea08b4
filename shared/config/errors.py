"""What is wrong with a city file, in sentences: every mistake at once, in the city's language.

Three sources of mistakes become one list: TOML's grammar, the model (``model``) and what must meet
(``references``). None of pydantic's own words reach a reader.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from difflib import get_close_matches
from functools import reduce
from pathlib import PurePath
from typing import Final
from zoneinfo import available_timezones

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shared.config.alerting import DASHBOARD_UID, EMAIL, HOST
from shared.config.messages import MISTAKES, REMARKS
from shared.config.model import DEFAULT_LANGUAGE, NAMES, SHA256_HEX, SYSTEM_NAME, CityFile, Span
from shared.config.references import ReferenceMistake, meeting_mistakes
from shared.config.tables import (
    KeyPath,
    Table,
    choices,
    expected,
    fields,
    key_lines,
    kinds,
    models,
    step_into,
)
from shared.config.types import PERIODS
from shared.contract.events import NAME
from shared.contract.kpis import STATE_MEASURES
from shared.translation import Translator, languages, translator

LONGEST_SHOWN: Final = 40
"""Characters of an offending value that are shown."""

WITHHELD: Final = ("key_sha256", "_file", "url")
"""How the keys end whose values are never shown: someone may have pasted the key, the password or the token
itself, and a webhook's address is often all that it takes to use it."""

PATTERNS: Final[Mapping[str, str]] = {
    NAME: "name",
    SHA256_HEX: "key_sha256",
    SYSTEM_NAME: "system_name",
    EMAIL: "email",
    HOST: "host",
    DASHBOARD_UID: "dashboard_uid",
}
"""What a text is not that does not match."""

RENAMED: Final[Mapping[str, str]] = {
    "silence_rules": "no_data_rules",
    "silence": "no_data",
    "calls_waiting": "waiting",
}
"""What a city file of an earlier release called otherwise → what is meant."""

URL: Final = frozenset({"url_type", "url_parsing", "url_scheme", "url_too_long", "url_syntax_violation"})

YIELDING: Final = frozenset(
    {
        "city_unsaid",
        "city_other",
        "name_unknown",
        "name_twice",
        "hold_too_long",
        "kpi_other_kind",
        "limit_never_above",
        "limit_never_below",
        "warn_at_high",
        "warn_at_low",
        "clear_at_high",
        "clear_at_low",
        "target_missing",
    }
)
"""What need not be said of a value that is no name or no number in the first place."""

SPAN_MINUTES: Final = frozenset({"start_minute", "end_minute"})
HOURS_DEPTH: Final = len(("hours", "name", "monday", 0))
"""Opening hours are text in the file: what is inside a span is no business of its reader."""

BYTE_ORDER_MARK: Final = "\ufeff"


@dataclass(frozen=True)
class Mistake:
    """One mistake: where it is, what is wrong and what is allowed."""

    file: str
    key: str
    """Such as ``sites.lier.queues.onthaal.hours`` or ``targets[2].limit``; empty: not at a key."""
    wrong: str
    allowed: str
    line: int | None = None
    column: int | None = None
    """From 1; ``None`` where it is not known."""
    given: str | None = None
    """The offending value as it would stand in the file; ``None`` for tables, lists and secrets."""

    @property
    def where(self) -> str:
        """File, line and column as editors and terminals know them: ``city.toml:12:3``."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True)
class _Found:
    """A mistake before it has words."""

    path: KeyPath
    kind: str
    filled: Mapping[str, str] = field(default_factory=dict)
    known: tuple[str, ...] = ()
    like: str = ""
    """What was probably meant resembles this."""
    show: bool = True
    other: KeyPath = ()
    """Where the same thing stands already."""


def explain(text: str, file: str) -> list[Mistake]:
    """Return every mistake in the text of a city file, in the order of its lines; none: it is good."""
    return explain_as(CityFile, text, file, language_of(text), meeting_mistakes)


Meeting = Callable[[Table], Iterable[ReferenceMistake]]
"""Finds what does not fit something else in a file."""


def nothing_to_meet(_document: Table) -> Iterable[ReferenceMistake]:
    """The ``Meeting`` of a file that refers to nothing."""
    return ()


def explain_as(
    model: type[BaseModel], text: str, file: str, language: str, meeting: Meeting = nothing_to_meet
) -> list[Mistake]:
    """Return every mistake in a file that ``model`` describes, by line; none: it is good."""
    say = translator(language)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return [_grammar(error, text, file, say)]
    found = [*_model_mistakes(model, document), *map(_from_meeting, meeting(document))]
    lines = key_lines(text) if found else {}
    mistakes = {_in_words(one, document, lines, file, say): None for one in _one_per_place(found)}
    return sorted(mistakes, key=lambda mistake: (mistake.line or 0, mistake.key, mistake.wrong))


def in_sentences(found: Iterable[ReferenceMistake], text: str, file: str) -> list[Mistake]:
    """Return what was found in the text of a good city file, in words, in the order of its lines."""
    document, lines, say = tomllib.loads(text), key_lines(text), translator(language_of(text))
    told = [_in_words(_from_meeting(one), document, lines, file, say) for one in found]
    return sorted(dict.fromkeys(told), key=lambda one: (one.line or 0, one.key, one.wrong))


def language_of(text: str) -> str:
    """Return the language a city file asks for, even when the rest of it is wrong; else Dutch."""
    try:
        city = tomllib.loads(text).get("city")
    except (ValueError, RecursionError):
        found = re.search(r"""^\s*(?:city\.)?language\s*=\s*["'](\w+)["']""", text, re.MULTILINE)
        asked = found[1] if found else None
    else:
        asked = city.get("language") if isinstance(city, dict) else None
    return next((language for language in languages() if language == asked), DEFAULT_LANGUAGE)


def unreadable(file: PurePath, error: OSError | UnicodeDecodeError, language: str = DEFAULT_LANGUAGE) -> str:
    """Return one sentence; Dutch unless told otherwise: an unread city file cannot say what it wants."""
    say = translator(language)
    match error:
        case UnicodeDecodeError():
            return say.gettext(
                "{file} is not UTF-8 (byte {byte}): save the file as UTF-8", file=file, byte=error.start
            )
        case FileNotFoundError():
            return say.gettext("{file} does not exist", file=file)
        case IsADirectoryError():
            return say.gettext("{file} is a directory, not a file", file=file)
        case PermissionError():
            return say.gettext("{file} may not be read by the user who runs this", file=file)
    return say.gettext("{file} cannot be read", file=file)


def unwritable(file: PurePath, error: OSError, language: str = DEFAULT_LANGUAGE) -> str:
    """Return one sentence about a file that was to be written, or its folder; else like ``unreadable``."""
    say = translator(language)
    match error:
        case FileNotFoundError():
            return say.gettext("{file} cannot be written: there is no such folder", file=file)
        case NotADirectoryError():
            return say.gettext("{file} cannot be written: what should be a folder is a file", file=file)
        case FileExistsError() | IsADirectoryError():
            return say.gettext("{file} cannot be written: something else is there already", file=file)
        case PermissionError():
            return say.gettext("{file} may not be written by the user who runs this", file=file)
    # Translators: {why} is what the system says, in English: "No space left on device".
    why = error.strerror or type(error).__name__
    return say.gettext("{file} cannot be written: {why}", file=file, why=why)


# --- grammar -----------------------------------------------------------------------------------------

_GRAMMAR: Final = (
    # Beginnings of tomllib's messages, from Python 3.11 on; any other is just "not TOML".
    ("Invalid value", "toml_value"),
    ("Invalid date", "toml_value"),
    ("Expected '='", "toml_equals"),
    ("Expected newline", "toml_newline"),
    ("Cannot", "toml_twice"),
    ("Duplicate", "toml_twice"),
    ("Unterminated", "toml_open"),
    ("Unclosed", "toml_open"),
    ("Expected ']", "toml_open"),
    ('Expected "', "toml_open"),
    ("Illegal character '\\n'", "toml_open"),
    ("_Found invalid character '\\n'", "toml_open"),
)


def _grammar(error: ValueError | RecursionError, text: str, file: str, say: Translator) -> Mistake:
    message = str(error)
    kind = next((kind for start, kind in _GRAMMAR if message.startswith(start)), "toml")
    at = re.search(r"\(at line (\d+), column (\d+)\)", message)
    line, column = (int(at[1]), int(at[2])) if at else (text.rstrip("\n").count("\n") + 1, None)
    if text.startswith(BYTE_ORDER_MARK):
        kind, line, column = "byte_order_mark", 1, 1
    elif isinstance(error, RecursionError):
        return Mistake(file, "", *_sentence("toml_deep", say))
    return Mistake(file, "", *_sentence(kind, say), line=line, column=column)


def _sentence(kind: str, say: Translator, **filled: str) -> tuple[str, str]:
    """What is wrong and what is allowed; without a sentence of its own that is what is ``known``."""
    wrong, allowed = MISTAKES.get(kind) or REMARKS[kind]
    return say.text(wrong, **filled), say.text(allowed, **filled) if allowed else filled["known"]


# --- the model ---------------------------------------------------------------------------------------


def _model_mistakes(model: type[BaseModel], document: Mapping[str, object]) -> Iterator[_Found]:
    try:
        model.model_validate(document)
    except ValidationError as problem:
        for error in problem.errors(include_url=False):
            # pydantic counts only the good items of a list: one bad item of one is not an empty list
            phantom = error["type"] == "too_short" and error["input"]
            if error["type"] != NAMES and not phantom:
                yield _from_pydantic(model, error, document)


def _from_pydantic(model: type[BaseModel], error: ErrorDetails, document: Mapping[str, object]) -> _Found:
    """What pydantic found, in our kinds of mistakes."""
    loc, kind = error["loc"], error["type"]
    path = _path_in(document, loc)
    filled = {name: _number(value) for name, value in error.get("ctx", {}).items()}
    if SPAN_MINUTES.intersection(loc):
        return _Found(path[:HOURS_DEPTH], "span")
    match kind:
        case "missing":
            unsaid = loc[-2:] == ("shift", "kind")
            return _Found((*path, str(loc[-1])), "shift_unsaid" if unsaid else kind, {"key": str(loc[-1])})
        case "union_tag_not_found":
            return _Found((*path, "kind"), "missing", {"key": "kind"})
        case "extra_forbidden":
            return _Found(
                path,
                kind,
                known=fields(expected(model, loc[:-1])),
                like=RENAMED.get(str(loc[-1]), str(loc[-1])),
                show=False,
            )
        case "string_pattern_mismatch":
            return _Found(path, PATTERNS.get(filled["pattern"], "other"))
        case "time_zone" | "language":
            known = available_timezones() if kind == "time_zone" else languages()
            return _Found(path, kind, known=tuple(known), like=_text_at(path, document))
        case _ if kind in URL:
            return _Found(path, "url")
        case _ if loc[-1] == "rolling":  # the union tag of shared.config.alerting.RuleWindow
            return _Found(path, "rule_window", known=PERIODS, like=_text_at(path, document))
        case _ if kind in MISTAKES:
            return _Found(path, kind, filled)
    return _from_shape(model, kind, path, loc, document)


def _from_shape(
    model: type[BaseModel], kind: str, path: KeyPath, loc: KeyPath, document: Mapping[str, object]
) -> _Found:
    """Mistakes whose sentence depends on what the model expects at the place."""
    wanted = expected(model, loc)
    match kind:
        case "union_tag_invalid" if path[0] == "rules":
            return _Found(path, "condition")
        case "union_tag_invalid" | "enum" | "literal_error":
            known = kinds(wanted) if kind == "union_tag_invalid" else tuple(choices(wanted))
            if path[0] == "rules" and path[-1] == "kpi" and "over_window" in loc:
                known += STATE_MEASURES  # those have a shape of their own
            at = (*path, "kind") if kind == "union_tag_invalid" else path
            text = _text_at(at, document)
            return _Found(at, "choice", known=known, like=RENAMED.get(text, text))
        case "model_type" | "model_attributes_type" | "dict_type":
            return _Found(path, "table", {"key": _table_name(path)})
        case "tuple_type" | "frozen_set_type":
            return _list(path, loc, wanted)
    return _Found(path, "other")


def _list(path: KeyPath, loc: KeyPath, wanted: object) -> _Found:
    if loc[-1] == "named":  # the union tag of shared.config.model.HttpSource.queues
        return _Found(path, "list_or_all")
    item = step_into(wanted, 0)
    if item is Span:
        return _Found(path, "hours_list")
    if any(models(item)):
        return _Found(path, "tables", {"key": _table_name(path)})
    return _Found(path, "list")


def _table_name(path: KeyPath) -> str:
    """The table as its header has it: without the numbers of repeated ones."""
    return ".".join(step for step in path if isinstance(step, str))


def _path_in(document: object, loc: KeyPath) -> KeyPath:
    """The part of pydantic's location that stands in the file: no union tags, no ``[key]``."""
    path: KeyPath = ()
    for step in loc:
        inner = _inner(document, step)
        if inner is not _ABSENT:
            path, document = (*path, step), inner
    return path


_ABSENT: Final = object()


def _inner(value: object, step: str | int) -> object:
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return _ABSENT


# --- the names ---------------------------------------------------------------------------------------


def _from_meeting(mistake: ReferenceMistake) -> _Found:
    filled = {"name": _quoted(mistake.name), "number": _number(mistake.number)}
    return _Found(mistake.at, mistake.kind, filled, mistake.known, like=mistake.name, other=mistake.other)


def _one_per_place(found: list[_Found]) -> Iterator[_Found]:
    """A name that is no name needs not be called unknown as well: the model's word goes first."""
    spoken_for = {one.path for one in found if one.kind not in YIELDING}
    for one in found:
        if one.kind not in YIELDING or one.path not in spoken_for:
            yield one


# --- in words ----------------------------------------------------------------------------------------


def _in_words(
    one: _Found, document: object, lines: Mapping[KeyPath, int], file: str, say: Translator
) -> Mistake:
    # Translators: where a list of names would stand, such as the sources of a city.
    known = ", ".join(map(_plain, one.known)) or say.gettext("none")
    other = f"{_key(document, one.other)} ({file}:{_line(lines, one.other)})"
    wrong, allowed = _sentence(one.kind, say, **{"known": known, "other": other, **one.filled})
    meant = get_close_matches(one.like, one.known, n=1) if one.like else []
    if meant:
        wrong += "; " + say.gettext("did you mean {name}?", name=_plain(meant[0]))
    return Mistake(
        file,
        _key(document, one.path),
        wrong,
        allowed,
        line=_line(lines, one.path),
        given=_given(document, one.path) if one.show else None,
    )


def _line(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)


def _key(document: object, path: KeyPath) -> str:
    """The key as people write it; items of a list go by their ``id`` where they have one."""
    key = ""
    for step in path:
        document = _inner(document, step)
        if isinstance(step, str):
            key += f".{_plain(step)}"
            continue
        name = document.get("id") if isinstance(document, dict) else None
        named = isinstance(name, str) and re.fullmatch(NAME, name)
        key += f".{name}" if named else f"[{step}]"
    return key.removeprefix(".")


def _given(document: object, path: KeyPath) -> str | None:
    if any(isinstance(step, str) and step.endswith(WITHHELD) for step in path):
        return None
    match reduce(_inner, path, document):
        case bool() as value:
            return str(value).lower()
        case int() | float() | date() | time() as value:
            return _short(str(value))
        case str() as text if "://" not in text:  # such as an address with a password in it
            return _quoted(text)
    return None


def _text_at(path: KeyPath, document: object) -> str:
    found = reduce(_inner, path, document)
    return found if isinstance(found, str) else ""


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(name: str) -> str:
    """A name as it may stand without quotes; anything odd in them."""
    return name if re.fullmatch(r"[A-Za-z0-9_+/-]{1,64}", name) else _quoted(name)


def _quoted(text: str) -> str:
    """A text in quotes, on one line, without anything that a terminal would obey."""
    quoted = json.dumps(_short(text), ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in quoted)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"

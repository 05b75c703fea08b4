"""Labels that say something: figures as people write them, and words for ids, made by Prometheus.

Grafana writes 00:01:42 for 1:42, knows no language's comma, and maps no words in the names of series: so what
a person reads is a label. Figures look as in the messages (``shared.translation.Translator``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import indent
from typing import Final

from deploy.grafana.words import WORKDAYS, Edition
from shared.contract.kpis import Unit
from shared.translation import LIMIT_DIGITS, translator

PLACE: Final = "site, queue"
"""The labels of a place: what most answers have one of each."""

TIMES_SIGN: Final = "×"


# --- Words -----------------------------------------------------------------------------------------------


def replaced(query: str, label: str, text: str, from_label: str = "", pattern: str = "") -> str:
    """Set a label to a text; ``$1`` in it is what ``pattern`` finds in another label. Where the pattern does
    not fit all of that, nothing changes."""
    return (
        f'label_replace(\n{indented(query)},\n  "{label}", {_quoted(text)}, '
        f'"{from_label}", {_quoted(pattern)}\n)'
    )


def joined(query: str, label: str, between: str, *labels: str) -> str:
    """Set a label to what others say, one behind the other."""
    sources = ", ".join(f'"{one}"' for one in labels)
    return f'label_join(\n{indented(query)},\n  "{label}", {_quoted(between)}, {sources}\n)'


def worded(query: str, label: str, words: Mapping[str, str], from_label: str = "") -> str:
    """Set a label to the word for what it says, or what another label says; for what has none, nothing
    changes."""
    source = from_label or label
    each = "".join(
        f',\n  "{label}", {_quoted(word.replace("$", "$$"))}, "{source}", {_quoted(_exactly(told))})'
        for told, word in words.items()
    )
    return f"{'label_replace(' * len(words)}{query}{each}" if words else query


def _exactly(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def or_said(query: str, label: str, text: str, *others: str) -> str:
    """``query``, or one answer that says in a label that there is nothing, where neither it nor one of
    ``others`` brings any; its value is NaN.

    A table of several queries has columns without any rows, and Grafana says what a panel says instead of
    nothing only where there are no columns: people would look at bare headings.
    """
    nothing = replaced("vector(NaN)", label, text)
    unless = "".join(f"\nunless on ()\n{bracketed(other)}" for other in others)
    return f"{query}\nor on ()\n{nothing}{unless}"


_SPECIAL: Final = re.compile(r"[][.+*?(){}|^$\\]")
"""What means something in a regular expression."""


# --- Figures ---------------------------------------------------------------------------------------------


def as_label(label: str, query: str, by: str = PLACE) -> str:
    """1 per place, with the figure in a label, as Prometheus writes it: without decimals that say nothing."""
    return f'count_values by ({by}) ("{label}",\n{indented(query)}\n)'


def number(say: Edition, label: str, query: str, by: str = PLACE, digits: int = 0) -> str:
    """1 per place, with the figure in a label: 1234.5 as ``1.234,5`` or ``1,234.5``, always with so many
    decimals."""
    _, point = _signs(say)
    written = _with_point(say, label, query, by, digits)
    if digits:
        written = replaced(written, label, f"$1{point}{'0' * digits}", label, "(-?[0-9]+)")
    for there in range(1, digits):
        short = f"(-?[0-9]+{re.escape(point)}[0-9]{{{there}}})"
        written = replaced(written, label, f"${{1}}{'0' * (digits - there)}", label, short)
    return _with_thousands(say, label, written)


def as_set(say: Edition, label: str, query: str, by: str = PLACE) -> str:
    """1 per place, with a limit or target in a label as somebody set it: 5.0 as ``5``, 4.8 as ``4,8``."""
    return _with_thousands(say, label, _with_point(say, label, query, by, LIMIT_DIGITS))


def clock(label: str, query: str, by: str = PLACE) -> str:
    """1 per place, with seconds in a label as ``3:22`` or ``1:02:03``; they are at least 0."""
    seconds = f"round({bracketed(query)})"
    # 1:02:03 as the number 100010203: hours, two digits of minutes and two of seconds, behind a 1.
    digits = f"1e8 + {seconds} + 40 * floor({seconds} / 60) + 4000 * floor({seconds} / 3600)"
    with_hours = replaced(
        as_label(label, digits, by), label, "$1:$2:$3", label, "10*([1-9][0-9]*)([0-9]{2})([0-9]{2})"
    )
    return replaced(with_hours, label, "$1:$2", label, "100000?([0-9]|[1-9][0-9])([0-9]{2})")


def value(say: Edition, label: str, unit: Unit, query: str, by: str = PLACE, digits: int = 1) -> str:
    """1 per place, with a value in its unit in a label: ``31,4 %``, ``3:22``, ``4,8 werkdagen``, ``3,2×``.

    ``digits``: of what is neither a time nor a number of people.
    """
    match unit:
        case Unit.SECONDS:
            return clock(label, query, by)
        case Unit.RATIO:
            return _percent(say, label, number(say, label, _percentage(query), by, digits))
        case Unit.TIMES:
            return _times(label, number(say, label, query, by, digits))
        case Unit.WORKDAYS:
            return _workdays(say, label, number(say, label, query, by, digits))
        case Unit.PEOPLE:
            return number(say, label, query, by)


def limit(say: Edition, label: str, unit: Unit, query: str, by: str = PLACE) -> str:
    """1 per place, with a limit or target in its unit in a label, as somebody set it: ``20 %``, ``0:45``."""
    match unit:
        case Unit.SECONDS:
            return clock(label, query, by)
        case Unit.RATIO:
            return _percent(say, label, as_set(say, label, _percentage(query), by))
        case Unit.TIMES:
            return _times(label, as_set(say, label, query, by))
        case Unit.WORKDAYS:
            return _workdays(say, label, as_set(say, label, query, by))
        case Unit.PEOPLE:
            return as_set(say, label, query, by)


def _percentage(query: str) -> str:
    return f"100 * {bracketed(query)}"


def _percent(say: Edition, label: str, written: str) -> str:
    text = translator(say.language).ratio(1, digits=0).replace("100", "$1")
    return replaced(written, label, text, label, "(.+)")


def _workdays(say: Edition, label: str, written: str) -> str:
    return replaced(written, label, f"$1 {say(WORKDAYS)}", label, "(.+)")


def _times(label: str, written: str) -> str:
    return replaced(written, label, f"$1{TIMES_SIGN}", label, "(.+)")


def _with_point(say: Edition, label: str, query: str, by: str, digits: int) -> str:
    _, point = _signs(say)
    written = as_label(label, f"round({bracketed(query)}, {10**-digits:g})", by)
    return replaced(written, label, f"$1{point}$2", label, "(-?[0-9]+)[.]([0-9]+)")


def _with_thousands(say: Edition, label: str, written: str) -> str:
    """Up to a milliard; nobody counts further."""
    group, point = _signs(say)
    rest = f"([0-9]{{3}})((?:{re.escape(point)}[0-9]+)?)"
    millions = replaced(
        written, label, f"$1{group}$2{group}$3$4", label, f"(-?[0-9]{{1,3}})([0-9]{{3}}){rest}"
    )
    return replaced(millions, label, f"$1{group}$2$3", label, f"(-?[0-9]{{1,3}}){rest}")


def _signs(say: Edition) -> tuple[str, str]:
    """What stands between thousands, and before decimals."""
    written = translator(say.language).number(1234.5, 1)
    return written[1], written[-2]


# --- Layout ----------------------------------------------------------------------------------------------


def bracketed(query: str) -> str:
    return f"(\n{indented(query)}\n)"


def indented(query: str) -> str:
    return indent(query, "  ")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'

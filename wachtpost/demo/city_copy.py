"""The city file as the demo runs it: the same city, with sources and a receiver of the demo's own. Pure.

Nobody of the city's own receivers hears of a demo, and nothing of it reaches the city's Grafana.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Final

from shared.config.model import CityFile
from shared.config.references import RULES, meeting_mistakes
from shared.config.types import ALL_QUEUES
from shared.contract.kpis import KPIS
from simulator import SOURCE
from wachtpost.demo.replay import Queues

RATE: Final = 50_000
"""Events a second that the demo may send: an hour of a day at the highest speed comes at once."""

RECEIVER: Final = "balie"
"""The id of the demo's own receiver."""

Tables = Mapping[str, object]


@dataclass(frozen=True)
class DemoSender:
    """The demo as ingest knows it at one site."""

    source: str
    key: str


def with_http_sources(document: Tables, senders: Mapping[str, DemoSender]) -> dict[str, object]:
    """Return the city with one sender per site; only the hashes of their API keys go in."""
    sources = [
        {
            "kind": "http",
            "id": sender.source,
            "site": site,
            "key_sha256": [hashlib.sha256(sender.key.encode()).hexdigest()],
            "rate_per_second": RATE,
        }
        for site, sender in senders.items()
    ]
    return with_fitting_rules({**document, "sources": sources})


def with_receiver(document: Tables, name: str, url: str, base_url: str) -> dict[str, object]:
    """Return the city with one receiver for everything, whose links lead to the demo's notifier.

    ``url``: where messages go; ``base_url``: where the notifier is reached.
    """
    notify = document.get("notify", {})
    kept = (
        {name: value for name, value in notify.items() if name != "board_url"}
        if isinstance(notify, dict)
        else {}
    )
    channel = {"kind": "webhook", "url": url}
    others = {name: value for name, value in document.items() if name not in {"smtp", "grafana"}}
    return {
        **others,
        "receivers": [{"id": RECEIVER, "name": name, "channels": [channel]}],
        "routes": [{"receivers": [RECEIVER]}],
        "notify": {**kept, "base_url": base_url},
    }


def with_history_from(document: Tables, folder: Path) -> dict[str, object]:
    """Return the city with its history files where they are: beside the original, not beside a copy."""
    history = document.get("history", {})
    files = history.get("files", []) if isinstance(history, dict) else []
    return {**document, "history": {"files": [str((folder / file).resolve()) for file in files]}}


def with_language(document: Tables, language: str) -> dict[str, object]:
    """Return the city speaking another language, or its own."""
    city = document["city"]
    return {**document, "city": {**city, "language": language} if isinstance(city, dict) else city}


def with_fitting_rules(document: Tables) -> dict[str, object]:
    """Return the city without the rules that are about something it does not have, and without routes.

    Whoever takes queues or sources away from a city takes the rules about them away too.
    """
    alone = {**document, "receivers": [], "routes": [], "notify": {}, **{name: [] for name in RULES}}
    fitting = {
        name: [rule for rule in _tables(document, name) if not _misfits({**alone, name: [rule]}, name)]
        for name in RULES
    }
    return {**document, **fitting, "receivers": [], "routes": []}


def _misfits(document: Tables, name: str) -> bool:
    return any(mistake.at[0] == name for mistake in meeting_mistakes(document))


def _tables(document: Tables, name: str) -> list[Tables]:
    found = document.get(name, [])
    return found if isinstance(found, list) else []


def source_names(sites: Sequence[str]) -> dict[str, str]:
    """Return the name of each site's sender: the simulator's own, with a number where there are several."""
    return {site: SOURCE if len(sites) == 1 else f"{SOURCE}-{n}" for n, site in enumerate(sites, start=1)}


def with_log_source(document: Tables, site: str, log: Path) -> dict[str, object]:
    """Return the city with one queue_log as its source."""
    source = {"kind": "queue_log", "id": SOURCE, "site": site, "path": str(log), "start": "beginning"}
    return with_fitting_rules({**document, "sources": [source]})


def with_queues(document: Tables, queues: Queues) -> dict[str, object]:
    """Return the city with other queues, always open, without sources and without history; what fits none is
    left out."""
    titles = _titles(document)
    sites = [
        {
            "id": site,
            "name": titles.get((site, ""), ""),
            "queues": [
                {"id": queue, "kind": kind.value, "name": titles.get((site, queue), "")}
                for queue, kind in named.items()
            ],
        }
        for site, named in queues.items()
    ]
    kept = [one for one in _tables(document, "targets") if _fits(one, queues)]
    changed = {**document, "sites": sites, "targets": kept, "sources": [], "history": {}}
    return with_fitting_rules(changed)


def _titles(document: Tables) -> dict[tuple[str, str], str]:
    """What the city calls its sites (queue: empty) and queues."""
    city = CityFile.model_validate(document)
    sites = {(site.id, ""): site.name for site in city.sites}
    return sites | {(site.id, queue.id): queue.name for site in city.sites for queue in site.queues}


def _fits(target: Tables, queues: Queues) -> bool:
    site, queue = target.get("site"), target.get("queue", ALL_QUEUES)
    if site is not None and site not in queues:
        return False
    if queue == ALL_QUEUES:
        return True
    kind = KPIS[str(target["kpi"])].kind
    return any(named.get(str(queue)) == kind for name, named in queues.items() if site in {None, name})


def toml(document: Tables) -> str:
    """Return tables as TOML, one line per key at the top. Raises ``TypeError`` for what TOML cannot say."""
    return "".join(f"{_text(name)} = {_value(value)}\n" for name, value in document.items())


def _value(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case date() | time():
            return value.isoformat()
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return f"{{{', '.join(f'{_text(name)} = {_value(one)}' for name, one in value.items())}}}"
    raise TypeError(f"no TOML for {type(value).__name__}")


def _text(text: str) -> str:
    """JSON's strings are TOML's, but for one control character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

"""What was refused is told in groups, by name, with what to do about it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue
from redis.asyncio import Redis
from typer.testing import CliRunner, Result

from services.ingest.admission import AdmissionRules, RefusedItem, admit, read_event
from services.ingest.publisher import Publisher
from services.ingest.sources.queue_log.door import read_line
from services.ingest.sources.queue_log.translate import QueueLogTranslator, TranslatorRules
from shared.config.model import CityFile, HttpSource, QueueLogSource
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.events import EVENT, Outcome
from shared.redis import keys
from shared.translation import languages, translator
from tests.support.ingest_desk import NOW, PHONE, PSEUDONYMS, answered, city
from wachtpost.cli import app
from wachtpost.refusals.groups import Refusals
from wachtpost.refusals.words import DETAILS, detail_text, refusal_lines

CITY = city()
TEXT = """
city = {{ name = "Proefstad", language = "{language}" }}
[[sites]]
id = "lier"
queues = [
  {{ id = "onthaal", kind = "phone" }},
  {{ id = "wonen", kind = "counter" }},{more}
]
[[sources]]
kind = "queue_log"
id = "asterisk"
site = "lier"
path = "queue_log"
"""
NOT_KEPT = "    The name of the queue was not kept: it may be a phone number, or a person's name."
VISIT = {"kind": "visit.called", "arrived_at": NOW - timedelta(minutes=9)}


def letters(*items: dict[str, object]) -> list[DeadLetter]:
    """Return what ingest buries of items of a sender, a minute apart."""
    source = next(one for one in CITY.sources if one.id == "pbx" and isinstance(one, HttpSource))
    found = []
    for number, changes in enumerate(items):
        refused = admit(EVENT.validate_python(answered(**changes)), AdmissionRules.of(CITY, source), NOW)
        assert refused is not None
        found.append(refused.letter(NOW + timedelta(minutes=number), "pbx", f"item {number}"))
    return found


def of_log(queue: str, line: int) -> DeadLetter:
    """Return the dead letter of a followed log's line with an unknown queue."""
    item = {"kind": "call.queued", "site": "lier", "queue": queue}
    return DeadLetter(
        reason=DeadLetterReason.UNKNOWN_QUEUE,
        detail="known queues of lier: onthaal, wonen",
        at=NOW + timedelta(seconds=line),
        source="asterisk",
        where=f"byte {40 * line}",
        file="/var/log/asterisk/queue_log",
        line=line,
        item=item,
    )


def grouped(found: Iterable[DeadLetter]) -> Refusals:
    refusals = Refusals()
    for letter in found:
        refusals.add_letter(letter)
    return refusals


def told(found: Iterable[DeadLetter], of: CityFile = CITY, language: str = "en") -> list[str]:
    return list(refusal_lines(grouped(found), of, translator(language), lambda at: f"{at:%H:%M:%S}"))


def add(queue: str) -> list[str]:
    return [
        "    Add to the queues of lier in the city file:",
        f'        {{ id = "{queue}", kind = "phone" }}',
        "    or, if it is one of them by another name, at the source asterisk:",
        f'        queues = {{ "{queue}" = "…" }}',
    ]


def test_many_lines_of_one_queue_are_one_group_with_what_to_add():
    lier = city(Path("queue_log"))
    lines = told([of_log("sales", line) for line in range(1, 1389)] + [of_log("603", 2000)], lier)
    assert lines == [
        "1,388 × unknown queue: sales",
        "    source asterisk, site lier, latest 10:23:08, for instance /var/log/asterisk/queue_log:1388",
        *add("sales"),
        "1 × unknown queue: 603",
        "    source asterisk, site lier, latest 10:33:20, for instance /var/log/asterisk/queue_log:2000",
        *add("603"),
    ]


@pytest.mark.parametrize(
    ("items", "lines"),
    [
        (
            [{"queue": "sales", **VISIT}],
            [
                "1 × unknown queue: sales",
                "    source pbx, site lier, latest 10:00:00, for instance item 0",
                "    Add to the queues of lier in the city file:",
                '        { id = "sales", kind = "counter" }',
            ],
        ),
        (
            [{"queue": "0470000000"}, {"queue": "0470000001"}],
            [
                "2 × unknown queue",
                "    source pbx, site lier, latest 10:01:00, for instance item 1",
                NOT_KEPT,
            ],
        ),
        (
            [{"site": "gent"}],
            [
                "1 × unknown queue: onthaal",
                "    source pbx, site gent, latest 10:00:00, for instance item 0",
                "    The city file has no site gent; it has: lier, elders.",
            ],
        ),
        (
            [{"queue": "onthaal", **VISIT}],
            [
                "1 × at a queue of another kind: onthaal",
                "    source pbx, site lier, latest 10:00:00, for instance item 0",
                "    onthaal is a phone queue: visits and appointments belong to a counter (wonen).",
            ],
        ),
        (
            [{"queue": "wonen"}],
            [
                "1 × at a queue of another kind: wonen",
                "    source pbx, site lier, latest 10:00:00, for instance item 0",
                "    wonen is a counter: calls belong to a phone queue (onthaal).",
            ],
        ),
        (
            [{"at": NOW - timedelta(days=2)}, {"at": NOW - timedelta(days=3), "queue": "onthaal"}],
            [
                "2 × too late",
                "    source pbx, latest 10:01:00, for instance item 1",
                "    Import these days as a whole: `wachtpost history import`.",
            ],
        ),
    ],
)
def test_a_group_says_what_is_to_be_done(items: Sequence[dict[str, object]], lines: list[str]):
    assert told(letters(*items)) == lines


def test_what_the_city_file_lets_in_by_now_comes_last_and_is_said_so():
    more = CityFile.model_validate(
        {
            "city": {"name": "Lier"},
            "sites": [
                {
                    "id": "lier",
                    "queues": [{"id": "onthaal", "kind": "counter"}, {"id": "sales", "kind": "phone"}],
                }
            ],
        }
    )
    mended = letters({"queue": "sales"}, {"queue": "sales"}, {"queue": "onthaal", **VISIT})
    lines = told([*mended, *letters({"queue": "balie"})], more)
    assert [line for line in lines if not line.startswith(" ")] == [
        "1 × unknown queue: balie",
        "2 × unknown queue: sales",
        "1 × at a queue of another kind: onthaal",
    ]
    by_now = [number for number, line in enumerate(lines) if line.startswith("    By now the city file")]
    assert by_now == [lines.index("2 × unknown queue: sales") + 2, len(lines) - 1]


def test_a_queue_that_is_mapped_by_now_is_settled_and_one_of_another_kind_is_not():
    lier = city(Path("queue_log"))
    mapped = [
        one.model_copy(update={"queues": {"Sales": "onthaal"}}) if isinstance(one, QueueLogSource) else one
        for one in lier.sources
    ]
    lier = lier.model_copy(update={"sources": tuple(mapped)})
    calls = of_log("sales", 1).model_copy(
        update={"item": {**of_log("sales", 1).item, "exchange_queue": "Sales"}}
    )
    lines = told([calls, of_log("wonen", 2)], lier)
    assert lines[:3:2] == [
        "1 × unknown queue: wonen",
        "    wonen is a counter: calls belong to a phone queue (onthaal).",
    ]
    assert lines[3:6:2] == ["1 × unknown queue: sales", lines[-1]]
    assert lines[-1].startswith("    By now the city file lets it in.")


def test_the_same_mistake_elsewhere_in_a_line_is_the_same_group():
    details = ["not JSON: expected value at line 1 column 7", "not JSON: expected value at line 2 column 31"]
    found = [
        DeadLetter(reason=DeadLetterReason.UNREADABLE, detail=detail, at=NOW, source="pbx", where="byte 9")
        for detail in details
    ]
    (group,) = grouped(found).by_subject.values()
    assert (group.count, group.detail) == (2, details[1])


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("reason", DeadLetterReason)
def test_every_reason_has_its_words_in_every_language(language: str, reason: DeadLetterReason):
    letter = DeadLetter(reason=reason, detail="where it failed", at=NOW, source="pbx", where="item 3")
    what, where, *to_do = told([letter], language=language)
    assert what.startswith("1 × ")
    assert "item 3" in where
    assert all(line.strip() for line in to_do)
    assert to_do


MEND_IT: Sequence[bytes] = (
    b"rubbish",
    b"1772445600|1.1|onthaal|NONE||",
    b"1772445600|NONE|onthaal|NONE|ENTERQUEUE|",
    b"1772445600|1.1|NONE|NONE|CONNECT|5",
    b"soon|1.1|onthaal|NONE|CONNECT|5",
    b"9999999999|1.1|onthaal|NONE|CONNECT|5",
)
ITEMS: Sequence[bytes] = (
    b"{",
    b"5",
    json.dumps(answered(kind="call.vanished")).encode(),
    json.dumps(answered(caller="x")).encode(),
)
ELSEWHERE: Sequence[str] = (
    "field 1 (epoch) is no time that can be meant: the lines around it are days away",
    "two of the exchange's names would be q-----; map each of them in the city file",
    "not one of 400 lines can be read; the first: ENTERQUEUE: field 3 (queue) names no queue",
    "no queue of the city",
)


def test_what_is_wrong_with_a_line_is_said_in_the_language_of_the_city():
    log = QueueLogTranslator(TranslatorRules("pbx", "lier", {}, Outcome.ABANDONED), PSEUDONYMS)
    files = AdmissionRules.of_files(CITY)
    lines = [read_line(line, log, files, NOW) for line in MEND_IT]
    visit = answered(queue="wonen", kind="visit.called", arrived_at=NOW - timedelta(days=99))
    refused = [*lines, *map(read_event, ITEMS), admit(EVENT.validate_python(visit), files, NOW)]
    details = [*(one.detail for one in refused if isinstance(one, RefusedItem)), *ELSEWHERE]
    assert len(details) == len(DETAILS)
    for language in set(languages()) - {"en"}:
        said = [detail_text(detail, translator(language)) for detail in details]
        assert [text for text, detail in zip(said, details, strict=True) if text == detail] == []
    assert [detail_text(detail, translator("en")) for detail in details] == details
    dutch = detail_text(ELSEWHERE[2], translator("nl"))
    assert dutch.endswith("de eerste: ENTERQUEUE: veld 3 (queue) noemt geen wachtrij")
    assert detail_text("wait_ms: Input should be a valid integer", translator("nl")).startswith(
        "wait_ms: Input"
    )


def test_a_log_is_mapped_by_what_the_exchange_calls_a_queue_once_calls_have_named_it():
    lier = city(Path("queue_log"))
    (source,) = [one for one in lier.sources if isinstance(one, QueueLogSource)]
    log = QueueLogTranslator(TranslatorRules.of(source), PSEUDONYMS)
    followed, at = AdmissionRules.of(lier, source), int(NOW.timestamp())

    def heard(queue: str, call: int) -> Mapping[str, JsonValue]:
        refused = read_line(f"{at}|{at}.{call}|{queue}|NONE|CONNECT|5".encode(), log, followed, NOW)
        assert isinstance(refused, RefusedItem)
        return refused.kept

    assert heard("sales", 1)["queue"] == "sales"
    person = [heard("An Peeters", 1) for _ in range(9)]  # all of one call
    assert "eeters" not in str(person)
    team = [heard("Sales Team", call) for call in range(1, 4)]
    assert [one.get("exchange_queue") for one in team] == [None, None, "Sales Team"]
    assert not any("٠" in str(heard("٠٤٧٠٠٠٠٠٠٠", call)) for call in range(9))
    refusals = Refusals()
    refusals.add(DeadLetterReason.UNKNOWN_QUEUE, "", team[-1], "queue_log:3", "asterisk")
    lines = [*refusal_lines(refusals, lier, translator("en"))]
    assert '        { id = "sales-team", kind = "phone" }' in lines
    assert '        queues = { "Sales Team" = "…" }' in lines


# --- wachtpost dead ----------------------------------------------------------------------------------


@pytest.fixture
def dead(tmp_path: Path, redis_url: str):
    """Runs ``wachtpost dead`` for a city; ``more``: queues that it has besides."""

    def run(*arguments: str, language: str = "en", more: str = ""):
        file = tmp_path / "city.toml"
        file.write_text(TEXT.format(language=language, more=more), encoding="utf-8")
        env = {"WACHTPOST_CITY_FILE": str(file), "WACHTPOST_REDIS_URL": redis_url}
        return CliRunner().invoke(app, ["dead", *arguments], env=env)

    return run


def headings(shown: Result) -> list[str]:
    return [line for line in shown.stdout.splitlines() if not line.startswith(" ")]


async def bury(redis_url: str, found: Sequence[DeadLetter]) -> None:
    async with Redis.from_url(redis_url) as redis:
        await Publisher(redis).bury(0, found)


async def test_dead_letters_are_read_from_redis(dead, redis_url: str):
    nothing = await asyncio.to_thread(dead)
    assert (nothing.exit_code, nothing.stdout) == (0, "Nothing was refused.\n")
    await bury(redis_url, [*(of_log("sales", 1 + n) for n in range(6000)), *letters({"queue": "wonen"})])
    async with Redis.from_url(redis_url) as redis:
        await redis.xadd(keys.dead_letters(0), {keys.DATA_FIELD: b'{"reason":"of_tomorrow"}'})
    shown = await asyncio.to_thread(dead)
    assert shown.exit_code == 0
    assert headings(shown) == [
        "6,000 × unknown queue: sales",
        "1 × at a queue of another kind: wonen",
    ]
    assert "1 dead letter was written by another release" in shown.stderr
    added = await asyncio.to_thread(dead, more='{ id = "sales", kind = "phone" }')
    assert headings(added) == [
        "1 × at a queue of another kind: wonen",
        "6,000 × unknown queue: sales",
    ]


async def test_dead_letters_for_machines(dead, redis_url: str):
    await bury(redis_url, [of_log("sales", 17)])
    shown = await asyncio.to_thread(dead, "--json", language="nl")
    assert json.loads(shown.stdout) == [
        {
            "reason": "unknown_queue",
            "source": "asterisk",
            "site": "lier",
            "queue": "sales",
            "queue_kind": "phone",
            "count": 1,
            "latest": "2026-03-02T10:00:17+00:00",
            "where": "/var/log/asterisk/queue_log:17",
            "detail": "known queues of lier: onthaal, wonen",
            "add": '{ id = "sales", kind = "phone" }',
            "settled": False,
        }
    ]
    long_ago = await asyncio.to_thread(dead, "--since", "1ms", "--json")
    assert (long_ago.exit_code, json.loads(long_ago.stdout)) == (0, [])


async def test_no_phone_number_is_told(dead, redis_url: str):
    await bury(redis_url, letters({"contact": PHONE}, {"queue": "0470000000"}, {"site": "0470000000"}))
    for arguments in ([], ["--json"]):
        assert "0470" not in (await asyncio.to_thread(dead, *arguments)).output


# --- Whole files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [["analyse", "--city", "CITY"], ["rules", "backtest"], ["history", "import", "--dry-run"]]
)
def test_files_are_told_of_in_the_same_groups(command: list[str], tmp_path: Path, redis_url: str):
    file, log = tmp_path / "city.toml", tmp_path / "queue_log"
    file.write_text(TEXT.format(language="en", more=""), encoding="utf-8")
    begun = int((NOW - timedelta(days=40)).timestamp())
    queues = ["onthaal", "sales", "sales", "wonen", "0470000000"]
    lines = [f"{begun + n}|{begun + n}.{n}|{queue}|NONE|CONNECT|5|x|3" for n, queue in enumerate(queues)]
    log.write_text("\n".join([*lines, "rubbish", ""]))
    env = {"WACHTPOST_CITY_FILE": str(file), "WACHTPOST_REDIS_URL": redis_url}
    arguments = [str(file) if one == "CITY" else one for one in command]
    shown = CliRunner().invoke(app, [*arguments, str(log)], env=env)
    assert shown.exit_code == 0, shown.output
    text = " ".join(shown.output.split())
    assert (
        "5 lines could not be used: 2 × unknown queue: sales source asterisk, site lier, for instance" in text
    )
    assert f"for instance {log}:2 Add to the queues of lier" in text
    assert '{ id = "sales", kind = "phone" }' in text
    assert "1 × at a queue of another kind: wonen" in text
    assert f"1 × unreadable for instance {log}:6 only 1 of the 5 fields" in text
    assert "0470" not in text
    as_json = CliRunner().invoke(app, [*arguments, "--json", str(log)], env=env)
    refusals = json.loads(as_json.stdout)["refusals"]
    assert [(one["reason"], one.get("queue"), one["count"]) for one in refusals] == [
        ("unknown_queue", "sales", 2),
        ("unknown_queue", None, 1),
        ("unreadable", None, 1),
        ("wrong_kind", "wonen", 1),
    ]

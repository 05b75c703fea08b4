"""What the demo is made of: the city file it writes, the recording it shifts, the feed it keeps up."""

from __future__ import annotations

import gzip
import json
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.notifier.channels.webhook import webhook_body
from services.notifier.model import NotificationKind
from shared.config.model import CityFile, HttpSource, QueueLogSource
from shared.contract.events import (
    AppointmentBooked,
    CallQueued,
    Event,
    SourceHeartbeat,
    StaffChanged,
    VisitCalled,
    encode,
)
from shared.contract.kpis import QueueKind
from tests.support.deliveries import MISSED, WORDS, delivery
from tests.support.eventually import WITHIN
from wachtpost.cli import app
from wachtpost.demo.city_copy import (
    DemoSender,
    source_names,
    toml,
    with_history_from,
    with_http_sources,
    with_language,
    with_log_source,
    with_queues,
    with_receiver,
)
from wachtpost.demo.feed import BATCH, EventFeed, IngestUnavailableError, LogFeed
from wachtpost.demo.mailbox import open_mailbox
from wachtpost.demo.replay import (
    shift_of,
    shifted_events,
    shifted_lines,
    survey,
)

DOCUMENT = tomllib.loads("""
    city = { name = "Proefstad" }
    [[sites]]
    id = "huis"
    name = "Huis"
    queues = [{ id = "onthaal", kind = "phone", name = "Onthaal" }, { id = "loket", kind = "counter" }]
    [[targets]]
    kpi = "missed_ratio"
    limit = 0.2
    [[targets]]
    kpi = "call_wait_mean"
    queue = "onthaal"
    limit = 30
    [[targets]]
    kpi = "visit_wait_mean"
    queue = "loket"
    limit = 60
    [[sources]]
    kind = "queue_log"
    id = "pbx"
    site = "huis"
    path = "/var/log/asterisk/queue_log"
""")
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def queued(number: int, at: datetime = NOW, site: str = "huis") -> CallQueued:
    return CallQueued(id=f"e{number}", at=at, source="demo", site=site, queue="onthaal", contact=f"c{number}")


# --- the city file ------------------------------------------------------------------------------------

tables = st.dictionaries(
    st.text(),
    st.recursive(
        st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False)
        | st.text(st.characters(exclude_categories=["Cs"]))
        | st.dates(date(1000, 1, 1))
        | st.times(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
        ),
    ),
)


@given(tables)
def test_tables_written_as_toml_are_read_back_the_same(document: dict[str, object]) -> None:
    assert tomllib.loads(toml(document)) == document


def test_what_toml_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        toml({"key": None})


def test_the_demo_speaks_for_a_site_with_a_key_of_which_only_the_hash_is_written() -> None:
    written = toml(with_http_sources(DOCUMENT, {"huis": DemoSender("demo", "wachtpost_secret")}))
    (source,) = CityFile.model_validate(tomllib.loads(written)).sources
    assert isinstance(source, HttpSource)
    assert (source.id, source.site) == ("demo", "huis")
    assert "secret" not in written
    assert "asterisk" not in written  # the city's own sources stay alone


def test_several_sites_have_senders_of_different_names() -> None:
    assert source_names(["huis"]) == {"huis": "demo"}
    assert source_names(["huis", "dorp"]) == {"huis": "demo-1", "dorp": "demo-2"}


def test_a_replayed_log_is_read_from_its_beginning(tmp_path: Path) -> None:
    written = toml(with_log_source(DOCUMENT, "huis", tmp_path / "log"))
    (source,) = CityFile.model_validate(tomllib.loads(written)).sources
    assert isinstance(source, QueueLogSource)
    assert (source.path, source.start) == (tmp_path / "log", "beginning")


RULED = DOCUMENT | tomllib.loads("""
    [smtp]
    host = "mail.example"
    sender = "wachtpost@proefstad.example"
    [grafana]
    url = "https://grafana.example"
    token_file = "/run/secrets/grafana"
    [[receivers]]
    id = "hoofd"
    channels = [{ kind = "email", to = ["balie@proefstad.example"] }]
    [[routes]]
    receivers = ["hoofd"]
    rules = ["loket"]
    [notify]
    reminder = "10m"
    board_url = "https://grafana.example/d/live"
    [[rules]]
    id = "gemist"
    kpi = "missed_ratio"
    [[rules]]
    id = "onthaal"
    kpi = "call_wait_mean"
    queue = "onthaal"
    [[rules]]
    id = "loket"
    kpi = "visit_wait_mean"
    queue = "loket"
    [[rules]]
    id = "elk-loket"
    kpi = "visit_wait_mean"
    queue = "*"
    [[budget_rules]]
    id = "budget"
    long_window = "1h"
    short_window = "10m"
    burn_rate = 3.0
    [[no_data_rules]]
    id = "pbx-zwijgt"
    source = "pbx"
""")


def rule_ids(document: dict[str, object]) -> list[str]:
    city = CityFile.model_validate(document)
    return [rule.id for rules in (city.rules, city.budget_rules, city.no_data_rules) for rule in rules]


EVERY_RULE = ["gemist", "onthaal", "loket", "elk-loket", "budget"]


@pytest.mark.parametrize(("story", "queues", "kept"), [
    ("both queues", {"onthaal": "phone", "loket": "counter"}, EVERY_RULE),
    ("no counter", {"onthaal": "phone"}, ["gemist", "onthaal", "elk-loket", "budget"]),
    ("a counter without a target", {"balie": "counter"}, ["gemist", "budget"]),
])  # fmt: skip
def test_rules_about_what_is_not_there_are_left_out(
    story: str, queues: dict[str, str], kept: list[str]
) -> None:
    kinds = {name: QueueKind(kind) for name, kind in queues.items()}
    assert rule_ids(with_queues(RULED, {"huis": kinds})) == kept, story


def test_a_rule_about_a_silent_source_goes_with_the_source() -> None:
    assert "pbx-zwijgt" in rule_ids(RULED)
    assert "pbx-zwijgt" not in rule_ids(with_http_sources(RULED, {"huis": DemoSender("demo", "key")}))


def test_nobody_of_the_city_hears_of_a_demo() -> None:
    document = with_http_sources(RULED, {"huis": DemoSender("demo", "key")})
    written = toml(with_receiver(document, "Balie", "http://127.0.0.1:9/", "http://127.0.0.1:8"))
    city = CityFile.model_validate(tomllib.loads(written))
    assert [one.id for one in city.receivers] == ["balie"]
    assert [route.receivers for route in city.routes] == [("balie",)]
    assert (city.smtp, city.grafana, city.notify.board_url) == (None, None, None)
    assert str(city.notify.base_url) == "http://127.0.0.1:8/"
    assert city.notify.reminder == timedelta(minutes=10)  # all else is as the city has it
    assert "example" not in written


def test_a_copy_finds_the_history_beside_the_original_and_other_queues_have_none(tmp_path: Path) -> None:
    document = {**DOCUMENT, "history": {"files": ["before.toml"]}}
    copy = with_history_from(document, tmp_path / "city")
    assert CityFile.model_validate(copy).history.files == (tmp_path / "city" / "before.toml",)
    assert not CityFile.model_validate(with_history_from(DOCUMENT, tmp_path)).history.files
    replayed = with_queues(copy, {"huis": {"nieuw": QueueKind.PHONE}})
    assert not CityFile.model_validate(replayed).history.files


def test_replayed_queues_are_always_open_keep_their_names_and_the_targets_that_fit() -> None:
    queues = {"huis": {"onthaal": QueueKind.PHONE, "loket": QueueKind.PHONE, "nieuw": QueueKind.COUNTER}}
    city = CityFile.model_validate({**with_queues(DOCUMENT, queues), "sources": []})
    assert [(queue.id, queue.title, queue.hours) for queue in city.sites[0].queues] == [
        ("onthaal", "Onthaal", None),
        ("loket", "loket", None),
        ("nieuw", "nieuw", None),
    ]
    assert [(target.kpi, target.queue) for target in city.targets] == [
        ("missed_ratio", "all"),
        ("call_wait_mean", "onthaal"),  # not the counter's: the name is a phone queue's now
    ]


# --- recordings ---------------------------------------------------------------------------------------

LOG = (
    b"1710223060|NONE|NONE|NONE|CONFIGRELOAD|\n"
    b"1710223067|1710223067.1|onthaal|NONE|ENTERQUEUE||+32400000000|1\n"
    b"garbage\n"
    b"1710223070.123456|1710223067.1|onthaal|Agent/1|CONNECT|3|1710223067.2|2\n"
)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_queue_log_moves_so_that_its_first_event_is_now(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    file = tmp_path / "log"
    file.write_bytes(pack(LOG))
    recording = survey(file, "huis")
    assert (recording.is_log, recording.queues) == (True, {"huis": {"onthaal": QueueKind.PHONE}})
    shift = shift_of(recording, NOW + timedelta(milliseconds=1))
    now = int(NOW.timestamp()) + 1  # whole seconds, never before now
    assert list(shifted_lines(recording, shift)) == [
        (now - 7, b"%d|NONE|NONE|NONE|CONFIGRELOAD|\n" % (now - 7)),
        (now, b"%d|1710223067.1|onthaal|NONE|ENTERQUEUE||+32400000000|1\n" % now),
        (now, b"garbage\n"),
        (now + 3, b"%d.123456|1710223067.1|onthaal|Agent/1|CONNECT|3|1710223067.2|2\n" % (now + 3)),
    ]


def test_events_move_with_every_instant_in_them(tmp_path: Path) -> None:
    file = tmp_path / "events"
    then, minute = NOW - timedelta(days=400), timedelta(minutes=1)
    called = VisitCalled(
        id="v",
        at=then,
        source="q",
        site="huis",
        queue="loket",
        arrived_at=then - minute,
        appointment_at=then + minute,
    )
    booked = AppointmentBooked(
        id="b",
        at=then + minute,
        source="q",
        site="dorp",
        queue="loket",
        booked_at=then,
        starts_at=then + 9 * minute,
    )
    told: list[Event] = [
        called,
        booked,
        StaffChanged(id="s", at=then, source="q", site="huis", queue="telefoon", available=1),
        queued(1, then, site="huis").model_copy(update={"queue": "telefoon"}),
        SourceHeartbeat(id="h", at=then, source="q", site="leeg"),
    ]
    file.write_bytes(b"\n".join(map(encode, told)) + b"\n\n")
    recording = survey(file, "elsewhere")
    assert not recording.is_log
    assert recording.queues == {
        "huis": {"loket": QueueKind.COUNTER, "telefoon": QueueKind.PHONE},
        "dorp": {"loket": QueueKind.COUNTER},
    }
    moved = list(shifted_events(recording, shift_of(recording, NOW)))
    assert moved[0] == called.model_copy(
        update={"at": NOW, "arrived_at": NOW - minute, "appointment_at": NOW + minute}
    )
    assert moved[1] == booked.model_copy(
        update={"at": NOW + minute, "booked_at": NOW, "starts_at": NOW + 9 * minute}
    )


# --- the feed -----------------------------------------------------------------------------------------


class Door:
    """Plays ingest: answers as it is told to, and remembers what it accepted."""

    def __init__(self) -> None:
        self.answers: list[int | type[httpx.TransportError]] = []
        self.accepted: list[list[dict[str, str]]] = []
        self.keys: list[str] = []
        self.client = httpx.Client(base_url="http://ingest", transport=httpx.MockTransport(self._receive))

    def _receive(self, request: httpx.Request) -> httpx.Response:
        answer = self.answers.pop(0) if self.answers else 202
        if not isinstance(answer, int):
            raise answer("as told")
        if answer == 202:
            self.accepted.append([json.loads(line) for line in request.content.splitlines()])
            self.keys.append(request.headers["Authorization"])
        return httpx.Response(answer, json={"accepted": 0, "refused": [{}, {}] if answer == 422 else []})


SENDERS = {"huis": DemoSender("demo-1", "key-1"), "dorp": DemoSender("demo-2", "key-2")}


def feed_of(events: list[CallQueued], admission: Door) -> EventFeed:
    return EventFeed(iter(events), admission.client, SENDERS)


def test_events_are_told_when_their_time_has_come_and_not_before() -> None:
    admission = Door()
    feed = feed_of([queued(number, NOW + timedelta(seconds=number)) for number in range(4)], admission)
    feed.advance(NOW + timedelta(seconds=1))
    assert [[event["id"] for event in request] for request in admission.accepted] == [["e0", "e1"]]
    so_far = feed.finished
    feed.advance(NOW + timedelta(seconds=9))
    assert (so_far, feed.finished) == (False, True)
    assert [len(request) for request in admission.accepted] == [2, 2]


@given(st.lists(st.sampled_from(["huis", "dorp"]), max_size=40), st.integers(0, 2 * BATCH))
def test_every_event_is_told_once_in_order_as_its_sites_sender(sites: list[str], more: int) -> None:
    admission = Door()
    events = [queued(number, site=site) for number, site in enumerate([*sites, *["huis"] * more])]
    feed_of(events, admission).advance(NOW)
    told = [event for request in admission.accepted for event in request]
    assert [event["id"] for event in told] == [event.id for event in events]
    for request, key in zip(admission.accepted, admission.keys, strict=True):
        (site,) = {event["site"] for event in request}
        assert {event["source"] for event in request} == {SENDERS[site].source}
        assert key == f"Bearer {SENDERS[site].key}"
        assert len(request) <= BATCH


@pytest.mark.parametrize("trouble", [429, 500, 503, httpx.ConnectError, httpx.ReadTimeout])
def test_what_could_not_be_delivered_is_told_again_first(trouble: int | type[httpx.TransportError]) -> None:
    admission = Door()
    admission.answers = [trouble]
    feed = feed_of([queued(1), queued(2, NOW + timedelta(seconds=1))], admission)
    feed.advance(NOW)
    assert (admission.accepted, feed.finished) == ([], False)
    feed.advance(NOW + timedelta(seconds=1))
    assert [[event["id"] for event in request] for request in admission.accepted] == [["e1"], ["e2"]]


def test_refused_items_are_counted_and_not_told_again() -> None:
    admission = Door()
    admission.answers = [422]
    feed = feed_of([queued(1)], admission)
    feed.advance(NOW)
    assert (feed.refused, feed.finished, admission.accepted) == (2, True, [])


def test_a_shut_door_is_said_to_be_shut() -> None:
    admission = Door()
    admission.answers = [401]
    with pytest.raises(IngestUnavailableError):
        feed_of([queued(1)], admission).advance(NOW)


def test_log_lines_are_appended_when_they_are_due(tmp_path: Path) -> None:
    log = tmp_path / "log"
    start = NOW.timestamp()
    feed = LogFeed(iter([(start, b"a\n"), (start, b"b\n"), (start - 5, b"late\n"), (start + 1, b"c\n")]), log)
    feed.advance(NOW)
    so_far = log.read_bytes(), feed.finished
    feed.advance(NOW + timedelta(seconds=1))
    assert so_far == (b"a\nb\nlate\n", False)
    assert (log.read_bytes(), feed.finished) == (b"a\nb\nlate\nc\n", True)


# --- the mailbox ---


def test_the_mailbox_keeps_each_message_once_and_refuses_what_is_none() -> None:
    first, second = delivery(MISSED), delivery(MISSED, kind=NotificationKind.REMINDER)
    bodies = [webhook_body(one, WORDS) for one in (first, second, first)]
    with open_mailbox() as mailbox, httpx.Client(trust_env=False, timeout=WITHIN) as client:
        answers = [client.post(mailbox.url, content=body).status_code for body in (*bodies, b"{}", b"")]
        url = mailbox.url
    assert answers == [204, 204, 204, 400, 400]
    assert [message.key for message in mailbox.messages] == [first.key, second.key]
    with pytest.raises(httpx.ConnectError):
        httpx.post(url, trust_env=False, timeout=WITHIN)


# --- the command --------------------------------------------------------------------------------------


NO_RECORDING = "geen queue_log (epoch|callid|queue|agent|VERB|"


@pytest.mark.parametrize(("content", "complaint"), [
    (None, "niet te lezen: No such file or directory"),
    (b"", NO_RECORDING),
    (b"Dear all, please find the log attached.\n", NO_RECORDING),
    (b'{"kind": "call.queued"}\n', "regel 1: geen gebeurtenis van het contract: call.queued.id: "),
    (encode(queued(1)) + b'\n{"kind":"call.queued","id":{"caller":"+32400000000"}}\n', "regel 2: geen geb"),
    (b"{half", "regel 1: geen gebeurtenis van het contract"),
    (b"1710223060|NONE|NONE|NONE|CONFIGRELOAD|\n", NO_RECORDING),
    (encode(SourceHeartbeat(id="h", at=NOW, source="q", site="huis")), NO_RECORDING),
    (b"\x1f\x8b\x08broken", "niet te lezen: "),
    (gzip.compress(LOG)[:-9], "niet te lezen: "),
])  # fmt: skip
def test_a_file_that_cannot_be_replayed_is_explained(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    recorded = tmp_path / "recorded"
    if content is not None:
        recorded.write_bytes(content)
    result = CliRunner().invoke(app, ["demo", "--replay", str(recorded)])
    assert result.exit_code == 1
    assert f"{recorded}" in result.stderr
    assert complaint in result.stderr
    assert "32400000000" not in result.stderr


@pytest.mark.parametrize("arguments", [("--for", "soon"), ("--for", "0s"), ("--speed", "0")])
def test_a_wrong_option_is_explained(arguments: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, ["demo", *arguments])
    assert result.exit_code == 2
    assert arguments[0] in result.stderr


def test_a_wrong_city_file_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "city.toml"
    file.write_text(toml({**DOCUMENT, "targets": [{"kpi": "missed_ratio", "limit": -0.2}]}), encoding="utf-8")
    result = CliRunner().invoke(app, ["demo", "--city", str(file)])
    assert result.exit_code == 2
    assert "targets[0].limit" in result.stderr


def test_a_city_shown_in_another_language_stays_the_city_that_it_is() -> None:
    document = {"city": {"name": "Proefstad", "language": "nl", "time_zone": "Europe/Brussels"}, "sites": []}
    assert with_language(document, "en") == {
        "city": {"name": "Proefstad", "language": "en", "time_zone": "Europe/Brussels"},
        "sites": [],
    }

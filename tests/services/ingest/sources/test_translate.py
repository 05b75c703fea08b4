"""A line of a queue_log says one thing, the same thing every time, and never who called."""

from __future__ import annotations

import csv
import dataclasses
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.ingest.sources.queue_log.translate import (
    FACTS,
    LONGEST_WAIT_S,
    MOST_QUEUES,
    QueueLogTranslator,
    SkippedLine,
    TranslatorRules,
    TranslatorState,
    UnreadableLine,
    first_second,
    queue_name,
)
from shared.config.model import QueueLogSource
from shared.config.queue_log_verbs import CALLS
from shared.contract.events import (
    EVENT,
    NAME,
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    SourceRestarted,
    encode,
)
from tests.support.ingest_desk import PSEUDONYMS

KNOWN_TRUTHS = Path(__file__).resolve().parents[4] / ".." / "shared" / "data"
needs_known_truths = pytest.mark.skipif(
    not KNOWN_TRUTHS.is_dir(), reason="the data with known truths is not here (../shared/data)"
)
LOGS = {
    "bank-day": "bank-day/queue_log",
    "run-a": "asterisk/run-a/log/queue_log",
    "run-light-a": "asterisk/run-light-a/log/queue_log",
}

RULES = TranslatorRules("pbx", "lier", {"Support": "onthaal"}, Outcome.LEFT_BY_KEY)
AT = "1675720943"
CALL = "1675720922.0"


def line(rest: str, *, at: str = AT, call: str = CALL, queue: str = "Support") -> bytes:
    verb, _, told = rest.partition("|")
    return f"{at}|{call}|{queue}|NONE|{verb}|{told}\n".encode()


def one(raw: bytes, rules: TranslatorRules = RULES) -> Event | SkippedLine:
    return QueueLogTranslator(rules, PSEUDONYMS).translate(raw)


def events(lines: list[bytes], log: QueueLogTranslator | None = None) -> list[Event]:
    log = log or QueueLogTranslator(RULES, PSEUDONYMS)
    said = (log.translate(raw) for raw in lines)
    return [event for event in said if not isinstance(event, SkippedLine)]


def content(name: str) -> list[bytes]:
    return (KNOWN_TRUTHS / LOGS[name]).read_bytes().splitlines(keepends=True)


# --- verbs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "outcome", "wait_s", "contact"),
    [
        ("ABANDON|1|2|20", Outcome.ABANDONED, 20, CALL),
        (f"ABANDON|1|1|{LONGEST_WAIT_S}", Outcome.ABANDONED, LONGEST_WAIT_S, CALL),
        ("EXITWITHTIMEOUT|1|2|30", Outcome.TIMED_OUT, 30, CALL),
        ("EXITEMPTY|1|2|11", Outcome.NO_AGENTS, 11, CALL),
        ("EXITWITHKEY|2|1|3|16", Outcome.LEFT_BY_KEY, 16, CALL),
        ("EXITWITHKEY|*|1|3|16", Outcome.LEFT_BY_KEY, 16, CALL),
        ("WITHDRAW|5|6|7|naar callback", Outcome.LEFT_BY_KEY, 7, CALL),
        ("WITHDRAW|5|6|7|naar | callback", Outcome.LEFT_BY_KEY, 7, CALL),
        ("WITHDRAW|5|6|7|", Outcome.LEFT_BY_KEY, 7, CALL),
        # Not let in: it waited for nothing; the same caller may be helped elsewhere.
        ("JOINEMPTY|", Outcome.NO_AGENTS, 0, CALL),
        ("FULL|", Outcome.BLOCKED, 0, CALL),
        ("FULL|10|x", Outcome.BLOCKED, 0, CALL),
        ("DIVERT_CA_RATIO|", Outcome.BLOCKED, 0, CALL),
        ("DIVERT_HOLDTIME|", Outcome.BLOCKED, 0, CALL),
        ("CLOSED|", Outcome.CLOSED, 0, CALL),
    ],
)
def test_a_call_without_an_answer_is_missed_with_its_own_wait(rest, outcome, wait_s, contact):
    event = one(line(rest))
    assert isinstance(event, CallMissed)
    assert (event.outcome, event.wait_ms, event.contact) == (outcome, wait_s * 1000, contact)


@pytest.mark.parametrize(
    "verb", ["JOINEMPTY", "FULL", "DIVERT_CA_RATIO", "DIVERT_HOLDTIME", "CLOSED", "LEAVEEMPTY"]
)
def test_the_verbs_of_wazo_count_whatever_is_missing_behind_them(verb: str):
    for rest in (verb, f"{verb}|", f"{verb}||||", f"{verb}|x|y|z"):
        event = one(f"{AT}|{CALL}|Support|NONE|{rest}".encode())
        assert isinstance(event, CallMissed), rest
        assert event.wait_ms == 0


def test_who_leaves_since_nobody_serves_the_queue_any_more_waited_since_entry():
    _, left = events([line("ENTERQUEUE||x|1", at="1675720922"), line("LEAVEEMPTY|", at="1675720943")])
    assert isinstance(left, CallMissed)
    assert (left.outcome, left.wait_ms, left.contact) == (Outcome.NO_AGENTS, 21_000, CALL)


OWN_VERBS = dataclasses.replace(RULES, verbs={"NOSTAFF": Outcome.NO_AGENTS, "é": Outcome.CLOSED})


@pytest.mark.parametrize("rest", ["NOSTAFF", "NOSTAFF|", "NOSTAFF|2|0470000000|-5"])
def test_a_verb_of_the_citys_own_ends_a_call_as_the_city_file_says(rest: str):
    log = QueueLogTranslator(OWN_VERBS, PSEUDONYMS)
    refused = log.translate(f"{AT}|{CALL}|Support|NONE|{rest}".encode())
    assert isinstance(refused, CallMissed)
    assert (refused.outcome, refused.wait_ms, refused.contact) == (Outcome.NO_AGENTS, 0, CALL)
    _, left = events(
        [line("ENTERQUEUE||x|1", at="1675720922", call="1675720922.7"), line(rest, call="1675720922.7")], log
    )
    assert isinstance(left, CallMissed)
    assert (left.outcome, left.wait_ms) == (Outcome.NO_AGENTS, 21_000)
    assert log.unusable_waits == 0


def test_other_verbs_stay_unknown_and_one_of_letters_with_accents_is_one_too():
    assert one(line("NOSTAF|"), OWN_VERBS) is SkippedLine.UNKNOWN_VERB
    said = one(line("é|"), OWN_VERBS)
    assert isinstance(said, CallMissed)
    assert said.outcome is Outcome.CLOSED


def test_every_verb_that_is_translated_is_one_that_a_city_file_cannot_change():
    assert {verb.decode() for verb in FACTS} == set(CALLS.split())


@pytest.mark.parametrize(
    ("rest", "position"),
    [
        ("ENTERQUEUE||0470000000|4", 4),
        ("ENTERQUEUE||0470000000|4|Jan", 4),
        ("ABANDON|3|4|20", 3),
        ("EXITWITHTIMEOUT|3|4|20", 3),
        ("EXITWITHTIMEOUT|3", 3),
        ("EXITEMPTY|3|4|20", 3),
        ("EXITWITHKEY|5|3|4|20", 3),
        ("WITHDRAW|3|4|20|", 3),
        # What no position can be is left out. A caller's name with a | in it moves his number there.
        ("ENTERQUEUE|", None),
        ("ENTERQUEUE||Jan|0470000000|1", None),
        ("ENTERQUEUE||Jan|8001|1", None),
        ("ENTERQUEUE||x|0", None),
        ("ENTERQUEUE||x|-1", None),
        ("ENTERQUEUE||x|een", None),
        ("ABANDON|99999999999999999999|4|20", None),
        ("ABANDON||4|20", None),
        ("EXITWITHKEY|5||4|20", None),
    ],
)
def test_a_line_tells_where_in_the_queue_the_call_stood(rest: str, position: int | None):
    event = one(line(rest))
    assert isinstance(event, CallQueued | CallMissed)
    assert event.position == position


@pytest.mark.parametrize(
    ("rest", "talk_s"),
    [
        ("COMPLETEAGENT|2|24|2", 24),
        ("COMPLETECALLER|4|7|1", 7),
        ("COMPLETECALLER|4|7", 7),
        ("BLINDTRANSFER|8001|internal|6|5|1", 5),
        ("TRANSFER|8001|internal|6|5", 5),
        ("ATTENDEDTRANSFER|BRIDGE|2a402fcc-0829|4|13|1", 13),
        ("ATTENDEDTRANSFER|APP|voicemail|4|13|1", 13),
        ("ATTENDEDTRANSFER|LINK|Local/1@a-1;1|Local/1@a-1;2|4|13|1", 13),
    ],
)
def test_a_conversation_ends_with_its_talk_time(rest, talk_s):
    event = one(line(rest))
    assert isinstance(event, CallEnded)
    assert (event.talk_ms, event.contact) == (talk_s * 1000, CALL)


@pytest.mark.parametrize(
    "rest",
    [
        "TRANSFER|200|from-internal",  # as Asterisk 1.4 writes it
        "TRANSFER|200|from-internal||",
        "TRANSFER|0470000000|internal",
        "COMPLETECALLER",
        "COMPLETECALLER|4",
        "COMPLETEAGENT|4|-7|1",  # a clock was set back
        "COMPLETEAGENT|4|lang|1",
        f"COMPLETEAGENT|4|{LONGEST_WAIT_S + 1}|1",
        "ATTENDEDTRANSFER|LINK|a|b|4",
    ],
)
def test_a_line_without_talk_time_ends_a_conversation_of_unknown_length(rest: str):
    event = one(f"{AT}|{CALL}|Support|NONE|{rest}".encode())
    assert isinstance(event, CallEnded)
    assert (event.talk_ms, event.contact) == (None, CALL)


@pytest.mark.parametrize("told", ["|0470000000|1", "||1", "|0470000000|1|Jan", "", "|a|b|c|d|e|f|g|h|i|j"])
def test_entering_a_queue(told):
    event = one(line(f"ENTERQUEUE|{told}"))
    assert isinstance(event, CallQueued)
    assert (event.queue, event.contact, event.site, event.source) == ("onthaal", CALL, "lier", "pbx")
    assert event.at == datetime.fromtimestamp(int(AT), UTC)


@pytest.mark.parametrize("told", ["6|1675720940.5|5", "6|1675720940.5", "6"])
def test_an_answer_carries_the_hold_time(told):
    event = one(line(f"CONNECT|{told}"))
    assert isinstance(event, CallAnswered)
    assert (event.wait_ms, event.contact) == (6000, CALL)


def test_a_start_of_asterisk_empties_the_queues():
    assert isinstance(one(f"{AT}|NONE|NONE|NONE|QUEUESTART|".encode()), SourceRestarted)


@pytest.mark.parametrize(
    "verb",
    [
        *(
            "RINGNOANSWER",
            "RINGCANCELED",
            "PAUSE",
            "UNPAUSE",
            "PAUSEALL",
            "UNPAUSEALL",
            "PENALTY",
            "RINGINUSE",
        ),
        *("ADDMEMBER", "REMOVEMEMBER", "AGENTLOGIN", "AGENTLOGOFF", "AGENTCALLBACKLOGIN"),
        *("AGENTCALLBACKLOGOFF", "AGENTDUMP", "SYSCOMPAT", "CONFIGRELOAD", "OUTCALL", "DID", "CALLSTATUS"),
    ],
)
def test_staffing_and_settings_are_no_facts(verb):
    assert one(f"{AT}|NONE|NONE|NONE|{verb}|koffie|thee".encode()) is SkippedLine.NOISE


@pytest.mark.parametrize("verb", ["CALLBACK", "INFO", "abandon", "NIEUW VERB", "é"])
def test_custom_events_are_passed_over_and_can_be_counted(verb):
    assert one(f"{AT}|ticket-42|onthaal||{verb}|0470000000|x".encode()) is SkippedLine.UNKNOWN_VERB


@pytest.mark.parametrize("raw", [b"", b"\n", b"\r\n", b"\0\0\0\0", b" \n", b"\xef\xbb\xbf\n"])
def test_nothing_is_blank(raw):
    assert one(raw) is SkippedLine.BLANK


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\0" * 50, b"\0\xef\xbb\xbf"])
@pytest.mark.parametrize("after", [b"", b"\n", b"\r\n", b"\0\n"])
def test_dirt_around_a_line_does_not_matter(before, after):
    clean = line("ABANDON|1|1|20").rstrip()
    assert one(before + clean + after) == one(clean)


@pytest.mark.parametrize(
    "agent", ["Nele T'Jampens", "Céline Dûpont", "", "Peeters, An", pytest.param("\udcff", id="no UTF-8")]
)
def test_whatever_an_agent_is_called_the_fact_is_the_same(agent):
    raw = f"{AT}|{CALL}|Support|{agent}|CONNECT|6|x|5".encode(errors="surrogateescape")
    assert one(raw) == one(line("CONNECT|6|x|5"))


@pytest.mark.parametrize(
    ("epoch", "microsecond"),
    [("", 0), (".123456", 123_000), (".9", 900_000), (".999999", 999_000), (".000999", 0)],
)
def test_a_fraction_of_the_second_is_truncated_to_milliseconds(epoch, microsecond):
    event = one(line("ENTERQUEUE|", at=AT + epoch))
    assert isinstance(event, CallQueued)
    assert event.at == datetime.fromtimestamp(int(AT), UTC).replace(microsecond=microsecond)


# --- what cannot be read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"garbage", "only 1 of the 5 fields"),
        (b"\x1f\x8b\x08\x00\xff\xfe", "only 1 of the 5 fields"),
        (f"{AT}|{CALL}|Support|NONE".encode(), "only 4 of the 5 fields"),
        (line("ABANDON|1|1|20", at="yesterday"), "field 1 (epoch)"),
        (line("ABANDON|1|1|20", at="2023-02-06 12:02:23"), "field 1 (epoch)"),
        (line("ABANDON|1|1|20", at="-675720943"), "field 1 (epoch)"),
        (line("ABANDON|1|1|20", at="16757209430"), "field 1 (epoch)"),
        (line("ABANDON|1|1|20", at="0470000000"), "field 1 (epoch)"),  # a number where the time should be
        (line("ABANDON|1|1|20", at="9999999999"), "the years 2000 to 2099"),
        (line("ABANDON|1|1|20", at=AT + "."), "field 1 (epoch)"),
        (line("PAUSE|", at="16 5720943"), "field 1 (epoch)"),
        (line("|1|1|20"), "field 5 (verb)"),
        (line("ABANDON|1|1|20", queue="NONE"), "field 3 (queue)"),
        (line("ABANDON|1|1|20", queue=""), "field 3 (queue)"),
        (line("ENTERQUEUE||0470000000|1", call="NONE"), "field 2 (callid)"),
        (line("ENTERQUEUE||0470000000|1", call=""), "field 2 (callid)"),
    ],
)
def test_a_bad_line_is_refused_with_the_field_and_without_what_it_said(raw, says):
    with pytest.raises(UnreadableLine, match=re.escape(says)) as refused:
        one(raw)
    assert "0470000000" not in str(refused.value)
    assert "yesterday" not in str(refused.value)
    assert len(str(refused.value)) <= 200  # fits in a dead letter


def test_a_refused_line_is_not_counted_as_an_occurrence():
    log = QueueLogTranslator(RULES, PSEUDONYMS)
    with pytest.raises(UnreadableLine):
        log.translate(line("ABANDON|1|1|20", queue="NONE"))
    assert log.translate(line("ABANDON|1|1|20")) == one(line("ABANDON|1|1|20"))


WORDS = [b"1675720943", CALL.encode(), b"Support", b"NONE", b"ENTERQUEUE", b"ABANDON", b"CONNECT", b"", b"20"]


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=30)), max_size=12).map(b"|".join))
def test_no_line_whatever_does_more_than_be_refused(raw):
    try:
        said = one(raw)
    except UnreadableLine:
        return
    assert isinstance(said, SkippedLine) or EVENT.validate_json(encode(said)) == said


# --- waits that an old Asterisk does not tell ----------------------------------------------------


@pytest.mark.parametrize("rest", ["EXITWITHKEY|1|1", "EXITWITHTIMEOUT|1", "EXITWITHTIMEOUT|1|1|"])
def test_a_wait_that_is_not_told_is_the_time_since_entry(rest):
    entered, left = events([line("ENTERQUEUE||x|1", at="1675720922"), line(rest, at="1675720943.5")])
    assert isinstance(entered, CallQueued)
    assert isinstance(left, CallMissed)
    assert left.wait_ms == 21_500


@pytest.mark.parametrize(
    "before",
    [
        [],
        [line("ENTERQUEUE||x|1", queue="other")],
        [line("ENTERQUEUE||x|1"), line("CONNECT|0|x|0")],
        [line("ENTERQUEUE||x|1"), line("QUEUESTART|", queue="NONE")],
        [line("ENTERQUEUE||x|1", at="1675720999")],
    ],
)
def test_without_a_known_entry_the_wait_of_such_a_line_is_0_and_the_call_is_not_lost(before):
    log = QueueLogTranslator(RULES, PSEUDONYMS)
    events(before, log)
    left = log.translate(line("EXITWITHKEY|1|1"))
    assert isinstance(left, CallMissed)
    assert left.wait_ms == 0
    assert log.unusable_waits == 1


@pytest.mark.parametrize("since", [30, 0, -3600])
@pytest.mark.parametrize("rest", ["CONNECT|-50|x|5", "ABANDON|1|1|-1", "EXITWITHKEY|1|1|1|-3600"])
def test_a_negative_wait_is_0_wherever_the_clock_stands(rest: str, since: int):
    log = QueueLogTranslator(RULES, PSEUDONYMS)
    _, left = events([line("ENTERQUEUE||x|1", at=str(int(AT) - since)), line(rest)], log)
    assert isinstance(left, CallAnswered | CallMissed)
    assert (left.wait_ms, left.contact) == (0, CALL)
    assert log.unusable_waits == 1


@pytest.mark.parametrize(
    "told", ["2.5", "twee", "0470000000x", str(LONGEST_WAIT_S + 1), "9" * 5000, "²", "+5"]
)
def test_a_garbled_wait_is_the_time_since_entry_or_0(told: str):
    log = QueueLogTranslator(RULES, PSEUDONYMS)
    raw = line(f"CONNECT|{told}|x|5")
    stranger, _, known = events([raw, line("ENTERQUEUE||x|1", at="1675720922"), raw], log)
    assert isinstance(stranger, CallAnswered)
    assert isinstance(known, CallAnswered)
    assert (stranger.wait_ms, known.wait_ms) == (0, 21_000)
    assert log.unusable_waits == 2


def test_waits_that_a_line_tells_or_that_an_old_asterisk_never_told_are_no_unusable_ones():
    log = QueueLogTranslator(RULES, PSEUDONYMS)
    events(
        [line("ENTERQUEUE||x|1"), line("EXITWITHTIMEOUT|1"), line("ENTERQUEUE||x|1"), line("CONNECT|0")], log
    )
    assert log.unusable_waits == 0


# --- names, contacts, ids ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asterisks", "ours"),
    [
        ("Support", "onthaal"),
        ("support", "support"),
        ("Burger Zaken", "burger-zaken"),
        ("café/één", "cafe-een"),
        ("8001", "8001"),
        ("_intern", "q-_intern"),
        ("★", "q--"),
        ("all", "q-all"),
        ("ALL", "q-all"),
        ("x" * 80, "x" * 64),
        ("vm-wacht.1", "vm-wacht.1"),
    ],
)
def test_a_queue_has_the_name_of_the_city_file_or_its_own_made_fit(asterisks, ours):
    assert queue_name(asterisks, RULES.queues) == ours


@given(st.text(max_size=100))
def test_every_queue_name_is_fit(asterisks):
    assert re.match(NAME, queue_name(asterisks, {}))


HOSTS = ("pbx1", "stad.lier_pbx-2")
"""What the city file says that an exchange puts in front of its ids."""


@pytest.mark.parametrize("call", ["1675720922.0", "pbx1-1675720922.17", "stad.lier_pbx-2-1675720922.123456"])
def test_a_channel_id_is_the_contact(call):
    event = one(line("ENTERQUEUE|", call=call), dataclasses.replace(RULES, hosts=HOSTS))
    assert isinstance(event, CallQueued)
    assert event.contact == call


@pytest.mark.parametrize(
    "call",
    [
        "0470000000",
        "pbx1-1675720922.17",  # no such host in the city file
        "a b",
        pytest.param("\udcff", id="no UTF-8"),
        pytest.param("x" * 300, id="long"),
    ],
)
def test_any_other_call_id_becomes_a_pseudonym_that_stays_the_same(call):
    raw = line("ENTERQUEUE|", call="CALL").replace(b"CALL", call.encode(errors="surrogateescape"))
    event, again = one(raw), one(raw)
    assert isinstance(event, CallQueued)
    assert event == again
    assert re.fullmatch(r"[0-9a-f]{32}", event.contact)


@pytest.mark.parametrize("call", ["NONE", "MANAGER", "CLI", ""])
def test_an_outcome_without_a_call_still_counts(call):
    event = one(line("ABANDON|1|1|20", call=call))
    assert isinstance(event, CallMissed)
    assert event.contact is None


@pytest.mark.parametrize(
    ("one_line", "other"),
    [
        (line("ABANDON|1|1|20"), line("ABANDON|1|1|20", at="1675720944")),
        (line("ABANDON|1|1|20"), line("ABANDON|1|1|20", at=AT + ".5")),
        (line("ABANDON|1|1|20"), line("ABANDON|1|1|20", call="1675720922.1")),
        (line("ABANDON|1|1|20"), line("ABANDON|1|1|20", queue="other")),
        (line("ABANDON|1|1|20"), line("EXITEMPTY|1|1|20")),
    ],
)
def test_different_records_have_different_ids(one_line, other):
    assert events([one_line])[0].id != events([other])[0].id


@pytest.mark.parametrize(
    ("one_line", "other"),
    [
        (line("ENTERQUEUE||0470000000|1"), line("ENTERQUEUE||0480000000|1|Jan")),
        (line("CONNECT|6|x|5"), line("CONNECT|6|x|5").replace(b"|NONE|", b"|An Peeters|")),
        (line("WITHDRAW|1|1|5|vrij"), line("WITHDRAW|1|1|5|tekst")),
    ],
)
def test_who_called_who_answered_and_free_text_do_not_show_in_an_id(one_line, other):
    assert events([one_line]) == events([other])


def test_another_source_has_other_ids():
    other = QueueLogTranslator(dataclasses.replace(RULES, source="other"), PSEUDONYMS)
    assert events([line("CONNECT|1")])[0].id != events([line("CONNECT|1")], other)[0].id


def test_every_line_twice_is_every_line_once():
    """So is a dialplan that sends a call through an empty queue three times in one second: nobody waited."""
    loop = [line("ENTERQUEUE||x|1"), line("EXITEMPTY|1|1|0")] * 3
    assert len({event.id for event in events(loop)}) == 2


# --- memory --------------------------------------------------------------------------------------


def test_memory_is_bounded_for_queue_names():
    log = QueueLogTranslator(RULES, PSEUDONYMS)
    for number in range(MOST_QUEUES + 100):
        log.translate(line("ABANDON|1|1|1", queue=f"q{number}"))
    assert len(log._names) <= MOST_QUEUES


def test_memory_holds_no_number_and_no_name():
    log = QueueLogTranslator(RULES, PSEUDONYMS)
    for raw in (line("ENTERQUEUE||0470000000|1|Jan"), line("ENTERQUEUE||x|1", call="0470000000")):
        log.translate(raw)
    kept = log.memory().model_dump_json()
    assert "0470000000" not in kept
    assert "Jan" not in kept


MOMENTS = st.sampled_from([1_675_720_943, 1_675_720_944, 1_675_720_990]).map(str)
RESTS = ["ENTERQUEUE||x|1", "EXITEMPTY|1|1|0", "ABANDON|1|1|3", "CONNECT|2|x|1", "EXITWITHKEY|1|1", "PAUSE|"]
STORIES = st.lists(
    st.builds(
        lambda at, call, rest: line(rest, at=at, call=f"1675720922.{call}"),
        MOMENTS,
        st.integers(0, 1),
        st.sampled_from(RESTS),
    ),
    max_size=40,
)


def told(log: QueueLogTranslator, lines: list[bytes]) -> list[object]:
    said: list[object] = []
    for raw in lines:
        try:
            said.append(log.translate(raw))
        except UnreadableLine as refused:
            said.append(str(refused))
    return said


@given(STORIES, st.integers(0, 40))
@example([line("ABANDON|1|1|3")] * 3, 2)
@example([line("ENTERQUEUE||x|1"), line("EXITWITHKEY|1|1")], 1)
def test_a_restart_at_any_line_changes_nothing(lines, at):
    first = QueueLogTranslator(RULES, PSEUDONYMS)
    before = told(first, lines[:at])
    kept = TranslatorState.model_validate_json(first.memory().model_dump_json())
    assert before + told(QueueLogTranslator(RULES, PSEUDONYMS, kept), lines[at:]) == told(
        QueueLogTranslator(RULES, PSEUDONYMS), lines
    )


@given(st.lists(st.sampled_from(RESTS[:4]), max_size=40))
def test_equal_lines_are_one_fact_and_others_never_share_an_id(rests):
    lines = [line(rest, at=str(1_675_720_940 + number // 5)) for number, rest in enumerate(rests)]
    assert len({event.id for event in events(lines)}) == len(set(lines))


def test_two_phones_that_are_picked_up_at_once_are_two_facts():
    one_phone, other = line("CONNECT|2|1675720921.1|1"), line("CONNECT|2|1675720921.2|1")
    assert len({event.id for event in events([one_phone, other, one_phone])}) == 2


def test_what_a_call_said_of_its_caller_and_agent_is_not_in_an_id():
    told = [line("ENTERQUEUE||0470000000|1"), line("ENTERQUEUE||0470000001|1")]
    assert len({event.id for event in events(told)}) == 1


def test_a_memory_of_the_release_before_is_read():
    kept = TranslatorState.model_validate_json(
        '{"seen":{"1675720943":{"ab":2}},"entered":{"cd":5},"pseudonyms":{}}'
    )
    assert kept == TranslatorState(entered={"cd": 5})


# --- rules and beginnings ------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_withdrawal_is_what_the_city_file_says(outcome):
    source = QueueLogSource(id="pbx", site="lier", path=Path("queue_log"), withdraw=outcome)
    event = one(line("WITHDRAW|1|1|5|"), TranslatorRules.of(source))
    assert isinstance(event, CallMissed)
    assert event.outcome is outcome


def test_rules_come_from_the_city_file():
    source = QueueLogSource(id="pbx", site="lier", path=Path("queue_log"), queues={"Support": "onthaal"})
    assert TranslatorRules.of(source) == RULES
    own = QueueLogSource.model_validate({**source.model_dump(), "verbs": {" NOSTAFF ": "no_agents"}})
    assert TranslatorRules.of(own).verbs == {"NOSTAFF": Outcome.NO_AGENTS}


@pytest.mark.parametrize(
    ("beginning", "second"),
    [
        (b"", None),
        (b"garbage\nmore", None),
        (b"1675720943|x", 1_675_720_943),
        (b"\0\0garbage\n\n1675720943.5|NONE|NONE|NONE|CONFIGRELOAD|\n1675720999|", 1_675_720_943),
        (b"16757209", None),
    ],
)
def test_when_a_log_begins(beginning, second):
    assert first_second(beginning) == second


# --- known truths --------------------------------------------------------------------------------


@needs_known_truths
@pytest.mark.parametrize("run", ["run-a", "run-light-a"])
def test_a_real_asterisk_agrees_with_its_truth_on_how_conversations_ended(run):
    ours = Counter(event.talk_ms for event in events(content(run)) if isinstance(event, CallEnded))
    truth = Counter(int(v["talk_s"]) * 1000 for v in visits(run) if v["outcome"] == "ANSWERED")
    assert ours == truth


@needs_known_truths
@pytest.mark.parametrize("run", ["run-a", "run-light-a"])
def test_no_number_and_no_name_of_a_real_run_gets_through(run):
    numbers = {visit["caller"] for visit in visits(run)} - {""}
    names = {visit["agent"] for visit in visits(run)} - {""}
    log = QueueLogTranslator(RULES, PSEUDONYMS)
    sent = b"\n".join(map(encode, events(content(run), log))).decode() + log.memory().model_dump_json()
    assert len(numbers) > 100
    assert len(names) > 5
    assert [secret for secret in numbers | names if secret in sent] == []


@needs_known_truths
@pytest.mark.parametrize("name", LOGS)
def test_a_real_log_has_as_many_ids_as_facts_and_the_same_when_read_again(name):
    ids = [event.id for event in events(content(name))]
    assert len(set(ids)) == len(ids) > 500
    assert ids == [event.id for event in events(content(name))]


@needs_known_truths
def test_custom_events_of_a_real_log_are_told_from_noise():
    log = QueueLogTranslator(RULES, PSEUDONYMS)
    said = Counter(said for said in map(log.translate, content("run-a")) if isinstance(said, SkippedLine))
    assert said[SkippedLine.UNKNOWN_VERB] == 2  # CALLBACK and INFO
    assert said[SkippedLine.NOISE] == 290 + 21 + 11 + 12 + 5 + 5 + 4 + 4 + 1 + 1 + 1


def visits(run: str) -> list[dict[str, str]]:
    with (KNOWN_TRUTHS / "asterisk" / run / "truth-visits.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))

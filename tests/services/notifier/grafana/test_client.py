"""Breaches end up in Grafana as one annotation each, whatever happens on the way. On a real socket."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import HttpUrl

from services.notifier.grafana.annotations import CityWords, breach_tag
from services.notifier.grafana.client import AnnotationClient, GrafanaLimits, build
from services.notifier.model import (
    Acknowledgement,
    Breach,
    DeliveryFailed,
    PermanentFailure,
    TransientFailure,
)
from shared.config.alerting import GrafanaConfig
from shared.contract.annotation_tags import MARK
from shared.contract.breach_events import BreachReading, BreachState
from shared.contract.kpis import Kpi
from shared.translation import translator
from tests.support import samples
from tests.support.eventually import WITHIN, eventually_async
from tests.support.grafana_stand_in import BOARD, TOKEN, Fault, GrafanaStandIn
from tests.support.thorough import examples

OPENED = datetime(2026, 3, 12, 9, 5, tzinfo=UTC)
OPENED_MS = 1773306300000
WORDS = CityWords(
    translator("nl"),
    ZoneInfo("Europe/Brussels"),
    {("huis", "onthaal"): "Onthaal"},
    receivers={},
    is_target=lambda _: True,
    chart=lambda _: Kpi.MISSED_RATIO,
)

PATIENT = GrafanaLimits()
LONG = timedelta(seconds=WITHIN)
BRISK = {
    Fault.HANG: GrafanaLimits(request=timedelta(seconds=0.5), conversation=LONG),
    Fault.DRIP: GrafanaLimits(request=LONG, conversation=timedelta(seconds=1.5)),
}
"""Where a test waits for a time-out: the other of the two is never the reason."""

HASTY = GrafanaLimits(request=timedelta(seconds=1), conversation=timedelta(seconds=5))
"""Where a time-out more does no harm."""

TRIES = 60
"""More than any list of faults here is long."""

OPEN = samples.breach(
    OPENED,
    id=f"gemist:limit:huis:onthaal:{OPENED_MS}",
    reading=BreachReading(value=0.25, samples=40),
    worst=0.25,
)


def lasting(minutes: int, **changes: object) -> Breach:
    return OPEN.model_copy(update={"at": OPENED + timedelta(minutes=minutes), **changes})


def over(minutes: float, **changes: object) -> Breach:
    at = OPENED + timedelta(minutes=minutes)
    return OPEN.model_copy(
        update={"at": at, "closed_at": at, "state": BreachState.OK, "worst": 0.31, **changes}
    )


BLIP = over(2 / 60, fired_at=None)


def ms(minutes: float) -> int:
    return OPENED_MS + round(minutes * 60_000)


@pytest.fixture
def grafana() -> Iterator[GrafanaStandIn]:
    with GrafanaStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n", encoding="ascii")
    return path


def put(token_file: Path, content: str | None) -> None:
    """Replace the token; None: there is no file."""
    token_file.unlink()
    if content is not None:
        token_file.write_text(content, encoding="utf-8")


def adapter(
    url: str, token_file: Path, limits: GrafanaLimits = PATIENT, words: CityWords = WORDS
) -> AnnotationClient:
    made = build(GrafanaConfig(url=HttpUrl(url), token_file=token_file), words, limits)
    assert made is not None
    return made


@pytest.fixture
async def writer(grafana: GrafanaStandIn, token_file: Path) -> AsyncIterator[AnnotationClient]:
    made = adapter(grafana.url, token_file)
    yield made
    made.close()


def spans(grafana: GrafanaStandIn) -> list[tuple[object, object]]:
    return [(one["time"], one["timeEnd"]) for one in grafana.annotations]


def writes(grafana: GrafanaStandIn) -> list[str]:
    return [request.method for request in grafana.requests if request.method != "GET"]


async def insist(writer: AnnotationClient, breach: Breach) -> None:
    """Write until it succeeds: transient faults pass, and somebody mends the permanent ones."""
    for _ in range(TRIES):
        try:
            return await writer.write(breach)
        except DeliveryFailed:
            continue
    raise AssertionError(f"not written in {TRIES} tries")


async def test_a_breach_from_its_opening_to_its_end(grafana: GrafanaStandIn, writer: AnnotationClient):
    await writer.write(OPEN)
    assert grafana.annotations == [
        {
            "id": 1,
            "dashboardUID": BOARD,
            "time": OPENED_MS,
            "timeEnd": OPENED_MS + 1000,  # a region from the start
            "text": "Onthaal: gemist 25 %, 15 min (doel 20 %), sinds 10:05, kritiek",
            "tags": [
                breach_tag(OPEN.id),
                MARK,
                "severity:critical",
                "measure:missed_ratio",
                "state:open",
                "every/critical/huis:onthaal",
                "missed_ratio/critical/huis:onthaal",
            ],
        }
    ]
    await writer.write(lasting(1))
    await writer.write(lasting(2))
    assert spans(grafana) == [(OPENED_MS, ms(2))]
    assert grafana.requests[-1].body == {"timeEnd": ms(2)}  # only what changed

    ack = Acknowledgement(at=OPENED + timedelta(minutes=2), by="balie")
    await writer.write(lasting(3, acknowledged=ack))
    (held,) = grafana.annotations
    assert held["text"] == "Onthaal: gemist 25 %, 15 min (doel 20 %), sinds 10:05, opgepakt door balie"
    assert "state:acknowledged" in grafana.annotations[0]["tags"]  # type: ignore[operator]

    await writer.write(over(17, acknowledged=ack))
    (held,) = grafana.annotations
    assert (held["time"], held["timeEnd"]) == (OPENED_MS, ms(17))
    assert held["text"] == "Onthaal: gemist 31 %, 15 min (doel 20 %), 10:05–10:22, opgepakt door balie"
    assert writes(grafana) == ["POST", "PATCH", "PATCH", "PATCH", "PATCH"]


async def test_a_blip_that_nobody_was_told_of_is_there(grafana: GrafanaStandIn, writer: AnnotationClient):
    await writer.write(BLIP)
    (held,) = grafana.annotations
    assert (held["time"], held["timeEnd"]) == (OPENED_MS, OPENED_MS + 2000)
    assert held["text"] == "Onthaal: gemist 31 %, 15 min (doel 20 %), 10:05:00–10:05:02, te kort om te melden"


async def test_one_that_the_release_before_wrote_is_found_and_gets_todays_tags(
    grafana: GrafanaStandIn, writer: AnnotationClient
):
    before = [MARK, "severity:critical", "site:huis", "queue:onthaal", "measure:missed_ratio", "state:open"]
    grafana.add([breach_tag(OPEN.id), *before], "Onthaal: gemist 25 % (doel 20 %)", OPENED_MS)
    await writer.write(over(17))
    (held,) = grafana.annotations
    assert spans(grafana) == [(OPENED_MS, ms(17))]
    assert "missed_ratio/critical/huis:onthaal" in str(held["tags"])


async def test_saying_it_twice_writes_it_once(grafana: GrafanaStandIn, writer: AnnotationClient):
    for breach in (OPEN, OPEN, over(17), over(17), OPEN, lasting(30)):
        await writer.write(breach)
    assert spans(grafana) == [(OPENED_MS, ms(17))]
    assert writes(grafana) == ["POST", "PATCH"]


async def test_breaches_of_one_rule_do_not_meet(grafana: GrafanaStandIn, writer: AnnotationClient):
    """Their ids differ after a colon, where Grafana stops reading."""
    ids = [f"gemist:limit:huis:onthaal:{ms(minutes)}" for minutes in (0, 60)]
    ids += [f"{'r' * 64}:limit:{'s' * 64}:{'q' * 64}:{ms(minutes)}" for minutes in (0, 60)]
    for breach_id in ids:
        await writer.write(over(5, id=breach_id))
    assert [one["tags"][0] for one in grafana.annotations] == [  # type: ignore[index]
        breach_tag(breach_id) for breach_id in ids
    ]


@pytest.mark.parametrize("filters", [True, False])
async def test_what_others_wrote_is_left_alone(
    grafana: GrafanaStandIn, writer: AnnotationClient, filters: bool
):
    grafana.filters = filters
    grafana.boards.add("elders")
    grafana.add(["deploy", MARK], "nieuwe centrale", OPENED_MS)
    grafana.add([breach_tag(OPEN.id)], "een ander bord", OPENED_MS, board="elders")
    theirs = grafana.annotations
    await writer.write(over(17))
    assert grafana.annotations[:2] == theirs
    assert spans(grafana)[2:] == [(OPENED_MS, ms(17))]


async def test_after_a_long_absence_one_call_is_enough(grafana: GrafanaStandIn, writer: AnnotationClient):
    await writer.write(OPEN)
    grafana.stop()
    for minutes in range(1, 4):
        with pytest.raises(TransientFailure, match="cannot be reached"):
            await writer.write(lasting(minutes))
    grafana.start()
    await writer.write(over(17))
    assert spans(grafana) == [(OPENED_MS, ms(17))]


async def test_one_that_somebody_deleted_comes_back(grafana: GrafanaStandIn, writer: AnnotationClient):
    await writer.write(OPEN)
    grafana.remove(1)
    await writer.write(lasting(2))
    assert spans(grafana) == [(OPENED_MS, ms(2))]


async def test_a_lost_answer_is_no_double(grafana: GrafanaStandIn, writer: AnnotationClient):
    grafana.faults.extend([Fault.NONE, Fault.LOST])  # the look-up goes well
    with pytest.raises(TransientFailure):
        await writer.write(OPEN)
    assert len(grafana.annotations) == 1
    await writer.write(OPEN)
    assert len(grafana.annotations) == 1
    assert writes(grafana) == ["POST"]


async def test_two_notifiers_at_the_same_moment_leave_one(grafana: GrafanaStandIn, token_file: Path):
    """Both found nothing, both create; whoever looks last sees both, and brings the older up to date."""
    first, second = adapter(grafana.url, token_file), adapter(grafana.url, token_file)
    try:
        grafana.meet = threading.Barrier(2)
        await asyncio.gather(insist(first, OPEN), insist(second, over(17)))
    finally:
        first.close()
        second.close()
    assert writes(grafana).count("POST") == 2
    assert spans(grafana) == [(OPENED_MS, ms(17))]


async def test_doubles_of_long_ago_go(grafana: GrafanaStandIn, writer: AnnotationClient):
    for text in ("eerste", "tweede", "derde"):
        grafana.add([breach_tag(OPEN.id)], text, OPENED_MS)
    await writer.write(over(17))
    assert [one["id"] for one in grafana.annotations] == [1]
    assert spans(grafana) == [(OPENED_MS, ms(17))]


ENDS_TRANSIENT = [
    (Fault.TOO_MANY, "429", 7.0),
    (Fault.UNAVAILABLE, "503", 2.0),
    (Fault.BAD_GATEWAY, "502", None),
    (Fault.ERROR_NULL, "500", None),
    (Fault.NULL, "is not Grafana's", None),
    (Fault.LOGIN_PAGE, "is not Grafana's", None),
    (Fault.NO_ID, "is not Grafana's", None),
    (Fault.DEEP, "is not Grafana's", None),
    (Fault.CUT_SHORT, "is not Grafana's", None),
    (Fault.RESET, "broke off", None),
    (Fault.HANG, "no answer within", None),
    (Fault.DRIP, "took longer than", None),
]
ENDS_PERMANENT = [
    (Fault.MOVED, "redirect"),
    (Fault.UNAUTHORIZED, "token"),
    (Fault.FORBIDDEN, "Edit on the folder"),
    (Fault.TAG_LIMIT, "tags length"),
]


@pytest.mark.parametrize("at", ["look-up", "create", "change"])
@pytest.mark.parametrize(("fault", "why", "retry_after"), ENDS_TRANSIENT, ids=str)
async def test_worth_another_try(
    grafana: GrafanaStandIn,
    writer: AnnotationClient,
    token_file: Path,
    at: str,
    fault: Fault,
    why: str,
    retry_after: float | None,
):
    if at == "change":
        await insist(writer, OPEN)
    brisk = adapter(grafana.url, token_file, BRISK.get(fault, PATIENT))
    await fails(grafana, brisk, at, fault, TransientFailure(why, retry_after))
    brisk.close()
    await insist(writer, over(17))
    assert spans(grafana) == [(OPENED_MS, ms(17))]


@pytest.mark.parametrize("at", ["look-up", "create", "change"])
@pytest.mark.parametrize(("fault", "why"), ENDS_PERMANENT, ids=str)
async def test_somebody_has_to_mend_it(
    grafana: GrafanaStandIn, writer: AnnotationClient, at: str, fault: Fault, why: str
):
    if at == "change":
        await insist(writer, OPEN)
    await fails(grafana, writer, at, fault, PermanentFailure(why))
    await writer.write(over(17))
    assert spans(grafana) == [(OPENED_MS, ms(17))]


async def fails(
    grafana: GrafanaStandIn, writer: AnnotationClient, at: str, fault: Fault, expected: DeliveryFailed
) -> None:
    """Let one request fail, and look at what the caller is told. Nothing is written by it."""
    before = grafana.annotations
    grafana.faults.extend([fault] if at == "look-up" else [Fault.NONE, fault])
    with pytest.raises(type(expected), match=str(expected)) as caught:
        await writer.write(over(17))
    assert getattr(caught.value, "retry_after", None) == getattr(expected, "retry_after", None)
    assert TOKEN not in str(caught.value)
    assert grafana.annotations == before


async def test_who_was_told_that_it_failed_finds_nothing_written_later(
    grafana: GrafanaStandIn, token_file: Path
):
    """The look-up answers late; by then the write has failed, and its thread must not create any more."""
    limits = GrafanaLimits(request=timedelta(seconds=5), conversation=timedelta(seconds=0.3))
    hasty = adapter(grafana.url, token_file, limits)
    grafana.answering.clear()
    with pytest.raises(TransientFailure):
        await hasty.write(OPEN)
    hasty.close()
    grafana.answering.set()
    await eventually_async(lambda: not any(one.name.startswith("grafana") for one in threading.enumerate()))
    assert writes(grafana) == []


async def test_a_redirect_is_not_followed(grafana: GrafanaStandIn, writer: AnnotationClient):
    """Followed, the POST would arrive as a GET, be answered politely, and store nothing."""
    grafana.faults.extend([Fault.NONE, Fault.MOVED])
    with pytest.raises(PermanentFailure, match=r"grafana.url"):
        await writer.write(OPEN)
    assert [request.method for request in grafana.requests] == ["GET", "POST"]


async def test_a_board_that_is_not_there_is_said_and_nothing_is_written(
    grafana: GrafanaStandIn, writer: AnnotationClient
):
    grafana.boards.clear()
    with pytest.raises(PermanentFailure, match="Invalid dashboard UID"):
        await writer.write(OPEN)
    assert grafana.annotations == []


@pytest.mark.parametrize("content", ["", "two words", "tökén", None])
async def test_a_token_file_that_holds_no_token(
    grafana: GrafanaStandIn, writer: AnnotationClient, token_file: Path, content: str | None
):
    put(token_file, content)
    with pytest.raises(PermanentFailure, match=r"grafana\.token_file"):
        await writer.check()
    assert grafana.requests == []


async def test_without_another_the_board_is_the_live_one_in_the_citys_language(token_file: Path):
    english = replace(WORDS, say=translator("en"))
    with GrafanaStandIn(boards={"wachtpost-live-en"}) as grafana:
        writer = adapter(grafana.url, token_file, words=english)
        await writer.check()
        await writer.write(OPEN)
        writer.close()
    assert [one["dashboardUID"] for one in grafana.annotations] == ["wachtpost-live-en"]


async def test_a_new_token_counts_without_a_restart(
    grafana: GrafanaStandIn, writer: AnnotationClient, token_file: Path
):
    grafana.token = "glsa_renewed"
    with pytest.raises(PermanentFailure, match="renew"):
        await writer.write(OPEN)
    put(token_file, grafana.token)
    await writer.write(OPEN)
    assert len(grafana.annotations) == 1


async def test_the_check_says_what_is_wrong(
    grafana: GrafanaStandIn, writer: AnnotationClient, token_file: Path
):
    await writer.check()
    assert grafana.annotations == [], "a check leaves nothing"
    grafana.boards = {"elders"}
    with pytest.raises(PermanentFailure, match=f"no dashboard {BOARD}"):
        await writer.check()
    put(token_file, "wrong")
    with pytest.raises(PermanentFailure, match="does not know the token"):
        await writer.check()
    grafana.stop()
    with pytest.raises(TransientFailure, match="cannot be reached"):
        await writer.check()


async def test_the_check_notices_a_wrong_token_where_anybody_may_look(
    grafana: GrafanaStandIn, writer: AnnotationClient, token_file: Path
):
    grafana.anonymous = True
    await writer.check()
    put(token_file, "wrong")
    with pytest.raises(PermanentFailure, match="a token that Grafana does not know"):
        await writer.check()


async def test_the_folder_is_made_once(grafana: GrafanaStandIn, writer: AnnotationClient):
    assert await writer.ensure_folder() == "wachtpost"
    assert await writer.ensure_folder() == "wachtpost"
    assert grafana.folders == [{"uid": "wachtpost", "title": "Wachtpost"}]


async def test_the_folder_that_somebody_made_is_used(grafana: GrafanaStandIn, writer: AnnotationClient):
    grafana.folders.append({"uid": "abc", "title": "Wachtpost"})
    assert await writer.ensure_folder() == "abc"
    assert writes(grafana) == []


async def test_under_a_sub_path(token_file: Path):
    with GrafanaStandIn(prefix="/grafana") as stand_in:
        writer = adapter(f"{stand_in.url}/", token_file)
        await writer.write(OPEN)
        writer.close()
        assert len(stand_in.annotations) == 1


def test_off_where_the_city_file_has_no_grafana():
    assert build(None, WORDS) is None


QUICK_FAULTS = st.sampled_from(
    [fault for fault in Fault if fault not in {Fault.HANG, Fault.HANG_DONE, Fault.DRIP}]
)
SLOW_FAULTS = st.sampled_from([Fault.HANG, Fault.HANG_DONE])
TIMELINE: Sequence[Breach] = (OPEN, lasting(1), lasting(2), over(17))


@settings(
    max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    faults=st.lists(QUICK_FAULTS, max_size=30),
    slow=st.lists(st.tuples(st.integers(0, 30), SLOW_FAULTS), max_size=1),
    given_up=st.sets(st.integers(0, len(TIMELINE) - 2)),
    ends=st.sampled_from([TIMELINE[-1], TIMELINE[-2], BLIP]),
)
def test_whatever_happens_there_is_one_annotation_with_the_right_times(
    token_file: Path, faults: list[Fault], slow: list[tuple[int, Fault]], given_up: set[int], ends: Breach
):
    """Some words of the timeline are tried once and given up; the last one is tried until it succeeds."""
    for place, fault in slow:
        faults.insert(place, fault)

    async def story(grafana: GrafanaStandIn) -> None:
        writer = adapter(grafana.url, token_file, HASTY)
        for number, breach in enumerate(TIMELINE[:-1]):
            if number not in given_up:
                await insist(writer, breach)
                continue
            with suppress(DeliveryFailed):
                await writer.write(breach)
        await insist(writer, ends)
        writer.close()

    with GrafanaStandIn() as grafana:
        grafana.faults.extend(faults)
        asyncio.run(story(grafana))
        expected = ends.closed_at or ends.at
        assert spans(grafana) == [(OPENED_MS, round(expected.timestamp() * 1000))]

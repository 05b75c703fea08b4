"""Where our own code failed is told, and never what the error said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.sources.queue_log.translate import TranslatorRules
from shared.process import backoff
from shared.process.backoff import Backoff, InternalErrors, keep_on
from shared.process.code_failures import DEEPEST, CodeFailure, attempt, attempted

PHONE = "0470123456"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def fail(text: str) -> int:
    raise LookupError(text)


def test_a_failure_says_type_and_place_and_the_way_there():
    failure = attempt(fail, PHONE)
    assert isinstance(failure, CodeFailure)
    assert failure.place.startswith(f"LookupError at {__name__}:fail:")
    assert failure.way == (failure.place.removeprefix("LookupError at "),)
    assert PHONE not in str(failure)


def test_of_a_failure_in_another_s_code_also_the_last_place_of_ours_is_said():
    failure = attempt(TranslatorRules.of, None)  # type: ignore[arg-type]
    assert isinstance(failure, CodeFailure)
    assert failure.place.startswith(
        "AttributeError at services.ingest.sources.queue_log.translate:TranslatorRules.of:"
    )
    elsewhere = attempt(json.loads, "{")
    assert isinstance(elsewhere, CodeFailure)
    assert elsewhere.place.startswith("JSONDecodeError at json.decoder:")


def test_the_way_of_an_endless_recursion_is_short():
    def deeper() -> int:
        return deeper() + 1

    failure = attempt(deeper)
    assert isinstance(failure, CodeFailure)
    assert len(failure.way) == DEEPEST


async def test_what_is_another_s_and_meant_goes_through():
    async def work() -> None:
        fail(PHONE)

    assert isinstance(await attempted(work()), CodeFailure)
    with pytest.raises(LookupError):
        await attempted(work(), (LookupError,))


async def test_work_that_fails_begins_anew_later_and_later_and_health_says_so(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(backoff, "FIRST_PAUSE", timedelta(microseconds=1))
    said: list[str | None] = []
    at_work = Backoff("report")

    async def work() -> None:
        said.append(await at_work.check(NOW))
        if len(said) <= 5:
            fail(PHONE)

    await keep_on(work, at_work)
    assert said[:3] == [None] * 3
    assert all(wrong is not None and "LookupError at" in wrong for wrong in said[3:])
    assert PHONE not in str(said)
    (family,) = InternalErrors([at_work, Backoff("past")]).collect()
    assert [(one.labels["work"], one.value) for one in family.samples] == [("past", 0), ("report", 5)]


def test_pauses_double_to_a_minute_and_what_goes_well_for_a_minute_has_recovered(
    monkeypatch: pytest.MonkeyPatch,
):
    clock = [1000.0]
    monkeypatch.setattr("shared.process.backoff.time.monotonic", lambda: clock[0])
    at_work, failure, pauses = Backoff("past"), CodeFailure("x", ()), []
    for _ in range(8):
        at_work.failed(failure)
        pauses.append(at_work.pause_s)
        clock[0] += at_work.pause_s
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    said = [at_work.wrong]
    for seconds in (59, 1):
        clock[0] += seconds
        said.append(at_work.wrong)
    assert said == [said[0], said[0], None]
    assert said[0] is not None
    at_work.failed(failure)
    assert (at_work.pause_s, at_work.wrong) == (1, None)

"""What a judge remembers between looks changes no reading: it is what a judge reads who remembers nothing."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

from hypothesis import given, settings

from domain.aggregator import Aggregator, StreamEvent
from domain.counts import EPOCH
from services.evaluator.alerting.readings import Memory, RuleReadings
from services.evaluator.alerting.rules import rules_of
from shared.calendar import Calendar
from tests.support.thorough import examples
from tests.wachtpost.rules.test_simulation import EVERY_KIND, LOGS

SHIFTS = [rule for rule in rules_of(EVERY_KIND, EVERY_KIND.sites) if rule.first.shift is not None]


@settings(max_examples=examples(200))
@given(LOGS)
def test_a_score_that_was_kept_is_the_score_of_all_that_happened(facts: list[StreamEvent]) -> None:
    calendar, memory = Calendar(EVERY_KIND), Memory()
    aggregator = Aggregator(EVERY_KIND, calendar, EVERY_KIND.sites)
    for arrived, batch in groupby(facts, key=lambda fact: fact.arrived):
        aggregator.record(batch)
        for later_s in (0, 7, 200):
            now = EPOCH + timedelta(milliseconds=arrived, seconds=later_s)
            kept, fresh = (
                RuleReadings(EVERY_KIND, calendar, aggregator, now, one) for one in (memory, Memory())
            )
            assert [kept.measure(rule) for rule in SHIFTS] == [fresh.measure(rule) for rule in SHIFTS]

"""What holds right now: the latest report wins, and what the city file does not have is swept."""

from __future__ import annotations

from domain.last_reports import LastReports, Offer, Staff
from domain.queue_ref import QueueRef

DESK, GONE = QueueRef("lier", "loket"), QueueRef("lier", "weg")
STATE = {
    "offset": "5-0",
    "dead:late": "3",
    "watch:x:limit:lier:weg": "{}",
    "source:pbx": "7",
    "source:oud": "6",
    "heartbeat:pbx": "8",
    "heartbeat:oud": "8",
    "offer:lier:loket": "5,9",
    "offer:lier:weg": "5,9",
    "staff:lier:weg": "5,1,0,0",
}


def test_the_reports_of_what_is_gone_are_swept_and_nothing_else() -> None:
    last_reports = LastReports(STATE)
    last_reports.sweep(["pbx"], [DESK])
    assert (last_reports.facts(), last_reports.offers(), last_reports.staffs()) == (
        {"pbx": 7},
        {DESK: Offer(5, 9)},
        {},
    )
    assert last_reports.heartbeats() == {"pbx": 8}
    assert last_reports.take_gone() == {"source:oud", "heartbeat:oud", "offer:lier:weg", "staff:lier:weg"}
    assert (last_reports.take_gone(), last_reports.take_changes()) == (set(), {})


def test_what_is_heard_again_stays() -> None:
    last_reports = LastReports(STATE)
    last_reports.sweep([], [])
    last_reports.staff(GONE, Staff(8, 2, 0, 0))
    assert last_reports.take_changes() == {"staff:lier:weg": "8,2,0,0"}
    assert "staff:lier:weg" not in last_reports.take_gone()


def test_a_heartbeat_is_no_fact_but_facts_are_waited_for_from_the_first_one_on() -> None:
    last_reports = LastReports()
    last_reports.heard({}, {"pbx": 30})
    last_reports.heard({}, {"pbx": 60})
    assert (last_reports.facts(), last_reports.heartbeats()) == ({"pbx": 30}, {"pbx": 60})
    last_reports.heard({"pbx": 70}, {"pbx": 90})
    assert (last_reports.facts(), last_reports.heartbeats()) == ({"pbx": 70}, {"pbx": 90})

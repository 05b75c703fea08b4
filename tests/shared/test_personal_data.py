"""What may not stand in a reason that somebody writes down."""

from __future__ import annotations

import pytest

from shared.personal_data import holds_phone_number


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("0470123456", True),
        ("klacht van 0470 12 34 56, zie mail", True),
        ("bel +32 470 12.34.56 terug", True),
        ("(03) 800 12 34", True),
        ("0032/470/123.456", True),
        ("470123456", True),
        ("+4930901820", True),
        ("dicht op 12/03/2026 0470 12 34 56", True),
        ("0470\u00a012\u00a034\u00a056", True),
        ("0470\u201112\u201134\u201156", True),
        ("0470_12_34_56", True),
        ("\uff10\uff14\uff17\uff10\uff11\uff12\uff13\uff14\uff15\uff16", True),
        ("lijnen 1, 2, 3, 4, 5, 6, 7, 8, 9 en 10", False),
        ("09:00:00-12:00:00", False),
        ("", False),
        ("nieuwe centrale", False),
        ("van 2026-03-02 09:00 tot 2026-03-03 17:00", False),
        ("van 02/03/2026 9-12 u tot 3.3.2026", False),
        ("queue_log-20260302 en queue_log-20260303 ontbraken", False),
        ("ticket 12345678", False),
        ("8 van de 10 lijnen, 45 s, 20 %", False),
    ],
)
def test_what_may_hold_a_phone_number(text: str, holds: bool) -> None:
    assert holds_phone_number(text) is holds

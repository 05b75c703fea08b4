"""What may not stand in a reason that somebody writes down."""

from __future__ import annotations

import pytest

from shared.persons import holds_phone_number


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

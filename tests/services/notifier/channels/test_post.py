"""What an HTTP answer means, decided without a network."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.channels.post import RETRY_AFTER_MOST, HttpAnswer, judge, moved_to, retry_after
from services.notifier.model import PermanentFailure, TransientFailure
from tests.support.deliveries import NOW

MOST = RETRY_AFTER_MOST.total_seconds()
IN_TWO_MINUTES = format_datetime(NOW + timedelta(minutes=2), usegmt=True)
FAST_CLOCK = format_datetime(NOW + timedelta(minutes=1), usegmt=True)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(status: int):
    judge(HttpAnswer(status), NOW)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_worth_another_try(status: int):
    with pytest.raises(TransientFailure, match=str(status)):
        judge(HttpAnswer(status), NOW)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 400, 401, 403, 404, 405, 410, 413, 422])
def test_not_worth_another_try(status: int):
    with pytest.raises(PermanentFailure, match=rf"moved \({status}\)" if status < 400 else str(status)):
        judge(HttpAnswer(status), NOW)


@pytest.mark.parametrize(
    ("header", "date", "seconds"),
    [
        (None, None, None),
        ("", None, None),
        ("7", None, 7.0),
        (" 7 ", None, 7.0),
        ("0", None, 0.0),
        ("999999", None, MOST),  # until the breach is history: no
        ("9" * 5000, None, MOST),
        ("-5", None, None),
        ("1.5", None, None),
        ("soon", None, None),
        ("٧", None, None),  # a digit to Python, not to HTTP
        (IN_TWO_MINUTES, None, 120.0),
        (IN_TWO_MINUTES, FAST_CLOCK, 60.0),  # by the receiver's own clock
        (IN_TWO_MINUTES, "yesterday", 120.0),
        ("Mon, 02 Mar 2026 09:12:37 -0000", None, 7.0),  # a zone nobody knows is UTC
        ("Wed, 21 Oct 2015 07:28:00 GMT", None, 0.0),  # long past
        ("Wed, 21 Oct 2215 07:28:00 GMT", None, MOST),
    ],
)
def test_retry_after(header: str | None, date: str | None, seconds: float | None):
    assert retry_after(HttpAnswer(429, retry_after=header, date=date), NOW) == seconds


@given(header=st.text(max_size=40) | st.integers().map(str), date=st.none() | st.text(max_size=40))
def test_retry_after_is_within_bounds_whatever_they_say(header: str, date: str | None):
    asked = retry_after(HttpAnswer(503, retry_after=header, date=date), NOW)
    assert asked is None or 0 <= asked <= MOST


HERE = httpx.URL("https://hooks.example/in?key=1")


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("/other", "https://hooks.example/other"),
        ("other?x=1", "https://hooks.example/other?x=1"),
        ("https://hooks.example/other", "https://hooks.example/other"),
        ("https://hooks.example:443/other", "https://hooks.example/other"),
        ("https://HOOKS.example/other", "https://hooks.example/other"),
    ],
)
def test_a_redirect_within_the_origin_is_followed(location: str, there: str):
    assert moved_to(HERE, HttpAnswer(307, location)) == httpx.URL(there)


@pytest.mark.parametrize(
    "location",
    [
        None,
        "",
        "https://evil.example/in",
        "//evil.example/in",
        "http://hooks.example/in",  # in clear
        "https://hooks.example:8443/in",
        "https://hooks.example.evil.example/in",
        "https://hooks.example@evil.example/in",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://[half",
        "https://hooks.example:port/",
        "javascript:alert(1)",
    ],
)
def test_no_other_redirect_is_followed(location: str | None):
    with pytest.raises(PermanentFailure):
        moved_to(HERE, HttpAnswer(308, location))

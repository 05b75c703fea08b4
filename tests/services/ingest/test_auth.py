"""API keys."""

from __future__ import annotations

import pytest

from services.ingest.auth import KeyRing, new_key, sha256
from tests.support.ingest_desk import KIOSK_KEY, PBX_KEY, city


@pytest.mark.parametrize(
    ("header", "holder"),
    [
        (f"Bearer {PBX_KEY}", "pbx"),
        (f"bearer {KIOSK_KEY}", "kiosk"),
        (f"Bearer {PBX_KEY}x", None),
        (f"Basic {PBX_KEY}", None),
        (PBX_KEY, None),
        (f"Bearer {sha256(PBX_KEY)}", None),  # who read the city file is not in
        ("Bearer ", None),
        ("Bearer é", None),
        ("", None),
        (None, None),
    ],
)
def test_whose_key(header: str | None, holder: str | None):
    found = KeyRing(city().sources).holder(header)
    assert (found.id if found else None) == holder


def test_a_new_key_fits_its_hash_and_no_other():
    (one, digest), (other, _) = new_key(), new_key()
    assert sha256(one) == digest
    assert one != other
    assert len(one) >= len("wachtpost_") + 43  # 256 bits in base64

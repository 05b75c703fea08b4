"""A page as PDF/UA: tagged, with title and language, for screen readers too. Needs the extra ``pdf``."""

from __future__ import annotations

from typing import Final, Never

VARIANT: Final = "pdf/ua-1"


class NoPdfError(Exception):
    """No PDF maker here. ``lacking``: what it misses of the machine; empty: it is not installed itself."""

    def __init__(self, lacking: str = "") -> None:
        super().__init__(lacking or "weasyprint is not installed")
        self.lacking = lacking


def as_pdf(html: str) -> bytes:
    """Return a page as a PDF. Raises ``NoPdfError``."""
    try:
        from weasyprint import HTML  # type: ignore[import-untyped]  # ships no types
    except ImportError:
        raise NoPdfError from None
    except OSError as error:
        raise NoPdfError(str(error).partition("\n")[0]) from None
    made = HTML(string=html, url_fetcher=_nothing_from_outside).write_pdf(pdf_variant=VARIANT)
    return bytes(made)


def _nothing_from_outside(url: str) -> Never:
    """The page has everything in it; a text in it must not make this machine ask for anything."""
    raise ValueError(f"not fetched: {url}")

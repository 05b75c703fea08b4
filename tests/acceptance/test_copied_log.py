"""A log that comes by copies: whatever takes its place, and whichever comes first, each call counts once."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.test_cases import LATER, city_text, line
from tests.acceptance.test_history import Town
from tests.support.eventually import eventually


def calls(first: int, behind: int) -> str:
    """Calls of twenty seconds each, one after the other, all of them answered after five."""
    return "".join(
        line(f"{20 * number} {number} onthaal ENTERQUEUE|||1")
        + line(f"{20 * number + 5} {number} onthaal CONNECT|5|1|2")
        for number in range(first, behind)
    )


def takes_the_place_of(path: Path, content: str) -> None:
    """As rsync does it: written under another name, and renamed."""
    coming = path.with_name(".coming")
    coming.write_text(content)
    coming.rename(path)


def test_every_call_of_a_copied_log_is_counted_once(redis_url: str, tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_text(calls(0, 2))
    town = Town(tmp_path, redis_url, city_text(tmp_path, [0]))
    with town.running(LATER, "ingest", "evaluator") as (ingest, evaluator):

        def answered() -> float | None:
            return evaluator.metric("calls_answered", queue="onthaal")

        eventually(lambda: answered() == 2)
        takes_the_place_of(log, calls(0, 4))  # a longer copy of itself
        eventually(lambda: answered() == 4)
        takes_the_place_of(log, calls(6, 7))  # rotated there: the new file comes first
        eventually(lambda: answered() == 5)
        takes_the_place_of(tmp_path / "0.log.1", calls(0, 6))
        eventually(lambda: answered() == 7)
        assert evaluator.metric("dead_letters_total") == ingest.metric("dead_letters_total") == 0

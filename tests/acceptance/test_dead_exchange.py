"""A log that stays there when nobody writes in it any more: its exchange is dead, and that is noticed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess, Services

CITY = """
[city]
name = "Proefstad"
[hours.desk]
tuesday = ["09:00-17:00"]
[[sites]]
id = "huis"
queues = [{ id = "onthaal", kind = "phone", hours = "desk" }]
[[sources]]
kind = "queue_log"
id = "pbx"
site = "huis"
path = "%s"
[[no_data_rules]]
id = "pbx-zwijgt"
source = "pbx"
after = "5m"
"""
MORNING = datetime(2026, 11, 24, 9, tzinfo=UTC)
"""A Tuesday, ten o'clock in Brussels."""


class Desk:
    """An exchange that answers calls, or none, and the clock on the wall."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = MORNING
        (folder / "city.toml").write_text(CITY % (folder / "queue_log"))

    def pass_time(self, **by: float) -> None:
        """Let the clock jump; in between it stands still."""
        self.now += timedelta(**by)
        there = self.folder / "clock.new"
        there.write_text(f"{MORNING.isoformat()}/{self.now.isoformat()}/0")
        there.replace(self.folder / "clock")

    def answer(self) -> None:
        """Have somebody's call answered at once."""
        at = int(self.now.timestamp())
        with (self.folder / "queue_log").open("a") as log:
            log.write(
                f"{at}|{at}.1|onthaal|NONE|ENTERQUEUE||\n{at}|{at}.1|onthaal|Agent|CONNECT|0|{at}.2|0\n"
            )


def shown(evaluator: ServiceProcess) -> tuple[str, float, float]:
    """What the rule is in, and when the source last said something and was last heard of."""
    state, last = "", dict[str, float]()
    for family in text_string_to_metric_families(evaluator.metrics()):
        for sample in family.samples:
            if sample.name == "wachtpost_kpi_state" and sample.value == 1:
                state = sample.labels["state"]
            if sample.labels.get("source") == "pbx":
                last[sample.name] = sample.value
    event, beat = (last.get(f"wachtpost_last_{what}_timestamp_seconds", 0) for what in ("event", "heartbeat"))
    return state, event, beat


def test_a_dead_exchange_is_noticed_though_its_log_is_there(tmp_path: Path, redis_url: str) -> None:
    desk = Desk(tmp_path)
    desk.pass_time()
    desk.answer()
    given = {"city_file": tmp_path / "city.toml", "redis_url": redis_url, "clock": f"@{tmp_path / 'clock'}"}
    with Services(tmp_path, **given) as services:
        services.start("ingest")
        evaluator = services.start("evaluator")
        began = desk.now.timestamp()
        eventually(lambda: shown(evaluator) == ("ok", began, began))
        desk.pass_time(minutes=4, seconds=30)
        eventually(lambda: shown(evaluator) == ("ok", began, began + 270))
        desk.pass_time(minutes=1)
        eventually(lambda: shown(evaluator) == ("firing", began, began + 330))
        desk.answer()
        eventually(lambda: shown(evaluator) == ("ok", began + 330, began + 330))
        desk.pass_time(hours=12)
        eventually(lambda: shown(evaluator)[0] == "closed")

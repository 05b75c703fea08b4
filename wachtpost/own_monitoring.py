"""What a Prometheus and a Grafana of one's own need, without containers: made of the files of the containers.

They differ in where the services are, and in nothing else; what is about exporters of containers is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic_core import to_json

import deploy

DEPLOY: Final = Path(deploy.__file__).parent
RULES: Final = ("evaluator", "feeds", "notifier", "reports", "services")
"""Those about our services; the others are about a host and a Redis with exporters."""
HOST: Final = "127.0.0.1"

_BY_NAME: Final = re.compile(
    r"dns_sd_configs:\n +- names: \[\w+\]\n +type: A\n +port: (?P<port>\d+)(?:\n +refresh_interval: .*)?"
)
_OF_CONTAINERS: Final = re.compile(r"\n  # --- What they stand on -.*", re.DOTALL)
_ABOUT_NAMES: Final = re.compile(r"  # --- The three services -.*?\n\n", re.DOTALL)
_ALERTMANAGER: Final = re.compile(r"alerting:\n(?: .*\n)+\n")
_INSTALLATION: Final = re.compile(r"  external_labels:\n(?:    .*\n)+")
_HEAD: Final = """\
# What Prometheus scrapes of the services on this machine, and which rules it follows. Written by
# `wachtpost boards build --monitoring`.
"""


def monitoring_files(folder: Path, language: str) -> Mapping[Path, str]:
    """Return the text of each file by its place in ``folder``, in which the boards are."""
    scraped = _text("prometheus/prometheus.yml")
    scraped = _OF_CONTAINERS.sub("\n", scraped.partition("\n\n")[2])
    for pattern in (_ALERTMANAGER, _INSTALLATION, _ABOUT_NAMES):
        scraped = pattern.sub("", scraped)
    scraped = _BY_NAME.sub(rf"static_configs:\n      - targets: [{HOST}:\g<port>]", scraped)
    boards = _text("grafana/provisioning/dashboards/wachtpost.yml")
    source = _text("grafana/provisioning/datasources/wachtpost.yml")
    shown = str(folder.resolve() / language)
    return {
        Path("prometheus/prometheus.yml"): f"{_HEAD}\n{scraped}",
        **{Path(f"prometheus/rules/{name}.yml"): _text(f"prometheus/rules/{name}.yml") for name in RULES},
        Path("provisioning/dashboards/wachtpost.yml"): boards.replace(
            "path: /etc/grafana/boards/$WACHTPOST_LANGUAGE", f"path: {to_json(shown).decode()}"
        ),
        Path("provisioning/datasources/wachtpost.yml"): source.replace("//prometheus:", f"//{HOST}:"),
    }


def _text(file: str) -> str:
    return (DEPLOY / file).read_text(encoding="utf-8")

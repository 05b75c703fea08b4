"""Which units a city needs, and what stands in them. Pure, but for its templates.

What a unit knows of secrets is where they lie: systemd hands them over (``LoadCredential``), so that their
files may stay root's, and none is in an environment or an argument.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from shared.config.alerting import AppriseChannel, WebhookChannel
from shared.config.model import CityFile, QueueLogSource

USER: Final = "wachtpost"
SYSUSERS: Final = f'# Written by `wachtpost units`.\nu {USER} - "Wachtpost"\n'
HOMES: Final = ("/home", "/root", "/run/user")

MODULES: Final[Mapping[str, str]] = {
    "ingest": "services.ingest",
    "evaluator": "services.evaluator",
    "notifier": "services.notifier",
    "reporter": "services.reporter",
    "page": "wachtpost.page",
}
SECRETS: Final[Mapping[str, Mapping[str, str]]] = {
    "ingest": {"pseudonym_key": "WACHTPOST_PSEUDONYM_KEY_FILE"},
    "notifier": {
        "link_key": "WACHTPOST_LINK_KEY_FILE",
        "api_keys": "WACHTPOST_API_KEYS_FILE",
        "smtp": "WACHTPOST_SMTP_PASSWORD_FILE",
    },
}
"""Of which file in the folder of secrets which service is told, and in which variable."""
REDIS_PASSWORD: Final = "redis_password"  # noqa: S105 - the name of its file
"""The same, of all of them."""


@dataclass(frozen=True)
class ServiceUnit:
    """One service."""

    name: str
    module: str
    environment: Mapping[str, str]
    credentials: tuple[tuple[str, str, Path], ...]
    """Variable, name of the credential, file."""
    groups: tuple[str, ...] = ()
    """In which it reads."""

    @property
    def file(self) -> str:
        """The name of the unit."""
        return f"wachtpost-{self.name}.service"


@dataclass(frozen=True)
class UnitPlan:
    """All units of a city."""

    city: str
    directory: Path
    """In which relative paths of the city file are looked up."""
    python: Path
    city_file: Path
    units: tuple[ServiceUnit, ...]

    @property
    def is_at_home(self) -> bool:
        """Whether something lies below a home, which services usually do not see."""
        return any(str(path).startswith(HOMES) for path in (self.python, self.city_file))

    def files(self) -> dict[str, str]:
        """Return the text of each file by its name."""
        service, target = (_environment().get_template(f"{name}.j2") for name in ("service", "target"))
        return {
            **{unit.file: service.render(unit=unit, plan=self) for unit in self.units},
            "wachtpost.target": target.render(plan=self),
            "wachtpost.sysusers": SYSUSERS,
        }


def plan(
    city: CityFile,
    directory: Path,
    city_file: Path,
    python: Path,
    redis_url: str,
    secrets: Mapping[str, Path],
    groups: tuple[str, ...],
) -> UnitPlan:
    """Return the units of a city.

    ``secrets``: the files that there are, by name; ``groups``: those of the files that ingest follows.
    """
    shared = {"WACHTPOST_CITY_FILE": str(city_file), "WACHTPOST_REDIS_URL": redis_url}
    names = [name for name in MODULES if name != "reporter" or city.report.receivers]
    units = []
    for name in names:
        wanted = {**SECRETS.get(name, {}), REDIS_PASSWORD: "WACHTPOST_REDIS_PASSWORD_FILE"}
        credentials = tuple(
            (variable, credential, secrets[credential])
            for credential, variable in wanted.items()
            if credential in secrets
        )
        units.append(
            ServiceUnit(name, MODULES[name], shared, credentials, groups if name == "ingest" else ())
        )
    return UnitPlan(city.city.name, directory, python, city_file, tuple(units))


def must_be_readable(city: CityFile, city_file: Path) -> Iterator[Path]:
    """Yield the files that the services open by themselves, as the city file names them."""
    yield city_file
    yield from (city_file.parent / file for file in city.history.files)
    yield from (source.path for source in city.sources if isinstance(source, QueueLogSource))
    for receiver in city.receivers:
        for channel in receiver.channels:
            match channel:
                case AppriseChannel(url_file=file):
                    yield file
                case WebhookChannel(secret_file=Path() as file):
                    yield file
    if city.grafana is not None:
        yield city.grafana.token_file


@cache
def _environment() -> Environment:
    environment = Environment(  # noqa: S701 - no HTML
        loader=PackageLoader("wachtpost.units"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["word"] = _word
    environment.filters["path"] = lambda path: str(path).replace("%", "%%")
    environment.filters["exec_word"] = lambda path: _word(str(path).replace("$", "$$"))
    return environment


def _word(text: str) -> str:
    """Return a text as one word of a unit, whatever is in it."""
    escaped = text.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

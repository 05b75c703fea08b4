"""The templates of messages: ours, and in front of them those in a folder of the city's own.

A city may replace any file, or take ours and change a part: ``{% extends "ours/layout.html" %}``. Its
templates run in a sandbox. A broken one is reported with its file and line, and ours speaks instead: a
mistake in a template never keeps a breach from being told.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import FunctionLoader, StrictUndefined, TemplateError, TemplateSyntaxError, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from shared.translation import Translator, languages

OURS: Final = "ours/"
"""In front of a name: the template that came with Wachtpost, even if the city has one of that name."""

OUR_FOLDER: Final = Path(__file__).with_name("templates")

_FAULTS: Final = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a template can do wrong while it is filled in: its expressions are somebody else's code."""


@dataclass(frozen=True)
class TemplateFault:
    """What is wrong with a template of the city's own."""

    path: Path
    line: int | None
    why: str

    def __str__(self) -> str:
        line = "" if self.line is None else f", line {self.line}"
        return f"{self.path}{line}: {self.why}; the template that came with Wachtpost is used instead"


Report = Callable[[TemplateFault], None]


@dataclass(frozen=True)
class _Source:
    path: Path
    text: str


class Templates(ImmutableSandboxedEnvironment):
    """Fills in templates; text that goes into HTML is escaped, and a name that is not there is a fault."""

    def __init__(self, ours: Mapping[str, _Source], own: Mapping[str, _Source], report: Report) -> None:
        super().__init__(
            loader=FunctionLoader(self._load),
            autoescape=select_autoescape(["html"], default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._ours = dict(ours)
        self._report = report
        self._reported: set[TemplateFault] = set()
        self._own = {name: source for name, source in own.items() if self._compiles(name, source)}

    def fill(self, name: str, say: Translator, /, **values: object) -> str:
        """Return the template with its fields filled in, in a language, without white space around it.

        A city may have one for that language alone, in a folder of its name. A fault in a template of the
        city's own is reported, once, and ours is filled in. Raises what Jinja raises when ours is at fault.
        """
        values = {"language": say.language, **say.for_templates(), **values}
        if self._own:
            own = next((own for own in (f"{say.language}/{name}", name) if own in self._own), name)
            try:
                return self.get_template(own).render(values).strip()
            except _FAULTS as error:
                fault = self._fault(own, error)
                if fault is None:
                    raise
                self.tell(fault)
        return self.get_template(OURS + name).render(values).strip()

    def tell(self, fault: TemplateFault) -> None:
        """Report a fault, unless it was already: a broken template is met by every message."""
        if fault not in self._reported:
            self._reported.add(fault)
            self._report(fault)

    def join_path(self, template: str, parent: str) -> str:
        """Let a template of ours build upon ours only."""
        if parent.startswith(OURS) and not template.startswith(OURS):
            return OURS + template
        return template

    def _load(self, name: str) -> tuple[str, str, None] | None:
        folder, _, within = name.removeprefix(OURS).partition("/")
        source = self._ours.get(within if folder in languages() else name.removeprefix(OURS))
        if not name.startswith(OURS):
            source = self._own.get(name, source)
        return None if source is None else (source.text, str(source.path), None)

    def _compiles(self, name: str, source: _Source) -> bool:
        try:
            self.compile(source.text, name, str(source.path))
        except TemplateSyntaxError as error:
            self.tell(TemplateFault(source.path, error.lineno, error.message or "syntax error"))
            return False
        return True

    def _fault(self, name: str, error: Exception) -> TemplateFault | None:
        """Where in the city's templates it went wrong; ``None`` when it has no part in it."""
        paths = {str(source.path): source.path for source in self._own.values()}
        why = str(error) or type(error).__name__
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename in paths:
                return TemplateFault(paths[frame.filename], frame.lineno, why)
        own = self._own.get(name)
        return None if own is None else TemplateFault(own.path, None, why)


def load_templates(folder: Path | None, report: Report) -> Templates:
    """Read all templates, once; ``folder`` has those of the city's own, under the same names as ours.

    What is wrong with them is reported now, or when they are filled in. Raises ``OSError`` when there is
    no such folder.
    """
    ours = {name: _Source(path, path.read_text("utf-8")) for name, path in _files(OUR_FOLDER)}
    own: dict[str, _Source] = {}
    broken: list[TemplateFault] = []
    for name, path in _files(folder) if folder is not None else ():
        try:
            own[name] = _Source(path, path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            broken.append(TemplateFault(path, None, f"cannot be read: {error}"))
    templates = Templates(ours, own, report)
    for fault in broken:
        templates.tell(fault)
    return templates


def _files(folder: Path) -> list[tuple[str, Path]]:
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: there is no folder with templates here")
    files = (
        path for path in sorted(folder.rglob("*")) if path.suffix in {".txt", ".html"} and path.is_file()
    )
    return [(path.relative_to(folder).as_posix(), path) for path in files]

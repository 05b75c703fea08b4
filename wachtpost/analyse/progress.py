"""How far the reading of files is, on the terminal of whoever waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from shared.translation import Translator
from wachtpost.analyse import files as reader

BIG: Final = 4 * 1024 * 1024
"""Bytes from which a progress bar is worth its line."""


@contextmanager
def progress_bar(files: Sequence[Path], say: Translator) -> Iterator[reader.Progress | None]:
    """Show a bar on stderr while files are read; yields ``None`` where nobody sees it. Raises ``OSError``."""
    sizes = {file: file.stat().st_size for file in files}
    console = Console(stderr=True)
    if not console.is_terminal or sum(sizes.values()) < BIG:
        yield None
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        # Translators: in front of a progress bar, while files are read.
        task = bar.add_task(say.gettext("reading"), total=sum(sizes.values()))
        done: dict[Path, int] = {}

        def show(file: Path, read: int) -> None:
            done[file] = read
            bar.update(task, completed=sum(done.values()))

        yield show

"""``python -m deploy.grafana``: write the boards anew. ``--check``: only say which differ; status 1 if any
does."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.grafana.every import FOLDER, written


def main(arguments: list[str]) -> int:
    """Write or compare; return the exit status."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m deploy.grafana [--check]\n")
        return 2
    wanted = written()
    stale = sorted(differing(wanted))
    if arguments:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(FOLDER)} is not what the builder makes: run make boards\n")
        return 1 if stale else 0
    for path in stale:
        if path not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    return 0


def differing(wanted: Mapping[Path, str]) -> Iterator[Path]:
    """Yield the files that are missing, differ, or belong to no board."""
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield path
    for path in FOLDER.glob("*/*.json"):
        if path not in wanted:
            yield path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

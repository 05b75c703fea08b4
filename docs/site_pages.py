"""The site is made of the pages where they are: this hook of MkDocs gathers them from the whole repository.

MkDocs wants all pages in one folder; ours lie beside what they are about (``deploy/README.md``), and link to
the files they speak of. So every page keeps its path, each file that a page links to comes along, and the
decisions get an index. Nothing else of the repository is in the site.
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = (
    "*.md",
    "docs/**/*.md",
    "deploy/**/*.md",
    "examples/**/*.md",
    "services/**/*.md",
)
ELSEWHERE: Final = re.compile(r"<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)=.?https?:")
LINK: Final = re.compile(r"\]\(([^)\s:#]+)")
DECISIONS: Final = "docs/decisions/"


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Put the repository's pages, and what they link to, beside the files of the theme."""
    for page in [file for file in files if file.src_uri.endswith((".md", ".py", ".png"))]:
        files.remove(page)
    pages = sorted(set(chain.from_iterable(ROOT.glob(pattern) for pattern in PAGES)))
    linked = {
        (page.parent / link).resolve() for page in pages for link in LINK.findall(page.read_text("utf-8"))
    }
    for path in dict.fromkeys([*pages, *sorted(linked)]):
        if path.is_file():
            uri = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    files.append(File.generated(config, f"{DECISIONS}index.md", content=_decisions()))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead a link to the folder of decisions to their index."""
    del page, config, files
    return markdown.replace("decisions/)", "decisions/index.md)")


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """Return the page as it is; raises ``PluginError`` where it would fetch something from others."""
    del config
    if found := ELSEWHERE.search(output):
        raise PluginError(f"{page.file.src_uri}: {found[0]}… comes from elsewhere, and tells who reads it")
    return output


def _decisions() -> str:
    titles = [
        (path.name, path.read_text("utf-8").splitlines()[0]) for path in sorted(ROOT.glob(f"{DECISIONS}*.md"))
    ]
    return "\n".join(
        ["# Decisions", "", "Why things are as they are.", ""]
        + [f"- [{title.removeprefix('# ')}]({name})" for name, title in titles]
    )

"""The glossary is the dictionary of the code: what it names exists, and no retired word is a name again."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("deploy", "domain", "services", "shared", "simulator", "wachtpost")
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?P<term>[^|]+?) \|.*\| `(?P<file>[\w/]+\.py)(?::(?P<name>\w+))?` \|$", re.MULTILINE)
TERMS = [(found["term"], found["file"], found["name"]) for found in ROW.finditer(PAGE)]
RETIRED = re.findall(r"^\| (\w+) \| [^|]+ \|$", PAGE.split("## Retired")[1], re.MULTILINE)[1:]
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def modules() -> Iterator[tuple[str, ast.Module]]:
    for part in PRODUCT:
        for file in sorted((ROOT / part).rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))


def names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name) | ast.Attribute(attr=name):
                yield name


def words(name: str) -> set[str]:
    found = {word.lower() for word in WORD.findall(name)}
    return found | {word.removesuffix("s") for word in found} | {word + "s" for word in found}


@pytest.mark.parametrize(("term", "file", "name"), TERMS)
def test_every_term_is_where_the_glossary_says(term: str, file: str, name: str | None):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    defined |= {
        target.id
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    assert name is None or name in defined, f"{term}: {file} has no {name}"


def test_a_term_stands_once():
    terms = [term for term, _, _ in TERMS]
    assert len(terms) > 50
    assert sorted(terms) == sorted(set(terms))


def test_no_two_classes_share_a_name():
    where = defaultdict(list)
    for file, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                where[node.name].append(file)
    assert {name: files for name, files in where.items() if len(files) > 1} == {}


def test_no_retired_word_is_a_name_again():
    assert len(RETIRED) > 15
    retired = set(RETIRED)
    found = {(file, name) for file, tree in modules() for name in names(tree) if words(name) & retired}
    found |= {(file, file) for file, _ in modules() if words(Path(file).stem) & retired}
    assert sorted(found) == []

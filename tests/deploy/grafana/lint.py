"""Lints the boards, in the manner of Grafana's dashboard-linter: ``python -m tests.deploy.grafana.lint``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from tests.deploy.grafana import lint_languages, lint_layout, lint_looks, lint_queries, schema
from tests.deploy.grafana.exceptions import EXCEPTIONS, Excepted
from tests.deploy.grafana.files import Board, read_boards
from tests.deploy.grafana.finding import Finding, listed
from tests.deploy.grafana.series import Catalogue, catalogue

Rule: TypeAlias = Callable[[Board], Iterator[Finding]]
RuleWithSeries: TypeAlias = Callable[[Board, Catalogue], Iterator[Finding]]
RuleWithBoards: TypeAlias = Callable[[Board, Sequence[Board]], Iterator[Finding]]

OF_ONE_BOARD: Final[tuple[Rule, ...]] = (
    lint_queries.datasource_variable,
    lint_queries.datasource_used,
    lint_queries.has_queries,
    lint_queries.rate_interval,
    lint_queries.whole_histograms,
    lint_queries.job_or_instance,
    lint_queries.no_targets_in_queries,
    lint_queries.known_variables,
    lint_queries.one_queue_variable,
    lint_looks.titles,
    lint_looks.units,
    lint_looks.empty_in_words,
    lint_looks.states_in_words,
    lint_looks.thresholds,
    lint_looks.not_by_colour_alone,
    lint_looks.palette,
    lint_layout.identity,
    lint_layout.panel_ids,
    lint_layout.grid,
    lint_layout.wallboard_fits,
)
WITH_SERIES: Final[tuple[RuleWithSeries, ...]] = (
    lint_queries.known_names,
    lint_queries.known_labels,
    lint_queries.legend_labels,
    lint_queries.field_names,
)
WITH_BOARDS: Final[tuple[RuleWithBoards, ...]] = (lint_layout.links, lint_layout.tags_of_links)


def lint(boards: Sequence[Board], series: Catalogue) -> list[Finding]:
    """Return everything that the rules have to say, exceptions included."""
    found: list[Finding] = []
    for board in boards:
        found += [finding for rule in OF_ONE_BOARD for finding in rule(board)]
        found += [finding for rule in WITH_SERIES for finding in rule(board, series)]
        found += [finding for rule in WITH_BOARDS for finding in rule(board, boards)]
    return [*found, *lint_layout.unique_uids(boards), *lint_languages.same_boards(boards)]


def unexcused(findings: Sequence[Finding], excepted: Mapping[Excepted, str] = EXCEPTIONS) -> list[Finding]:
    """Return the findings that no exception speaks for."""
    return [finding for finding in findings if excuse(finding) not in excepted]


def stale(findings: Sequence[Finding], excepted: Mapping[Excepted, str] = EXCEPTIONS) -> list[Excepted]:
    """Return the exceptions that nothing needs any more."""
    return sorted(set(excepted) - {excuse(finding) for finding in findings}, key=str)


def excuse(finding: Finding) -> Excepted:
    """Return the key under which an exception for a finding is listed."""
    return finding.board.name, finding.panel.id if finding.panel else None, finding.rule


def main() -> int:
    """Print every finding that is not excepted; 1 when there are any."""
    boards = read_boards()
    found = unexcused([*lint(boards, catalogue()), *(one for board in boards for one in schema.check(board))])
    promtool = lint_queries.find_promtool()
    if promtool is None:
        print("promtool is not installed (apt install prometheus): PromQL was not checked")
    else:
        found += lint_queries.parses(boards, promtool)
    print(listed(found) or f"{len(boards)} boards, no findings")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())

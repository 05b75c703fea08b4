"""The boards as code: six of them, in Dutch and in English, as Grafana 12 reads them.

``python -m deploy.grafana`` writes ``boards/nl/*.json`` and ``boards/en/*.json``; with ``--check`` it
compares. ``may_be_empty`` says which questions of a board may rightly have no answer.
"""

from deploy.grafana.every import FOLDER, every_board, may_be_empty, written

__all__ = ["FOLDER", "every_board", "may_be_empty", "written"]

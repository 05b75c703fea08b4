"""The boards as code: six of them, in every language, as Grafana 12 reads them.

``wachtpost boards build`` writes ``boards/<language>/*.json``. Needs the extra ``boards``.
"""

"""``wachtpost analyse``: the evaluator's own arithmetic over whole files, without any server."""

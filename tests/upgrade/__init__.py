"""What a release left in Redis, and that the next one goes on from there.

``before`` holds a Redis as the release before left it when all its services were killed in the middle of
their work, and what became of it when that release went on by itself. ``python -m tests.upgrade.record``
made both, in a checkout of that release; the tests put the same Redis before today's code and want the same
to come of it. Names in Redis (keys, fields, the JSON in them) are written out here on purpose: they are what
is promised.
"""

"""The ``wachtpost`` command: the one place that knows all rooms."""

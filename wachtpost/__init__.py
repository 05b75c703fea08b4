"""The ``wachtpost`` command: what people run; it knows every service."""

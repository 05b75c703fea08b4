"""``wachtpost units``: the services under systemd, for who wants no containers."""

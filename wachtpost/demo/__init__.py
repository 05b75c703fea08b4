"""``wachtpost demo``: everything on this machine for as long as it runs, with a live board."""

"""``wachtpost doctor``: whether an installation can do what it is there for, line by line."""

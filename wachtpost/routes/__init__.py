"""``wachtpost routes``: who would be told of what."""

"""``wachtpost init``: a city file of one's own, from what the telephone exchange wrote so far."""

"""Redis as all services use it: connection, keys, lease, streams."""

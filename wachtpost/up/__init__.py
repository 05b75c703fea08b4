"""``wachtpost up``: everything for one city on one machine, with what it knows kept on disk."""

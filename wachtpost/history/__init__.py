"""``wachtpost history``: days worked out anew from files, and the archive of days as a file."""

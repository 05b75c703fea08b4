"""What was refused, live and in files: grouped, and with what to do about it."""

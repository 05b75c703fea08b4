"""Asterisk's queue_log: read, translated, written to the stream."""

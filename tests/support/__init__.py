"""Helpers of the tests, and tests of those."""

"""The README's first hour, on a machine that knows nothing of us: ``make first-hour``."""

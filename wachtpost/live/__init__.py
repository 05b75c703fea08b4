"""Services that run under one command, and how they stand while they do: for ``demo`` and ``up``."""

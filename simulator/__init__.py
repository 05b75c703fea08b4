"""A city's desk as a queueing model: the same seed always gives the same day. Pure; knows no service."""

from simulator.city_day import next_working_day, rush_start, simulate
from simulator.events import SOURCE

__all__ = ["SOURCE", "next_working_day", "rush_start", "simulate"]

"""Breaches as annotations in Grafana."""

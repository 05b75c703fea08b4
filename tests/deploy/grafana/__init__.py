"""What proves the boards: a lint, Grafana's own types, and every query against a real Prometheus."""

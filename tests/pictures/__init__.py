"""``make pictures``: what a Grafana makes of the boards, as pictures, and what cannot be read in them."""

"""The wire contract: what travels between services, and to them."""

"""Rules, the state that each is in, and the judge that moves them. Pure."""

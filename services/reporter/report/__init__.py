"""The policy report: a period's indicators, and the city's follow-up sheet around them."""

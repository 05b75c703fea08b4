"""Where events come from beside the HTTP door: a package per source."""

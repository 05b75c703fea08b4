"""The rules of the city file, tried on what has been."""

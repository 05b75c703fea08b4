"""What every service process needs besides its own work."""

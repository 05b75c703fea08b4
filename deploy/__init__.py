"""What an installation is made of; the only Python in it makes the boards."""

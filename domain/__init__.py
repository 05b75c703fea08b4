"""What a figure of a contact centre is: counted exactly, windowed, held against targets. Pure."""

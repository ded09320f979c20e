"""What starts the program and holds it together."""

"""The configuration: TOML, environment on top, secrets by reference, every mistake told at once."""

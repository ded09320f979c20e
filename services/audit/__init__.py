"""The audit as people read it: list, show, check, take elsewhere."""

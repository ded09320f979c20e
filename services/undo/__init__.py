"""Taking writes back: what can be, by whom it was, and the road through the guard."""

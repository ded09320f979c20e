"""Alerts: what fires, who muted it, and the words to act on it."""

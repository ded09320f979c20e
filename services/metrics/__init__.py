"""Metrics: Prometheus queries and what they tell about an alert."""

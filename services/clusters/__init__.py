"""Kubernetes clusters: list, watch and decode, never more than is shown."""

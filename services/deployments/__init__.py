"""Deployments: what runs, what changed, and whether the change went well."""

"""What a first configuration looks like."""

EXAMPLE = """\
[[sre.alertmanager]]
name = "prod"
urls = ["http://localhost:9093"]

[sre.prometheus]
url = "http://localhost:9090"

[[sre.kubernetes]]
context = "prod"

[[sre.oncall.rotation]]
name = "primary"
members = ["op-a", "op-b"]
start = 2026-01-05T09:00:00
zone = "Europe/Berlin"
every = "1w"
"""
"""A smallest useful configuration; every section can be left out."""

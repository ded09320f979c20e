"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# The same examples on every run and no limit on an example's time: a busy machine fails no test.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

"""Short names for series that are drawn together."""

from __future__ import annotations

from collections.abc import Sequence

from services.metrics.model import Labels


def names_apart(every: Sequence[Labels]) -> list[str]:
    """One name a series: the values of the labels in which they differ; empty for one alone."""
    if len(every) < 2:
        return [""] * len(every)
    labelled = [dict(labels) for labels in every]
    keys = sorted({key for labels in labelled for key in labels})
    differing = [key for key in keys if len({labels.get(key) for labels in labelled}) > 1]
    return [" ".join(labels[key] for key in differing if key in labels) or "value" for labels in labelled]

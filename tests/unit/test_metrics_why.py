"""What sets the series that fire apart from the healthy ones."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from services.metrics.model import Sample
from services.metrics.why import contrast


def sample(value: float, **labels: str) -> Sample:
    return Sample(tuple(sorted(labels.items())), 0.0, value)


def named(value: float, **labels: str) -> Sample:
    return sample(value, __name__="errors", **labels)


def test_the_version_that_only_the_broken_pods_run_stands_before_their_names() -> None:
    bad = [named(9, pod=f"web-{n}", version="v2", job="web") for n in range(3)]
    good = [named(n, pod=f"web-{n}", version="v1", job="web") for n in range(3, 6)]
    found = contrast([*bad, *good], [sample(9, pod=f"web-{n}", version="v2", job="web") for n in range(3)])
    assert (found.firing, found.healthy) == (tuple(bad), tuple(good))
    assert found.apart == (("version", ("v2",)), ("pod", ("web-0", "web-1", "web-2")))
    assert found.shared == (("job", "web"),)
    assert found.healthy_range == (3, 5)


def test_a_value_that_is_healthy_elsewhere_sets_nothing_apart() -> None:
    bad = [sample(9, node="n1", zone="a")]
    found = contrast([*bad, sample(1, node="n1", zone="b"), sample(1, node="n2", zone="a")], bad)
    assert found.apart == ()


def test_a_label_that_only_some_of_what_fires_has_is_no_reason() -> None:
    bad = [sample(9, pod="a", canary="yes"), sample(8, pod="b")]
    assert contrast([*bad, sample(1, pod="c")], bad).apart == (("pod", ("a", "b")),)


def test_a_label_that_the_healthy_lack_sets_apart() -> None:
    bad = [sample(9, pod="a", canary="yes")]
    assert contrast([*bad, sample(1, pod="c")], bad).apart == (("canary", ("yes",)), ("pod", ("a",)))


def test_where_all_fire_nothing_is_said() -> None:
    bad = [sample(9, pod="a"), sample(8, pod="b")]
    found = contrast(bad, bad)
    assert (found.apart, found.healthy, found.healthy_range) == ((), (), None)


def test_what_is_measured_may_have_other_labels_than_what_fires() -> None:
    fires = [sample(9, service="web", team="shop")]
    found = contrast([sample(9, service="web"), sample(1, service="api")], fires)
    assert found.firing == tuple(fires)


def test_what_is_no_number_is_not_among_the_range() -> None:
    bad = [sample(9, pod="a")]
    found = contrast([*bad, sample(math.nan, pod="b"), sample(math.inf, pod="c"), sample(2, pod="d")], bad)
    assert found.healthy_range == (2, 2)


LABELS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz"), min_size=1)


@given(st.lists(LABELS, unique_by=lambda one: tuple(sorted(one.items())), min_size=1), st.data())
def test_every_label_that_is_told_is_in_all_that_fires_and_in_nothing_healthy(
    every: list[dict[str, str]], data: st.DataObject
) -> None:
    samples = [sample(1, **one) for one in every]
    fires = data.draw(st.lists(st.sampled_from(samples), unique=True))
    found = contrast(samples, fires)
    assert len(found.firing) + len(found.healthy) == len(samples)
    for name, values in found.apart:
        assert {dict(one.labels)[name] for one in found.firing} == set(values)
        assert not [one for one in found.healthy if dict(one.labels).get(name) in values]
    told = {name for name, _ in found.apart}
    for name in set("abcd") - told:
        inside = [dict(one.labels).get(name) for one in found.firing]
        outside = [dict(one.labels).get(name) for one in found.healthy]
        assert not outside or not inside or None in inside or set(inside) & set(outside)

"""Alertmanager's routing tree: read from its configuration, walked as ``dispatch/route.go`` walks it."""

from __future__ import annotations

import pytest

from services.alerts.routing import RoutingError, group_of, read_routes

TREE = """
global: {smtp_auth_password: <secret>}
route:
  receiver: default
  group_by: [alertname]
  routes:
  - matchers: ['team="shop"', 'severity=~"critical|error"']
    receiver: shop-pager
    group_by: [service, alertname]
    routes:
    - match: {service: cart}
      receiver: cart
      continue: true
    - match_re: {service: ca.*}
      group_by: ['...']
  - matchers: [team=data]
    receiver: data
    continue: true
  - receiver: all
    matchers: 'zone=eu,team=~"data|other"'
    group_by: []
receivers: []
"""
ROOT = read_routes(TREE)


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        ({"alertname": "A"}, [("default", {"alertname": "A"})]),
        ({"alertname": "A", "team": "shop"}, [("default", {"alertname": "A"})]),
        (
            {"alertname": "A", "team": "shop", "severity": "error", "service": "web"},
            [("shop-pager", {"alertname": "A", "service": "web"})],
        ),
        (
            {"alertname": "A", "team": "shop", "severity": "critical", "service": "cart"},
            [
                ("cart", {"alertname": "A", "service": "cart"}),
                ("shop-pager", {"alertname": "A", "team": "shop", "severity": "critical", "service": "cart"}),
            ],
        ),
        (
            {"alertname": "A", "team": "data", "zone": "eu"},
            [("data", {"alertname": "A"}), ("all", {"alertname": "A"})],
        ),
        ({"team": "other", "zone": "eu"}, [("all", {})]),
        ({"alertname": "A", "team": "other", "zone": "us"}, [("default", {"alertname": "A"})]),
    ],
)
def test_where_an_alert_goes(labels: dict[str, str], groups: list[tuple[str, dict[str, str]]]) -> None:
    assert [(receiver, dict(pairs)) for receiver, pairs in group_of(ROOT, labels)] == groups


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("route: [", "no YAML"),
        ("", "no route"),
        ("[]", "no route"),
        ("route: 5", "no route"),
        ("route: {routes: [5]}", "cannot be read"),
        ("route: {routes: [{matchers: ['a=~\"(\"']}]}", "cannot be read"),
        ("route: " + "{routes: [" * 150 + "]}" * 150, "deeper|no YAML"),
    ],
)
def test_what_is_no_tree(text: str, words: str) -> None:
    with pytest.raises(RoutingError, match=words):
        read_routes(text)

"""Label and field selectors of the Kubernetes API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from services.demo.manifests import Json

_TERM = re.compile(
    r"\s*(?:(?P<absent>!)\s*(?P<name1>[\w./-]+)"
    r"|(?P<name2>[\w./-]+)\s+(?P<set>in|notin)\s*\((?P<values>[^)]*)\)"
    r"|(?P<name3>[\w./-]+)\s*(?P<operator>==|!=|=)\s*(?P<value>[\w./-]*)"
    r"|(?P<name4>[\w./-]+))\s*(?:,|$)"
)
_FIELD = re.compile(r"^([\w.]+)(==|!=|=)(.*)$")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
    "spec.nodeName": ("spec", "nodeName"),
    "status.phase": ("status", "phase"),
    "involvedObject.kind": ("involvedObject", "kind"),
    "involvedObject.name": ("involvedObject", "name"),
    "involvedObject.namespace": ("involvedObject", "namespace"),
    "involvedObject.uid": ("involvedObject", "uid"),
    "reason": ("reason",),
    "type": ("type",),
}

Predicate = Callable[[Json], bool]


class SelectorError(Exception):
    """The selector cannot be read."""


def label_selector(text: str) -> Predicate:
    """A predicate for ``labelSelector``: equality and set terms.

    Raises:
        SelectorError: it cannot be read.
    """
    terms: list[Callable[[Mapping[str, str]], bool]] = []
    position = 0
    while position < len(text):
        match = _TERM.match(text, position)
        if match is None:
            raise SelectorError(f"unable to parse requirement: found {text[position:]!r}")
        terms.append(_term(match))
        position = match.end()

    def accepts(document: Json) -> bool:
        labels = _at(document, ("metadata", "labels"))
        return all(term(labels if isinstance(labels, Mapping) else {}) for term in terms)

    return accepts


def _term(match: re.Match[str]) -> Callable[[Mapping[str, str]], bool]:
    name = match["name1"] or match["name2"] or match["name3"] or match["name4"]
    if match["absent"]:
        return lambda labels: name not in labels
    if match["set"]:
        values = {value.strip() for value in match["values"].split(",")}
        if match["set"] == "in":
            return lambda labels: labels.get(name) in values
        return lambda labels: labels.get(name) not in values
    if match["operator"]:
        wanted = match["value"]
        if match["operator"] == "!=":
            return lambda labels: labels.get(name) != wanted
        return lambda labels: labels.get(name) == wanted
    return lambda labels: name in labels


def field_selector(text: str) -> Predicate:
    """A predicate for ``fieldSelector``.

    Raises:
        SelectorError: it cannot be read, or names a field that cannot be selected.
    """
    terms: list[tuple[tuple[str, ...], bool, str]] = []
    for part in filter(None, text.split(",")):
        match = _FIELD.match(part)
        if match is None:
            raise SelectorError(f"invalid selector: {part!r}; can't understand {part!r}")
        if match[1] not in _FIELDS:
            raise SelectorError(f"field label not supported: {match[1]}")
        terms.append((_FIELDS[match[1]], match[2] != "!=", match[3]))
    return lambda document: all((_at(document, path) == value) == equal for path, equal, value in terms)


def _at(document: object, path: tuple[str, ...]) -> object:
    for name in path:
        document = document.get(name, "") if isinstance(document, Mapping) else ""
    return document

"""The shapes of the gateway's answers, as JSON Schema (OpenAPI 3.1)."""

from __future__ import annotations

from typing import Any

from services.alerts.model import Standing
from services.gateway.circuit import LONGEST_REASON, LONGEST_SOURCE
from services.safety.circuit import CircuitState
from services.vocabulary.severity import Severity
from services.vocabulary.snapshot import FreshnessState

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FLAG: Schema = {"type": "boolean"}
_LEVEL: Schema = {"type": "string", "description": "shadow, dry-run, assisted, supervised or selective-autonomy"}
_INSTANT: Schema = {"type": "string", "format": "date-time"}


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(properties: dict[str, Schema], **more: Any) -> Schema:
    """An object with exactly these members, all of them there."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }


def _words(values: list[str]) -> Schema:
    return {"type": "string", "enum": values}


def reference(name: str) -> Schema:
    """Leads to one of :func:`schemas`."""
    return {"$ref": f"#/components/schemas/{name}"}


def schemas() -> dict[str, Schema]:
    """All shapes by name."""
    by_state = _object({one.value: _COUNT for one in Standing})
    return {
        "Breaker": _object(
            {
                "scope": {"type": "string", "description": "global, or the name of a source"},
                "state": _words([one.value for one in CircuitState]),
                "revision": {**_COUNT, "description": "grows by one with every toggle"},
                "changed_by": {**_maybe(_TEXT), "description": "null where it was never touched or moved by itself"},
                "changed_at": _maybe(_INSTANT),
                "reason": _TEXT,
                "manual": {**_FLAG, "description": "opened by a person it stays open until a person closes it"},
                "trips": _COUNT,
                "retry_at": {**_maybe(_INSTANT), "description": "when a probe may be tried"},
                "probe": _maybe(_COUNT),
            }
        ),
        "Circuit": _object(
            {"circuit": reference("Breaker"), "sources": {"type": "array", "items": reference("Breaker")}}
        ),
        "Toggle": {
            "oneOf": [
                _object(
                    {
                        "action": {"type": "string", "const": "open"},
                        "reason": {"type": "string", "maxLength": LONGEST_REASON},
                        "source": _source(),
                    },
                    required=["action"],
                    description="Refuses every write to outside systems, or to one source. Needs no reason.",
                ),
                _object(
                    {
                        "action": {"type": "string", "const": "close"},
                        "reason": {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": LONGEST_REASON,
                            "pattern": r"\S",
                            "description": "why it is safe to write again",
                        },
                        "source": _source(),
                    },
                    required=["action", "reason"],
                    description="Lets writes through again.",
                ),
            ]
        },
        "Source": _object(
            {
                "name": _TEXT,
                "state": _words([one.value for one in FreshnessState]),
                "checked_at": _maybe(_INSTANT),
                "failing_since": _maybe(_INSTANT),
                "reason": _TEXT,
                "latency_ms": _maybe({"type": "number", "minimum": 0}),
                "partial": {"type": "array", "items": _TEXT},
            }
        ),
        "Status": _object(
            {
                "version": _TEXT,
                "demo": {**_FLAG, "description": "everything is simulated"},
                "read_only": {**_FLAG, "description": "nothing can be moved through this console"},
                "at": _INSTANT,
                "circuit": _maybe(reference("Breaker")),
                "breakers": {"type": "array", "items": reference("Breaker")},
                "sources": {"type": "array", "items": reference("Source")},
                "alerts": _object(
                    {
                        "trusted": {**_FLAG, "description": "every cluster's answer is fresh"},
                        "total": _maybe(_COUNT),
                        "by_severity": _maybe(_object({one.value: by_state for one in Severity})),
                        "by_state": _maybe(by_state),
                    },
                    description="As last known; null before every cluster has answered once.",
                ),
                "incidents": _maybe(_object({"trusted": _FLAG, "open": _maybe(_COUNT), "major": _maybe(_COUNT)})),
                "audit": _maybe(
                    _object(
                        {"sequence": _COUNT, "hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
                        description="The last link of the audit. Noted elsewhere, it shows whether a tail was cut.",
                    )
                ),
            }
        ),
        "Trust": _object(
            {
                "at": _INSTANT,
                "progressive_trust": {**_FLAG, "description": "whether levels are earned at all"},
                "cap": {**_LEVEL, "description": "no automation goes further"},
                "default": {**_LEVEL, "description": "where automation begins"},
                "levels": {"type": "array", "items": reference("Level")},
                "offers": {
                    "type": "array",
                    "items": _object({"kind": _TEXT, "environment": _TEXT, "from": _LEVEL, "to": _LEVEL}),
                    "description": "promotions that a person may confirm",
                },
            },
            description="What automation may do, by kind of action and environment.",
        ),
        "Level": _object(
            {
                "kind": _TEXT,
                "environment": _TEXT,
                "level": _LEVEL,
                "number": {"type": "integer", "minimum": 0, "maximum": 4},
                "in_force": {**_LEVEL, "description": "what counts now: the level, held down by caps"},
                "held_by": {**_TEXT, "description": "what holds it down; empty for nothing"},
                "since": _maybe(_INSTANT),
                "good": _COUNT,
                "bad": _COUNT,
                "waiting": _COUNT,
                "failures": _COUNT,
                "error_rate": {"type": "number", "minimum": 0, "maximum": 1},
                "next": _maybe(_LEVEL),
                "offered": _FLAG,
                "lacking": {"type": "array", "items": _TEXT},
                "problem": _TEXT,
            }
        ),
        "Health": _object({"status": {"type": "string", "const": "pass"}}),
        "Problem": {
            "type": "object",
            "description": "Problem details (RFC 9457).",
            "properties": {
                "type": {"type": "string", "const": "about:blank"},
                "title": _TEXT,
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": {"type": "string", "description": "what is wrong, in one sentence"},
                "hint": {"type": "string", "description": "what to do about it"},
            },
            "required": ["type", "title", "status", "detail"],
        },
    }


def _source() -> Schema:
    return {
        "type": "string",
        "maxLength": LONGEST_SOURCE,
        "description": "the name of one source, such as alertmanager prod; left out or global for everything",
    }

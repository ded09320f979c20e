"""The description of the gateway that it serves itself (OpenAPI 3.1)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from services.gateway.metrics import CONTENT_TYPE
from services.gateway.negotiation import JSON
from services.gateway.problem import MEDIA_TYPE
from services.gateway.schemas import Schema, reference, schemas

_EVERYWHERE = (406, 421, 429, 500, 503)
_WITH_TOKEN = (401, 403)
_ON_MOVE = (400, 404, 408, 409, 412, 413, 415, 422, 428)
_TAG_PATTERN = r'^(\*|"[!#-~]*"(, "[!#-~]*")*)$'
_MEANINGS = {
    400: "The body is not JSON, or If-Match holds no entity tag.",
    401: "No valid token.",
    403: "The token has not this scope, or the console is read-only.",
    404: "There is no such source.",
    406: "The client takes no format that there is.",
    408: "The body did not come in time.",
    409: "Somebody moved the circuit meanwhile; ETag holds what it is now.",
    412: "A weak entity tag never matches.",
    413: "The body is too large.",
    415: "The body is not said to be JSON in UTF-8.",
    421: "The gateway does not answer for this host.",
    422: "The body asks for what cannot be asked for; closing needs a reason.",
    428: "If-Match is missing, or closing says *.",
    429: "Too many requests; Retry-After says when to go on.",
    500: "The gateway failed; its log says where.",
    503: "The store does not answer.",
}


def describe(version: str) -> dict[str, Any]:
    """The whole description.

    Args:
        version: of the program.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sre-console gateway",
            "version": version,
            "description": "What a console sees, and its circuit breaker, for programs that hold a token.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": "console"}, {"name": "gateway"}],
        "security": [{"token": []}],
        "paths": {
            "/healthz": {"get": _open("health", "Whether the gateway can serve", _json("It can.", "Health"))},
            "/openapi.json": {
                "get": _open(
                    "describe",
                    "This description",
                    {"description": "OpenAPI 3.1.", "content": {JSON: {"schema": {"type": "object"}}}},
                )
            },
            "/metrics": {
                "get": _read(
                    "metrics",
                    "Metrics for Prometheus",
                    {
                        "description": "Text format 0.0.4.",
                        "content": {CONTENT_TYPE: {"schema": {"type": "string"}}},
                    },
                )
            },
            "/api/sre/status": {"get": _read("status", "Everything at a glance", _json("As last known.", "Status"))},
            "/api/sre/trust": {"get": _read("trust", "What automation may do", _json("The levels.", "Trust"))},
            "/api/sre/circuit": {"get": _see(), "post": _move()},
        },
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Of `sre-console token create`. Scope read for every GET, circuit:write for POST.",
                }
            },
            "schemas": schemas(),
        },
    }


def _json(description: str, name: str, headers: Schema | None = None) -> Schema:
    answer: Schema = {"description": description, "content": {JSON: {"schema": reference(name)}}}
    return {**answer, "headers": headers} if headers else answer


def _problems(*statuses: int) -> Schema:
    return {str(status): _problem(status) for status in statuses}


def _problem(status: int) -> Schema:
    answer: Schema = {
        "description": _MEANINGS.get(status, HTTPStatus(status).phrase),
        "content": {MEDIA_TYPE: {"schema": reference("Problem")}},
    }
    if status in (429, 503):
        whole = {"type": "integer", "minimum": 1}
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "required": True, "schema": whole}}
    if status == 409:
        answer["headers"] = _tag()
    return answer


def _open(name: str, summary: str, answer: Schema) -> Schema:
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["gateway"],
        "security": [],
        "responses": {"200": answer, **_problems(*_EVERYWHERE)},
    }


def _read(name: str, summary: str, answer: Schema) -> Schema:
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["console"],
        "security": [{"token": []}],
        "responses": {"200": answer, **_problems(*_WITH_TOKEN, *_EVERYWHERE)},
    }


def _tag() -> Schema:
    return {
        "ETag": {
            "description": "What If-Match wants.",
            "required": True,
            "schema": {"type": "string", "pattern": '^"[0-9a-f]{32}"$'},
        }
    }


def _see() -> Schema:
    operation = _read("seeCircuit", "The circuit and the breakers of the sources", _json("Now.", "Circuit", _tag()))
    operation["parameters"] = [
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "The ETag of what was seen; what it cannot match is ignored.",
            "schema": {"type": "string"},
        }
    ]
    operation["responses"]["304"] = {"description": "It is as it was.", "headers": _tag()}
    return operation


def _move() -> Schema:
    return {
        "operationId": "moveCircuit",
        "summary": "Open or close the circuit",
        "description": "By the same road as /circuit on the console: on record, and on every console within a second.",
        "tags": ["console"],
        "security": [{"token": []}],
        "parameters": [
            {
                "name": "If-Match",
                "in": "header",
                "required": True,
                "description": "The ETag of what was seen. * opens it whatever it is; closing takes no *.",
                "schema": {"type": "string", "pattern": _TAG_PATTERN},
            }
        ],
        "requestBody": {"required": True, "content": {JSON: {"schema": reference("Toggle")}}},
        "responses": {
            "200": _json("As it is now.", "Circuit", _tag()),
            **_problems(*sorted((*_WITH_TOKEN, *_ON_MOVE, *_EVERYWHERE))),
        },
    }

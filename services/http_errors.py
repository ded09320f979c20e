"""What the other side of an HTTP request, or the system in between, says has failed."""

from __future__ import annotations

import json
import os
import socket
import ssl

HTML = "an HTML page, not the API (is a proxy or a login in front of it?)"
ERROR_BODY = 64 * 1024
"""Most bytes of an error's body that are read."""


def error_text(body: bytes, content_type: str) -> str:
    """What an error body says, in one line.

    Understands JSON strings, ``{"message": …}`` (Alertmanager, Kubernetes), ``{"error": …}`` (Prometheus) and plain
    text; of an HTML page only that it is one.
    """
    text = body[:ERROR_BODY].decode(errors="replace").strip()
    if "html" in content_type or text[:1] == "<":
        return HTML
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return " ".join(text.split())[:300]
    if isinstance(value, dict):
        value = value.get("message") or value.get("error") or text
        if isinstance(value, dict):
            value = value.get("message", text)
    return "" if value is None else " ".join(str(value).split())[:300]


def reason(error: BaseException) -> str:
    """What the operating system or TLS said, which httpx replaces with a general phrase."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {inner.verify_message}"
        if isinstance(inner, socket.gaierror) and inner.strerror:
            return inner.strerror
        if isinstance(inner, OSError) and inner.errno and not isinstance(inner, ssl.SSLError):
            return os.strerror(inner.errno)
        nested = inner.exceptions[0] if isinstance(inner, BaseExceptionGroup) else None
        inner = nested or inner.__cause__ or inner.__context__
    return str(error) or type(error).__name__

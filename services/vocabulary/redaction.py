"""Secrets taken out of text on its way to a log, the audit, an export or a prompt. The one place that does it.

Two nets. Values that the console itself resolved from references are registered and found wherever they stand,
quoted or encoded. Patterns find what nobody registered: credentials in URLs, in headers, in JSON and in command lines.
What a person reads on the screen is not their concern: a message of a source was cleaned by whoever sent the request.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, quote_plus

HIDDEN = "‹secret›"
"""Stands where a secret stood."""

SHORTEST = 6
"""Characters of a value that is looked for. A shorter one stands in ordinary words by chance."""

# "Bearer" and "Basic" are words too: what follows them in a sentence is none of their credentials.
_WORDS = r"auth(?:entication|orization)?|token|tokens|credential|credentials|scheme|realm|header|headers|login"
_CREDENTIAL_HEADERS = (
    r"(?:proxy-)?authorization|(?:set-)?cookie|x-(?:[a-z0-9]{1,20}-){0,3}(?:api-?key|auth|token|secret|password)(?:-[a-z0-9]{1,20}){0,2}"
    r"|api-?key|private-token"
)
_KEYS = (
    r"pass(?:word|wd|phrase)|pwd|(?:api|access|secret|private|signing|account|routing|service)[_-]?key"
    r"|(?:access|auth|refresh|id|session|bearer|api)[_-]?token|client[_-]?secret|aws_secret_access_key"
)


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    # Compiling them takes longer than importing all the rest; before the first paint nothing needs them.
    return (
        (
            re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
            HIDDEN,
        ),
        # scheme://user:password@host; a blank, a slash, ? or # ends the authority (RFC 3986, 3.2).
        (re.compile(r"://[^\s/?#\"'<>]*@"), f"://{HIDDEN}@"),
        # A header as HTTP, JSON, Python or curl write it. A quoted value ends with its quote, else the line does.
        (
            re.compile(rf"""\b({_CREDENTIAL_HEADERS})(["']?\s*[:=]\s*)(b?)(["'])(?:\\.|(?!\4).)*""", re.IGNORECASE),
            rf"\1\2\3\4{HIDDEN}",
        ),
        (
            re.compile(rf"""\b({_CREDENTIAL_HEADERS})(\s*[:=]\s*)(?!["'\s]|b["'])[^\r\n"']+""", re.IGNORECASE),
            rf"\1\2{HIDDEN}",
        ),
        (
            re.compile(rf"\b(bearer)\s+(?!(?:{_WORDS})\b)[A-Za-z0-9._~+/-]{{6,}}=*", re.IGNORECASE),
            rf"\1 {HIDDEN}",
        ),
        # base64 of user:password (RFC 7617); an ordinary word has neither digit, capital inside nor padding.
        (re.compile(r"\b([Bb]asic)\s+(?=[A-Za-z0-9+/]+[A-Z0-9+/=])[A-Za-z0-9+/]{8,}={0,2}"), rf"\1 {HIDDEN}"),
        # The three parts of a signed JSON Web Token (RFC 7519); the first begins with base64 of {".
        (re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"), HIDDEN),
        (
            re.compile(rf"""(?<![a-z0-9])({_KEYS})(["']?\s*[:=]\s*)(b?)(["'])(?:\\.|(?!\4).)+""", re.IGNORECASE),
            rf"\1\2\3\4{HIDDEN}",
        ),
        (
            re.compile(rf"""(?<![a-z0-9])({_KEYS})(\s*=\s*)(?!["'\s~!=]|b["'])[^\s&,;"']+""", re.IGNORECASE),
            rf"\1\2{HIDDEN}",
        ),
        # As environments and YAML write them. Small letters and "=" are how labels are written, and stay.
        (
            re.compile(r"""(?<![A-Za-z0-9_])([A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|KEY)=["']?)(?!‹)[^\s"']+"""),
            rf"\1{HIDDEN}",
        ),
        (
            re.compile(
                rf"""(?<![a-z0-9])({_KEYS}|secret)(:[ \t]+)(?!‹)(?=\S*[0-9\W_])[^\s"']{{6,}}[ \t]*$""", re.I | re.M
            ),
            rf"\1\2{HIDDEN}",
        ),
        (re.compile(r"""(\s-u[ =]?|--user[ =])(["']?[^\s:"'/]+:)[^\s"']+"""), rf"\1\2{HIDDEN}"),
        # What begins as the tokens of GitHub, GitLab, Slack and AWS do.
        (
            re.compile(
                r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})"
            ),
            HIDDEN,
        ),
        (
            re.compile(r"""([?&](?:token|key|secret|sig|signature|code|x-amz-[a-z-]+)=)[^\s&#"']+""", re.IGNORECASE),
            rf"\1{HIDDEN}",
        ),
        (
            re.compile(r"""(--(?:token|password|client-secret|secret)[= ])(?!["'\s-])[^\s"']+""", re.IGNORECASE),
            rf"\1{HIDDEN}",
        ),
    )


class Redaction:
    """Takes secrets out of text. Knows the registered values and the patterns; keeps nothing else."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """
        Args:
            secrets: values to begin with, as for :meth:`add`.
        """
        self._values: set[str] = set()
        self._known: re.Pattern[str] | None = None
        self.add(*secrets)

    def __repr__(self) -> str:
        return f"Redaction({len(self._values)} values)"

    def add(self, *secrets: str) -> None:
        """Look for these values from now on, as they are and as URLs, JSON, Python and base64 write them.

        A value of fewer than :data:`SHORTEST` characters is not looked for.
        """
        for secret in secrets:
            if len(secret) >= SHORTEST:
                self._values.update(form for form in _forms(secret) if len(form) >= SHORTEST)
        # The longest first: one secret may begin with another.
        ordered = sorted(self._values, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        """``text`` with every secret replaced by :data:`HIDDEN`."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return redact(text)


def redact(text: str) -> str:
    """Take out what the patterns alone find; for where nothing could be registered."""
    for pattern, replacement in _patterns():
        text = pattern.sub(replacement, text)
    return text


def _forms(secret: str) -> Iterable[str]:
    raw = secret.encode(errors="surrogatepass")
    return (
        secret,
        quote(secret, safe="", errors="surrogatepass"),
        quote_plus(secret, errors="surrogatepass"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        b64encode(raw).decode(),
        urlsafe_b64encode(raw).decode().rstrip("="),
    )

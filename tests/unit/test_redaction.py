"""Secrets do not reach a log, the audit, an export or a prompt; ordinary words do."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.vocabulary.redaction import HIDDEN, SHORTEST, Redaction, redact

SECRET = 'p/w "hunter2" +'


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps({"x": SECRET}),
        repr(SECRET),
        b64encode(SECRET.encode()).decode(),
        f"https://host/?a={quote(SECRET, safe='')}&b=1",
    ],
)
def test_a_registered_value_is_found_however_it_is_written(written: str) -> None:
    said = Redaction([SECRET])(f"before {written} behind")
    assert "hunter2" not in said
    assert b64encode(SECRET.encode()).decode() not in said
    assert HIDDEN in said
    assert said.startswith("before ")
    assert said.endswith(" behind")


def test_values_can_be_added_later_and_the_longest_wins() -> None:
    redaction = Redaction()
    assert redaction("abcdef abcdefgh") == "abcdef abcdefgh"
    redaction.add("abcdef", "abcdefgh")
    assert redaction("abcdef abcdefgh") == f"{HIDDEN} {HIDDEN}"


def test_a_short_value_does_not_tear_words_apart() -> None:
    assert Redaction(["prod"])("the prod cluster") == "the prod cluster"
    assert len("prod") < SHORTEST


def test_nothing_is_shown_of_what_is_known() -> None:
    assert "hunter2" not in repr(Redaction(["hunter2"]))


@given(st.text(min_size=SHORTEST, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_registered_value_ever_gets_through(secret: str, before: str, behind: str) -> None:
    said = Redaction([secret])(before + secret + behind)
    # The mark itself may hold the value: then nothing was to hide.
    assert secret in HIDDEN or secret not in said.replace(HIDDEN, "\0")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc", "abc"),
        ("authorization: token abc def", "def"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz', 'Accept': 'x'}", "dXNlcjpwYXNz"),
        ('{"proxy-authorization": "Negotiate YII"}', "YII"),
        ("headers=[(b'authorization', b'x')] Authorization=b'Bearer zzz9'", "zzz9"),
        ("Cookie: session=1234; theme=dark", "1234"),
        ("X-Api-Key: k-77", "k-77"),
        ("X-Auth-Token: tok-1", "tok-1"),
        ("curl -H 'Authorization: Bearer top.secret' http://x", "top.secret"),
        ("sent bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln away", "c2ln"),
        ("the token was eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "c2ln"),
        ("Bearer topsecretvalue", "topsecretvalue"),
        ("Basic YWxhZGRpbjpvcGVuc2VzYW1l", "YWxhZGRpbjpvcGVuc2VzYW1l"),
        ("http://op-a:hunter2@prometheus:9090/api", "hunter2"),
        ("http://token-only@host/", "token-only"),
        ("postgresql+psycopg://u:p%40ss@db/x", "p%40ss"),
        ("redis://:a@b@host:1/0", "a@b"),
        ("https://host/path?access_token=s3cr3t&x=1", "s3cr3t"),
        ("https://host/path?x=1&X-Amz-Signature=beef", "beef"),
        ("password=hunter2 host=db", "hunter2"),
        ('{"password": "hunter 2", "user": "a"}', "hunter 2"),
        ('{"client_secret":"a\\"b","x":1}', 'a\\"b'),
        ("AWS_SECRET_ACCESS_KEY=wJalr", "wJalr"),
        ("PGPASSWORD=hunter2 psql", "hunter2"),
        ("export GITHUB_TOKEN=abcdef", "abcdef"),
        ("SECRET='a-b-c'", "a-b-c"),
        ("TOKEN=abcdef", "abcdef"),
        ("user: a\npassword: hunter2\nhost: b", "hunter2"),
        ("  client_secret: abc-def  ", "abc-def"),
        ("curl -u op-a:hunter2 https://host/", "hunter2"),
        ("curl --user 'op-a:hunter2' https://host/", "hunter2"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345 leaked", "ghp_0123"),
        ("xoxb-1234567890-abcdef", "xoxb-1234567890"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("aws --client-secret abc123 login", "abc123"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHc\nAAA=\n-----END EC PRIVATE KEY-----\nrest", "MHc"),
        ("-----BEGIN PRIVATE KEY-----\nMHc cut off", "MHc"),
    ],
)
def test_a_credential_that_nobody_registered_is_hidden(text: str, secret: str) -> None:
    assert secret in text
    said = redact(text)
    assert secret not in said
    assert HIDDEN in said
    assert redact(said) == said


def test_what_stands_around_a_secret_stays() -> None:
    assert redact("GET http://u:p@host:1/x?y=1 failed") == f"GET http://{HIDDEN}@host:1/x?y=1 failed"
    assert redact('{"password": "a", "user": "b"}') == f'{{"password": "{HIDDEN}", "user": "b"}}'
    assert redact("Authorization: Bearer abc\nAccept: x") == f"Authorization: {HIDDEN}\nAccept: x"


@pytest.mark.parametrize(
    "text",
    [
        "check bearer, basic or client_cert",
        "bearer and basic exclude each other",
        "Bearer authentication is not offered; Basic authentication is",
        "a basic understanding of bearer tokens",
        "http://localhost:9093/api/v2/alerts?filter=a%3Db",
        "op-a@example wrote https://example.org/a@b",
        'secret="tls-cert", token="x"',
        '/alerts silence 3f2a --for 1h --comment "rotate the password tomorrow"',
        'set basic = "env:NAME" with user:password in it',
        "alertname=KubeSecretRotation secret=tls namespace=shop",
        "password: it has run out",
        "password: expired",
        "the secret: it is gone",
        "MAX_TOKENS=5 SECRETS_PATH=/run",
        "psql -u op-a -h host:5432",
        "",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "://",
        "@",
        "bearer ",
        "-----BEGIN ",
        'password="\\',
        "x-a-",
        "x-auth-",
        "a.b-",
        "eyJ-",
        "eyJaaaaa.",
        "Authorization:\t",
        "A_",
        "password: ",
        " -u a",
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    begun = time.process_time()
    redact(piece * 20_000)
    assert time.process_time() - begun < 2.0

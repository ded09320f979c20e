"""Lines for amtool that do by hand what the console would do, ready to be copied into a shell."""

from __future__ import annotations

import shlex

from services.alerts.matchers import format_matcher
from services.alerts.model import AlertDraft, Matcher, SilenceDraft
from services.alerts.wire import instant
from services.vocabulary.text import display


def silence_line(url: str, draft: SilenceDraft) -> str:
    """Creates the silence; also where the draft prolongs one, as ``amtool silence update`` cannot move its author."""
    words = [
        "amtool",
        "silence",
        "add",
        f"--alertmanager.url={url}",
        f"--author={draft.created_by}",
        f"--comment={draft.comment}",
        f"--end={instant(draft.ends_at)}",
        "--",
        *[format_matcher(matcher) for matcher in draft.matchers],
    ]
    return " ".join([shell_word(word) for word in words])


def expire_line(url: str, silence_id: str) -> str:
    """Ends a silence."""
    return " ".join(
        [shell_word(word) for word in ("amtool", "silence", "expire", f"--alertmanager.url={url}", "--", silence_id)]
    )


def alert_line(url: str, draft: AlertDraft) -> str:
    """Posts an alert; one that ends now is resolved by it."""
    words = [
        "amtool",
        "alert",
        "add",
        f"--alertmanager.url={url}",
        f"--start={instant(draft.starts_at)}",
        f"--end={instant(draft.ends_at)}",
        *[f"--annotation={format_matcher(Matcher(name, value))}" for name, value in draft.annotations.items()],
        "--",
        *[format_matcher(Matcher(name, value)) for name, value in draft.labels.items()],
    ]
    return " ".join([shell_word(word) for word in words])


def shell_word(text: str) -> str:
    """One word of a POSIX shell.

    Text that a terminal could not take as it is (controls, bidi marks, what is invisible) is written in ``$'…'``, all
    but ASCII as escaped bytes, which bash, zsh, ksh and POSIX 2024 read. So the line holds nothing but what is seen.
    """
    if display(text) == text:
        return shlex.quote(text)
    out = []
    for character in text:
        if character in "'\\":
            out.append("\\" + character)
        elif " " <= character <= "~":
            out.append(character)
        else:
            out.append("".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogatepass")))
    return "$'" + "".join(out) + "'"

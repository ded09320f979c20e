"""What is known of a problem, and why an alert is in it, as lines of text; every outside string harmless."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from services.correlation.model import CauseKind, Explanation, Problem
from services.vocabulary.text import display
from widgets.alert_rows import severity_style
from widgets.facts import moment

_QUIET = "$text-quiet"
_TOLD = 3


def problem_title(problem: Problem) -> Content:
    """Severity, how many, and the probable cause."""
    severity = problem.severity
    return Content.assemble(
        Content.styled(f"{severity.glyph} {severity.word} ", severity_style(severity)),
        Content.styled(display(problem.cause.text, 90), "bold"),
        f"  ×{problem.count}",
    )


def problem_facts(problem: Problem, now: datetime, shown: int) -> list[Content]:
    """The cause, the evidence, what else it may be, and what all have in common.

    Args:
        problem: the problem.
        now: UTC.
        shown: how many of its alerts pass the filter.
    """
    cause = problem.cause
    words = "probably a rollout: " if cause.kind is CauseKind.ROLLOUT else "probable cause: "
    subject = f" ({display(cause.subject, 80)})" if cause.kind is CauseKind.ROLLOUT else ""
    lines = [Content.assemble((words, _QUIET), (display(cause.text, 200), "bold"), subject)]
    lines += [
        Content.assemble(("because ", _QUIET), display(one.text, 300))
        for one in problem.evidence
        if one.text != cause.text
    ]
    if problem.others:
        others = "; ".join(display(other.text, 80) for other in problem.others[:_TOLD])
        lines.append(Content.assemble(("or else ", _QUIET), others))
    lines.append(Content.assemble(("since ", _QUIET), moment(problem.since, now)))
    if shown < problem.count:
        lines.append(Content(f"{shown} of its {problem.count} alerts pass the filter"))
    if problem.shared:
        pairs = "  ".join(f"{display(name, 60)}={display(value, 120)}" for name, value in problem.shared)
        lines.append(Content.assemble(("all have ", _QUIET), pairs))
    lines.append(Content.styled("enter lists its alerts; probable is not proven", _QUIET))
    return lines


def explanation_lines(explanation: Explanation) -> list[Content]:
    """Why an alert is in its problem, in two or three lines; nothing for one that stands alone."""
    problem = explanation.problem
    if problem.count == 1:
        return []
    role = {"cause": "speaks for the cause of", "inhibited": "inhibited in"}.get(explanation.role, "a symptom in")
    head = Content.assemble(
        (f"{role} a problem of {problem.count}: ", _QUIET), (display(problem.cause.text, 120), "bold")
    )
    told = [display(one.text, 160) for one in explanation.reasons if one.weight > 0][:_TOLD]
    against = [display(one.text, 160) for one in explanation.reasons if one.weight < 0][:1]
    lines = [head]
    if told:
        lines.append(Content.assemble(("because ", _QUIET), "; ".join(told)))
    if against:
        lines.append(Content.assemble(("although ", _QUIET), against[0]))
    return lines

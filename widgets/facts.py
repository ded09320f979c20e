"""What is known of one item, as lines of text: the most useful first, every outside string harmless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from textual.content import Content

from services.alerts.model import Alert
from services.alerts.view import AlertRow
from services.deployments.model import Deployment
from services.deployments.view import RolloutBefore
from services.incidents.model import Incident
from services.incidents.view import severity_label
from services.oncall.model import Duty
from services.vocabulary.durations import format_age
from services.vocabulary.text import display, display_lines
from widgets.alert_rows import severity_style, standing_note, subject_of
from widgets.incident_rows import severity_style as incident_style
from widgets.top_bar import environment_style

_QUIET = "$text-quiet"
_LONGEST = 1000
_HIDDEN_ANNOTATIONS = ("summary", "description", "message", "runbook_url", "dashboard_url")


def moment(at: datetime | None, now: datetime) -> str:
    """A time in UTC, local beside it where that differs, and how long ago."""
    if at is None:
        return "unknown"
    day = "" if at.date() == now.date() else f"{at:%Y-%m-%d} "
    local = at.astimezone()
    beside = f" ({local:%H:%M} local)" if local.utcoffset() else ""
    ago = f"{format_age(now - at)} ago" if at <= now else f"in {format_age(at - now)}"
    return f"{day}{at:%H:%M:%S} UTC{beside}, {ago}"


def alert_title(alert: Alert) -> Content:
    """Severity, name, what it is about."""
    return Content.assemble(
        Content.styled(f"{alert.severity.glyph} {alert.severity.word} ", severity_style(alert.severity)),
        Content.styled(display(alert.name or "(no alertname)", 60), "bold"),
        " ",
        Content(display(subject_of(alert), 40)),
        "  ",
        Content.styled(display(alert.environment or alert.cluster, 20), environment_style(alert.environment)),
    )


def alert_facts(
    alert: Alert,
    rollouts: Sequence[RolloutBefore],
    now: datetime,
    *,
    count: int = 1,
    incidents: Sequence[Incident] = (),
) -> list[Content]:
    """What it says, since when, who has it, which open incident owns it, what changed before it, where the runbook is,
    its labels."""
    lines: list[Content] = []
    said = next(
        (alert.annotations[key] for key in ("summary", "description", "message") if alert.annotations.get(key)), ""
    )
    lines.extend(Content.styled(line[:_LONGEST], "bold") for line in display_lines(said)[:4] if line)
    if count > 1:
        lines.append(Content(f"{count} alerts alike; enter lists them, the newest is shown here"))
    lines.append(Content.assemble(("firing since ", _QUIET), moment(alert.starts_at, now)))
    lines.extend(_owner_line(one) for one in incidents)
    note = standing_note(alert, now)
    if note:
        lines.append(Content.styled(display(note, 80), "bold"))
        lines.extend(
            Content.assemble(
                ("  muted by ", _QUIET),
                display(silence.created_by, 40),
                (f" until {moment(silence.ends_at, now)}: ", _QUIET),
                display(silence.comment, 200),
            )
            for silence in alert.silences[:4]
        )
    if alert.ack is not None:
        lines.append(Content.styled("muted in Alertmanager only; a pager that rang stays open", "$warning"))
    lines.extend(_rollout_line(rollout) for rollout in rollouts[:3])
    for key, word in (("runbook_url", "runbook"), ("dashboard_url", "dashboard")):
        if alert.annotations.get(key):
            lines.append(Content.assemble((f"{word} ", _QUIET), display(alert.annotations[key], _LONGEST)))
    description = alert.annotations.get("description", "")
    if description and description != said:
        lines.extend(Content(line[:_LONGEST]) for line in display_lines(description)[:12] if line)
    rest = {key: value for key, value in alert.annotations.items() if key not in _HIDDEN_ANNOTATIONS}
    lines.append(_pairs("labels", alert.labels))
    if rest:
        lines.append(_pairs("annotations", rest))
    lines.append(
        Content.assemble(
            ("id ", _QUIET), display(alert.id, 80), ("  receivers ", _QUIET), display(", ".join(alert.receivers), 80)
        )
    )
    return lines


def group_title(row: AlertRow) -> Content:
    """Severity, what makes it a group, how many."""
    return Content.assemble(
        Content.styled(f"{row.severity.glyph} {row.severity.word} ", severity_style(row.severity)),
        Content.styled(display(row.title, 90), "bold"),
        f"  ×{row.count}",
    )


def group_facts(row: AlertRow, now: datetime) -> list[Content]:
    """Which alerts it holds, since when, and what they have in common."""
    lines = [
        Content.styled(display(row.told, 300), "bold"),
        Content.assemble(("since ", _QUIET), moment(row.since, now)),
    ]
    if row.shared:
        lines.append(_pairs("all have", dict(row.shared)))
    if row.mixed:
        lines.append(Content.styled("of several environments", "$warning"))
    lines.append(Content.styled("enter lists them", _QUIET))
    return lines


def deployment_title(deployment: Deployment) -> Content:
    """Kind, name, revision, environment."""
    return Content.assemble(
        Content.styled(f"{deployment.kind} ", _QUIET),
        Content.styled(display(deployment.name, 60), "bold"),
        f" rev {deployment.revision}  ",
        Content.styled(display(deployment.environment, 20), environment_style(deployment.environment)),
    )


def deployment_facts(deployment: Deployment, now: datetime) -> list[Content]:
    """Where its rollout stands, its pods, its images, its revisions."""
    lines = [
        Content.assemble(
            Content.styled(f"{deployment.state.glyph} {deployment.state.value}", "bold"),
            f"  {deployment.ready}/{deployment.desired} ready  {deployment.updated} updated",
            Content.styled(
                f"  {display(deployment.trouble, 60)}" if deployment.trouble else "", "bold $severity-critical"
            ),
        )
    ]
    if deployment.message:
        lines.append(Content(display(deployment.message, 300)))
    lines.append(
        Content.assemble(
            ("namespace ", _QUIET),
            display(deployment.namespace, 60),
            ("  last change ", _QUIET),
            moment(deployment.changed_at, now),
        )
    )
    lines.extend(Content.assemble(("image ", _QUIET), display(image, 160)) for image in deployment.images[:6])
    for revision in deployment.revisions[:8]:
        mark = "▸" if revision.current else " "
        images = ", ".join(_tag(image) for image in revision.images)
        words = f"{mark} rev {revision.number}  {format_age(now - revision.created_at)} ago  {display(images, 120)}"
        lines.append(Content.styled(words, "bold" if revision.current else _QUIET))
    return lines


def incident_title(incident: Incident) -> Content:
    """Severity, number, title."""
    return Content.assemble(
        Content.styled(f"{severity_label(incident)} ", incident_style(incident.severity)),
        Content.styled(f"#{incident.number} {display(incident.title, 80)}", "bold"),
    )


def incident_facts(incident: Incident, now: datetime) -> list[Content]:
    """State, commander, milestones, the last lines of the timeline."""
    lines = [
        Content.assemble(
            Content.styled(incident.state.value, "bold"),
            ("  commander ", _QUIET),
            display(incident.commander or "nobody", 40),
        ),
        Content.assemble(("started ", _QUIET), moment(incident.started_at, now)),
        Content.assemble(("last change ", _QUIET), moment(incident.updated_at, now)),
    ]
    if incident.alerts:
        names = ", ".join(display(one.name, 60) for one in incident.alerts[:8])
        more = f" and {len(incident.alerts) - 8} more" if len(incident.alerts) > 8 else ""
        lines.append(
            Content.assemble(
                (f"owns {len(incident.alerts)} alerts " if len(incident.alerts) > 1 else "owns ", _QUIET), names, more
            )
        )
    lines.extend(
        Content.assemble(
            (f"{entry.at:%H:%M:%S} ", _QUIET),
            (f"{display(entry.operator, 20)}  ", "bold"),
            display(entry.text, 300),
        )
        for entry in reversed(incident.timeline[-20:])
    )
    return lines


def duty_title(duty: Duty) -> Content:
    """The rotation."""
    return Content.assemble(("on call ", _QUIET), (display(duty.rotation, 60), "bold"))


def duty_facts(duty: Duty, now: datetime) -> list[Content]:
    """Who, until when, who follows."""
    who = (
        Content.styled(display(duty.member, 60), "bold") if duty.member else Content.styled("! nobody", "bold $warning")
    )
    lines = [
        Content.assemble(("now ", _QUIET), who, (f"  until {moment(duty.until, now)}" if duty.until else "", _QUIET))
    ]
    if duty.next_member:
        lines.append(
            Content.assemble(
                ("next ", _QUIET),
                (display(duty.next_member, 60), "bold"),
                (f"  from {moment(duty.next_at, now)}", _QUIET),
            )
        )
    lines.append(Content.assemble(("handoffs are written in ", _QUIET), duty.zone))
    if duty.note:
        lines.append(Content.styled(f"! {display(duty.note, 200)}", "$warning"))
    return lines


def _owner_line(incident: Incident) -> Content:
    return Content.assemble(
        ("of incident ", _QUIET),
        Content.styled(f"#{incident.number} ", "bold"),
        Content.styled(severity_label(incident), incident_style(incident.severity)),
        f" {incident.state.value}, {display(incident.commander or 'nobody', 40)}: {display(incident.title, 80)}",
    )


def _rollout_line(rollout: RolloutBefore) -> Content:
    minutes = int(rollout.before.total_seconds() // 60)
    when = f"began {minutes} min after " if minutes >= 1 else "began within a minute of "
    return Content.assemble(
        Content.styled("⟵ ", "bold $accent"),
        when,
        Content.styled(f"{display(rollout.deployment.name, 40)} rev {rollout.revision}", "bold"),
        (f"  {display(', '.join(_tag(image) for image in rollout.images), 60)}", _QUIET),
    )


def _pairs(word: str, pairs: Mapping[str, str]) -> Content:
    parts = [Content.styled(f"{word} ", _QUIET)]
    for key in sorted(pairs):
        parts.append(Content.styled(f"{display(key, 60)}=", _QUIET))
        parts.append(Content(f"{display(pairs[key], 200)}  "))
    return Content.assemble(*parts)


def _tag(image: str) -> str:
    return image.rpartition("/")[2]

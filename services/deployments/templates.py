"""Pod templates reduced to what is compared and shown, so that thousands of them fit in memory.

Two templates are equal when they say the same, whatever ``pod-template-hash`` the controller added (the rule of
``EqualIgnoreHash`` in Kubernetes' deployment utilities).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

HASH_LABEL = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class Template:
    """A pod template.

    Attributes:
        digest: equal for equal templates.
        images: of its containers (not its init containers), in order.
    """

    digest: bytes
    images: tuple[str, ...]


NO_TEMPLATE = Template(b"", ())


def reduce_template(raw: msgspec.Raw) -> Template:
    """Reduce a template as the API serves it.

    Raises:
        msgspec.MsgspecError: it is not a template.
    """
    if not bytes(raw):
        return NO_TEMPLATE
    template = msgspec.json.decode(raw, type=dict[str, Any])
    template.pop("$patch", None)  # a ControllerRevision holds a patch
    metadata = template.get("metadata")
    if isinstance(metadata, dict):
        labels = metadata.get("labels")
        if isinstance(labels, dict):
            metadata = {**metadata, "labels": {key: value for key, value in labels.items() if key != HASH_LABEL}}
        template["metadata"] = {key: value for key, value in metadata.items() if value not in (None, {})}
    template = {key: value for key, value in template.items() if value not in (None, {})}
    digest = blake2b(msgspec.json.encode(template, order="sorted"), digest_size=16).digest()
    spec = template.get("spec")
    containers = spec.get("containers") if isinstance(spec, dict) else None
    images = tuple(str(container.get("image", "")) for container in containers or () if isinstance(container, dict))
    return Template(digest, images)

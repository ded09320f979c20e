"""Whether an alert says that something is broken, or that somebody suffers from it.

The split is that of causes and symptoms in the SRE book ("Monitoring Distributed Systems"); the words are those of the
rules that kube-prometheus, node_exporter and the awesome-prometheus-alerts collection ship.
"""

from __future__ import annotations

import re
from functools import lru_cache

_BROKEN = re.compile(
    r"down|unreach|notready|not ready|lost|full|filling|oom|crash|fail|unavailable|read.?only|absent|exhaust|expired|"
    r"reboot|power|link|disk|memory|leak|deadlock|split.?brain|rollout|stuck|fault|broken|dead|hang|hung"
)
_COMPLAINT = re.compile(
    r"latency|slow|error.?rate|errors?$|5xx|slo|burn|p9\d|timeout|apdex|response|request|degrad|throughput|budget|queue"
)


@lru_cache(maxsize=4096)
def brokenness(kind: str) -> int:
    """1 for what says that something is broken, -1 for what says that somebody suffers, 0 for neither or both."""
    folded = kind.casefold()
    return bool(_BROKEN.search(folded)) - bool(_COMPLAINT.search(folded))

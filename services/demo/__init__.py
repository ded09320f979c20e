"""A small simulated production that speaks the real wire protocols; always a process of its own.

It serves Alertmanager (API v2), Prometheus (API v1) and Kubernetes (read only) over loopback HTTP. Everything it
tells is a pure function of its seed and its clock; silences are the only thing that can be changed from outside.

The story of one turn (15 minutes; offsets into the turn):

* 0:00 calm; a rollout of payments finishes.
* 1:00 checkout gets a new revision. Its pods start, and from 1:48 on they crash under load.
* 2:35 HighErrorRate fires; crash loops, latency in cart and frontend, an agent that cannot be scraped follow.
* 3:15 the incident is opened. 4:20 the rollout exceeds its progress deadline.
* 7:00 the demo's own actor rolls back; the pods heal, and the alerts resolve within two minutes.
* 10:00 calm. At 15:00 the next turn begins, with the next revision numbers.

Some things stand beside the story from the start: a full disk (silenced), a slow consumer, a certificate that ends
soon, and the Watchdog.
"""

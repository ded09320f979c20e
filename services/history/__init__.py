"""What happened to alerts before: every firing, resolve, ack and silence, how often, and how it ended."""

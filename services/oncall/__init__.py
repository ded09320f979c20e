"""On-call: who has the pager now, until when, and who is next."""

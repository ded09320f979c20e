"""The gateway: status, trust and circuit over HTTP, for programs that hold a token."""

"""A small simulated production that speaks the real wire protocols; always a process of its own."""

"""Approvals: a write that a policy holds back is done once another person agreed to it, across consoles."""

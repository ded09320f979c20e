"""Policies: which writes are blocked or wait for an approval, and when. Configured, never kept in the store."""

"""Words that every room shares: time, text, durations, severity, failures, snapshots."""

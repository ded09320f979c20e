"""The words that read and move the circuit breaker."""

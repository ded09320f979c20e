"""The one road to every write: plan, breaker, confirmation, intent, permit, outcome, audit."""

"""Incidents: the team's own record of what went wrong and who has it."""

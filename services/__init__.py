"""Everything that is not a screen: sources, domain logic, commands, safety, storage."""

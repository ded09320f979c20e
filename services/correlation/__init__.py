"""Groups a storm of alerts into few problems and names a likely cause for each. Pure functions, no input or output."""

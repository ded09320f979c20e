"""Themes, the defaults of their variables, and style sheets."""

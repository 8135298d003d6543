"""Random runs, as far as they need no containers."""

"""People at the pages, in a real browser."""

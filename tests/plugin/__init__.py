"""The pytest plugin, in suites of its own."""

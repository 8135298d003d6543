"""The pure parts of `testbed conform`, and the process that it runs."""

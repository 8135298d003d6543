"""The engine: networks, labels, and the removal of what was created. May talk to Docker."""

"""The server container: it holds the address, shows the platform view, and takes network faults in."""

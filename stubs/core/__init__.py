"""The stub core: configuration, users, keep-alive to the other core, CTI for the portals, the redirect service."""

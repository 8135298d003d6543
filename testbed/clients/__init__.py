"""Kinds of client: a pure policy each, over a real transport with its own trust store."""

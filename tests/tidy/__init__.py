"""Checks on the source: what may import what, and how long things may be."""

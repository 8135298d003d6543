"""Tests of the simulator: what holds in it, and what it finds."""
